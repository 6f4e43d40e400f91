//! Links ld-osv.so: renames in musl's archive what Rust provides, writes version script and dynamic list from the table.

use osv_abi::symbols::{Kind, Provider, ROWS};
use std::{collections::BTreeSet, env, fs, path::PathBuf, process::Command};

fn main() {
    let musl = env::var("DEP_OSV_MUSL_ARCHIVE").expect("musl-sys gives its archive");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let private = here.join("../musl/private.syms");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", private.display());
    println!("cargo::rerun-if-changed={musl}");

    let mut renamed: BTreeSet<String> = ROWS
        .iter()
        .filter(|row| matches!(row.provider, Provider::Rust | Provider::Link))
        // Programs built for musl get the C definition, which keeps its name.
        .filter(|row| !matches!(row.on_musl, Some((Provider::Musl, _))))
        .map(|row| row.name.to_owned())
        .collect();
    let text = fs::read_to_string(&private).expect("musl/private.syms is readable");
    renamed.extend(
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned),
    );
    let list: String = renamed.iter().map(|name| format!("{name} __osv_{name}\n")).collect();
    let renames = out.join("renames");
    fs::write(&renames, list).expect("OUT_DIR is writable");
    let archive = out.join("libmusl-renamed.a");
    let status = Command::new("objcopy")
        .arg(format!("--redefine-syms={}", renames.display()))
        .arg(&musl)
        .arg(&archive)
        .status()
        .expect("objcopy (binutils) runs");
    assert!(status.success(), "objcopy failed");
    // It has stand-ins for the locks that osv-posix asks for, and would be taken in place of their owners.
    let status =
        Command::new("ar").arg("d").arg(&archive).arg("process_fork.o").status().expect("ar (binutils) runs");
    assert!(status.success(), "ar failed");

    // What a program may hold a copy of stays reachable through the GOT; nothing else is exported.
    let objects: BTreeSet<&str> = ROWS
        .iter()
        .filter(|row| row.kind == Kind::Object && row.provider == Provider::Musl)
        .map(|row| row.target)
        .collect();
    let names: String = objects.iter().map(|name| format!("{name};\n")).collect();
    fs::write(out.join("list"), format!("{{\n{names}}};\n")).expect("OUT_DIR is writable");
    // Debuggers look these up in the object itself.
    let debug = "_r_debug;\n_dl_debug_state;\n";
    fs::write(out.join("versions"), format!("{{ global:\n{names}{debug}local: *; }};\n"))
        .expect("OUT_DIR is writable");

    for arg in [
        "-shared".into(),
        "-nostdlib".into(),
        "-nostartfiles".into(),
        "-Wl,-e,_start".into(),
        "-Wl,-soname,ld-osv.so".into(),
        "-Wl,-Bsymbolic-functions".into(),
        format!("-Wl,--dynamic-list={}", out.join("list").display()),
        format!("-Wl,--version-script={}", out.join("versions").display()),
        "-Wl,-z,now".into(),
        "-Wl,-z,relro".into(),
        "-Wl,-z,noexecstack".into(),
        // Thousands of addresses, relocated at every start: as bits, not as 24 bytes each.
        "-Wl,-z,pack-relative-relocs".into(),
        "-Wl,-z,defs".into(),
        "-Wl,--gc-sections".into(),
        "-Wl,--eh-frame-hdr".into(),
        "-Wl,--start-group".into(),
        archive.display().to_string(),
        "-lgcc".into(),
        "-Wl,--end-group".into(),
    ] {
        println!("cargo::rustc-link-arg-bins={arg}");
    }
}
