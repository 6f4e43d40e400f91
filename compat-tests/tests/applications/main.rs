//! Stock programs in the guest, one named test each, with the fragment that they must print. Filter by name as
//! with any test; `OSV_PACK` names another osv-pack.

mod image_libc;
mod memcached;
mod servers;
mod service;

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::gaps;
use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::{self, Build};
use osv_compat_tests::stock;
use std::ffi::OsStr;

fn main() {
    let mut trials = Vec::new();
    for (name, source, build, fragment) in [
        ("hello.glibc", "hello.c", Build::Glibc, "thread t=42"),
        ("hello.glibc.static", "hello.c", Build::GlibcStatic, "thread t=42"),
        ("cancel", "cancel.c", Build::Glibc, "cancel ok"),
        ("hello.musl", "hello.c", Build::Musl, "thread t=42"),
        ("hello.musl.spie", "hello.c", Build::MuslStaticPie, "thread t=42"),
        ("hello.rust", "hello.rs", Build::Rust, "hi from thread"),
        ("hello.go.static", "hello.go", Build::GoStatic, "hello from go"),
        ("hello.go.pie", "hello.go", Build::GoPie, "hello from go"),
    ] {
        trials.push(trial(name, move || {
            let program = programs::build(source, build)?;
            run(program.as_os_str(), &[], &[], fragment)
        }));
    }
    for row in stock::all() {
        trials.push(trial(row.name, move || {
            let files = row.files()?;
            let flags: Vec<String> = row.flags().into_iter().chain(files.guest_flags()).collect();
            run(row.program().as_os_str(), &flags, &files.in_guest(row.arguments), row.fragment)
        }));
    }
    trials.extend(image_libc::trials());
    trials.push(trial("busybox.full", || {
        // The root is in RAM: whoever fills it is told so, and lives to say it.
        let guest = Guest::new("busybox").flags(&["-m", "32M"]);
        let outcome = guest.args(&["dd", "if=/dev/zero", "of=/tmp/x", "bs=1M", "count=100"]).run()?;
        outcome.expect(1, "")?;
        let told = outcome.stderr.contains("No space left on device");
        if told { Ok(()) } else { Err(outcome.stderr.into()) }
    }));
    trials.extend(servers::trials());
    trials.extend(memcached::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, test)
}

/// Runs a program to its end: status 0, `fragment` printed, and nothing lacking that `osv-pack check` did not list.
fn run(binary: &OsStr, flags: &[String], arguments: &[String], fragment: &str) -> Result<(), Failed> {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = Guest::new(binary).flags(&["-v"]).flags(&flags).args(&arguments).run()?;
    outcome.expect(0, fragment)?;
    Ok(gaps::expect_listed(binary, &flags, &outcome.stderr)?)
}
