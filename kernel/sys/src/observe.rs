//! Looking on while system calls are made: `osv.strace` prints them, `osv.summary` counts them, and libc's functions.
//!
//! A second table, in which the rows that are looked at have [`observed`] for a handler, stands in for
//! [`HANDLERS`] in the gate: who looks on pays, and nothing else has even a branch more. Signals and ends come by
//! [`osv_task::observe`].

mod lines;
mod summary;
mod symbols;

use crate::cx::Cx;
use crate::dispatch::{self, HANDLERS};
use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_abi::Errno;
use osv_abi::shared::VECTOR_LEN;
use osv_abi::table::{self, Row};
use osv_abi::trace::{Call, Ending, Filter, Received};
use osv_abi::uapi::signal::Siginfo;
use osv_hw::gate::{self, Frame, Handler};
use osv_task::observe::Observer;
use osv_task::{Process, Status};
use spin::Once;

/// Where the text goes.
pub type Sink = fn(&[u8]);

static SINK: Once<Sink> = Once::new();
static TRACED: Once<Filter> = Once::new();
static COUNTED: AtomicBool = AtomicBool::new(false);

/// From now on prints the calls that `trace` chooses, and counts them all if `summary`. Once, before the application
/// starts.
pub fn start(trace: Option<Filter>, summary: bool, sink: Sink) {
    if trace.is_none() && !summary {
        return;
    }
    SINK.call_once(|| sink);
    let mut table: [Handler; VECTOR_LEN] = HANDLERS;
    for (nr, handler) in table.iter_mut().enumerate() {
        let chosen = trace.as_ref().is_some_and(|filter| filter.has(nr));
        if summary || chosen {
            *handler = observed;
        }
    }
    if let Some(filter) = trace {
        TRACED.call_once(|| filter);
        osv_task::observe::register(Observer { signal, ended, thread_ended: lines::forget });
    }
    COUNTED.store(summary, Ordering::Relaxed);
    if summary {
        symbols::start();
    }
    gate::install(&table);
}

/// Runs a call anew that was interrupted before it did anything: again seen by who looks on.
pub(crate) fn again(frame: &mut Frame) -> isize {
    let handler = match HANDLERS.get(frame.nr as usize) {
        Some(_) if SINK.get().is_some() => observed,
        Some(handler) => *handler,
        None => return Errno::ENOSYS.to_ret(),
    };
    handler(frame)
}

/// Says at the end what there is to say.
pub fn finish() {
    lines::finish();
    if COUNTED.load(Ordering::Relaxed) {
        say(&summary::text());
        say(&symbols::text());
    }
}

fn say(text: &str) {
    if let Some(sink) = SINK.get() {
        sink(text.as_bytes());
    }
}

/// What a call has in common on its way in and out.
struct Seen {
    row: &'static Row,
    args: [u64; 6],
    tid: u32,
    who: String,
}

extern "C" fn observed(frame: &mut Frame) -> isize {
    let nr = frame.nr as usize;
    let Some((row, handler)) = table::by_number(nr).zip(HANDLERS.get(nr)) else {
        return Errno::ENOSYS.to_ret();
    };
    let seen = TRACED.get().is_some_and(|filter| filter.has(nr)).then(|| before(frame, row));
    let counter = COUNTED.load(Ordering::Relaxed).then(|| summary::enter(nr));
    let ret = handler(frame);
    if let Some(counter) = counter {
        counter.leave(ret);
    }
    if let Some(seen) = seen {
        after(frame, &seen, ret);
    }
    ret
}

fn before(frame: &mut Frame, row: &'static Row) -> Seen {
    let seen = Seen { row, args: frame.args, tid: osv_task::current().tid(), who: who() };
    let cx = Cx::new(frame);
    let text = format!("{}", Call::new(row, seen.args, &cx).entry());
    if matches!(row.name, "exit" | "exit_group") {
        lines::whole(&format!("{}{text}) = ?", seen.who));
    } else {
        lines::begin(seen.tid, row, &seen.who, &text);
    }
    seen
}

fn after(frame: &mut Frame, seen: &Seen, ret: isize) {
    let cx = Cx::new(frame);
    let text = if ret == dispatch::RESTART {
        String::from(") = ? ERESTARTSYS (To be restarted if SA_RESTART is set)")
    } else {
        format!("{}", Call::new(seen.row, seen.args, &cx).exit(ret))
    };
    lines::end(seen.tid, seen.row, &seen.who, &text);
}

/// Who calls: its process, and the thread if it is not the first.
fn who() -> String {
    let me = osv_task::current();
    match (me.process().pid(), me.tid()) {
        (pid, tid) if pid == tid => format!("[pid {pid}] "),
        (pid, tid) => format!("[pid {pid} tid {tid}] "),
    }
}

fn signal(info: &Siginfo) {
    lines::whole(&format!("{}{}", who(), Received(info)));
}

fn ended(process: &Process, status: Status) {
    let ending = match status.signal() {
        Some(signo) => Ending::Killed(signo),
        None => Ending::Exited(status.code()),
    };
    lines::whole(&format!("[pid {}] {ending}", process.pid()));
}
