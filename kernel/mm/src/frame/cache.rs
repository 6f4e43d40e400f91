//! A few free frames by CPU, so that most allocations take no shared lock.

use super::Use;
use super::zone::Zone;
use crate::cpu::{self, MAX_CPUS};
use osv_sync::SpinLock;
use osv_sync::spinlock::NoPreempt;

const SIZE: usize = 32;
const BATCH: usize = 16;

struct Magazine {
    len: u32,
    frames: [u32; SIZE],
}

impl Magazine {
    const EMPTY: Magazine = Magazine { len: 0, frames: [0; SIZE] };
}

/// One magazine for each use and CPU.
pub(super) struct Caches([[SpinLock<Magazine>; 2]; MAX_CPUS]);

impl Caches {
    pub(super) const fn new() -> Caches {
        Caches([const { [const { SpinLock::new(Magazine::EMPTY) }; 2] }; MAX_CPUS])
    }

    /// Takes a frame; refills from `zone` while more than `keep` frames are free there.
    #[inline]
    pub(super) fn take(&self, zone: &SpinLock<Zone>, what: Use, keep: usize) -> Option<u32> {
        let _here = NoPreempt::enter();
        let mut magazine = self.0[cpu::index()][what as usize].lock();
        if magazine.len == 0 {
            refill(&mut magazine, zone, what, keep);
            if magazine.len == 0 {
                return None;
            }
        }
        magazine.len -= 1;
        Some(magazine.frames[magazine.len as usize % SIZE])
    }

    /// Puts a free frame away.
    #[inline]
    pub(super) fn put(&self, zone: &SpinLock<Zone>, what: Use, frame: u32) {
        let _here = NoPreempt::enter();
        let mut magazine = self.0[cpu::index()][what as usize].lock();
        if magazine.len as usize == SIZE {
            spill(&mut magazine, zone, BATCH);
        }
        let at = magazine.len as usize % SIZE;
        magazine.frames[at] = frame;
        magazine.len += 1;
    }

    /// Gives everything back to the zone.
    #[cold]
    pub(super) fn drain(&self, zone: &SpinLock<Zone>) {
        for magazine in self.0.iter().flatten() {
            let mut magazine = magazine.lock();
            let len = magazine.len as usize;
            spill(&mut magazine, zone, len);
        }
    }

    /// Frames put away, roughly.
    pub(super) fn len(&self) -> usize {
        self.0.iter().flatten().filter_map(|m| m.try_lock().map(|m| m.len as usize)).sum()
    }
}

#[cold]
fn refill(magazine: &mut Magazine, zone: &SpinLock<Zone>, what: Use, keep: usize) {
    let mut zone = zone.lock();
    // A small machine's last frames are not spread over caches.
    let batch = if zone.free() < 1024 { 4 } else { BATCH };
    while (magazine.len as usize) < batch && zone.free() > keep {
        let Some(frame) = zone.take_one(what) else { break };
        let at = magazine.len as usize;
        magazine.frames[at] = frame;
        magazine.len += 1;
    }
    super::note_free(&zone);
    // So that neighbours are handed out in ascending order.
    let len = magazine.len as usize;
    magazine.frames[..len].reverse();
}

#[cold]
fn spill(magazine: &mut Magazine, zone: &SpinLock<Zone>, count: usize) {
    let mut zone = zone.lock();
    for i in 0..count {
        let frame = magazine.frames[i];
        zone.give(frame..frame + 1);
    }
    super::note_free(&zone);
    let len = magazine.len as usize;
    magazine.frames.copy_within(count..len, 0);
    magazine.len -= count as u32;
}
