//! Stock programs under ld-osv.so on this Linux: the same object that the guest runs, over the `syscall` gate.

use osv_compat_tests::gaps;
use osv_compat_tests::programs::{Build, build};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

fn ld_osv() -> PathBuf {
    let home = std::env::var_os("OSV_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/osv"));
    let path = home.join("ld-osv.so");
    assert!(path.exists(), "{} is not there: run make", path.display());
    path
}

fn command(program: impl AsRef<OsStr>) -> Command {
    let program = program.as_ref();
    let path = if Path::new(program).is_absolute() {
        program.into()
    } else {
        Path::new("/usr/bin").join(program).into_os_string()
    };
    assert!(Path::new(&path).exists(), "{} is not installed: run make setup", path.display());
    let mut command = Command::new(ld_osv());
    command.arg(path);
    command
}

fn prints(program: impl AsRef<OsStr>, arguments: &[&str], fragment: &str) {
    let program = program.as_ref();
    let output = command(program).args(arguments).output().expect("ld-osv.so starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}{errors}", output.status);
    assert!(text.contains(fragment), "`{fragment}` is not in `{text}` ({errors})");
    gaps::expect_listed(program, &[], &errors).expect("what is lacking was listed");
}

fn hello(source: &str, how: Build) {
    prints(build(source, how).expect("hello builds"), &[], "t=42");
}

#[test]
fn hello_glibc() {
    hello("hello.c", Build::Glibc);
}

#[test]
fn hello_musl() {
    hello("hello.c", Build::Musl);
}

#[test]
fn hello_rust() {
    prints(build("hello.rs", Build::Rust).expect("hello builds"), &[], "hi from thread");
}

#[test]
fn cancellation() {
    prints(build("cancel.c", Build::Glibc).expect("it builds"), &[], "cancel ok");
}

#[test]
fn lua() {
    let program = "local co=coroutine.wrap(function() for i=1,3 do coroutine.yield(i*i) end end) \
                   print(co(),co(),co(),string.format('%.3f',math.sin(1)),os.date('!%Y',0))";
    prints("lua5.4", &["-e", program], "1\t4\t9\t0.841\t1970");
}

#[test]
fn sqlite3() {
    let sum =
        "with recursive c(x) as (values(1) union all select x+1 from c where x<1000) select sum(x) from c";
    prints("sqlite3", &[":memory:", sum], "500500");
}

#[test]
fn openssl() {
    let file = std::env::temp_dir().join(format!("osv-native-abc-{}", std::process::id()));
    std::fs::write(&file, "abc").expect("a temporary file");
    let path = file.to_str().expect("a plain path");
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    prints("openssl", &["dgst", "-sha256", path], digest);
    std::fs::remove_file(&file).expect("the temporary file");
}

#[test]
fn ripgrep() {
    prints("rg", &["-c", "root:", "/etc/passwd"], "1");
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

fn converse(mut command: Command, port: u16, say: &str, expected: &str) {
    let server = command.stdout(Stdio::null()).spawn().expect("ld-osv.so starts");
    let _server = Server(server);
    let mut stream = (0..200)
        .find_map(|_| {
            TcpStream::connect(("127.0.0.1", port)).ok().or_else(|| {
                sleep(Duration::from_millis(50));
                None
            })
        })
        .expect("the server answers within 10 s");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.write_all(say.as_bytes()).expect("sent");
    let mut answer = String::new();
    let mut buf = [0; 512];
    while answer.len() < expected.len() {
        let n = stream.read(&mut buf).expect("an answer");
        assert!(n > 0, "the connection ended after `{answer}`");
        answer.push_str(&String::from_utf8_lossy(&buf[..n]));
    }
    assert_eq!(answer, expected);
}

#[test]
fn memcached() {
    let port = free_port();
    let mut command = command("memcached");
    command.args(["-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", &port.to_string()]);
    let answer = "STORED\r\n42\r\nVALUE a 0 2\r\n42\r\nEND\r\n";
    converse(command, port, "set a 0 0 2\r\n41\r\nincr a 1\r\nget a\r\n", answer);
}

#[test]
fn redis_server() {
    let port = free_port();
    let mut command = command("redis-server");
    command.args(["--port", &port.to_string(), "--save", "", "--protected-mode", "no"]);
    let say = "SET k v\r\nINCRBY n 41\r\nINCR n\r\nGET k\r\n";
    converse(command, port, say, "+OK\r\n:41\r\n:42\r\n$1\r\nv\r\n");
}
