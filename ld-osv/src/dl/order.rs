//! Constructors and destructors. They are the program's code and run under no lock but that of loading.

use super::with;
use crate::commit;
use crate::start::ARGUMENTS;
use osv_link::world::Id;

/// Runs the constructors of `order` but those of the executable, which `__libc_start_main` runs.
pub fn start(order: &[Id]) {
    // SAFETY: written once at start-up.
    let (argc, argv, envp) = unsafe { (&raw const ARGUMENTS).read() };
    for id in order.iter().filter(|id| **id != 0) {
        let routines = with(|state| {
            let loaded = state.get_mut(*id)?;
            loaded.started = true;
            let init = loaded.object.routines.init;
            let first = (init != 0).then(|| loaded.base.wrapping_add(init));
            Some((first, commit::words(loaded, loaded.object.routines.init_array)))
        });
        if let Some((first, rest)) = routines {
            for address in first.into_iter().chain(rest) {
                // SAFETY: constructors of a linked object.
                unsafe { commit::call(address, argc, argv, envp) };
            }
        }
    }
}

/// Runs an object's destructors, if its constructors were run.
pub fn stop(id: Id) {
    let routines = with(|state| {
        let loaded = state.get_mut(id).filter(|loaded| loaded.started)?;
        loaded.started = false;
        let fini = loaded.object.routines.fini;
        let last = (fini != 0).then(|| loaded.base.wrapping_add(fini));
        Some((commit::words(loaded, loaded.object.routines.fini_array), last))
    });
    if let Some((array, last)) = routines {
        for address in array.into_iter().rev().chain(last) {
            // SAFETY: destructors of a linked object.
            unsafe { commit::call(address, 0, 0, 0) };
        }
    }
}

/// Runs every started object's destructors, at exit.
pub unsafe fn finish() {
    for id in with(|state| state.finish_order()) {
        stop(id);
    }
}
