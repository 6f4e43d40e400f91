//! Programs with a keyboard and a screen: `osv-pack run -it` on a terminal of this machine, and the ways in which
//! somebody outside asks a machine to end. Filter by name as with any test.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::osv_pack;
use osv_compat_tests::screen::Screen;
use osv_compat_tests::{programs, stock};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What a guest may take; a terminal's test fails after it, whatever it was waiting for.
const LIMIT: Duration = Duration::from_secs(120);
const TOOLS: &[&str] = &["cat", "sleep", "stty", "tty", "vi"];

type Outcome = Result<(), Failed>;

fn main() {
    let mut trials = Vec::new();
    let mut add = |name: String, test: fn(&'static str) -> Outcome, with: &'static str| {
        trials.push(Trial::test(name, move || test(with)));
    };
    for cpus in ["1", "2"] {
        add(format!("bash.jobs.c{cpus}"), jobs, cpus);
        add(format!("python.readline.c{cpus}"), repl, cpus);
        add(format!("busybox.vi.c{cpus}"), vi, cpus);
        add(format!("less.c{cpus}"), less, cpus);
    }
    for program in ["terminated", "killed", "interrupted"] {
        add(format!("restored.{program}"), restored, program);
    }
    for machine in ["q35", "pc"] {
        add(format!("power_button.{machine}"), power_button, machine);
        add(format!("ctrl_alt_del.{machine}"), ctrl_alt_del, machine);
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// `osv-pack run -it` with these flags, and words for the program.
fn words(program: &str, flags: &[String], args: &[&str]) -> Result<Vec<OsString>, String> {
    let mut words: Vec<OsString> = vec![osv_pack()?.into(), "run".into(), "-it".into()];
    let fixed = ["--net", "none", "--timeout", "110"].map(OsString::from);
    words.extend(fixed);
    words.extend(flags.iter().map(OsString::from));
    words.push(program.into());
    words.push("--".into());
    words.extend(args.iter().map(OsString::from));
    Ok(words)
}

fn flags(list: &[&str]) -> Vec<String> {
    list.iter().copied().map(String::from).collect()
}

/// Adds busybox under the names of tools.
fn tools() -> Vec<String> {
    TOOLS.iter().flat_map(|tool| ["--add".to_owned(), format!("/usr/bin/busybox:/bin/{tool}")]).collect()
}

fn start(words: Vec<OsString>) -> Result<Screen, String> {
    Screen::start(words, &[], LIMIT)
}

/// A job is stopped, goes on behind and in front, and is interrupted; a pipe of two reads the terminal; the window
/// changes its size.
fn jobs(cpus: &'static str) -> Outcome {
    let flags = [tools(), flags(&["-c", cpus, "-e", "PS1=<\\j> "])].concat();
    let mut screen = start(words("bash", &flags, &["--norc", "--noprofile", "-i"])?)?;
    screen.expect("<0> ")?;
    screen.say("tty; stty size", "/dev/console\r\n24 80\r\n")?;
    screen.expect("<0> ")?;
    screen.say("sleep 1000", "sleep 1000\r\n")?;
    screen.press("\x1a", "Stopped")?;
    screen.expect("<1> ")?;
    screen.say("bg", "sleep 1000 &\r\n")?;
    screen.expect("<1> ")?;
    screen.say("jobs", "Running")?;
    screen.expect("<1> ")?;
    screen.say("fg", "sleep 1000\r\n")?;
    screen.press("\x03", "<0> ")?;
    screen.say("echo status $?", "status 130\r\n")?;
    screen.expect("<0> ")?;
    // What is typed before the shell has left its line editor is edited, not read.
    screen.say("echo go; cat | cat", "\r\ngo\r\n")?;
    screen.say("hello", "hello\r\nhello\r\n")?;
    screen.press("\x04", "<0> ")?;
    screen.say("cat &", "<1> ")?;
    // The shell tells of a job before its next prompt.
    screen.press("\r", "Stopped")?;
    screen.expect("<1> ")?;
    screen.say("kill %1; wait; jobs; sleep 1000", "sleep 1000\r\n")?;
    screen.press("\x1c", "<0> ")?;
    screen.say("echo status $?", "status 131\r\n")?;
    screen.expect("<0> ")?;
    screen.resize(50, 132)?;
    // The size arrives by itself; until then the old one is there. It may find the shell in its line editor still,
    // which draws the line again.
    screen.say("while [ \"$(stty size)\" = '24 80' ]; do :; done; stty size", "50 132\r\n")?;
    screen.say("exit 7", "exit\r\n")?;
    ended(screen, 7)
}

fn ended(screen: Screen, expected: i32) -> Outcome {
    match screen.end()? {
        (Some(status), _) if status == expected => Ok(()),
        (status, text) => Err(format!("status {status:?} and not {expected}\n{text}").into()),
    }
}

/// Python's prompt: editing and history by readline, and Ctrl-C.
fn repl(cpus: &'static str) -> Outcome {
    let flags = [stock::python_library(), flags(&["-m", "512M", "-c", cpus])].concat();
    let mut screen = start(words("/usr/bin/python3.11", &flags, &["-q"])?)?;
    screen.expect(">>> ")?;
    // Ctrl-A goes to the line's start, the arrow up brings the line back.
    screen.keys("*7)\x01print(6\r")?;
    screen.expect("\r\n42\r\n")?;
    // What is typed before the line editor listens is echoed by the terminal, and dropped by an interrupt.
    screen.expect(">>> ")?;
    screen.keys("\x1b[A\r")?;
    screen.expect("\r\n42\r\n")?;
    screen.expect(">>> ")?;
    screen.say("import time; time.sleep(1000)", "1000)\r\n")?;
    screen.press("\x03", "KeyboardInterrupt")?;
    screen.expect(">>> ")?;
    screen.keys("\x04")?;
    // As on Linux: it remembers the interrupt and ends by it.
    ended(screen, 130)
}

/// vi draws, takes what is typed and writes it.
fn vi(cpus: &'static str) -> Outcome {
    let script = "vi /tmp/text; cat /tmp/text; stty -a";
    let mut screen =
        start(words("busybox", &[tools(), flags(&["-c", cpus])].concat(), &["sh", "-c", script])?)?;
    // The last of its empty lines, and where the cursor goes from there.
    screen.expect("\x1b[23;1H~")?;
    // What comes at once behind an escape would be taken for a function key.
    screen.keys("ione\rtwo")?;
    screen.expect("2/2 100%")?;
    screen.press("\x1b", "- /tmp/text [Modified]")?;
    screen.keys("ggOzero")?;
    screen.expect("1/3 33%")?;
    screen.press("\x1b", "- /tmp/text [Modified]")?;
    screen.keys(":wq\r")?;
    screen.expect("zero\r\none\r\ntwo\r\n")?;
    screen.expect(" icanon")?;
    ended(screen, 0)
}

/// less shows a page, the next one, and what it is asked to find.
fn less(cpus: &'static str) -> Outcome {
    let text: String = (1..=200).map(|line| format!("line {line} of the text\n")).collect();
    let path = programs::output().join("less.txt");
    std::fs::create_dir_all(programs::output())?;
    std::fs::write(&path, text)?;
    let flags =
        flags(&["-c", cpus, "--add", &format!("{}:/text", path.display()), "--add", "/lib/terminfo/x/xterm"]);
    let mut screen = start(words("less", &flags, &["/text"])?)?;
    screen.expect("line 23 of the text\r\n")?;
    screen.keys(" ")?;
    screen.expect("line 46 of the text\r\n")?;
    screen.keys("/line 150\r")?;
    screen.expect("of the text\r\n")?;
    screen.expect("line 172 of the text\r\n")?;
    screen.keys("q")?;
    ended(screen, 0)
}

/// The processes below `pid`, as `/proc` has them.
fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let list = std::fs::read_to_string(path).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn kill(signal: &str, pid: u32) -> Outcome {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status()?;
    if status.success() { Ok(()) } else { Err(format!("kill {signal} {pid}: {status}").into()) }
}

/// However it ends, our terminal is as it was ([`Screen::end`] looks).
fn restored(how: &'static str) -> Outcome {
    let mut screen = start(words("busybox", &[], &["sh", "-c", "echo ready; exec sleep 1000"])?)?;
    screen.expect("ready\r\n")?;
    // setsid, unless it had to fork, became osv-pack; that has QEMU.
    let (mut osv_pack, mut qemu) = (screen.pid(), 0);
    while let Some(&child) = children(osv_pack).first() {
        let name = std::fs::read_to_string(format!("/proc/{child}/comm"))?;
        if name.starts_with("qemu") {
            qemu = child;
            break;
        }
        osv_pack = child;
    }
    let status = match how {
        "terminated" => {
            kill("-TERM", osv_pack)?;
            143
        }
        "killed" if qemu != 0 => {
            kill("-KILL", qemu)?;
            125
        }
        "killed" => return Err("there is no QEMU".into()),
        _ => {
            screen.keys("\x03")?;
            130
        }
    };
    ended(screen, status)
}

/// A QEMU that listens to orders at `socket`.
fn qemu_with_monitor(folder: &Path, socket: &Path) -> Result<PathBuf, Failed> {
    let script = folder.join("qemu");
    let text = format!(
        "#!/bin/sh\nexec qemu-system-x86_64 \"$@\" -monitor unix:{},server=on,wait=off\n",
        socket.display()
    );
    std::fs::write(&script, text)?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

/// Gives a guest on `machine` an order by QEMU's monitor: its program must get SIGTERM.
fn ordered(order: &str, machine: &str) -> Outcome {
    let folder = programs::output().join(format!("{}.{machine}", order.replace(' ', "_")));
    std::fs::create_dir_all(&folder)?;
    // A socket's name is short.
    let socket = std::env::temp_dir().join(format!("osv-monitor.{}.{machine}", std::process::id()));
    let qemu = qemu_with_monitor(&folder, &socket)?;
    let script = "trap 'echo asked to end; exit 5' TERM; echo ready; while :; do sleep 1; done";
    let mut child = Command::new(osv_pack()?)
        .args(["run", "--net", "none", "--timeout", "60", "--machine", machine, "busybox", "--"])
        .args(["sh", "-c", script])
        .env("OSV_QEMU", qemu)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
    let first = lines.next().transpose()?;
    let monitor = UnixStream::connect(&socket).and_then(|mut monitor| {
        writeln!(monitor, "{order}")?;
        Ok(monitor)
    });
    let _ = std::fs::remove_file(&socket);
    let rest: Vec<String> = lines.collect::<Result<_, _>>()?;
    let status = child.wait()?;
    // Kept to the end: QEMU drops orders of who hangs up early.
    drop(monitor?);
    if (first.as_deref(), &*rest, status.code()) == (Some("ready"), &["asked to end".to_owned()], Some(5)) {
        return Ok(());
    }
    Err(format!("{first:?}, then {rest:?}, {status}").into())
}

fn power_button(machine: &'static str) -> Outcome {
    ordered("system_powerdown", machine)
}

fn ctrl_alt_del(machine: &'static str) -> Outcome {
    ordered("sendkey ctrl-alt-delete", machine)
}
