//! ioprio_set(2), ioprio_get(2). The priority is kept; no device here has a scheduler that would ask for it, as with
//! Linux's `none`.

use super::{process_of, scheduling::priority_targets};
use crate::cx::Cx;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use osv_abi::Errno;
use osv_abi::arg::Int;
use osv_abi::uapi::process::ioprio as i;
use osv_base::Res;
use osv_task::{Process, registry};

fn targets(cx: &Cx<'_>, which: i32, who: i32) -> Res<Vec<Arc<Process>>> {
    match which {
        i::WHO_PROCESS => {
            let by_thread = || registry::thread(who.cast_unsigned()).map(|thread| thread.process().clone());
            let found = process_of(cx.thread(), who);
            Ok(alloc::vec![found.or_else(|fail| by_thread().ok_or(fail))?])
        }
        i::WHO_PGRP | i::WHO_USER => priority_targets(cx, which - 1, who),
        _ => Err(Errno::EINVAL.into()),
    }
}

fn check(cx: &Cx<'_>, priority: u32) -> Result<(), Errno> {
    let (class, level) = (priority >> i::CLASS_SHIFT & 7, priority & (i::LEVELS - 1));
    match class {
        i::CLASS_RT if !cx.process().credentials().is_privileged() => Err(Errno::EPERM),
        i::CLASS_RT | i::CLASS_BE | i::CLASS_IDLE => Ok(()),
        i::CLASS_NONE if level == 0 => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// ioprio_set(2)
pub fn ioprio_set(cx: &mut Cx<'_>, which: Int, who: Int, priority: Int) -> Res<()> {
    let priority = priority.0.cast_unsigned();
    check(cx, priority)?;
    let credentials = cx.process().credentials();
    for process in targets(cx, which.0, who.0)? {
        if !credentials.may_signal(&process.credentials()) {
            return Err(Errno::EPERM.into());
        }
        process.flags.io_priority.store(priority & 0xffff, Ordering::Relaxed);
    }
    Ok(())
}

/// ioprio_get(2): of a process what was set; of several the best, where the nice value counts for what was not set.
pub fn ioprio_get(cx: &mut Cx<'_>, which: Int, who: Int) -> Res<u32> {
    let priority = |process: &Arc<Process>| {
        let set = process.flags.io_priority.load(Ordering::Relaxed);
        if which.0 == i::WHO_PROCESS || set >> i::CLASS_SHIFT != i::CLASS_NONE {
            return set;
        }
        let nice = process.nice.load(Ordering::Relaxed);
        i::CLASS_BE << i::CLASS_SHIFT | ((nice + 20) / 5).cast_unsigned()
    };
    let best = targets(cx, which.0, who.0)?.iter().map(priority).min();
    Ok(best.ok_or(Errno::ESRCH)?)
}
