//! Processes, threads, credentials, scheduling and futexes.

mod attributes;
mod creation;
mod futex;
mod futex2;
mod ids;
mod io_priority;
mod limits;
mod namespaces;
mod pidfd;
mod remote;
mod scheduling;
mod scheduling_attr;
mod waiting;

pub use attributes::*;
pub use creation::*;
pub use futex::*;
pub use futex2::*;
pub use ids::*;
pub use io_priority::*;
pub use limits::*;
pub use namespaces::*;
pub use pidfd::*;
pub use remote::*;
pub use scheduling::*;
pub use scheduling_attr::*;
pub use waiting::*;

use osv_abi::Errno;
use osv_base::Res;
use osv_task::{Process, Thread, registry};

/// Why [`osv_task`] may give no process: ESRCH.
const NO_SUCH: Errno = Errno::ESRCH;

/// The process that `pid` means; 0 is the caller's.
fn process_of(caller: &Thread, pid: i32) -> Res<alloc::sync::Arc<Process>> {
    match u32::try_from(pid) {
        Ok(0) => Ok(caller.process().clone()),
        Ok(pid) => registry::process(pid).ok_or(NO_SUCH.into()),
        Err(_) => Err(NO_SUCH.into()),
    }
}

/// Runs `action` with the thread that `tid` means; 0 is the caller.
fn with_thread<R>(caller: &Thread, tid: i32, action: impl FnOnce(&Thread) -> R) -> Res<R> {
    match u32::try_from(tid) {
        Ok(0) => Ok(action(caller)),
        Ok(tid) if tid == caller.tid() => Ok(action(caller)),
        Ok(tid) => {
            let thread = registry::thread(tid).ok_or(NO_SUCH)?;
            Ok(action(&thread))
        }
        Err(_) => Err(NO_SUCH.into()),
    }
}
