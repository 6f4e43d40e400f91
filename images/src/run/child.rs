//! The QEMU process: it dies with us, whatever happens to us.

#![expect(
    unsafe_code,
    reason = "the only way to have a process killed with its parent is a call between fork and exec"
)]

use crate::error::{Error, Result};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

/// A running QEMU; dropping it kills it.
pub(super) struct Qemu {
    child: Child,
}

impl Qemu {
    /// Starts it, in a process group of its own so that a terminal's Ctrl-C reaches us alone.
    pub(super) fn start(program: &Path, args: &[OsString]) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .args(args)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let parent = rustix::process::getpid();
        let die_with_parent = move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have gone before the line above.
            if getppid() == Some(parent) { Ok(()) } else { Err(std::io::ErrorKind::NotFound.into()) }
        };
        // SAFETY: between fork and exec only async-signal-safe calls are allowed; the closure makes two system calls
        // (prctl, getppid) and neither allocates nor takes a lock.
        unsafe { command.pre_exec(die_with_parent) };
        let child = command.spawn().map_err(|error| Error::io("start", program, error))?;
        Ok(Self { child })
    }

    /// The guest's serial port.
    pub(super) fn take_serial(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// QEMU's own messages.
    pub(super) fn take_messages(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Whether it has ended, and how.
    pub(super) fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it now.
    pub(super) fn kill(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        self.kill();
    }
}
