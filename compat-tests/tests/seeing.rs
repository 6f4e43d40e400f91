//! Looking at a program while it runs: `--strace` and `--summary`, by the call vector and by the trap.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_abi::symbols::passing::{self, Passing};
use osv_abi::symbols::{self, Kind};
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
    trials.push(Trial::test("summary_of_functions", summary_of_functions));
    trials.push(Trial::test("how_functions_take_arguments", how_functions_take_arguments));
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

/// libc's functions are counted by name, in all processes, and what they do stays as it is. Those that return are timed.
fn summary_of_functions() -> Result<(), Failed> {
    let program = programs::build("seeing/counted.c", Build::Glibc)?;
    let outcome = Guest::new(program).flags(&["--net", "none", "--summary"]).run()?;
    outcome.expect(0, "counted well\n")?;
    let text = &outcome.stderr;
    let functions =
        text.split_once(" errors function\n").ok_or_else(|| format!("no functions in\n{text}"))?.1;
    for (name, expected) in [
        ("getenv", 9),
        ("snprintf", 1),
        ("qsort", 1),
        ("longjmp", 1),
        ("_setjmp", 1),
        ("vfork", 1),
        ("fork", 1),
        ("waitpid", 2),
        ("_exit", 2),
        ("getnameinfo", 1),
        ("copysignl", 1),
        ("pthread_create", 1),
    ] {
        if counted(functions, name) != Some((expected, 0)) {
            return Err(format!("{name} was not called {expected} times in\n{text}").into());
        }
    }
    let slept =
        functions.lines().find_map(|line| line.strip_suffix(" usleep")?.split_ascii_whitespace().nth(1));
    match slept.map(str::parse::<f64>) {
        Some(Ok(seconds)) if seconds >= 0.02 => Ok(()),
        other => Err(format!("usleep(20000) took {other:?} seconds in\n{text}").into()),
    }
}

/// The table knows of each function that glibc's headers declare whether it takes arguments on the stack.
fn how_functions_take_arguments() -> Result<(), Failed> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/programs/seeing/prototypes.c");
    let list = programs::output().join("prototypes.txt");
    let status = Command::new("gcc")
        .args(["-w", "-c", "-o", "/dev/null", "-aux-info"])
        .arg(&list)
        .arg(source)
        .status()?;
    if !status.success() {
        return Err("gcc does not list the prototypes".into());
    }
    let mut known = 0;
    for line in std::fs::read_to_string(&list)?.lines() {
        let Some((name, arguments)) = prototype(line) else { continue };
        let Some(row) =
            symbols::find(name).map(|row| &symbols::ROWS[row]).filter(|row| row.kind == Kind::Func)
        else {
            continue;
        };
        known += 1;
        let expected = words_on_stack(&arguments);
        let fits = match (passing::of(row), expected) {
            (Passing::Jump, _) => true,
            (Passing::Registers, OnStack::Words(0)) => true,
            (Passing::Stack(words), OnStack::Words(expected)) => usize::from(words) == expected,
            (Passing::List { named, .. }, OnStack::List(expected)) => usize::from(named) == expected,
            // What they take behind the named arguments is known, and of integers and pointers.
            (Passing::Registers, OnStack::List(_)) => FEW_MORE.contains(&name),
            (Passing::Stack(1), OnStack::List(_)) => name == "syscall",
            _ => false,
        };
        if !fits {
            return Err(format!("{name} is {:?} but takes {expected:?}: {line}", passing::of(row)).into());
        }
    }
    if known > 1000 { Ok(()) } else { Err(format!("only {known} prototypes were understood").into()) }
}

/// Variadic functions whose arguments all fit into registers.
const FEW_MORE: &[&str] = &[
    "fcntl", "fcntl64", "ioctl", "mq_open", "mremap", "open", "open64", "openat", "openat64", "prctl",
    "ptrace", "semctl", "sem_open", "ulimit",
];

#[derive(Clone, Copy, Debug)]
enum OnStack {
    /// So many words.
    Words(usize),
    /// Whatever the caller passes behind so many arguments.
    List(usize),
}

/// Name and types of arguments in a line of gcc's `-aux-info`; none for what returns a pointer to a function.
fn prototype(line: &str) -> Option<(&str, Vec<&str>)> {
    let (_, line) = line.split_once("*/ extern ")?;
    let (front, rest) = line.split_once(" (")?;
    let name = front.rsplit([' ', '*']).next().filter(|name| !name.is_empty())?;
    let (mut depth, mut from, mut arguments) = (0, 0, Vec::new());
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => {
                arguments.push(rest[from..at].trim());
                return Some((name, arguments));
            }
            b')' => depth -= 1,
            b',' if depth == 0 => {
                arguments.push(rest[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// By the System V ABI; no function of libc takes a structure that does not fit into a register.
fn words_on_stack(arguments: &[&str]) -> OnStack {
    let (mut general, mut words) = (0, 0);
    for argument in arguments {
        match *argument {
            "..." => return OnStack::List(arguments.len() - 1),
            "void" | "float" | "double" | "_Float32" | "_Float64" | "_Float128" | "complex float"
            | "complex double" => {}
            pointer if pointer.contains(['*', '(']) => general += 1,
            "long double" | "_Float64x" => words += 2,
            "complex long double" => words += 4,
            _ => general += 1,
        }
    }
    OnStack::Words(words + general.max(6) - 6)
}
