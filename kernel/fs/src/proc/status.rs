//! The files that describe one process in numbers.

use super::system::ticks;
use super::{Sources, State, TaskInfo};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use osv_mm::space::{AreaReport, SpaceCounts};

fn counts(sources: &Sources, pid: u32) -> SpaceCounts {
    sources.processes.space(pid).map_or_else(SpaceCounts::default, |space| space.counts())
}

fn letter(state: State) -> (char, &'static str) {
    match state {
        State::Running => ('R', "running"),
        State::Sleeping => ('S', "sleeping"),
        State::Stopped => ('T', "stopped"),
        State::Zombie => ('Z', "zombie"),
    }
}

/// Bytes as text; what is not UTF-8 is replaced.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// /proc/PID/stat: 52 fields.
pub(super) fn stat(sources: &Sources, info: &TaskInfo, is_thread: bool, to: &mut String) -> fmt::Result {
    let counts = counts(sources, info.pid);
    let regions = sources.processes.regions(info.pid);
    let (state, _) = letter(info.state);
    let (tty, foreground) = info.terminal.map_or((0, -1), |(tty, group)| (tty as i32, group as i32));
    let (spent, children, started) = (ticks(info.cpu_time), ticks(info.children_time), ticks(info.started));
    write!(
        to,
        "{} ({}) {state} {} {} {} {tty} {foreground} 4194304",
        info.tid,
        lossy(&info.comm),
        info.ppid,
        info.pgid,
        info.sid
    )?;
    // Faults, then times: user and system are not told apart.
    write!(
        to,
        " 0 0 0 0 {spent} 0 {children} 0 {} {} {} 0 {started}",
        20 + info.nice,
        info.nice,
        info.threads
    )?;
    write!(to, " {} {} 18446744073709551615", counts.mapped * 4096, counts.resident())?;
    write!(to, " 0 0 {} 0 0", regions.start_stack)?;
    let low = |set: u64| set & 0x7fff_ffff;
    let signals = (low(info.pending), low(info.blocked), low(info.ignored), low(info.caught));
    write!(to, " {} {} {} {}", signals.0, signals.1, signals.2, signals.3)?;
    let exit_signal = if is_thread { -1 } else { info.exit_signal as i32 };
    write!(to, " 0 0 0 {exit_signal} {} 0 0 0 0 0 0 0 0", info.cpu)?;
    let r = regions;
    writeln!(to, " {} {} {} {} 0", r.arg_start, r.arg_end, r.env_start, r.env_end)
}

/// /proc/PID/statm.
pub(super) fn statm(sources: &Sources, pid: u32, to: &mut String) -> fmt::Result {
    let c = counts(sources, pid);
    writeln!(to, "{} {} {} {} 0 {} 0", c.mapped, c.resident(), c.object, c.text, c.data + c.stack)
}

/// /proc/PID/status.
pub(super) fn status(sources: &Sources, info: &TaskInfo, to: &mut String) -> fmt::Result {
    let (state, word) = letter(info.state);
    writeln!(to, "Name:\t{}\nUmask:\t{:04o}\nState:\t{state} ({word})", lossy(&info.comm), info.umask)?;
    writeln!(to, "Tgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0", info.pid, info.tid, info.ppid)?;
    let [u, g] = [info.uids, info.gids];
    writeln!(
        to,
        "Uid:\t{}\t{}\t{}\t{}\nGid:\t{}\t{}\t{}\t{}",
        u[0], u[1], u[2], u[3], g[0], g[1], g[2], g[3]
    )?;
    let slots = sources.processes.files(info.pid).map_or(0, |files| files.list(0, usize::MAX).len());
    writeln!(to, "FDSize:\t{}", slots.next_multiple_of(64))?;
    let groups: Vec<String> = info.groups.iter().map(|group| alloc::format!("{group} ")).collect();
    writeln!(to, "Groups:\t{}", groups.concat())?;
    writeln!(
        to,
        "NStgid:\t{0}\nNSpid:\t{1}\nNSpgid:\t{2}\nNSsid:\t{3}",
        info.pid, info.tid, info.pgid, info.sid
    )?;
    if sources.processes.space(info.pid).is_some() {
        let c = counts(sources, info.pid);
        for (name, pages) in [
            ("VmPeak", c.mapped_peak),
            ("VmSize", c.mapped),
            ("VmLck", c.locked),
            ("VmPin", 0),
            ("VmHWM", c.resident_peak.max(c.resident())),
            ("VmRSS", c.resident()),
            ("RssAnon", c.anonymous),
            ("RssFile", c.object),
            ("RssShmem", 0),
            ("VmData", c.data),
            ("VmStk", c.stack),
            ("VmExe", c.text),
            ("VmLib", 0),
            ("VmPTE", c.tables),
            ("VmSwap", 0),
        ] {
            writeln!(to, "{name}:\t{:>8} kB", pages * 4)?;
        }
    }
    writeln!(to, "Threads:\t{}\nSigQ:\t0/32768", info.threads)?;
    for (name, set) in [
        ("SigPnd", info.pending),
        ("ShdPnd", info.shared_pending),
        ("SigBlk", info.blocked),
        ("SigIgn", info.ignored),
        ("SigCgt", info.caught),
    ] {
        writeln!(to, "{name}:\t{set:016x}")?;
    }
    let capabilities: u64 = if info.uids[1] == 0 { 0x1ff_ffff_ffff } else { 0 };
    for (name, set) in [
        ("CapInh", 0),
        ("CapPrm", capabilities),
        ("CapEff", capabilities),
        ("CapBnd", 0x1ff_ffff_ffff),
        ("CapAmb", 0),
    ] {
        writeln!(to, "{name}:\t{set:016x}")?;
    }
    writeln!(to, "NoNewPrivs:\t{}\nSeccomp:\t0\nSeccomp_filters:\t0", u8::from(info.no_new_privs))?;
    let cpus = sources.machine.cpus();
    let mask = u64::MAX.checked_shr(64u32.saturating_sub(cpus as u32)).unwrap_or(0);
    writeln!(to, "Cpus_allowed:\t{mask:x}")?;
    match cpus {
        1 => writeln!(to, "Cpus_allowed_list:\t0")?,
        _ => writeln!(to, "Cpus_allowed_list:\t0-{}", cpus.saturating_sub(1))?,
    }
    writeln!(to, "Mems_allowed:\t1\nMems_allowed_list:\t0")?;
    writeln!(
        to,
        "voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}",
        info.switches.0, info.switches.1
    )
}

