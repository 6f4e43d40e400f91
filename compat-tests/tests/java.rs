//! Java: Debian's unmodified OpenJDK by the recipe `jvm`, in the guest with one CPU and with two, and under ld-osv.so on
//! this Linux. The programs are `programs/java/*.java`; what each line must say is here.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::Guest;
use osv_compat_tests::java::{self, classes, sources};
use osv_compat_tests::programs::{output, repository};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(420);
const BUSYBOX: &[&str] = &["--add", "/bin/busybox"];

/// A program and its lines.
struct Program {
    name: &'static str,
    main: &'static str,
    /// For osv-pack.
    flags: &'static [&'static str],
    /// For the virtual machine.
    java: &'static [&'static str],
    lines: &'static [&'static str],
}

const HELLO: Program =
    Program { name: "hello", main: "Hello", flags: &[], java: &[], lines: &["Hello from Java 17"] };

const PROGRAMS: &[Program] = &[
    HELLO,
    Program {
        name: "faults",
        main: "Faults",
        flags: &["-m", "512M"],
        java: &["-Xmx200m"],
        lines: &[
            "null checks 3000",
            "overflows 3 deep true",
            "a thousand overflows 1000",
            "out of memory 3",
            "in threads 36",
            "again 3000 10",
        ],
    },
    Program {
        name: "services",
        main: "Services",
        flags: BUSYBOX,
        java: &[],
        lines: &[
            "exec: 42 3",
            "exec missing: refused",
            "exec often: 20",
            "process: true 143",
            "pipe: through 0",
            "select: EPollSelectorProvider 50",
            "timers: true true true",
            "files: 012x456789end 1 false",
            "names: true 192.0.2.1 unknown",
            "zone: 2024-07-01T08:00-04:00[America/New_York]",
            "resource: true",
            "cpus: true",
            "hook: ran",
        ],
    },
    Program {
        name: "tls",
        main: "Tls",
        flags: &["-m", "1G"],
        java: &["-Xmx200m"],
        lines: &["tls: TLSv1.3 hello", "tls: TLSv1.2 hello", "authorities: true"],
    },
    Program {
        name: "watched",
        main: "Watched",
        flags: &["-m", "1G"],
        java: &["-Xmx100m"],
        lines: &[
            "jcmd: right",
            "jstack: right",
            "jcmd list: right",
            "heap dump: right",
            "heap dump file: right",
            "jstat: right",
            "threads: true",
        ],
    },
    Program {
        name: "g1",
        main: "Churn",
        flags: &["-m", "512M"],
        java: &["-Xmx64m", "-XX:+UseG1GC"],
        lines: &["kept 8192 collected true"],
    },
    Program {
        name: "serial",
        main: "Churn",
        flags: &["-m", "512M"],
        java: &["-Xmx64m", "-XX:+UseSerialGC"],
        lines: &["kept 8192 collected true"],
    },
    Program {
        name: "parallel",
        main: "Churn",
        flags: &["-m", "512M"],
        java: &["-Xmx64m", "-XX:+UseParallelGC"],
        lines: &["kept 8192 collected true"],
    },
];

