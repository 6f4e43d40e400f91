//! A program on this Linux, where it can hurt nobody: it has processes, mounts, host name and a root of its own. It
//! keeps most of root's rights, as the guest's program has them, so that both see the same.

use crate::guest::Outcome;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where the program finds a file of the caller's, here and in the guest.
pub const GIVEN: &str = "/run/given";

/// Runs `program` with `arguments`; `given` is to be seen at [`GIVEN`].
pub fn run(
    program: &Path,
    arguments: &[&str],
    given: Option<&Path>,
    timeout: Duration,
) -> Result<Outcome, String> {
    let root = is_root();
    let mut command = Command::new(if root { "timeout" } else { "sudo" });
    if !root {
        command.args(["-n", "timeout"]);
    }
    command.args(["--kill-after=5", &timeout.as_secs().to_string()]);
    command.args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]);
    // A signal to the process group must not reach the harness.
    command.args([
        "setsid",
        "--wait",
        "env",
        "-i",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "sh",
        "-c",
        include_str!("confine.sh"),
        "sh",
    ]);
    command.arg(program).arg(given.unwrap_or(Path::new(""))).args(arguments);
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("unshare: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Outcome { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}
