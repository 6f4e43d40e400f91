//! The rows, in the table's order.

use super::table::{Better, Row};

/// What gives a row its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A line of `programs/bench.c`.
    Program,
    /// memcached and the client in `programs/memcached_get.c`.
    Memcached,
    /// hello, from reset to its exit.
    Hello,
    /// The least memory that runs hello.
    Memory,
    /// Size of a file.
    Size,
    /// A hello of Java's, from QEMU's start.
    Java,
    /// The least memory that runs it.
    JavaMemory,
}

/// A row to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Name in the table.
    pub name: &'static str,
    /// What the figures count.
    pub unit: &'static str,
    /// Where they come from.
    pub source: Source,
}

const fn operation(name: &'static str) -> Spec {
    Spec { name, unit: "instructions", source: Source::Program }
}

/// All rows.
pub const ROWS: &[Spec] = &[
    operation("getpid.bound"),
    operation("getpid.trapped"),
    operation("getppid.bound"),
    operation("getppid.trapped"),
    operation("close.bound"),
    operation("close.trapped"),
    operation("clock_gettime"),
    operation("write.null"),
    operation("mutex"),
    operation("malloc.free.64"),
    operation("sched_yield"),
    operation("condvar.switch"),
    operation("futex.switch"),
    operation("pipe.switch"),
    operation("eventfd.epoll.read"),
    operation("thread.create.join"),
    operation("fault.4k"),
    operation("mmap.munmap.4k"),
    operation("open.close"),
    operation("pread.4k"),
    operation("tcp.round.trip"),
    operation("unix.round.trip"),
    operation("file.write.4k"),
    operation("file.read.4k"),
    operation("fork.exit"),
    operation("fork.exec.exit"),
    Spec { name: "memcached.get", unit: "instructions", source: Source::Memcached },
    // The clock at main: waiting counts as one instruction for each nanosecond.
    Spec { name: "boot.main", unit: "ticks", source: Source::Program },
    Spec { name: "hello.reset.exit", unit: "instructions", source: Source::Hello },
    Spec { name: "hello.memory", unit: "MiB", source: Source::Memory },
    Spec { name: "kernel.size", unit: "bytes", source: Source::Size },
    Spec { name: "hello.image.size", unit: "bytes", source: Source::Size },
    Spec { name: "java.hello", unit: "CPU seconds", source: Source::Java },
    Spec { name: "java.memory", unit: "MiB", source: Source::JavaMemory },
];

impl Spec {
    /// The row, with no figures yet.
    pub fn row(&self) -> Row {
        Row { name: self.name, unit: self.unit, better: Better::Lower, ours: None, linux: None }
    }
}

/// The names of all rows.
pub fn names() -> String {
    let names: Vec<_> = ROWS.iter().map(|spec| spec.name).collect();
    names.join(" ")
}

/// The rows whose names begin with one of `prefixes`; all without a prefix. An error names a prefix that fits none.
pub fn select(prefixes: &[String]) -> Result<Vec<Spec>, String> {
    let fits = |spec: &Spec, prefix: &String| spec.name.starts_with(prefix.as_str());
    if let Some(prefix) = prefixes.iter().find(|prefix| !ROWS.iter().any(|spec| fits(spec, prefix))) {
        return Err(format!("no row begins with {prefix:?}; there are: {}", names()));
    }
    let wanted = |spec: &&Spec| prefixes.is_empty() || prefixes.iter().any(|prefix| fits(spec, prefix));
    Ok(ROWS.iter().filter(wanted).copied().collect())
}
