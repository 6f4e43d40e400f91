//! System V semaphores and message queues, POSIX message queues, over `osv_ipc`.

mod message;
mod mqueue;
mod semaphore;

pub use message::*;
pub use mqueue::*;
pub use semaphore::*;

use osv_task::Process;
use osv_vfs::{clock, locks};

/// The wall clock in seconds, which objects note their changes by.
fn seconds() -> i64 {
    clock::now().0 / 1_000_000_000
}

/// What the end of a process does to what it shares with others.
pub(crate) fn process_ended(process: &Process) {
    osv_ipc::semaphore::undo_all(process.pid(), seconds);
    osv_ipc::mqueue::forget_process(process.pid());
    locks::forget(locks::Owner::Process(process.pid()));
    crate::file::aio::process_ended(process);
}
