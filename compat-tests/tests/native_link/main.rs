//! The dynamic linker against the host's: the same programs and libraries, linked by ld-osv.so and by glibc's ld.so,
//! print the same.

mod debugger;
mod kit;
mod recipes;

use kit::{Place, errors, text};
use std::fs;

#[test]
fn constructors_and_destructors_run_in_order() {
    recipes::order("order").compare("order");
}

#[test]
fn tls_of_every_model_reaches_threads_old_and_new() {
    recipes::tls("tls").compare("tls");
}

#[test]
fn a_tls_descriptor_keeps_every_register() {
    let place = recipes::descriptor("descriptor");
    // glibc before 2.39 keeps the general registers alone, so that the host is no oracle here.
    place.expect("descriptor", "main: 0 0\nthread: 0\nthread: 0\nthread: 0\n");
}

#[test]
fn a_program_at_a_fixed_address_holds_copies() {
    let place = recipes::fixed("fixed");
    place.compare("fixed");
    place.compare("copies");
}

#[test]
fn resolvers_and_packed_relocations() {
    let place = Place::new("indirect");
    for name in ["libindirect.so", "libindirect_plugin.so"] {
        place.library(name, "indirect_library.c", &[]);
    }
    place.build("indirect", "indirect.c", &["@libindirect.so"]);
    place.compare("indirect");
    // Linkers before binutils 2.38 and C libraries before 2.36 don't know DT_RELR.
    place.build("packed", "indirect.c", &["@libindirect.so", "-Wl,-z,pack-relative-relocs"]);
    place.compare("packed");
}

#[test]
fn a_preloaded_library_interposes_libc_in_libc_too() {
    let mut place = Place::new("interpose");
    place.library("libinterpose.so", "interpose_library.c", &[]);
    place.build("interpose", "interpose.c", &["-fno-builtin"]);
    place.set("LD_PRELOAD", place.path("libinterpose.so").to_str().expect("a plain path"));
    place.compare("interpose");
}

#[test]
fn what_cannot_be_preloaded_is_said_and_left_out() {
    let mut place = Place::new("preload");
    place.build("interpose", "interpose.c", &["-fno-builtin"]);
    place.set("LD_PRELOAD", "/nowhere/libmissing.so");
    place.compare("interpose");
    let said = errors(&place.run("interpose", &[]));
    let expected = "object '/nowhere/libmissing.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored.";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn dlopen_and_its_kin() {
    recipes::dl("dl").compare("dl");
}

#[test]
fn exceptions_pass_libraries_libc_and_threads() {
    recipes::throw("throw").compare("throw");
}

#[test]
fn panics_pass_libc_and_threads() {
    let place = Place::new("panics");
    place.rust("panics", "panics.rs");
    place.compare("panics");
}

#[test]
fn lua_loads_a_module_in_c() {
    let place = Place::new("lua");
    place.library("module.so", "lua_module.c", &[]);
    let program = "package.cpath='./?.so'; print(require('module').twice(21), pcall(require, 'nowhere'))";
    let output = place.run("/usr/bin/lua5.4", &["-e", program]);
    assert!(text(&output).starts_with("42\tfalse\tmodule 'nowhere' not found"), "{}", errors(&output));
}

#[test]
fn unwinding_and_new_threads_do_not_mind_libraries_that_come_and_go() {
    let place = recipes::storm("storm");
    place.expect("storm", "caught 1 looked 1\n");
}

#[test]
fn backtraces_name_their_functions() {
    recipes::trace("trace").compare("trace");
}

#[test]
fn program_headers_are_told_as_they_are() {
    recipes::phdr("phdr").compare("phdr");
}

#[test]
fn a_fork_finds_the_linker_whole() {
    // In glibc a child may find the linker's lists half changed.
    recipes::forks("forks").expect("forks", "60 children of 60\n");
}

#[test]
fn a_missing_function_names_itself_when_it_is_called() {
    let place = Place::new("missing");
    place.library("libgone.so", "missing_library.c", &["-DWITH"]);
    place.build("missing", "missing.c", &["@libgone.so"]);
    place.library("libgone.so", "missing_library.c", &[]);
    let output = place.run("missing", &[]);
    assert_eq!((text(&output).as_str(), errors(&output).as_str()), ("not called\n", ""));
    let output = place.run("missing", &["call"]);
    let program = place.path("missing");
    let expected = format!("osv: gone_function (wanted by {}) is missing\n", program.display());
    assert_eq!((text(&output), errors(&output)), ("not called\n".into(), expected));
    assert_eq!(output.status.code(), None, "it ends by a signal");
}

#[test]
fn another_version_than_the_one_asked_for_is_said() {
    let place = Place::new("version");
    fs::write(place.path("script"), "GLIBC_9.9 { global: strlen; local: *; };").expect("written");
    let script = format!("-Wl,--version-script={}", place.path("script").display());
    place.library("libfuture.so", "version_library.c", &["-Wl,-soname,libm.so.6", "-nostdlib", &script]);
    place.build("version", "version.c", &["-fno-builtin", "@libfuture.so"]);
    let output = place.run("version", &[]);
    let expected = "osv: strlen@GLIBC_9.9 (wanted by ";
    assert!(errors(&output).contains(expected), "{}", errors(&output));
    assert_eq!(errors(&output).lines().count(), 1, "{}", errors(&output));
    assert_eq!(text(&output), "4\n");
}

#[test]
fn python_with_extension_modules() {
    let place = Place::new("python");
    let program = "import ssl, ctypes, sqlite3, hashlib, json, decimal, threading\n\
        print(hashlib.sha256(b'abc').hexdigest()[:8], sqlite3.connect(':memory:').execute('select 6*7').fetchone()[0])\n\
        print(ctypes.CDLL(None).abs(-5), ctypes.CDLL('libm.so.6').abs is not None, ssl.create_default_context() is not None)\n\
        t = threading.Thread(target=lambda: print(decimal.Decimal(1) / 8)); t.start(); t.join()";
    let output = place.run("/usr/bin/python3", &["-c", program]);
    assert_eq!(text(&output), "ba7816bf 42\n5 True True\n0.125\n", "{}", errors(&output));
    assert_eq!(errors(&output), "");
}
