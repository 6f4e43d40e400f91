//! osv.toml: what the flags can say, kept in a file.
//!
//! ```toml
//! program = "/usr/bin/memcached"
//! args = ["-u", "root", "-m", "64"]
//! add = ["site/:/srv/www"]
//! env = { LANG = "C" }
//!
//! [run]
//! ports = ["11211:11211"]
//! memory = "256M"
//! ```
//!
//! A flag wins over the file; lists are joined. Relative paths start at the file's folder. An unknown key is an error.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The program: a path, or a name that is looked for in PATH.
    pub program: Option<String>,
    /// A recipe that finds the program's runtime.
    pub recipe: Option<String>,
    /// With a recipe: where the runtime looks for the program's parts.
    pub class_path: Option<String>,
    /// With a recipe: arguments of the runtime itself.
    #[serde(default)]
    pub runtime_args: Vec<String>,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Where the image is written.
    pub output: Option<PathBuf>,
    /// Sysroot.
    pub root: Option<PathBuf>,
    /// Whether the root goes onto a disk: `auto`, `always`, `never`.
    pub disk: Option<String>,
    /// A disk of another image, to be shared.
    pub root_disk: Option<PathBuf>,
    /// Files and folders to add, HOST:GUEST.
    #[serde(default)]
    pub add: Vec<String>,
    /// Libraries that the program opens by itself (dlopen), by soname.
    #[serde(default)]
    pub libraries: Vec<String>,
    /// `auto`, `table` or `image`.
    pub libc: Option<String>,
    /// Environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Working folder.
    pub cwd: Option<String>,
    /// User.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Host name.
    pub hostname: Option<String>,
    /// The guest's own network configuration: `dhcp`, `none`, `ADDRESS/PREFIX[,gw=ADDRESS][,dns=ADDRESS]`.
    pub net: Option<String>,
    /// Least important kernel message that is printed.
    pub log: Option<String>,
    /// How `osv-pack run` runs it.
    #[serde(default)]
    pub run: Run,
}

/// The `[run]` table.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Forwarded ports, as `-p` has them.
    #[serde(default)]
    pub ports: Vec<String>,
    /// Memory, as `-m` has it.
    pub memory: Option<String>,
    /// Virtual CPUs.
    pub cpus: Option<u32>,
    /// `user`, `none` or `tap:NAME`.
    pub net: Option<String>,
    /// `auto`, `kvm` or `tcg`.
    pub accel: Option<String>,
    /// `q35`, `pc` or `microvm`.
    pub machine: Option<String>,
    /// Seconds.
    pub timeout: Option<f64>,
    /// How often `-v` is meant to be given.
    #[serde(default)]
    pub verbose: u8,
}

impl Config {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        Self::parse(path, &text)
    }

    /// Reads `text`, the content of `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let parsed = toml::from_str(text);
        let mut config: Self = parsed.map_err(|error| Error::Config {
            path: path.into(),
            message: error.to_string().trim_end().into(),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        if let Some(program) = config.program.as_mut().filter(|program| program.contains('/')) {
            *program = folder.join(&program).to_string_lossy().into_owned();
        }
        if let Some(path) = &mut config.class_path {
            let parts = path.split(':').filter(|part| !part.is_empty());
            *path = parts
                .map(|part| folder.join(part).to_string_lossy().into_owned())
                .collect::<Vec<_>>()
                .join(":");
        }
        for path in [&mut config.output, &mut config.root, &mut config.root_disk].into_iter().flatten() {
            *path = folder.join(&path);
        }
        for add in &mut config.add {
            *add = folder.join(&add).to_string_lossy().into_owned();
        }
        Ok(config)
    }
}
