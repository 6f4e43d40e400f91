//! Builds musl's archive: find and verify the tarball, unpack a copy, apply overlay and edits, compile.
//!
//! The result is kept in `target/musl/<key>/libmusl.a`, where the key is a hash of everything that went into it, so
//! that the several target directories of this workspace build it once. Its path goes to dependants as
//! `DEP_OSV_MUSL_ARCHIVE`.

mod compile;
mod source;

use std::{env, fs, path::PathBuf, process};

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=overlay");
    println!("cargo::rerun-if-changed=source.env");
    println!("cargo::rerun-if-env-changed=OSV_MUSL_TARBALL");
    println!("cargo::rerun-if-env-changed=CC");
    match archive() {
        Ok(path) => println!("cargo::metadata=archive={}", path.display()),
        Err(error) => {
            eprintln!("musl-sys: {error}");
            process::exit(1);
        }
    }
}

/// The path of the built archive.
fn archive() -> Result<PathBuf, String> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("no CARGO_MANIFEST_DIR")?);
    let cache = here.join("../target/musl");
    let pinned = source::Pinned::read(&here.join("source.env"))?;
    let tarball = source::find(&pinned, &cache)?;
    let cc = env::var("CC").unwrap_or_else(|_| "gcc".into());

    let key = source::key(&pinned, &here, &cc)?;
    let home = cache.join(key);
    let archive = home.join("libmusl.a");
    println!("cargo::rerun-if-changed={}", archive.display());
    if archive.exists() {
        return Ok(archive);
    }

    // Build aside and rename, so that a second build beside this one sees all or nothing.
    let scratch = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?).join("build");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch).map_err(|e| format!("{}: {e}", scratch.display()))?;
    let tree = source::unpack(&tarball, &scratch)?;
    source::overlay(&here.join("overlay"), &tree)?;
    source::edit(&tree)?;
    source::generate(&tree)?;
    let built = compile::archive(&tree, &scratch, &cc)?;
    fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    let aside = home.join(format!("libmusl.a.{}", process::id()));
    fs::copy(&built, &aside).map_err(|e| format!("{}: {e}", aside.display()))?;
    fs::rename(&aside, &archive).map_err(|e| format!("{}: {e}", archive.display()))?;
    let _ = fs::remove_dir_all(&scratch);
    Ok(archive)
}
