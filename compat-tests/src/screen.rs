//! A terminal of this machine with a program on it, for tests that type and look.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long a key may go unanswered before it is typed again.
const AGAIN: Duration = Duration::from_secs(2);

/// A pseudo-terminal, the program that has it, and what that has shown so far.
#[derive(Debug)]
pub struct Screen {
    master: File,
    /// Keeps the terminal there when the program is gone.
    terminal: File,
    before: Termios,
    child: Child,
    shown: Vec<u8>,
    /// Where what was not looked at begins.
    seen: usize,
    deadline: Instant,
}

fn failed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}

impl Screen {
    /// Runs a command, whose words are `words`, as the leader of a session on a new terminal of 24 lines of 80.
    pub fn start(
        words: impl IntoIterator<Item = OsString>,
        env: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Screen, String> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(failed("posix_openpt"))?;
        unlockpt(&master).map_err(failed("unlockpt"))?;
        let name = ptsname(&master, Vec::new()).map_err(failed("ptsname"))?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(&*name, flags, Mode::empty()).map_err(failed("the terminal"))?;
        let (master, terminal) = (File::from(master), File::from(terminal));
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).map_err(failed("the terminal"))?;
        let before = tcgetattr(&terminal).map_err(failed("tcgetattr"))?;
        let stream = || terminal.try_clone().map_err(failed("the terminal"));
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).args(words).envs(env.iter().copied()).env("TERM", "xterm");
        command.stdin(stream()?).stdout(stream()?).stderr(stream()?);
        let child = command.spawn().map_err(failed("setsid"))?;
        let deadline = Instant::now() + limit;
        let screen = Screen { master, terminal, before, child, shown: Vec::new(), seen: 0, deadline };
        screen.resize(24, 80)?;
        Ok(screen)
    }

    /// Gives the terminal another size.
    pub fn resize(&self, rows: u16, columns: u16) -> Result<(), String> {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).map_err(failed("tcsetwinsize"))
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) -> Result<(), String> {
        self.master.write_all(keys.as_bytes()).map_err(failed("typing"))
    }

    /// Reads what is shown, for a moment; `false`: nothing came.
    fn look(&mut self) -> Result<bool, String> {
        let moment = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        poll(&mut fds, Some(&moment)).map_err(failed("poll"))?;
        if !fds[0].revents().contains(PollFlags::IN) {
            return Ok(false);
        }
        let mut buf = [0; 4096];
        let len = self.master.read(&mut buf).map_err(failed("the terminal"))?;
        self.shown.extend_from_slice(&buf[..len]);
        Ok(len > 0)
    }

    /// Waits until `text` is shown, behind what was waited for before.
    pub fn expect(&mut self, text: &str) -> Result<(), String> {
        loop {
            let rest = &self.shown[self.seen..];
            if let Some(at) = rest.windows(text.len()).position(|window| window == text.as_bytes()) {
                self.seen += at + text.len();
                return Ok(());
            }
            if !self.look()? {
                let ended = self.child.try_wait().map_err(failed("the program"))?;
                if let Some(status) = ended {
                    return Err(format!("{status} before it showed {text:?}\n{}", self.text()));
                }
            }
            if Instant::now() > self.deadline {
                return Err(format!("never showed {text:?}\n{}", self.text()));
            }
        }
    }

    /// Types a line and waits until `text` is shown.
    pub fn say(&mut self, line: &str, text: &str) -> Result<(), String> {
        self.keys(line)?;
        self.keys("\r")?;
        self.expect(text)
    }

    /// Types `keys` until `text` is shown: whoever they are for may not be listening yet.
    pub fn press(&mut self, keys: &str, text: &str) -> Result<(), String> {
        let limit = self.deadline;
        loop {
            self.keys(keys)?;
            self.deadline = limit.min(Instant::now() + AGAIN);
            let shown = self.expect(text);
            self.deadline = limit;
            if shown.is_ok() || Instant::now() > limit {
                return shown;
            }
        }
    }

    /// All that was shown.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Number of the program that runs on it: setsid's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the program's end, and that the terminal is as it was; gives the exit status.
    pub fn end(mut self) -> Result<(Option<i32>, String), String> {
        let status = loop {
            self.look()?;
            match self.child.try_wait().map_err(failed("the program"))? {
                Some(status) => break status.code(),
                None if Instant::now() > self.deadline => {
                    return Err(format!("it did not end\n{}", self.text()));
                }
                None => {}
            }
        };
        while self.look()? {}
        let after = tcgetattr(&self.terminal).map_err(failed("tcgetattr"))?;
        let settings = |t: &Termios| (t.input_modes, t.output_modes, t.control_modes, t.local_modes);
        if settings(&after) != settings(&self.before) {
            return Err(format!("the terminal was left as {after:?}, it had been {:?}", self.before));
        }
        Ok((status, self.text()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Both fail only when it has ended already. With its terminal gone, all that runs on it ends too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
