//! Our side: programs packed by osv-pack.

use super::machine::Boot;
use crate::guest::osv_pack;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packs `program` to `image` with more flags of osv-pack.
pub fn pack(program: &OsStr, image: &Path, flags: &[&str]) -> Result<(), String> {
    let mut command = Command::new(osv_pack()?);
    command.arg("build").arg(program).arg("-o").arg(image).args(flags);
    let packed = command.output().map_err(|error| format!("osv-pack: {error}"))?;
    if packed.status.success() {
        Ok(())
    } else {
        Err(format!("osv-pack build: {}", String::from_utf8_lossy(&packed.stderr)))
    }
}

/// Boots an image with no device but the serial port. `words` are more of the kernel's, or the program's after `--`.
pub fn boot(image: &Path, words: &str) -> Boot {
    let command_line = format!("osv.tty=none osv.net=none {words}");
    Boot { kernel: image.into(), initrd: None, command_line }
}

/// The kernel that osv-pack packs.
pub fn kernel() -> Result<PathBuf, String> {
    let home = std::env::var_os("OSV_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| crate::programs::repository().join("target/osv"));
    let kernel = home.join("kernel.elf");
    if kernel.is_file() { Ok(kernel) } else { Err(format!("{} is missing: run `make`", kernel.display())) }
}
