//! Closing a library: once nothing holds it, its destructors run and it leaves the process.

use super::index::Retired;
use super::maps::{Change, announce};
use super::{Loading, open, order, with};
use crate::tls;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;
use osv_link::world::{Id, Place};

/// A dlclose is running destructors; under the load lock.
static IS_CLOSING: AtomicBool = AtomicBool::new(false);

/// Closes what `handle` stands for; false when that is not open.
pub fn close(handle: usize) -> bool {
    let _loading = Loading::begin();
    let is_open = with(|state| match state.maps.by_handle(handle).and_then(|map| map.place) {
        // The program and libc are always there.
        Some(Place::Table | Place::Object(0)) => true,
        Some(Place::Object(id)) => match state.get_mut(id).filter(|loaded| loaded.opened > 0) {
            Some(loaded) => {
                loaded.opened -= 1;
                true
            }
            None => false,
        },
        None => false,
    });
    // A destructor that closes something leaves the rest to the dlclose that called it.
    if !is_open || IS_CLOSING.swap(true, Relaxed) {
        return is_open;
    }
    loop {
        let gone = with(|state| {
            let gone = state.unheld();
            for id in &gone {
                if let Some(loaded) = state.get_mut(*id) {
                    loaded.removed = true;
                }
            }
            gone
        });
        if gone.is_empty() {
            break;
        }
        for id in &gone {
            order::stop(*id);
        }
        remove(&gone);
    }
    IS_CLOSING.store(false, Relaxed);
    true
}

/// In the child of a fork: whoever was closing is not there.
pub fn forget() {
    IS_CLOSING.store(false, Relaxed);
}

fn remove(gone: &[Id]) {
    announce(Change::Delete);
    tls::withdraw(gone);
    with(|state| {
        for id in gone {
            state.remove_map(*id);
        }
        state.subs += gone.len() as u64;
        let taken = state.world.remove(gone);
        state.publish();
        for loaded in taken {
            for (start, len) in open::mappings(&loaded).into_iter().filter(|(_, len)| *len > 0) {
                state.retire(Retired::Memory(start, len));
            }
        }
    });
    super::index::reclaim();
    announce(Change::None);
}
