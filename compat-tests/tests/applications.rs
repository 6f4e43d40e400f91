//! Stock programs in the guest, one named test each, with the fragment that they must print. Filter by name as
//! with any test; `OSV_PACK` names another osv-pack.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::gaps;
use osv_compat_tests::guest::Guest;
use osv_compat_tests::load::{self as memcached_load, Options};
use osv_compat_tests::programs::{self, Build};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

const SUM: &str =
    "with recursive c(x) as (values(1) union all select x+1 from c where x<1000) select sum(x) from c";
const LUA: &str = "local co=coroutine.wrap(function() for i=1,3 do coroutine.yield(i*i) end end) \
                   print(co(),co(),co(),string.format('%.3f',math.sin(1)),os.date('!%Y',0))";
const MEMCACHED: [&str; 10] = ["-u", "root", "-p", "11211", "-U", "0", "-l", "0.0.0.0", "-t", "4"];

fn main() {
    let mut trials = Vec::new();
    for (name, source, build, fragment) in [
        ("hello.glibc", "hello.c", Build::Glibc, "thread t=42"),
        ("hello.glibc.static", "hello.c", Build::GlibcStatic, "thread t=42"),
        ("cancel", "cancel.c", Build::Glibc, "cancel ok"),
        ("hello.musl", "hello.c", Build::Musl, "thread t=42"),
        ("hello.musl.spie", "hello.c", Build::MuslStaticPie, "thread t=42"),
        ("hello.rust", "hello.rs", Build::Rust, "hi from thread"),
    ] {
        trials.push(trial(name, move || {
            let program = programs::build(source, build)?;
            run(program.as_os_str(), &[], &[], fragment)
        }));
    }
    let rows: [(&'static str, &'static [&'static str], &'static str); 4] = [
        ("busybox", &["printf", "%s-%s\\n", "40", "2"], "40-2"),
        ("lua5.4", &["-e", LUA], "1\t4\t9\t0.841\t1970"),
        ("sqlite3", &[":memory:", SUM], "500500"),
        ("rg", &["-c", "root", "/etc/passwd"], "1"),
    ];
    for (binary, arguments, fragment) in rows {
        trials.push(trial(binary, move || run(OsStr::new(binary), &[], arguments, fragment)));
    }
    trials.extend(image_libc());
    trials.push(trial("busybox.full", || {
        // The root is in RAM: whoever fills it is told so, and lives to say it.
        let guest = Guest::new("busybox").flags(&["-m", "32M"]);
        let outcome = guest.args(&["dd", "if=/dev/zero", "of=/tmp/x", "bs=1M", "count=100"]).run()?;
        outcome.expect(1, "")?;
        let told = outcome.stderr.contains("No space left on device");
        if told { Ok(()) } else { Err(outcome.stderr.into()) }
    }));
    trials.push(trial("openssl", || {
        let file = programs::output().join("abc");
        std::fs::create_dir_all(programs::output())?;
        std::fs::write(&file, "abc")?;
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let added = format!("{}:/w/abc", file.display());
        run(OsStr::new("openssl"), &["--add", &added], &["dgst", "-sha256", "/w/abc"], digest)
    }));
    trials.push(trial("redis-server", || {
        let arguments = ["--port", "6379", "--save", "", "--protected-mode", "no"];
        let say = b"SET k v\r\nINCRBY n 41\r\nINCR n\r\nGET k\r\n";
        serve("redis-server", 6379, &arguments, "1", |server| {
            ask(server, say, b"+OK\r\n:41\r\n:42\r\n$1\r\nv")
        })
    }));
    for cpus in ["1", "2"] {
        trials.push(memcached(&format!("memcached.c{cpus}"), cpus, |server| {
            let answer = b"STORED\r\n42\r\nVALUE a 0 2\r\n42\r\nEND";
            ask(server, b"set a 0 0 2\r\n41\r\nincr a 1\r\nget a\r\n", answer)
        }));
        trials.push(memcached(&format!("memcached.memccapable.c{cpus}"), cpus, memccapable));
        trials.push(memcached(&format!("memcached.load.c{cpus}"), cpus, |server| {
            let operations = std::env::var("OSV_LOAD_OPERATIONS").ok().and_then(|text| text.parse().ok());
            let standard = Options::standard(server);
            load(Options { operations: operations.unwrap_or(standard.operations), ..standard })
        }));
    }
    trials.push(trial("memcached.boots", || {
        for boot in 1..=20 {
            let cpus = if boot % 2 == 0 { "2" } else { "1" };
            serve("memcached", 11211, &MEMCACHED, cpus, |server| {
                memccapable(server)?;
                load(Options { operations: 5_000, seed: boot, ..Options::standard(server) })
            })
            .map_err(|error| format!("boot {boot}: {}", error.message().unwrap_or_default()))?;
        }
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The same programs on the libc of their own image: its real ld.so and libc.so, which trap for each system call.
fn image_libc() -> Vec<Trial> {
    const IMAGE: &[&str] = &["--libc", "image"];
    const PYTHON: &str = "import math,threading,time; r=[]; \
                          t=[threading.Thread(target=lambda i=i:r.append(i*i)) for i in range(4)]; \
                          [x.start() for x in t]; [x.join() for x in t]; \
                          print(sorted(r), round(math.pi, 6), time.strftime('%Y', time.gmtime(0)))";
    // What `import threading` and the start need of Debian's library.
    const MODULES: &[&str] = &[
        "abc.py",
        "codecs.py",
        "collections",
        "encodings",
        "functools.py",
        "io.py",
        "keyword.py",
        "operator.py",
        "reprlib.py",
        "threading.py",
        "types.py",
        "_collections_abc.py",
        "_weakrefset.py",
    ];
    const SCRIPT: &str = "echo a | cat; (exit 3); echo $?; x=$(echo sub); echo $x; /bin/echo -n 'dyn '; cat /w/abc | cat; \
                          for i in 1 2 3; do echo $i; done | wc -l";
    let mut trials = Vec::new();
    for (name, source, build, fragment) in [
        ("image.hello.glibc", "hello.c", Build::Glibc, "thread t=42"),
        ("image.hello.musl", "hello.c", Build::Musl, "thread t=42"),
        ("image.cancel", "cancel.c", Build::Glibc, "cancel ok"),
    ] {
        trials.push(trial(name, move || {
            let program = programs::build(source, build)?;
            run(program.as_os_str(), IMAGE, &[], fragment)
        }));
    }
    let rows: [(&'static str, &'static str, &'static [&'static str], &'static str); 2] = [
        ("image.lua5.4", "lua5.4", &["-e", LUA], "1\t4\t9\t0.841\t1970"),
        ("image.sqlite3", "sqlite3", &[":memory:", SUM], "500500"),
    ];
    for (name, binary, arguments, fragment) in rows {
        trials.push(trial(name, move || run(OsStr::new(binary), IMAGE, arguments, fragment)));
    }
    trials.push(trial("image.bash", || {
        // Dynamic programs by execve: each gets the interpreter that it names.
        let file = programs::output().join("abc");
        std::fs::create_dir_all(programs::output())?;
        std::fs::write(&file, "abc")?;
        let added = format!("{}:/w/abc", file.display());
        let mut guest = Guest::new("/usr/bin/bash").flags(IMAGE).flags(&["--add", &added]);
        for tool in ["cat", "echo", "wc"] {
            guest = guest.flags(&["--add", &format!("/usr/bin/{tool}:/bin/{tool}")]);
        }
        Ok(guest.args(&["-c", SCRIPT]).run()?.expect(0, "a\n3\nsub\ndyn abc3\n")?)
    }));
    trials.push(trial("image.python3.11", || {
        let added: Vec<_> = MODULES.iter().map(|module| format!("/usr/lib/python3.11/{module}")).collect();
        let flags: Vec<_> = added.iter().flat_map(|path| ["--add", path]).collect();
        let guest =
            Guest::new("/usr/bin/python3.11").flags(IMAGE).flags(&flags).args(&["-S", "-I", "-c", PYTHON]);
        Ok(guest.timeout(Duration::from_secs(120)).run()?.expect(0, "[0, 1, 4, 9] 3.141593 1970")?)
    }));
    trials.push(trial("image.redis-server", || {
        let arguments = ["--port", "6379", "--save", "", "--protected-mode", "no"];
        serve_with(IMAGE, "redis-server", 6379, &arguments, "1", |server| {
            ask(server, b"SET k v\r\nINCRBY n 41\r\nINCR n\r\nGET k\r\n", b"+OK\r\n:41\r\n:42\r\n$1\r\nv")
        })
    }));
    trials.push(trial("image.auto", || {
        let program = programs::build("lacking.c", Build::Glibc)?;
        let outcome = Guest::new(program).run()?;
        outcome.expect(0, "frequency ")?;
        let told = outcome.stderr.contains("the table lacks __profile_frequency@GLIBC_2.2.5");
        if told { Ok(()) } else { Err(outcome.stderr.into()) }
    }));
    trials
}

fn trial(name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, test)
}

fn memcached(name: &str, cpus: &'static str, test: fn(SocketAddr) -> Result<(), Failed>) -> Trial {
    trial(name, move || serve("memcached", 11211, &MEMCACHED, cpus, test))
}

/// Runs a program to its end: status 0, `fragment` printed, and nothing lacking that `osv-pack check` did not list.
fn run(binary: &OsStr, flags: &[&str], arguments: &[&str], fragment: &str) -> Result<(), Failed> {
    let outcome = Guest::new(binary).flags(&["-v"]).flags(flags).args(arguments).run()?;
    outcome.expect(0, fragment)?;
    Ok(gaps::expect_listed(binary, flags, &outcome.stderr)?)
}

/// Boots a server, waits until it answers, runs `test` against it, and ends it by SIGTERM: status 0.
fn serve(
    binary: &str,
    port: u16,
    arguments: &[&str],
    cpus: &str,
    test: impl FnOnce(SocketAddr) -> Result<(), Failed>,
) -> Result<(), Failed> {
    serve_with(&[], binary, port, arguments, cpus, test)
}

fn serve_with(
    flags: &[&str],
    binary: &str,
    port: u16,
    arguments: &[&str],
    cpus: &str,
    test: impl FnOnce(SocketAddr) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let here = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let forward = format!("{}:{port}", here.port());
    let guest = Guest::new(binary).flags(&["-v", "-p", &forward, "-m", "256M", "-c", cpus]);
    let guest = guest.flags(flags).args(arguments);
    let running = guest.timeout(Duration::from_secs(600)).spawn()?;
    let probe: &[u8] = if binary == "memcached" { b"version\r\n" } else { b"PING\r\n" };
    let tested = until_answering(here, probe).and_then(|()| test(here));
    let terminated = running.terminate();
    let outcome = running.wait()?;
    tested.map_err(|error| {
        let why = error.message().unwrap_or_default().to_owned();
        format!("{why}\n-- the guest's stdout\n{}\n-- stderr\n{}", outcome.stdout, outcome.stderr)
    })?;
    terminated?;
    outcome.expect(0, "")?;
    Ok(gaps::expect_listed(OsStr::new(binary), flags, &outcome.stderr)?)
}

/// QEMU's forwarding accepts before the guest does: only an answer shows that the server is there.
fn until_answering(server: SocketAddr, probe: &[u8]) -> Result<(), Failed> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        let answered = TcpStream::connect(server).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(probe)?;
            stream.read(&mut [0; 64])
        });
        if answered.is_ok_and(|length| length > 0) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("no server answers on {server} after two minutes").into())
}

fn ask(server: SocketAddr, say: &[u8], answer: &[u8]) -> Result<(), Failed> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(say)?;
    let mut got = vec![0; answer.len()];
    stream.read_exact(&mut got)?;
    if got == answer { Ok(()) } else { Err(format!("answered {:?}", String::from_utf8_lossy(&got)).into()) }
}

fn load(options: Options) -> Result<(), Failed> {
    let report = memcached_load::run(&options)?;
    if report.is_clean() { Ok(()) } else { Err(format!("{report:#?}").into()) }
}

fn memccapable(server: SocketAddr) -> Result<(), Failed> {
    let (host, port) = (server.ip().to_string(), server.port().to_string());
    let run = Command::new("timeout").args(["300", "memccapable", "-h", &host, "-p", &port]).output()?;
    let text = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    let passed = text.lines().filter(|line| line.trim_end().ends_with("[pass]")).count();
    if run.status.success() && passed == 54 {
        Ok(())
    } else {
        Err(format!("{passed} of 54 passed:\n{text}").into())
    }
}
