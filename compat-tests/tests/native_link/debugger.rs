//! gdb finds program and libraries by `_r_debug`, whether ld-osv.so is the interpreter or the command.

use crate::kit::{Place, bounded, errors, ld_osv, text};
use std::process::Command;

fn built(name: &str, more: &[&str]) -> Place {
    let place = Place::new(name);
    place.library("libdynamic.so", "tls_library.c", &[]);
    place.library("libfixed.so", "fixed_library.c", &[]);
    place.build("shared", "shared.c", &[&["@libfixed.so"], more].concat());
    place
}

/// What gdb prints at the program's breakpoint.
fn session(place: &Place, command: &[String]) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-ex", "set breakpoint pending on", "-ex", "set startup-with-shell off"]);
    gdb.args(["-ex", "set debuginfod enabled off", "-ex", "break stop_here", "-ex", "run"]);
    gdb.args(["-ex", "backtrace", "-ex", "info sharedlibrary", "-ex", "continue", "--args"]);
    gdb.args(command).arg(place.path("libdynamic.so"));
    let output = bounded(gdb);
    format!("{}{}", text(&output), errors(&output))
}

fn check(session: &str) {
    for expected in ["in stop_here", "in main", "libfixed.so", "libdynamic.so", "exited normally"] {
        let found =
            session.contains(expected) || expected == "in stop_here" && session.contains("#0  stop_here");
        assert!(found, "`{expected}` is not in\n{session}");
    }
}

#[test]
fn gdb_sees_libraries_when_ld_osv_is_the_interpreter() {
    let interpreter = format!("-Wl,--dynamic-linker={}", ld_osv().display());
    let place = built("gdb_interpreter", &[&interpreter]);
    let program = place.path("shared").display().to_string();
    check(&session(&place, &[program]));
}

#[test]
fn gdb_sees_program_and_libraries_when_ld_osv_is_the_command() {
    let place = built("gdb_command", &[]);
    let program = place.path("shared").display().to_string();
    check(&session(&place, &[ld_osv().display().to_string(), program]));
}