fn main() {
    let mut trials = Vec::new();
    for program in PROGRAMS {
        let name = program.name;
        trials.push(Trial::test(format!("native.{name}"), move || native(program)));
        for cpus in ["1", "2"] {
            trials.push(Trial::test(format!("{name}.c{cpus}"), move || in_guest(program, cpus)));
        }
    }
    trials.push(Trial::test("native.javac", native_javac));
    trials.push(Trial::test("shared", shared));
    for collector in ["G1", "Parallel", "Serial"] {
        trials.push(Trial::test(format!("pages.{collector}"), move || pages(collector)));
    }
    for cpus in ["1", "2"] {
        trials.push(Trial::test(format!("http.c{cpus}"), move || http(cpus)));
        trials.push(Trial::test(format!("javac.c{cpus}"), move || javac(cpus)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Where the recipe finds java, too.
fn java_home() -> Result<PathBuf, Failed> {
    let homes = ["/usr/lib/jvm/default-java", "/usr/lib/jvm/java-17-openjdk-amd64"].map(PathBuf::from);
    let named = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let found = named.into_iter().chain(homes).find(|home| home.join("lib/modules").is_file());
    Ok(found.ok_or("no JDK is installed: `make setup` does it")?)
}

fn expect_lines(text: &str, errors: &str, lines: &[&str]) -> Result<(), Failed> {
    // In order, and nothing but them.
    let said: Vec<&str> = text.lines().collect();
    if said == lines {
        Ok(())
    } else {
        Err(format!("expected {lines:#?}, got\n{text}\n-- stderr\n{errors}").into())
    }
}

/// On this Linux, with ld-osv.so in the place of its linker and libc.
fn native(program: &Program) -> Result<(), Failed> {
    let mut command = ld_osv()?;
    command.args(program.java).args(["-cp", &classes()?, program.main]);
    let run = command.stdin(Stdio::null()).output()?;
    let (text, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    expect_lines(&text, &errors, program.lines)?;
    if run.status.success() { Ok(()) } else { Err(format!("{}: {errors}", run.status).into()) }
}

fn ld_osv() -> Result<Command, Failed> {
    let home = std::env::var_os("OSV_HOME").map(PathBuf::from);
    let object = home.unwrap_or_else(|| repository().join("target/osv")).join("ld-osv.so");
    if !object.exists() {
        return Err(format!("{} is missing: run `make`", object.display()).into());
    }
    let mut command = Command::new(object);
    command.arg(java_home()?.join("bin/java"));
    Ok(command)
}

fn native_javac() -> Result<(), Failed> {
    let folder = output().join("java-native");
    // The class of an earlier run is no result of this one.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    // Not bin/javac, which looks for its home by /proc/self/exe, and that is ld-osv.so here.
    let mut java = ld_osv()?;
    java.args(["-m", "jdk.compiler/com.sun.tools.javac.Main"]);
    let run = java.arg("-d").arg(&folder).arg(sources().join("Hello.java")).output()?;
    let compiled = run.status.success() && folder.join("Hello.class").is_file();
    if compiled { Ok(()) } else { Err(String::from_utf8_lossy(&run.stderr).into_owned().into()) }
}

fn guest(program: &Program, cpus: &str) -> Result<Guest, Failed> {
    let guest = java::guest(program.main, program.java)?.flags(&["-c", cpus]);
    Ok(guest.flags(program.flags).timeout(LIMIT))
}

fn in_guest(program: &Program, cpus: &str) -> Result<(), Failed> {
    let outcome = guest(program, cpus)?.run()?;
    expect_lines(&outcome.stdout, &outcome.stderr, program.lines)?;
    Ok(outcome.expect(0, "")?)
}

/// Classes come out of the archive, which is mapped at the address that it was made for.
fn shared() -> Result<(), Failed> {
    let java = &["-Xshare:on", "-Xlog:class+load,cds"];
    let outcome = guest(&Program { java, ..HELLO }, "1")?.run()?;
    outcome.expect(0, "java.lang.Object source: shared objects file")?;
    outcome.expect(0, "Hello from Java")?;
    let count = outcome.stdout.lines().filter(|line| line.contains("source: shared objects file")).count();
    if count > 400 {
        Ok(())
    } else {
        Err(format!("only {count} classes were shared\n{}", outcome.stdout).into())
    }
}

/// The heap's memory comes by 2 MiB, or is joined to that: Serial's old generation grows by less.
fn pages(collector: &str) -> Result<(), Failed> {
    let collector = format!("-XX:+Use{collector}GC");
    let outcome =
        java::guest("Pages", &["-Xmx200m", &collector])?.flags(&["-m", "512M"]).timeout(LIMIT).run()?;
    expect_lines(&outcome.stdout, &outcome.stderr, &["resident true, of pages of 2 MiB true"])?;
    Ok(outcome.expect(0, "")?)
}

fn javac(cpus: &str) -> Result<(), Failed> {
    let added = format!("{}:/src", sources().display());
    let guest = Guest::new("javac").flags(&["--recipe", "jvm", "--add", &added, "-c", cpus]);
    let arguments = ["-verbose", "-d", "/tmp", "/src/Hello.java"];
    let outcome = guest.args(&arguments).timeout(LIMIT).run()?;
    outcome.expect(0, "")?;
    let wrote = outcome.stderr.contains("[wrote /tmp/Hello.class]");
    if wrote { Ok(()) } else { Err(outcome.stderr.into()) }
}

/// A server with four threads, asked by four clients at once: on new connections and on kept ones.
fn http(cpus: &str) -> Result<(), Failed> {
    let here = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let forward = format!("{}:8097", here.port());
    let server = Program { main: "Server", flags: &[], ..HELLO };
    let guest = guest(&server, cpus)?.flags(&["-p", &forward]).args(&["8097"]);
    let running = guest.spawn()?;
    let tested = until_greeted(here).and_then(|()| {
        let clients: Vec<_> =
            (0..4).map(|client| std::thread::spawn(move || ask_often(here, client))).collect();
        for client in clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        Ok(())
    });
    // Whatever the clients found, the server is to end.
    let quit = request(&mut TcpStream::connect(here)?, "/quit");
    if tested.is_err() || quit.is_err() {
        running.terminate()?;
    }
    let outcome = running.wait()?;
    tested.map_err(|error: String| {
        format!("{error}\n-- stdout\n{}\n-- stderr\n{}", outcome.stdout, outcome.stderr)
    })?;
    quit?;
    Ok(outcome.expect(0, "ready")?)
}

/// QEMU's forwarding accepts before the guest does: only an answer shows that the server is there.
fn until_greeted(server: SocketAddr) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(240);
    loop {
        let said = TcpStream::connect(server).map_err(|error| error.to_string());
        match said.and_then(|mut stream| request(&mut stream, "/x")) {
            Ok(answer) if answer == "hello /x\n" => return Ok(()),
            answer if Instant::now() > deadline => return Err(format!("no greeting: {answer:?}")),
            _ => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

fn ask_often(server: SocketAddr, client: u32) -> Result<(), String> {
    let connect = || TcpStream::connect(server).map_err(|error| error.to_string());
    let mut kept = connect()?;
    for round in 0..40 {
        let path = format!("/{client}/{round}");
        let answer = match round % 4 {
            0 => request(&mut connect()?, &path)?,
            _ => request(&mut kept, &path)?,
        };
        if answer != format!("hello {path}\n") {
            return Err(format!("{path} was answered with {answer:?}"));
        }
    }
    Ok(())
}

/// The body of the answer.
fn request(stream: &mut TcpStream, path: &str) -> Result<String, String> {
    let ask = |stream: &mut TcpStream| -> std::io::Result<String> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: guest\r\n\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().map_err(std::io::Error::other)?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    };
    ask(stream).map_err(|error| format!("GET {path}: {error}"))
}
