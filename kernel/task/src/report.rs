//! What every thread is doing: for `--timeout` and panics.

use crate::registry;
use crate::thread::Thread;
use core::fmt::{self, Write};
use osv_abi::table;
use osv_hw::gate::{Frame, Kind};

/// Writes a line for each thread: where it is, and what it waits for.
pub fn write(to: &mut dyn Write) -> fmt::Result {
    for thread in registry::all_threads() {
        write_thread(to, &thread)?;
    }
    Ok(())
}

fn write_thread(to: &mut dyn Write, thread: &Thread) -> fmt::Result {
    let entity = &thread.entity;
    let name = thread.name();
    let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
    write!(
        to,
        "process {} thread {} {:>15}: ",
        thread.process().pid(),
        thread.tid(),
        name[..end].escape_ascii()
    )?;
    let doing = if entity.is_on_cpu() {
        "running"
    } else if entity.is_dead() {
        "ended"
    } else if entity.is_parked() {
        "waiting"
    } else {
        "wants to run"
    };
    write!(to, "{doing}, cpu {}, ran {} us", entity.cpu(), entity.ran_ns() / 1000)?;
    if thread.tid() != 0 && !entity.is_on_cpu() {
        let top = entity.head.kernel_stack_top.load(core::sync::atomic::Ordering::Relaxed);
        let frame: *const Frame = core::ptr::with_exposed_provenance(top - size_of::<Frame>());
        // SAFETY: the top of a kernel stack always holds a frame, and the stack lives as long as the thread. It may
        // be written at this moment, hence volatile copies of single words; a torn report is still a report.
        let (kind, nr, args, rip) = unsafe {
            (
                (&raw const (*frame).kind).read_volatile(),
                (&raw const (*frame).nr).read_volatile(),
                (&raw const (*frame).args).read_volatile(),
                (&raw const (*frame).rip).read_volatile(),
            )
        };
        if kind == Kind::CALL || kind == Kind::TRAP {
            match table::by_number(nr as usize) {
                Some(row) => {
                    struct Args(&'static table::Row, [u64; 6]);
                    impl fmt::Display for Args {
                        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                            self.0.show(&self.1, f, None)
                        }
                    }
                    write!(to, ", in {}({}) from {rip:#x}", row.name, Args(row, args))?;
                }
                None => write!(to, ", in call {nr} from {rip:#x}")?,
            }
        } else if kind == Kind::INTERRUPT {
            to.write_str(", in the application")?;
        }
    }
    to.write_char('\n')
}
