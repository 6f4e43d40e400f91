//! One row on one side: a QEMU from its start to its end, and the processor time it used between two lines.

use super::suite::Suite;
use crate::guest::osv_pack;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Our kernel.
    Osv,
    /// The distribution's.
    Linux,
}

/// How rows are run.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Memory in MiB.
    pub memory: u32,
    /// CPUs.
    pub cpus: u32,
    /// Flags of java.
    pub flags: Vec<String>,
    /// How much of each row's work, in per cent.
    pub percent: u32,
    /// A row's limit.
    pub limit: Duration,
}

/// What a row gave on one side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Operations in a minute of the guest.
    pub per_minute: f64,
    /// Operations in a minute of QEMU's processor time; the real suite does not say when it begins to count.
    pub per_cpu_minute: Option<f64>,
}

/// Runs a row.
pub fn run(suite: &Suite, side: Side, row: &str, machine: &Machine) -> Result<Figure, String> {
    let arguments = suite.arguments(row, &machine.flags, machine.percent);
    with_lines(suite, side, &arguments, machine, |child, lines, deadline| follow(child, lines, row, deadline))
}

/// The processor time that QEMU used, from its start, when java with these arguments prints `line`.
pub fn cpu_seconds_until(
    suite: &Suite,
    side: Side,
    arguments: &[String],
    machine: &Machine,
    line: &str,
) -> Result<f64, String> {
    with_lines(suite, side, arguments, machine, |child, lines, deadline| {
        let mut said = Vec::new();
        while let Ok(text) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if text.contains(line) {
                return cpu_seconds(child.id()).ok_or_else(|| "it ended too soon to be measured".to_owned());
            }
            said.push(text);
        }
        Err(format!("{line:?} was not said\n{}", said.join("\n")))
    })
}

fn with_lines<T>(
    suite: &Suite,
    side: Side,
    arguments: &[String],
    machine: &Machine,
    judge: impl FnOnce(&Child, &Receiver<String>, Instant) -> Result<T, String>,
) -> Result<T, String> {
    let mut command = match side {
        Side::Osv => osv(suite, arguments, machine)?,
        Side::Linux => linux(suite, arguments, machine)?,
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let (to, lines) = channel();
    // Both streams end when the child does, and the threads with them.
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
    ];
    for stream in streams.into_iter().flatten() {
        let to = to.clone();
        std::thread::spawn(move || {
            let lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
            // Nobody listens any longer once the time is up.
            lines
                .take_while(|line| to.send(String::from_utf8_lossy(line).trim_end().to_owned()).is_ok())
                .count();
        });
    }
    drop(to);
    let judged = judge(&child, &lines, Instant::now() + machine.limit);
    // It may have ended already.
    let _ = child.kill();
    let _ = child.wait();
    judged
}

fn osv(suite: &Suite, arguments: &[String], machine: &Machine) -> Result<Command, String> {
    let mut command = Command::new(osv_pack()?);
    let (memory, cpus) = (format!("{}M", machine.memory), machine.cpus.to_string());
    command.arg("run").arg(&suite.image).args([
        "--net",
        "none",
        "-m",
        &memory,
        "-c",
        &cpus,
        "--accel",
        accel(machine).0,
        "--",
    ]);
    command.args(arguments);
    Ok(command)
}

/// For osv-pack and for QEMU. Several CPUs take turns: Java patches its code, which not every QEMU emulates otherwise
/// (docs/java.md).
fn accel(machine: &Machine) -> (&'static str, &'static str) {
    if machine.cpus > 1 { ("tcg-single", "tcg,thread=single") } else { ("tcg", "tcg") }
}

fn linux(suite: &Suite, arguments: &[String], machine: &Machine) -> Result<Command, String> {
    let (linux, initrd) = suite.linux.as_ref().ok_or("there is no Linux to run it on")?;
    let boot = linux.boot(initrd, "", &format!("{} {}", suite.java(), arguments.join(" ")));
    let mut command = Command::new(crate::bench::machine::qemu());
    let (memory, cpus) = (format!("{}M", machine.memory), machine.cpus.to_string());
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35"]);
    command.args([
        "-accel",
        accel(machine).1,
        "-cpu",
        "max",
        "-m",
        &memory,
        "-smp",
        &cpus,
        "-serial",
        "stdio",
    ]);
    command.args(["-device", "isa-debug-exit,iobase=0x501,iosize=0x04"]);
    command.arg("-kernel").arg(&boot.kernel).arg("-initrd").arg(initrd).args(["-append", &boot.command_line]);
    Ok(command)
}

/// Reads lines until the row's end.
fn follow(child: &Child, lines: &Receiver<String>, row: &str, deadline: Instant) -> Result<Figure, String> {
    let (begin, end) = (format!("begin {row}"), format!("end {row} "));
    let score = format!("Score on {row}: ");
    let (mut said, mut begun) = (Vec::new(), None);
    loop {
        let line = match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Err(format!("no end in time\n{}", said.join("\n"))),
            Err(RecvTimeoutError::Disconnected) => return Err(said.join("\n")),
        };
        if line.ends_with(&begin) {
            begun = cpu_seconds(child.id());
        } else if let Some(at) = line.find(&end) {
            let ended = cpu_seconds(child.id());
            let figure =
                Figure::of(&line[at + end.len()..], begun.zip(ended).map(|(begun, ended)| ended - begun));
            return figure.ok_or_else(|| format!("not understood: {line}"));
        } else if let Some(at) = line.find(&score) {
            let number =
                line[at + score.len()..].split_whitespace().next().and_then(|word| word.parse().ok());
            let per_minute = number.ok_or_else(|| format!("not understood: {line}"))?;
            return Ok(Figure { per_minute, per_cpu_minute: None });
        }
        said.push(line);
    }
}

impl Figure {
    /// Of `OPERATIONS SECONDS`.
    pub fn of(words: &str, cpu_seconds: Option<f64>) -> Option<Figure> {
        let mut numbers = words.split_whitespace().map(str::parse::<f64>);
        let (operations, seconds) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let rate = |seconds: f64| (seconds > 0.0).then(|| operations * 60.0 / seconds);
        Some(Figure { per_minute: rate(seconds)?, per_cpu_minute: cpu_seconds.and_then(rate) })
    }
}

/// Processor time of a process and of its children, also of those that ended: QEMU may, before it is looked at.
fn cpu_seconds(process: u32) -> Option<f64> {
    const TICKS: f64 = 100.0;
    let mut ticks: u64 = stat(process)?[1..].iter().sum();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(fields) = id.and_then(stat).filter(|fields| fields[0] == u64::from(process)) {
            ticks += fields[1] + fields[2];
        }
    }
    Some(ticks as f64 / TICKS)
}

/// Parent, user ticks and system ticks, and those of the children that were waited for.
fn stat(process: u32) -> Option<[u64; 5]> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold spaces.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse().ok());
    Some([number(1)?, number(11)?, number(12)?, number(13)?, number(14)?])
}
