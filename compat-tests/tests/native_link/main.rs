//! The dynamic linker against the host's: the same programs and libraries, linked by ld-osv.so and by glibc's ld.so,
//! print the same.

mod debugger;
mod kit;

use kit::{Place, errors, text};
use std::fs;

#[test]
fn constructors_and_destructors_run_in_order() {
    let place = Place::new("order");
    place.library("liblow.so", "order_library.c", &["-DNAME=low"]);
    place.library("libhigh.so", "order_library.c", &["-DNAME=high", "-DTAIL=low", "@liblow.so"]);
    place.library("libfirst.so", "order_library.c", &["-DNAME=first", "-Wl,--no-as-needed", "@liblow.so"]);
    place.library("libsecond.so", "order_library.c", &["-DNAME=second"]);
    place.build("order", "order.c", &["@libhigh.so", "@liblow.so"]);
    place.compare("order");
}

#[test]
fn tls_of_every_model_reaches_threads_old_and_new() {
    let place = Place::new("tls");
    for (name, model) in [
        ("libdynamic.so", "-ftls-model=global-dynamic"),
        ("libdescriptor.so", "-mtls-dialect=gnu2"),
        ("libinitial.so", "-ftls-model=initial-exec"),
    ] {
        place.library(name, "tls_library.c", &[model]);
    }
    place.build("tls", "tls.c", &[]);
    place.compare("tls");
}

#[test]
fn a_tls_descriptor_keeps_every_register() {
    let place = Place::new("descriptor");
    place.library("libkeeps.so", "descriptor_library.c", &["-mtls-dialect=gnu2"]);
    place.build("descriptor", "descriptor.c", &[]);
    // glibc before 2.39 keeps the general registers alone, so that the host is no oracle here.
    let folder = place.path("");
    let output = place.run("descriptor", &[folder.to_str().expect("a plain path")]);
    assert_eq!(text(&output), "main: 0 0\nthread: 0\nthread: 0\nthread: 0\n", "{}", errors(&output));
}

#[test]
fn a_program_at_a_fixed_address_holds_copies() {
    let place = Place::new("fixed");
    place.library("libfixed.so", "fixed_library.c", &[]);
    place.build("fixed", "fixed.c", &["-no-pie", "-fno-pie", "@libfixed.so"]);
    place.build("copies", "fixed.c", &["@libfixed.so"]);
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
    let place = Place::new("dl");
    fs::write(place.path("versions"), "V1 { }; V2 { } V1;").expect("written");
    let script = format!("-Wl,--version-script={}", place.path("versions").display());
    place.library("libplugin.so", "versions_library.c", &[&script]);
    let small = |to: &str, what: &str, more: &[&str]| {
        place.library(to, "small.c", &[&[format!("-DWHAT={what}").as_str()], more].concat());
    };
    small("libother.so", "other", &[]);
    small("libnowhere.so", "other", &[]);
    small("libneedy.so", "needy", &["-Wl,--no-as-needed", "-Wl,-soname,libneedy.so", "-L", "@", "-lnowhere"]);
    fs::remove_file(place.path("libnowhere.so")).expect("removed");
    for name in ["undefined", "deep", "provider", "user"] {
        small(&format!("lib{name}.so"), name, &[]);
    }
    small("sub/libasks.so", "asks", &["-Wl,-rpath,$ORIGIN/deeper"]);
    small("sub/deeper/libhidden.so", "hidden", &[]);
    fs::write(place.path("text.so"), "no object, and not a short text either\n".repeat(9)).expect("written");
    place.build("dl", "dl.c", &["-rdynamic"]);
    place.compare("dl");
}

#[test]
fn exceptions_pass_libraries_libc_and_threads() {
    let place = Place::new("throw");
    for name in ["libthrow.so", "libthrow_too.so"] {
        place.library(name, "throw_library.cpp", &[]);
    }
    place.build("throw", "throw.cpp", &[]);
    place.compare("throw");
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
    let place = Place::new("storm");
    for (name, model) in [
        ("libdynamic.so", "-ftls-model=global-dynamic"),
        ("libdescriptor.so", "-mtls-dialect=gnu2"),
        ("libinitial.so", "-ftls-model=initial-exec"),
    ] {
        place.library(name, "tls_library.c", &[model]);
    }
    place.library("libthrow.so", "throw_library.cpp", &[]);
    place.build("storm", "storm.cpp", &[]);
    let folder = place.path("");
    let output = place.run("storm", &[folder.to_str().expect("a plain path")]);
    assert_eq!(text(&output), "caught 1 looked 1\n", "{} {}", output.status, errors(&output));
}

#[test]
fn backtraces_name_their_functions() {
    let place = Place::new("trace");
    place.build("trace", "trace.c", &["-rdynamic"]);
    place.compare("trace");
}

#[test]
fn program_headers_are_told_as_they_are() {
    let place = Place::new("phdr");
    place.library("libinitial.so", "tls_library.c", &["-ftls-model=initial-exec"]);
    place.build("phdr", "phdr.c", &[]);
    place.compare("phdr");
}

#[test]
fn a_fork_finds_the_linker_whole() {
    let place = Place::new("forks");
    place.library("libdynamic.so", "tls_library.c", &[]);
    place.build("forks", "forks.c", &[]);
    place.compare("forks");
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
