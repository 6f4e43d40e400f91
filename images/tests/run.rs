//! `osv-pack run` as a process, against a QEMU that isn't one.
//!
//! The stand-in is this very test program: a script that is named by $OSV_QEMU starts it again for the one test
//! [`fake_qemu`], which takes the channel's descriptor from QEMU's arguments and plays the guest that $FAKE_GUEST names.

#[path = "tiny/mod.rs"]
mod tiny;

use osv_abi::boot::{BootConfig, Source, Supervisor};
use osv_abi::channel::{Decoder, Exit, Frame, HEADER_LEN, Item, MAX_PAYLOAD, VERSION};
use osv_virtio::supervisor::{Endpoint, Event, Stdin, Stream};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::FromRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The guest's side of the channel.
struct Guest {
    stream: UnixStream,
    decoder: Decoder,
    pending: Vec<u8>,
}

impl Guest {
    fn send(&mut self, frame: Frame<'_>) {
        let mut bytes = vec![0; HEADER_LEN + MAX_PAYLOAD];
        let len = frame.encode(&mut bytes).expect("it fits");
        self.stream.write_all(&bytes[..len]).expect("osv-pack listens");
    }

    /// The next frame, as encoded bytes; `None` when osv-pack is gone.
    fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut input = self.pending.as_slice();
            let found = self.decoder.feed(&mut input).map(|item| match item {
                Item::Frame(frame) => {
                    let mut bytes = vec![0; HEADER_LEN + MAX_PAYLOAD];
                    let len = frame.encode(&mut bytes).expect("it fits");
                    bytes[..len].to_vec()
                }
                Item::Garbage(_) => panic!("osv-pack sends frames only"),
            });
            self.pending = input.to_vec();
            if found.is_some() {
                return found;
            }
            let mut buffer = [0; 4096];
            let len = self.stream.read(&mut buffer).ok().filter(|len| *len > 0)?;
            self.pending.extend_from_slice(&buffer[..len]);
        }
    }

    /// Reads up to a frame that `wanted` likes.
    fn wait_for(&mut self, wanted: impl Fn(Frame<'_>) -> bool) {
        while let Some(bytes) = self.receive() {
            if let Some(Item::Frame(frame)) = Decoder::new().feed(&mut bytes.as_slice())
                && wanted(frame)
            {
                return;
            }
        }
        std::process::exit(99);
    }

    fn exit(&mut self, exit: Exit) {
        self.send(Frame::Exit(exit));
        self.wait_for(|frame| frame == Frame::ExitAck);
        std::process::exit(0);
    }
}

/// A guest whose end of the channel is the kernel's own: copies its input to its output, then exits.
fn kernels_endpoint(mut stream: UnixStream) -> ! {
    let mut endpoint = Endpoint::new();
    let mut buffer = [0; 5000];
    loop {
        while !endpoint.output().is_empty() {
            let sent = stream.write(endpoint.output()).expect("osv-pack listens");
            endpoint.sent(sent);
        }
        let len = stream.read(&mut buffer).expect("osv-pack is there");
        let mut events = Vec::new();
        endpoint.receive(&buffer[..len], |event| events.push(event));
        assert_eq!(endpoint.violations(), 0);
        for event in events {
            match event {
                Event::ExitAcknowledged => std::process::exit(0),
                Event::Stdin => loop {
                    let mut piece = [0; 1000];
                    match endpoint.read_stdin(&mut piece) {
                        Stdin::Bytes(len) => {
                            let mut done = 0;
                            while done < len {
                                done += endpoint.write(Stream::Stdout, &piece[done..len]);
                                while !endpoint.output().is_empty() {
                                    let sent = stream.write(endpoint.output()).expect("osv-pack listens");
                                    endpoint.sent(sent);
                                }
                            }
                        }
                        Stdin::Empty => break,
                        Stdin::End => {
                            endpoint.exit(Exit::Exited(7));
                            break;
                        }
                    }
                },
                _ => {}
            }
        }
    }
}

