//! Looking at a program while it runs: `--strace` and `--summary`, by the call vector and by the trap.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::{Guest, Outcome};
use osv_compat_tests::programs::{self, Build};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let mut trials = Vec::new();
    for (name, build) in [("vector", Build::Glibc), ("trap", Build::GlibcStatic)] {
        trials.push(Trial::test(format!("strace.{name}"), move || strace(build)));
        trials.push(Trial::test(format!("strace_chooses.{name}"), move || strace_chooses(build)));
        trials.push(Trial::test(format!("strace_output.{name}"), move || strace_output(build)));
        trials.push(Trial::test(format!("summary.{name}"), move || summary(build)));
    }
    for (name, build) in [("vector", Build::Glibc), ("trap", Build::GlibcStatic)] {
        trials.push(Trial::test(format!("gdb.{name}"), move || gdb(build)));
        trials.push(Trial::test(format!("crash.{name}"), move || crash(build)));
    }
    trials.push(Trial::test("strace_refuses_what_is_no_call", strace_refuses));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn traced(build: Build, flags: &[&str]) -> Result<Outcome, Failed> {
    let program = programs::build("seeing/traced.c", build)?;
    let outcome = Guest::new(program).flags(&["--net", "none"]).flags(flags).run()?;
    outcome.expect(3, "traced\n")?;
    Ok(outcome)
}

/// What libc makes of the program's calls differs; these lines it must make.
const LINES: &[&str] = &[
    // Between the two, musl's libc has O_LARGEFILE.
    "openat(AT_FDCWD, \"/no\\tsuch\", O_RDWR|",
    "O_NOFOLLOW|O_CLOEXEC) = -1 ENOENT (No such file or directory)",
    "\"/tmp/made\", O_WRONLY|O_CREAT|O_EXCL",
    ", \"a line\\n\", 7) = 7",
    "{st_mode=S_IFREG|0640, st_size=7, ...}",
    ", 0xdead000, 5) = -1 EFAULT (Bad address)",
    "open(0xbeef000, O_RDONLY) = -1 EFAULT (Bad address)",
    "socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = ",
    "{sa_family=AF_UNIX, sun_path=\"/tmp/no such socket\"}, 110) = -1 ENOENT (No such file or directory)",
    " <unfinished ...>\n",
    "<... read resumed>, \"!\", 1) = 1",
    "CLONE_THREAD",
    "[pid 2] --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=2, si_uid=0} ---",
    "exit_group(7) = ?\n",
    "+++ exited with 7 +++\n",
    "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED,",
    "[{WIFEXITED(s) && WEXITSTATUS(s) == 7}]",
    "exit_group(3) = ?\n[pid 2] +++ exited with 3 +++\n",
];

fn has(text: &str, line: &str) -> Result<(), Failed> {
    if text.contains(line) { Ok(()) } else { Err(format!("no {line:?} in\n{text}").into()) }
}

fn strace(build: Build) -> Result<(), Failed> {
    let outcome = traced(build, &["--strace"])?;
    LINES.iter().try_for_each(|line| has(&outcome.stderr, line))
}

fn strace_chooses(build: Build) -> Result<(), Failed> {
    let text = traced(build, &["--strace=open,openat,exit_group"])?.stderr;
    has(&text, "O_NOFOLLOW|O_CLOEXEC) = -1 ENOENT (No such file or directory)")?;
    has(&text, "exit_group(3) = ?\n")?;
    // Signals and ends are no calls, and always there.
    let chosen = |line: &str| {
        [" open(", " openat(", " exit_group(", " --- SIG", " +++ "].iter().any(|of| line.contains(of))
    };
    match text.lines().find(|line| !chosen(line)) {
        None => Ok(()),
        Some(line) => Err(format!("{line:?} was not asked for, but is in\n{text}").into()),
    }
}

fn strace_output(build: Build) -> Result<(), Failed> {
    let file = programs::output().join(format!("trace.{build:?}.txt"));
    let _ = std::fs::remove_file(&file);
    let path = file.to_string_lossy();
    let outcome = traced(build, &["--strace=openat,open,exit_group", "--strace-output", &path])?;
    if !outcome.stderr.is_empty() {
        return Err(format!("standard error was to be the program's alone: {}", outcome.stderr).into());
    }
    has(&std::fs::read_to_string(&file)?, "exit_group(3) = ?\n")
}

fn strace_refuses() -> Result<(), Failed> {
    let program = programs::build("seeing/traced.c", Build::GlibcStatic)?;
    let outcome = Guest::new(program).flags(&["--strace=opne"]).run()?;
    outcome.expect(125, "")?;
    has(&outcome.stderr, "`opne`")
}

/// What is said of a program that dies: where, how it came there by name, and what it did last.
fn crash(build: Build) -> Result<(), Failed> {
    let program = programs::build("seeing/crashes.c", build)?;
    let outcome = Guest::new(program).flags(&["--net", "none"]).run()?;
    outcome.expect(139, "crashing\n")?;
    for part in [
        "killed by SIGSEGV",
        "  rax ",
        "0x1230 is not mapped",
        " boom+0x",
        " main+0x",
        "call of the thread: write(1, ",
    ] {
        has(&outcome.stderr, part)?;
    }
    Ok(())
}

/// gdb stops in main, knows what lies around it, and the program goes on to its end.
fn gdb(build: Build) -> Result<(), Failed> {
    let program = programs::build("seeing/traced.c", build)?;
    let running = Guest::new(program).flags(&["--net", "none", "--gdb"]).spawn()?;
    let folder = std::env::temp_dir().join(format!("osv-gdb.{}", running.id()));
    let until = Instant::now() + Duration::from_secs(30);
    while !folder.join("socket").exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-q", "-batch", "-x"]).arg(folder.join("osv.gdb"));
    for command in ["backtrace 1", "info symbol osv_kernel_main", "info address _r_debug", "continue"] {
        gdb.args(["-ex", command]);
    }
    let said = gdb.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    running.wait()?.expect(3, "traced\n").map_err(|why| format!("{why}\n-- gdb\n{said}"))?;
    has(&said, "#0  main ()").or_else(|_| has(&said, " in main ()"))?;
    has(&said, "osv_kernel_main in section .text")?;
    if build == Build::Glibc { has(&said, "Symbol \"_r_debug\" is at 0x") } else { Ok(()) }
}

/// Calls and errors of a row in the table: of the program's own calls the numbers are known.
fn counted(text: &str, name: &str) -> Option<(u64, u64)> {
    let line = text.lines().find(|line| line.split_ascii_whitespace().next_back() == Some(name))?;
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let calls = fields.get(3)?.parse().ok()?;
    Some((calls, if fields.len() > 5 { fields.get(4)?.parse().ok()? } else { 0 }))
}

fn summary(build: Build) -> Result<(), Failed> {
    let outcome = traced(build, &["--summary"])?;
    for (name, expected) in
        [("connect", (1, 1)), ("socket", (1, 0)), ("wait4", (1, 0)), ("exit_group", (2, 0))]
    {
        if counted(&outcome.stderr, name) != Some(expected) {
            return Err(format!("{name} is not {expected:?} in\n{}", outcome.stderr).into());
        }
    }
    has(&outcome.stderr, " total\n")
}
