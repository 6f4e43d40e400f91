//! Lines of several threads, one after the other: a call that is not over when another has something to say is
//! `<unfinished ...>`, and later `<... resumed>`.

use super::say;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use osv_abi::table::Row;
use osv_sync::Mutex;

struct Lines {
    /// The thread whose call stands at the end of the output, its line still open.
    open: Option<u32>,
    /// Calls that have begun.
    begun: BTreeMap<u32, &'static Row>,
}

static LINES: Mutex<Lines> = Mutex::new(Lines { open: None, begun: BTreeMap::new() });

impl Lines {
    /// What closes the open line, for another.
    fn close(&mut self) -> &'static str {
        if self.open.take().is_some() { " <unfinished ...>\n" } else { "" }
    }
}

/// Thread `tid` begins a call; `text` is its line so far.
pub(super) fn begin(tid: u32, row: &'static Row, who: &str, text: &str) {
    let mut lines = LINES.lock();
    // A call that never came back, and yet its thread goes on: execve(2) or rt_sigreturn(2), and it succeeded.
    let before = match lines.begun.insert(tid, row) {
        Some(_) if lines.open == Some(tid) => String::from(") = 0\n"),
        Some(row) => format!("{}{who}<... {} resumed>) = 0\n", lines.close(), row.name),
        None => String::from(lines.close()),
    };
    lines.open = Some(tid);
    say(&format!("{before}{who}{text}"));
}

/// Its call is over; `text` is the rest of the line.
pub(super) fn end(tid: u32, row: &Row, who: &str, text: &str) {
    let mut lines = LINES.lock();
    lines.begun.remove(&tid);
    if lines.open == Some(tid) {
        lines.open = None;
        say(&format!("{text}\n"));
    } else {
        say(&format!("{}{who}<... {} resumed>{text}\n", lines.close(), row.name));
    }
}

/// A line of its own.
pub(super) fn whole(text: &str) {
    let mut lines = LINES.lock();
    say(&format!("{}{text}\n", lines.close()));
}

/// Thread `tid` is gone, with whatever it had begun.
pub(super) fn forget(tid: u32) {
    let mut lines = LINES.lock();
    lines.begun.remove(&tid);
    if lines.open == Some(tid) {
        say(lines.close());
    }
}

/// Closes the last line.
pub(super) fn finish() {
    let mut lines = LINES.lock();
    let end = lines.close();
    if !end.is_empty() {
        say(end);
    }
}
