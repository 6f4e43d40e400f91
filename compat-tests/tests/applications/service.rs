//! Servers in a guest, talked to from here through a forwarded port.

use libtest_mimic::Failed;
use osv_compat_tests::gaps;
use osv_compat_tests::guest::Guest;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// A server to be: what runs, where it listens, and how one sees that it does.
pub struct Service {
    binary: OsString,
    port: u16,
    probe: &'static [u8],
    flags: Vec<String>,
    arguments: Vec<String>,
    status: i32,
    silent: bool,
    ends_alone: bool,
}

impl Service {
    /// Any answer to `probe` on `port` shows that it serves.
    pub fn new(binary: impl Into<OsString>, port: u16, probe: &'static [u8]) -> Service {
        let (flags, arguments) = (Vec::new(), Vec::new());
        let (status, silent, ends_alone) = (0, false, false);
        Service { binary: binary.into(), port, probe, flags, arguments, status, silent, ends_alone }
    }

    /// One that speaks HTTP.
    pub fn http(binary: impl Into<OsString>, port: u16) -> Service {
        Service::new(binary, port, b"GET / HTTP/1.0\r\n\r\n")
    }

    /// Flags for osv-pack.
    pub fn flags<S: AsRef<str>>(mut self, flags: &[S]) -> Service {
        self.flags.extend(flags.iter().map(|flag| flag.as_ref().to_owned()));
        self
    }

    /// Arguments for the program.
    pub fn args(mut self, arguments: &[&str]) -> Service {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// What SIGTERM makes it end with, if not 0.
    pub fn ends_with(mut self, status: i32) -> Service {
        self.status = status;
        self
    }

    /// It needs no signal to end.
    pub fn ends_alone(mut self) -> Service {
        self.ends_alone = true;
        self
    }

    /// Only the test knows how to see that it serves.
    pub fn unprobed(mut self) -> Service {
        self.silent = true;
        self
    }

    /// Boots it, waits until it answers, runs `test` against it, and ends it by SIGTERM.
    pub fn serve(&self, test: impl FnOnce(SocketAddr) -> Result<(), Failed>) -> Result<(), Failed> {
        let here = free_address()?;
        let forward = format!("{}:{}", here.port(), self.port);
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let guest = Guest::new(&self.binary).flags(&["-v", "-p", &forward]).flags(&flags).args(&arguments);
        let running = guest.timeout(Duration::from_secs(600)).spawn()?;
        let ready = if self.silent { Ok(()) } else { until_answering(here, self.probe) };
        let tested = ready.and_then(|()| test(here));
        let terminated = if self.ends_alone && tested.is_ok() { Ok(()) } else { running.terminate() };
        let outcome = running.wait()?;
        tested.map_err(|error| {
            let why = error.message().unwrap_or_default().to_owned();
            format!("{why}\n-- the guest's stdout\n{}\n-- stderr\n{}", outcome.stdout, outcome.stderr)
        })?;
        terminated?;
        outcome.expect(self.status, "")?;
        let program: &OsStr = &self.binary;
        Ok(gaps::expect_listed(program, &flags, &outcome.stderr)?)
    }
}

/// An address of this machine that nobody listens at.
pub fn free_address() -> Result<SocketAddr, Failed> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// `--add` for a file of this machine, at another place in the guest.
pub fn add(host: &Path, guest: &str) -> [String; 2] {
    ["--add".to_owned(), format!("{}:{guest}", host.display())]
}

/// Tries until it works, for two minutes.
pub fn eventually<R>(what: &str, mut attempt: impl FnMut() -> Option<R>) -> Result<R, Failed> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        if let Some(result) = attempt() {
            return Ok(result);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("{what}: not within two minutes").into())
}

/// QEMU's forwarding accepts before the guest does: only an answer shows that the server is there. What is sent before
/// the guest has a network is lost, so the first attempts wait briefly; later ones give a busy machine its time.
fn until_answering(server: SocketAddr, probe: &[u8]) -> Result<(), Failed> {
    let mut patience = Duration::from_millis(250);
    eventually(&format!("an answer from {server}"), || {
        let answered = TcpStream::connect(server).and_then(|mut stream| {
            stream.set_read_timeout(Some(patience))?;
            patience = (patience * 2).min(Duration::from_secs(5));
            stream.write_all(probe)?;
            stream.read(&mut [0; 64])
        });
        answered.is_ok_and(|length| length > 0).then_some(())
    })
}

/// Sends `say`, and expects exactly `answer` at the beginning of what comes back.
pub fn ask(server: SocketAddr, say: &[u8], answer: &[u8]) -> Result<(), Failed> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(say)?;
    let mut got = vec![0; answer.len()];
    stream.read_exact(&mut got)?;
    if got == answer { Ok(()) } else { Err(format!("answered {:?}", String::from_utf8_lossy(&got)).into()) }
}

/// Fetches `path`, and expects `fragment` in the answer.
pub fn get(server: SocketAddr, path: &str, fragment: &str) -> Result<(), Failed> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: guest\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    if answer.contains(fragment) { Ok(()) } else { Err(format!("GET {path}: {answer:?}").into()) }
}
