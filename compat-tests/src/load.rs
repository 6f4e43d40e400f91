//! A load for memcached that verifies every byte that comes back.
//!
//! Each connection has keys of its own and a model of what they hold, so any answer is right or wrong without
//! doubt. Values are made from a seed and a length, and only those are remembered. 99 % of the values have 10 B
//! to 4 KiB (log-uniform), 1 % up to 500 KB. A miss is an error unless the server's count of evictions rose.

mod connection;
mod model;
#[cfg(test)]
mod tests;

use connection::Connection;
use model::{Model, Step};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The server.
    pub server: SocketAddr,
    /// Connections, all open from beginning to end.
    pub connections: usize,
    /// Operations in all.
    pub operations: u64,
    /// Bytes of values sent at most; beyond it there are no more sets.
    pub value_bytes: u64,
    /// Same seed, same operations.
    pub seed: u64,
    /// How long one answer may take.
    pub timeout: Duration,
}

impl Options {
    /// The load that shows memcached works: 64 connections, 200,000 operations, at most 1 GiB.
    pub fn standard(server: SocketAddr) -> Options {
        let timeout = Duration::from_secs(60);
        Options { server, connections: 64, operations: 200_000, value_bytes: 1 << 30, seed: 1, timeout }
    }
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Operations by kind.
    pub operations: BTreeMap<&'static str, u64>,
    /// Gets of a key that was set, and was gone.
    pub misses: u64,
    /// Items that the server evicted meanwhile.
    pub evictions: u64,
    /// Bytes of values sent.
    pub value_bytes: u64,
    /// Bytes of values that came back and were right.
    pub verified_bytes: u64,
    /// What went wrong: the first few.
    pub errors: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Whether everything was as it must be.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    fn merge(&mut self, other: Report) {
        for (kind, count) in other.operations {
            *self.operations.entry(kind).or_default() += count;
        }
        self.misses += other.misses;
        self.value_bytes += other.value_bytes;
        self.verified_bytes += other.verified_bytes;
        self.errors.extend(other.errors);
    }
}

/// Runs the load. An `Err` is a server that cannot be talked to; wrong answers stand in the report.
pub fn run(options: &Options) -> io::Result<Report> {
    let mut control = Connection::open(options.server, options.timeout)?;
    let evictions = control.statistic("evictions")?;
    let start = Instant::now();
    let mut report = Report::default();
    // Few threads with several connections each: the client is not to be the bottleneck on a small machine.
    let threads = options.connections.clamp(1, 8);
    let mut lanes: Vec<Vec<Lane>> = (0..threads).map(|_| Vec::new()).collect();
    for number in 0..options.connections {
        lanes[number % threads].push(lane(options, number)?);
    }
    let parts = std::thread::scope(|scope| {
        let workers = lanes.into_iter().enumerate();
        let workers: Vec<_> =
            workers.map(|(thread, lanes)| scope.spawn(move || worker(options, thread, lanes))).collect();
        workers.into_iter().map(|worker| worker.join()).collect::<Vec<_>>()
    });
    for part in parts {
        match part {
            Ok(part) => report.merge(part?),
            Err(_) => report.errors.push("a thread of the load panicked".into()),
        }
    }
    report.elapsed = start.elapsed();
    report.evictions = control.statistic("evictions")?.saturating_sub(evictions);
    if report.misses > 0 && report.evictions == 0 {
        report.errors.push(format!("{} misses, but nothing was evicted", report.misses));
    }
    report.errors.truncate(20);
    Ok(report)
}

/// A connection, and what its keys hold.
type Lane = (Connection, Model);

/// Opens connection `number`, and waits until the server itself answers on it. One at a time: QEMU's port forwarding
/// lets one connection wait to be accepted and drops what more come at once, which their kernel sends again a second later.
fn lane(options: &Options, number: usize) -> io::Result<Lane> {
    let mut connection = Connection::open(options.server, options.timeout)?;
    connection.command("version\r\n")?;
    Ok((connection, Model::new(number, options.seed, options.value_bytes / options.connections as u64)))
}

/// Runs a thread's connections, in turn.
fn worker(options: &Options, thread: usize, mut lanes: Vec<Lane>) -> io::Result<Report> {
    let mut report = Report::default();
    let share = options.operations * lanes.len() as u64 / options.connections as u64;
    for turn in 0..share {
        let index = (turn % lanes.len() as u64) as usize;
        let (connection, model) = &mut lanes[index];
        let step = model.next();
        let kind = step.kind();
        *report.operations.entry(kind).or_default() += 1;
        if let Err(error) = apply(connection, model, step, &mut report) {
            let during = format!("operation {turn} of connection {index}.{thread} ({kind})");
            return Err(connection.explain(&error, &during));
        }
        if report.errors.len() > 10 {
            break;
        }
    }
    Ok(report)
}

fn apply(connection: &mut Connection, model: &mut Model, step: Step, report: &mut Report) -> io::Result<()> {
    match step {
        Step::Set { key, value } => {
            let bytes = value.bytes();
            report.value_bytes += bytes.len() as u64;
            let answer = connection.set(&key, value.flags(), &bytes)?;
            if answer == "STORED" {
                model.stored(&key, value);
            } else {
                // A server that is out of memory drops the old value, too.
                model.dropped(&key);
                report.errors.push(format!("set {key}, {} bytes: {answer}", bytes.len()));
            }
        }
        Step::Get { keys } => {
            let mut found = connection.get(&keys)?;
            for key in keys {
                match (found.remove(&key), model.expected(&key)) {
                    (Some((flags, bytes)), Some(value)) => {
                        if flags == value.flags() && bytes == value.bytes() {
                            report.verified_bytes += bytes.len() as u64;
                        } else {
                            report.errors.push(format!("get {key}: {}", value.difference(flags, &bytes)));
                        }
                    }
                    (None, Some(_)) => {
                        report.misses += 1;
                        model.dropped(&key);
                    }
                    (Some((_, bytes)), None) => {
                        report.errors.push(format!("get {key}: {} bytes of a deleted key", bytes.len()));
                    }
                    (None, None) => {}
                }
            }
            report.errors.extend(found.keys().map(|key| format!("get: {key} was not asked for")));
        }
        Step::Delete { key } => {
            let answer = connection.command(&format!("delete {key}\r\n"))?;
            match (answer.as_str(), model.expected(&key).is_some()) {
                ("DELETED", true) | ("NOT_FOUND", false) => {}
                ("NOT_FOUND", true) => report.misses += 1,
                (answer, _) => report.errors.push(format!("delete {key}: {answer}")),
            }
            model.dropped(&key);
        }
        Step::Increment { key, by } => {
            let answer = connection.command(&format!("incr {key} {by}\r\n"))?;
            let right = model.incremented(&key, by);
            if answer == "NOT_FOUND" {
                report.misses += u64::from(right.is_some());
                connection.set(&key, 0, b"0")?;
                model.reset_counter(&key);
            } else if right.is_some_and(|right| answer != right.to_string()) || right.is_none() {
                report.errors.push(format!("incr {key} {by}: {answer} instead of {right:?}"));
            }
        }
    }
    Ok(())
}
