//! Stock programs under ld-osv.so on this Linux: the same object that the guest runs, over the `syscall` gate.

use osv_compat_tests::gaps;
use osv_compat_tests::programs::{Build, build, find};
use osv_compat_tests::stock;
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
        let name = program.to_str().expect("a plain name");
        find(name).expect("an installed program")
    };
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

/// Runs the row called `name`.
fn row(name: &str) {
    let row = stock::all().into_iter().find(|row| row.name == name).expect("a row");
    assert!(row.dynamic, "{name} brings its own libc");
    let files = row.files().expect("the row's file");
    let arguments = files.here(row.arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    prints(row.program(), &arguments, row.fragment);
}

#[test]
fn hello_go() {
    prints(build("hello.go", Build::GoPie).expect("hello builds"), &[], "hello from go");
}

#[test]
fn lua() {
    row("lua5.4");
}

#[test]
fn sqlite3() {
    row("sqlite3");
}

#[test]
fn openssl() {
    row("openssl");
}

#[test]
fn ripgrep() {
    row("ripgrep");
}

#[test]
fn haproxy() {
    row("haproxy");
}

#[test]
fn python() {
    row("python3.11");
}

#[test]
fn php() {
    row("php");
}

#[test]
fn node() {
    row("node");
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

/// Starts a server; gives it with a connection to its port.
fn start(mut command: Command, port: u16) -> (Server, TcpStream) {
    let server = Server(command.stdout(Stdio::null()).spawn().expect("ld-osv.so starts"));
    let stream = (0..600)
        .find_map(|_| {
            TcpStream::connect(("127.0.0.1", port)).ok().or_else(|| {
                sleep(Duration::from_millis(50));
                None
            })
        })
        .expect("the server answers within 30 s");
    (server, stream)
}

fn converse(command: Command, port: u16, say: &str, expected: &str) {
    let (_server, mut stream) = start(command, port);
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

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("osv-native-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fetches(command: Command, port: u16, path: &str, fragment: &str) {
    let (_server, mut stream) = start(command, port);
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains(fragment), "{answer}");
}

#[test]
fn nginx() {
    let (folder, port) = (Folder::new("nginx"), free_port());
    let place = folder.0.display();
    std::fs::write(folder.0.join("index.html"), "<h1>hi</h1>\n").expect("a page");
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {place}/{what};"))
        .collect();
    let configuration = format!(
        "master_process off; daemon off; pid {place}/pid; error_log {place}/error.log; events{{}} \
         http{{ access_log off; {temporary} server{{listen 127.0.0.1:{port}; root {place};}}}}"
    );
    let file = folder.0.join("nginx.conf");
    std::fs::write(&file, configuration).expect("a configuration");
    let mut command = command("nginx");
    command.arg("-c").arg(&file).arg("-e").arg(folder.0.join("error.log"));
    fetches(command, port, "/", "<h1>hi</h1>");
}

#[test]
fn etcd() {
    let (folder, port, peers) = (Folder::new("etcd"), free_port(), free_port());
    let address = format!("http://127.0.0.1:{port}");
    let peers = format!("http://127.0.0.1:{peers}");
    let mut command = command("etcd");
    command.arg("--data-dir").arg(&folder.0).stderr(Stdio::null());
    command.args(["--listen-client-urls", &address, "--advertise-client-urls", &address]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("default={peers}")]);
    fetches(command, port, "/version", "\"etcdserver\":\"3.");
}

#[test]
fn iperf3() {
    let port = free_port().to_string();
    let mut command = command("iperf3");
    command.args(["-s", "-1", "-p", &port]);
    let mut server = Server(command.stdout(Stdio::null()).spawn().expect("ld-osv.so starts"));
    let client = || {
        let run = Command::new("iperf3").args(["-c", "127.0.0.1", "-p", &port, "-n", "1M"]).output();
        let output = run.expect("iperf3 starts");
        sleep(Duration::from_millis(50));
        String::from_utf8_lossy(&output.stdout).contains("iperf Done.")
    };
    assert!((0..200).any(|_| client()), "no whole test");
    assert!(server.0.wait().expect("its end").success());
}
