//! The programs that both the native tests and those in the guest run, each in a folder of its own with what it needs.

use crate::kit::Place;
use std::fs;

/// Constructors and destructors.
pub fn order(name: &str) -> Place {
    let place = Place::new(name);
    place.library("liblow.so", "order_library.c", &["-DNAME=low"]);
    place.library("libhigh.so", "order_library.c", &["-DNAME=high", "-DTAIL=low", "@liblow.so"]);
    place.library("libfirst.so", "order_library.c", &["-DNAME=first", "-Wl,--no-as-needed", "@liblow.so"]);
    place.library("libsecond.so", "order_library.c", &["-DNAME=second"]);
    place.build("order", "order.c", &["@libhigh.so", "@liblow.so"]);
    place
}

/// Thread-local storage of every model.
pub fn tls(name: &str) -> Place {
    let place = Place::new(name);
    for (name, model) in [
        ("libdynamic.so", "-ftls-model=global-dynamic"),
        ("libdescriptor.so", "-mtls-dialect=gnu2"),
        ("libinitial.so", "-ftls-model=initial-exec"),
    ] {
        place.library(name, "tls_library.c", &[model]);
    }
    place.build("tls", "tls.c", &[]);
    place
}

/// TLS descriptors and registers.
pub fn descriptor(name: &str) -> Place {
    let place = Place::new(name);
    place.library("libkeeps.so", "descriptor_library.c", &["-mtls-dialect=gnu2"]);
    place.build("descriptor", "descriptor.c", &[]);
    place
}

/// COPY relocations.
pub fn fixed(name: &str) -> Place {
    let place = Place::new(name);
    place.library("libfixed.so", "fixed_library.c", &[]);
    place.build("fixed", "fixed.c", &["-no-pie", "-fno-pie", "@libfixed.so"]);
    place.build("copies", "fixed.c", &["@libfixed.so"]);
    place
}

/// dlopen and its kin.
pub fn dl(name: &str) -> Place {
    let place = Place::new(name);
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
    place
}

/// C++ exceptions.
pub fn throw(name: &str) -> Place {
    let place = Place::new(name);
    for name in ["libthrow.so", "libthrow_too.so"] {
        place.library(name, "throw_library.cpp", &[]);
    }
    place.build("throw", "throw.cpp", &[]);
    place
}

/// backtrace.
pub fn trace(name: &str) -> Place {
    let place = Place::new(name);
    place.build("trace", "trace.c", &["-rdynamic"]);
    place
}

/// dl_iterate_phdr.
pub fn phdr(name: &str) -> Place {
    let place = Place::new(name);
    place.library("libinitial.so", "tls_library.c", &["-ftls-model=initial-exec"]);
    place.build("phdr", "phdr.c", &[]);
    place
}

/// fork among threads that load.
pub fn forks(name: &str) -> Place {
    let place = Place::new(name);
    place.library("libdynamic.so", "tls_library.c", &[]);
    place.build("forks", "forks.c", &[]);
    place
}

/// Unwinding while libraries come and go.
pub fn storm(name: &str) -> Place {
    let place = Place::new(name);
    for (name, model) in [
        ("libdynamic.so", "-ftls-model=global-dynamic"),
        ("libdescriptor.so", "-mtls-dialect=gnu2"),
        ("libinitial.so", "-ftls-model=initial-exec"),
    ] {
        place.library(name, "tls_library.c", &[model]);
    }
    place.library("libthrow.so", "throw_library.cpp", &[]);
    place.build("storm", "storm.cpp", &[]);
    place
}
