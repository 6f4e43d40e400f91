//! The dynamic linker in the guest: programs of the native tests print there what they print under the host's ld.so.

#[path = "native_link/kit.rs"]
#[expect(dead_code, reason = "the native tests use the rest")]
mod kit;
#[path = "native_link/recipes.rs"]
#[expect(dead_code, reason = "the native tests use the rest")]
mod recipes;

use kit::{Place, bounded, text};
use osv_compat_tests::guest::Guest;
use std::process::Command;
use std::time::Duration;

/// Runs a program, which is passed the folder's path, in a guest with two processors.
fn expect(place: &Place, program: &str, expected: &str, status: Option<i32>) {
    let folder = place.folder();
    let guest = Guest::new(place.path(program))
        .flags(&["-c", "2", "-m", "512M", "--add", &format!("{folder}:{folder}")])
        .args(&[folder])
        .timeout(Duration::from_secs(240))
        .run()
        .expect("the guest starts");
    assert_eq!((guest.stdout.as_str(), guest.status), (expected, status), "{}", guest.stderr);
}

fn compare(place: &Place, program: &str) {
    let mut command = Command::new(place.path(program));
    command.arg(place.folder());
    let host = bounded(command);
    expect(place, program, &text(&host), host.status.code());
}

#[test]
fn constructors_and_destructors_run_in_order() {
    compare(&recipes::order("guest_order"), "order");
}

#[test]
fn tls_of_every_model_reaches_threads_old_and_new() {
    compare(&recipes::tls("guest_tls"), "tls");
}

#[test]
fn copies_at_a_fixed_address() {
    compare(&recipes::fixed("guest_fixed"), "fixed");
}

#[test]
fn dlopen_and_its_kin() {
    compare(&recipes::dl("guest_dl"), "dl");
}

#[test]
fn exceptions_pass_libraries_libc_and_threads() {
    compare(&recipes::throw("guest_throw"), "throw");
}

#[test]
fn backtraces_name_their_functions() {
    compare(&recipes::trace("guest_trace"), "trace");
}

#[test]
fn program_headers_are_told_as_they_are() {
    compare(&recipes::phdr("guest_phdr"), "phdr");
}

#[test]
fn a_fork_finds_the_linker_whole() {
    expect(&recipes::forks("guest_forks"), "forks", "60 children of 60\n", Some(0));
}