/// Not a test by itself: the guest of the others.
#[test]
fn fake_qemu() {
    let (Ok(role), Ok(args)) = (std::env::var("FAKE_GUEST"), std::env::var("FAKE_ARGS")) else { return };
    let after = args.split("id=supervisor,fd=").nth(1).expect("a channel");
    let descriptor: i32 = after.split_whitespace().next().expect("a number").parse().expect("a number");
    // SAFETY: osv-pack left this descriptor open for us, and nobody else in this process knows it.
    let stream = unsafe { UnixStream::from_raw_fd(descriptor) };
    if role == "kernel" {
        kernels_endpoint(stream);
    }
    let mut guest = Guest { stream, decoder: Decoder::new(), pending: Vec::new() };
    let hello = |version| Frame::Hello { version, stdin_credit: 3 };
    if role == "mute" {
        println!("kernel: early words");
        std::thread::sleep(Duration::from_secs(60));
    }
    if role == "crash" {
        println!("kernel: PANIC at the disco");
        std::process::exit(3);
    }
    guest.send(hello(if role == "old" { VERSION + 1 } else { VERSION }));
    match role.as_str() {
        "echo" => {
            guest.send(Frame::Log(b"kernel: hello\n"));
            guest.send(Frame::Stderr(b"to stderr\n"));
            loop {
                let bytes = guest.receive().expect("osv-pack is there");
                match Decoder::new().feed(&mut bytes.as_slice()) {
                    Some(Item::Frame(Frame::Stdin(data))) => {
                        assert!(data.len() <= 3, "no more than the credit");
                        guest.send(Frame::Stdout(data));
                        guest.send(Frame::StdinCredit(data.len() as u32));
                    }
                    Some(Item::Frame(Frame::StdinEof)) => break,
                    _ => {}
                }
            }
            guest.exit(Exit::Exited(200));
        }
        "signals" => {
            guest.send(Frame::Stdout(b"ready\n"));
            guest.wait_for(|frame| frame == Frame::Signal(15));
            guest.exit(Exit::Killed(15));
        }
        "deaf" => {
            guest.send(Frame::Stdout(b"ready\n"));
            guest.wait_for(|_| false);
        }
        "stuck" => {
            guest.wait_for(|frame| frame == Frame::ReportRequest);
            guest.send(Frame::Report(b"thread 2: futex at 0x1234\n"));
            guest.send(Frame::Report(b"thread 3: epoll_wait\n"));
            guest.send(Frame::Report(b""));
            guest.wait_for(|_| false);
        }
        "oom" => guest.exit(Exit::OutOfMemory),
        "unstarted" => {
            guest.send(Frame::Log(b"exec: no symbol frobnicate\n"));
            guest.exit(Exit::NotStarted(127));
        }
        "vanish" => {
            guest.send(Frame::Log(b"kernel: last words\n"));
            std::process::exit(0);
        }
        "args" => {
            guest.send(Frame::Stdout(args.as_bytes()));
            guest.exit(Exit::Exited(0));
        }
        "chatty" => {
            for _ in 0..1000 {
                guest.send(Frame::Stdout(&[b'x'; 4096]));
            }
            guest.wait_for(|frame| frame == Frame::Signal(13));
            guest.exit(Exit::Killed(13));
        }
        other => panic!("no role {other}"),
    }
}

