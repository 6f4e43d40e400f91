//! Our own files that go into images: the kernel and ld-osv.so.

use crate::error::{Error, Result};
use std::env;
use std::path::{Path, PathBuf};

/// File name of the kernel.
pub const KERNEL: &str = "kernel.elf";
/// File name of the dynamic linker and libc table.
pub const LD_OSV: &str = "ld-osv.so";

/// Finds a part: in $OSV_HOME, beside the executable (as installed, or in target/release of a checkout), or in
/// target/osv of the current folder.
pub fn find(name: &'static str) -> Result<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("OSV_HOME").map(PathBuf::from).into_iter().collect();
    if folders.is_empty() {
        let executable = env::current_exe().ok().and_then(|path| path.canonicalize().ok());
        if let Some(beside) = executable.as_deref().and_then(Path::parent) {
            folders.extend([
                beside.into(),
                beside.join("osv"),
                beside.join("../osv"),
                beside.join("../lib/osv"),
            ]);
        }
        folders.push("target/osv".into());
    }
    let candidates: Vec<_> = folders.iter().map(|folder| folder.join(name)).collect();
    let found = candidates.iter().find(|path| path.is_file()).cloned();
    found.ok_or_else(|| Error::NoPart {
        name,
        searched: candidates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    })
}
