//! Java's programs under test: `programs/java/*.java`, compiled once by this machine's javac.

use crate::guest::Guest;
use crate::programs::output;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the sources are.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/java")
}

/// The compiled programs' folder.
pub fn classes() -> Result<String, String> {
    static CLASSES: OnceLock<Result<String, String>> = OnceLock::new();
    CLASSES.get_or_init(compile).clone()
}

fn compile() -> Result<String, String> {
    let folder = output().join("java");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let listing = std::fs::read_dir(sources()).map_err(|error| error.to_string())?;
    let files = listing.flatten().map(|entry| entry.path());
    let compiled =
        Command::new("javac").args(["-Xlint:all", "-Werror", "-d"]).arg(&folder).args(files).output();
    let compiled = compiled.map_err(|error| format!("javac: {error}; `make setup` installs it"))?;
    match compiled.status.success() {
        true => Ok(folder.display().to_string()),
        false => Err(String::from_utf8_lossy(&compiled.stderr).into_owned()),
    }
}

/// A guest that runs `main`, with flags for the virtual machine.
pub fn guest(main: &str, java: &[&str]) -> Result<Guest, String> {
    let flags: Vec<String> = java.iter().map(|flag| format!("-J{flag}")).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Ok(Guest::new(main).flags(&["--recipe", "jvm", "-cp", &classes()?]).flags(&flags))
}