struct Setup {
    temp: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a folder");
        let kernel = tiny::tiny_kernel(temp.path());
        fs::write(temp.path().join("kernel.elf"), &kernel).expect("written");
        tiny::tiny_program(temp.path());
        fs::copy("/bin/true", temp.path().join("ld-osv.so")).expect("copied");
        let script = format!(
            "#!/bin/sh\nFAKE_ARGS=\"$*\" exec {} --exact fake_qemu --nocapture\n",
            std::env::current_exe().expect("a path").display()
        );
        fs::write(temp.path().join("qemu"), script).expect("written");
        fs::set_permissions(temp.path().join("qemu"), fs::Permissions::from_mode(0o755)).expect("mine");
        Self { temp }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn osv_pack(&self, role: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osv-pack"));
        command
            .args(args)
            .env("FAKE_GUEST", role)
            .env("OSV_QEMU", self.path("qemu"))
            .env("OSV_HOME", self.temp.path());
        command.current_dir(self.temp.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, role: &str, args: &[&str]) -> Output {
        self.osv_pack(role, &[&["run", "./prog"], args].concat()).output().expect("it runs")
    }

    fn start(&self, role: &str) -> Child {
        let mut command = self.osv_pack(role, &["run", "./prog"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut ready = [0; 6];
        child.stdout.as_mut().expect("piped").read_exact(&mut ready).expect("the guest says so");
        assert_eq!(&ready, b"ready\n");
        child
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn kill(child: &Child, signal: &str) {
    let status =
        Command::new("kill").args([signal, &child.id().to_string()]).status().expect("procps or a shell");
    assert!(status.success());
}

#[test]
fn streams_and_all_eight_bits_of_the_status_come_through() {
    let setup = Setup::new();
    let mut child = setup.osv_pack("echo", &["run", "./prog"]);
    let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("it runs");
    child.stdin.take().expect("piped").write_all(b"one two three").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stdout), "one two three");
    assert_eq!(text(&output.stderr), "to stderr\n", "kernel messages are silent");
    assert_eq!(output.status.code(), Some(200));
}

#[test]
fn the_kernels_end_of_the_channel_understands_ours() {
    let setup = Setup::new();
    let input: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    fs::write(setup.path("input"), &input).expect("written");
    let mut command = setup.osv_pack("kernel", &["run", "./prog"]);
    let output =
        command.stdin(fs::File::open(setup.path("input")).expect("written")).output().expect("it runs");
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
}

#[test]
fn verbose_shows_kernel_messages_on_standard_error() {
    let output = Setup::new().run("echo", &["-v"]);
    assert!(text(&output.stderr).contains("kernel: hello\nto stderr\n"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_signal_is_passed_on() {
    let setup = Setup::new();
    let child = setup.start("signals");
    kill(&child, "-TERM");
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(143));
}

#[test]
fn a_second_signal_powers_off() {
    let setup = Setup::new();
    let child = setup.start("deaf");
    kill(&child, "-INT");
    std::thread::sleep(Duration::from_millis(200));
    kill(&child, "-INT");
    assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(130));
}

#[test]
fn qemu_dies_with_osv_pack_whatever_kills_it() {
    let setup = Setup::new();
    let child = setup.start("deaf");
    let children =
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).expect("Linux tells");
    let qemu: u32 = children.trim().parse().expect("one child");
    kill(&child, "-KILL");
    child.wait_with_output().expect("it ends");
    let started = Instant::now();
    // Gone, or a zombie that nobody has reaped yet.
    let alive = || fs::read_to_string(format!("/proc/{qemu}/stat")).is_ok_and(|stat| !stat.contains(") Z"));
    while alive() {
        assert!(started.elapsed() < Duration::from_secs(5), "QEMU is left behind");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_timeout_says_what_threads_waited_for() {
    let output = Setup::new().run("stuck", &["--timeout", "0.5"]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(124));
    assert!(
        stderr.contains("0.5 s") && stderr.contains("thread 2: futex at 0x1234\nthread 3: epoll_wait\n"),
        "{stderr}"
    );
}

#[test]
fn a_timeout_before_the_guest_is_up_shows_its_console() {
    let output = Setup::new().run("mute", &["--timeout", "0.5"]);
    assert_eq!(output.status.code(), Some(124));
    assert!(text(&output.stderr).contains("kernel: early words"), "{}", text(&output.stderr));
}

#[test]
fn failures_of_the_guest_say_so_and_show_its_last_words() {
    let setup = Setup::new();
    for (role, status, expected) in [
        ("crash", 125, &["ended before it came up", "kernel: PANIC at the disco"][..]),
        ("vanish", 125, &["without saying how the program ended", "kernel: last words"]),
        ("old", 125, &["another", "pack it again"]),
        ("oom", 137, &["ran out of memory", "256 MiB", "-m"]),
        ("unstarted", 127, &["could not be started", "exec: no symbol frobnicate"]),
    ] {
        let output = setup.run(role, &[]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{role}: {stderr}");
        expected.iter().for_each(|part| assert!(stderr.contains(part), "{role}: no {part:?} in {stderr}"));
        assert!(stderr.lines().count() < 40, "one screen: {stderr}");
    }
}

#[test]
fn a_closed_standard_output_becomes_sigpipe() {
    let setup = Setup::new();
    let mut child = setup.osv_pack("chatty", &["run", "./prog"]);
    let mut child = child.stdout(Stdio::piped()).spawn().expect("it runs");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(141));
}

#[test]
fn nothing_is_left_behind() {
    let setup = Setup::new();
    let listing = || fs::read_dir(setup.temp.path()).expect("a folder").count();
    let before = listing();
    setup.run("oom", &[]);
    setup.run("crash", &[]);
    setup.run("oom", &["-m", "1"]);
    assert_eq!(listing(), before);
}

#[test]
fn what_the_kernel_is_told_is_what_it_parses() {
    let setup = Setup::new();
    let built = setup.osv_pack("", &["./prog", "-o", "t.img", "--", "baked in"]).status().expect("it runs");
    assert!(built.success());
    let args = [
        "run",
        "t.img",
        "-e",
        "A=b c",
        "--net",
        "tap:t0,10.1.0.2/24,gw=10.1.0.1",
        "-vv",
        "--",
        "x y",
        "",
        "%",
    ];
    let output = setup.osv_pack("args", &args).output().expect("it runs");
    let stdout = text(&output.stdout);
    let line = stdout.split(" -append ").nth(1).expect("QEMU's arguments");
    let mut boot = BootConfig::default();
    boot.apply(line.trim_end().as_bytes(), Source::CommandLine).expect("ours");
    assert_eq!(boot.args, [&b"x y"[..], b"", b"%"]);
    assert_eq!(boot.env, [b"A=b c"]);
    assert_eq!(boot.net.to_string(), "10.1.0.2/24,gw=10.1.0.1");
    assert_eq!(boot.supervisor, Supervisor::Console);
    assert!(boot.time_unix_ns.is_some() && stdout.contains("ifname=t0"));
}

#[test]
fn a_taken_port_is_found_before_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let output = Setup::new().run("oom", &["-p", &format!("{port}:80")]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125));
    assert!(
        stderr.contains(&format!("127.0.0.1:{port}/tcp is taken")) && stderr.contains("ss -lnp"),
        "{stderr}"
    );
}

#[test]
fn an_absent_qemu_is_named_with_what_to_install() {
    let setup = Setup::new();
    let mut command = setup.osv_pack("", &["run", "./prog"]);
    let output = command.env_remove("OSV_QEMU").env("PATH", "/nowhere").output().expect("it runs");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125));
    assert!(
        stderr.contains("QEMU is not installed") && stderr.contains("apt install qemu-system-x86"),
        "{stderr}"
    );
}

#[test]
fn a_machine_smaller_than_its_image_is_refused() {
    let output = Setup::new().run("oom", &["-m", "2"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("too small for the image"), "{}", text(&output.stderr));
}

#[test]
fn a_dry_run_prints_the_command_and_starts_nothing() {
    let args = ["--dry-run", "-p", "8080:80", "-c", "2", "--machine", "microvm", "--accel", "tcg"];
    let output = Setup::new().run("crash", &args);
    let stdout = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for part in [
        "qemu",
        "-machine microvm",
        "-smp 2",
        "hostfwd=tcp:127.0.0.1:8080-:80",
        "virtio-net-device",
        "-append '",
    ] {
        assert!(stdout.contains(part), "no {part} in {stdout}");
    }
}
