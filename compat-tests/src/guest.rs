//! A program in a guest: `osv-pack run`, with a limit to its time.

use crate::programs::repository;
use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Exit status; `None` when it had to be killed from outside.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error, with what osv-pack says.
    pub stderr: String,
}

/// A guest to be.
#[derive(Clone, Debug)]
pub struct Guest {
    arguments: Vec<OsString>,
    program_arguments: Vec<OsString>,
    timeout: Duration,
}

/// Where osv-pack is: `OSV_PACK`, or the release build.
pub fn osv_pack() -> Result<PathBuf, String> {
    let path = std::env::var_os("OSV_PACK").map(PathBuf::from);
    let path = path.unwrap_or_else(|| repository().join("target/release/osv-pack"));
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing: run `make`", path.display())) }
}

impl Guest {
    /// Runs `binary`, a path or a name to be found in `PATH`.
    pub fn new(binary: impl Into<OsString>) -> Guest {
        let timeout = Duration::from_secs(60);
        Guest { arguments: vec![binary.into()], program_arguments: Vec::new(), timeout }
    }

    /// Flags for osv-pack.
    pub fn flags(mut self, flags: &[&str]) -> Guest {
        self.arguments.extend(flags.iter().map(OsString::from));
        self
    }

    /// Arguments for the program.
    pub fn args(mut self, arguments: &[&str]) -> Guest {
        self.program_arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    /// How long it may take.
    pub fn timeout(mut self, timeout: Duration) -> Guest {
        self.timeout = timeout;
        self
    }

    /// Starts it.
    pub fn spawn(&self) -> Result<Running, String> {
        let mut command = Command::new(osv_pack()?);
        command.arg("run").args(&self.arguments);
        // The guest's own limit speaks of its threads; ours only ends what does not keep to it.
        command.args(["--timeout", &self.timeout.as_secs().to_string()]);
        command.arg("--").args(&self.program_arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("osv-pack: {error}"))?;
        let stdout = reader(child.stdout.take());
        let stderr = reader(child.stderr.take());
        Ok(Running {
            child,
            stdout,
            stderr,
            deadline: Instant::now() + self.timeout + Duration::from_secs(15),
        })
    }

    /// Runs it to its end.
    pub fn run(&self) -> Result<Outcome, String> {
        self.spawn()?.wait()
    }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is what there is to show.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// A guest that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    deadline: Instant,
}

impl Running {
    /// osv-pack's process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends osv-pack SIGTERM, which it passes on.
    pub fn terminate(&self) -> Result<(), String> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        match sent {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("kill: {status}")),
            Err(error) => Err(format!("kill: {error}")),
        }
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Outcome, String> {
        let status = loop {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break status.code(),
                None if Instant::now() > self.deadline => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let text = |reader: JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
        };
        Ok(Outcome { status, stdout: text(self.stdout), stderr: text(self.stderr) })
    }
}

impl Outcome {
    /// Whether it ended with `status` and its standard output has `fragment`.
    pub fn expect(&self, status: i32, fragment: &str) -> Result<(), String> {
        if self.status == Some(status) && self.stdout.contains(fragment) {
            return Ok(());
        }
        let shown =
            self.status.map_or("killed after its time".to_owned(), |status| format!("status {status}"));
        Err(format!(
            "expected status {status} and {fragment:?}, got {shown}\n-- stdout\n{}\n-- stderr\n{}",
            self.stdout, self.stderr
        ))
    }
}
