//! Calls, errors and time of each row, as `strace -c` shows them. Time is from entry to exit on the clock: what
//! sleeps counts too.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_abi::Errno;
use osv_abi::shared::VECTOR_LEN;
use osv_abi::table;

struct Counter {
    calls: AtomicU64,
    errors: AtomicU64,
    nanos: AtomicU64,
}

static COUNTERS: [Counter; VECTOR_LEN] =
    [const { Counter { calls: AtomicU64::new(0), errors: AtomicU64::new(0), nanos: AtomicU64::new(0) } };
        VECTOR_LEN];

/// A call under way.
pub(super) struct Running {
    counter: &'static Counter,
    since: u64,
}

/// Counts a call of row `nr`.
pub(super) fn enter(nr: usize) -> Running {
    let counter = &COUNTERS[nr % VECTOR_LEN];
    counter.calls.fetch_add(1, Ordering::Relaxed);
    Running { counter, since: osv_hw::clock::now().0 }
}

impl Running {
    /// Notes how it ended.
    pub(super) fn leave(self, ret: isize) {
        let nanos = osv_hw::clock::now().0.saturating_sub(self.since);
        self.counter.nanos.fetch_add(nanos, Ordering::Relaxed);
        if Errno::from_ret(ret).is_err() {
            self.counter.errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The table of system calls.
pub(super) fn text() -> String {
    let rows = table::all().filter_map(|row| {
        let counter = COUNTERS.get(usize::from(row.nr))?;
        let [calls, errors, nanos] =
            [&counter.calls, &counter.errors, &counter.nanos].map(|count| count.load(Ordering::Relaxed));
        (calls > 0).then_some((nanos, calls, errors, row.name))
    });
    sorted("syscall", rows.collect())
}

/// A table of nanoseconds, calls, errors and names, what took longest first.
pub(super) fn sorted<N: AsRef<str> + Ord>(title: &str, mut rows: Vec<(u64, u64, u64, N)>) -> String {
    rows.sort_unstable_by(|a, b| b.cmp(a));
    let total = rows.iter().fold((0u64, 0u64, 0u64), |(nanos, calls, errors), row| {
        (nanos.saturating_add(row.0), calls.saturating_add(row.1), errors.saturating_add(row.2))
    });
    let mut text = format!("% time     seconds  usecs/call     calls    errors {title}\n");
    let rule = "------ ----------- ----------- --------- --------- ----------------\n";
    text.push_str(rule);
    for (nanos, calls, errors, name) in &rows {
        line(&mut text, total.0, *nanos, *calls, *errors, name.as_ref());
    }
    text.push_str(rule);
    line(&mut text, total.0, total.0, total.1, total.2, "total");
    text
}

fn line(text: &mut String, total: u64, nanos: u64, calls: u64, errors: u64, name: &str) {
    let hundredths = (u128::from(nanos) * 10_000).checked_div(u128::from(total)).unwrap_or(0);
    let micros = nanos / 1000;
    let _ = write!(
        text,
        "{:>3}.{:02} {:>4}.{:06} {:>11} {calls:>9} ",
        hundredths / 100,
        hundredths % 100,
        micros / 1_000_000,
        micros % 1_000_000,
        micros.checked_div(calls).unwrap_or(0)
    );
    let _ =
        if errors > 0 { writeln!(text, "{errors:>9} {name}") } else { writeln!(text, "{:>9} {name}", "") };
}