/// /proc/PID/smaps, or with `rollup` its sum.
pub(super) fn smaps(sources: &Sources, pid: u32, rollup: bool, to: &mut String) -> fmt::Result {
    let Some(space) = sources.processes.space(pid) else { return Ok(()) };
    let areas = space.report(true).map_err(|_| fmt::Error)?;
    let write = |to: &mut String, size: Option<u64>, [resident, anonymous, huge]: [usize; 3]| {
        if let Some(size) = size {
            writeln!(
                to,
                "Size:           {:>8} kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB",
                size / 1024
            )?;
        }
        let file = resident.saturating_sub(anonymous);
        for (name, pages) in [
            ("Rss", resident),
            ("Pss", resident),
            ("Shared_Clean", file),
            ("Shared_Dirty", 0),
            ("Private_Clean", 0),
            ("Private_Dirty", anonymous),
            ("Referenced", resident),
            ("Anonymous", anonymous),
            ("LazyFree", 0),
            ("AnonHugePages", huge),
            ("Swap", 0),
            ("SwapPss", 0),
            ("Locked", 0),
        ] {
            let label = alloc::format!("{name}:");
            writeln!(to, "{label:<16}{:>8} kB", pages * 4)?;
        }
        Ok(())
    };
    if rollup {
        let sum = |of: fn(&AreaReport) -> usize| areas.iter().map(of).sum();
        let sums = [sum(|area| area.resident), sum(|area| area.anonymous), sum(|area| area.huge)];
        let start = areas.first().map_or(0, |area| area.range.start);
        let end = areas.last().map_or(0, |area| area.range.end);
        writeln!(to, "{start:08x}-{end:08x} ---p 00000000 00:00 0                          [rollup]")?;
        return write(to, None, sums);
    }
    for area in &areas {
        area.write_maps(to)?;
        write(to, Some(area.range.end - area.range.start), [area.resident, area.anonymous, area.huge])?;
        writeln!(to, "THPeligible:    {}", u8::from(area.is_huge_eligible))?;
    }
    Ok(())
}

const LIMITS: [(&str, usize, &str); 16] = [
    ("Max cpu time", 0, "seconds"),
    ("Max file size", 1, "bytes"),
    ("Max data size", 2, "bytes"),
    ("Max stack size", 3, "bytes"),
    ("Max core file size", 4, "bytes"),
    ("Max resident set", 5, "bytes"),
    ("Max processes", 6, "processes"),
    ("Max open files", 7, "files"),
    ("Max locked memory", 8, "bytes"),
    ("Max address space", 9, "bytes"),
    ("Max file locks", 10, "locks"),
    ("Max pending signals", 11, "signals"),
    ("Max msgqueue size", 12, "bytes"),
    ("Max nice priority", 13, ""),
    ("Max realtime priority", 14, ""),
    ("Max realtime timeout", 15, "us"),
];

/// /proc/PID/limits.
pub(super) fn limits(sources: &Sources, pid: u32, to: &mut String) -> fmt::Result {
    writeln!(to, "{:<25} {:<20} {:<20} {:<10}", "Limit", "Soft Limit", "Hard Limit", "Units")?;
    let text = |value: u64| if value == u64::MAX { "unlimited".into() } else { alloc::format!("{value}") };
    for (name, resource, unit) in LIMITS {
        let (soft, hard) = sources.processes.limit(pid, resource);
        let (soft, hard): (String, String) = (text(soft), text(hard));
        writeln!(to, "{name:<25} {soft:<20} {hard:<20} {unit:<10}")?;
    }
    Ok(())
}
