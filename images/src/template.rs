//! Recipes as data: how programs of one kind, such as Java's, become a program with arguments and files to take along.
//!
//! A recipe is a TOML file beside this crate's sources, embedded in osv-pack. It says where the runtime may be
//! installed (its home), what of it goes into the image, and what the words of the command line turn into:
//!
//! * `osv-pack --recipe NAME APP.suffix`: the file is put into `/app` and handed to the runtime's program (`[file]`);
//! * `osv-pack --recipe NAME -cp PATH WORD`: so is everything that the path names (`[path]`);
//! * `osv-pack --recipe NAME TOOL`: another program of the runtime, from the same folder as its main one.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::sysroot::Sysroot;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Every recipe there is.
const ALL: &[(&str, &str)] = &[("jvm", include_str!("../jvm/recipe.toml"))];
/// Where the application's own files go.
const APP: &str = "/app";

/// A recipe.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// What it is for, in a line.
    pub about: String,
    /// Commands that show how it is used.
    pub usage: Vec<String>,
    /// The runtime's program, below its home.
    program: String,
    /// First arguments of that program; those that the user adds for the runtime follow.
    #[serde(default)]
    args: Vec<String>,
    /// Memory of the guest, when nobody says how much.
    pub memory: Option<String>,
    /// Whether the runtime replaces instructions that its other threads may be about to run.
    #[serde(default)]
    replaces_code: bool,
    home: HomeRule,
    file: Option<FileRule>,
    path: Option<PathRule>,
}

/// Where the runtime is, and what of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct HomeRule {
    /// An environment variable that names the folder.
    variable: Option<String>,
    /// Folders to try; the last name may be `*`.
    folders: Vec<String>,
    /// A file that the right folder has.
    sign: String,
    take: Vec<String>,
    #[serde(default)]
    leave: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    suffix: String,
    /// `{file}` is its place in the guest.
    args: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathRule {
    /// `{path}` is the path in the guest, `{input}` the word after it.
    args: Vec<String>,
}

/// A runtime to be packed, as it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its folder, by the sysroot's names, and the same in the guest.
    pub path: PathBuf,
    /// What of it goes in.
    pub take: Vec<PathBuf>,
    /// What stays out of that.
    pub leave: BTreeSet<PathBuf>,
}

/// What the user said, as far as a recipe cares.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words<'a> {
    /// The word in the program's place.
    pub input: Option<&'a str>,
    /// `-cp`.
    pub path: Option<&'a str>,
    /// Arguments for the runtime itself.
    pub runtime_args: &'a [String],
}

/// What a recipe makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The program, by the sysroot's names.
    pub program: PathBuf,
    /// Its first arguments.
    pub args: Vec<String>,
    /// The application's files: host, guest.
    pub add: Vec<(PathBuf, PathBuf)>,
    /// The runtime.
    pub home: Home,
}

impl Template {
    /// The recipe `name`.
    pub fn named(name: &str) -> Result<Self> {
        let Some((_, text)) = ALL.iter().find(|(known, _)| *known == name) else {
            let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
            let what = format!("there is no recipe {name}");
            return Err(Error::usage(what, format!("the recipes: {}", names.join(", "))));
        };
        Self::parse(name, text)
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::Config {
            path: format!("recipe {name}").into(),
            message: error.to_string().trim_end().into(),
        })
    }

    /// Whether the guest's `program`, packed by the recipe of that name or by none, replaces instructions that its other
    /// threads may be about to run.
    pub fn replaces_code(recipe: Option<&String>, program: &[u8]) -> bool {
        let program = Path::new(OsStr::from_bytes(program));
        let templates = ALL.iter().filter_map(|(name, text)| Some((*name, Self::parse(name, text).ok()?)));
        let mut same = templates.filter(|(name, template)| match recipe {
            Some(recipe) => recipe == name,
            None => program.ends_with(&template.program),
        });
        same.any(|(_, template)| template.replaces_code)
    }

    /// What `--help` says of the recipes.
    pub fn help() -> String {
        let mut help = String::from("Recipes:\n");
        for (name, text) in ALL {
            // One that does not parse fails the tests, and says so when it is used.
            let Ok(template) = Self::parse(name, text) else { continue };
            help.push_str(&format!("  --recipe {name}: {}\n", template.about));
            template.usage.iter().for_each(|line| help.push_str(&format!("    {line}\n")));
        }
        help
    }

    /// Finds the runtime and places the application. `own_root`: the sysroot is not this machine's own, and neither
    /// is this machine's environment meant for it.
    pub fn fill(&self, words: Words<'_>, sysroot: &Sysroot, own_root: bool) -> Result<Filled> {
        let home = self.home.find(sysroot, own_root)?;
        let mut filled = Filled {
            program: home.path.join(&self.program),
            args: [&self.args[..], words.runtime_args].concat(),
            add: Vec::new(),
            home,
        };
        let usage = || {
            let what = "the recipe needs to be told what to run";
            Error::usage(what, self.usage.join("\n"))
        };
        let input = words.input.ok_or_else(usage)?;
        let file = self.file.as_ref().filter(|rule| words.path.is_none() && input.ends_with(&rule.suffix));
        if let Some(rule) = file {
            let guest = filled.place(Path::new(input))?;
            filled.args.extend(rule.args.iter().map(|arg| arg.replace("{file}", &guest)));
        } else if let (Some(rule), Some(path)) = (&self.path, words.path) {
            let places = path.split(':').filter(|part| !part.is_empty()).map(|part| {
                let (folder, rest) = part.strip_suffix("/*").map_or((part, ""), |folder| (folder, "/*"));
                Ok(filled.place(Path::new(folder))? + rest)
            });
            let path = places.collect::<Result<Vec<_>>>()?.join(":");
            let put = |arg: &String| arg.replace("{path}", &path).replace("{input}", input);
            filled.args.extend(rule.args.iter().map(put));
        } else {
            let tool = filled.program.with_file_name(input);
            if input.contains('/') || sysroot.resolve(&tool).is_none() {
                return Err(usage());
            }
            filled.program = tool;
            filled.args = words.runtime_args.to_vec();
        }
        Ok(filled)
    }
}

impl HomeRule {
    fn find(&self, sysroot: &Sysroot, own_root: bool) -> Result<Home> {
        let variable = self.variable.as_ref().filter(|_| !own_root);
        let named = variable.and_then(|name| Some((name, PathBuf::from(std::env::var_os(name)?))));
        let mut looked_in = Vec::new();
        let found = match named {
            // Who names a folder means that one.
            Some((_, path)) => vec![path],
            None => self.folders.iter().flat_map(|pattern| candidates(sysroot, pattern)).collect(),
        }
        .into_iter()
        .find(|path| {
            looked_in.push(path.display().to_string());
            sysroot.resolve(&path.join(&self.sign)).is_some()
        });
        let Some(path) = found.and_then(|path| sysroot.resolve(&path)) else {
            let set = self.variable.as_ref().map_or(String::new(), |name| format!(", or set {name}"));
            return Err(Error::NoProgram {
                name: self.sign.clone(),
                searched: format!("looked in {}; install it{set}", looked_in.join(", ")),
            });
        };
        Ok(Home {
            take: self.take.iter().map(|name| path.join(name)).collect(),
            leave: self.leave.iter().map(|name| path.join(name)).collect(),
            path,
        })
    }
}

/// The folders that a pattern stands for; what a `*` finds, by name.
fn candidates(sysroot: &Sysroot, pattern: &str) -> Vec<PathBuf> {
    let Some(folder) = pattern.strip_suffix("/*") else { return vec![pattern.into()] };
    let folder = PathBuf::from(folder);
    let listing = sysroot.resolve(&folder).and_then(|real| fs::read_dir(sysroot.host(&real)).ok());
    let mut names: Vec<_> =
        listing.into_iter().flatten().flatten().map(|entry| folder.join(entry.file_name())).collect();
    names.sort();
    names
}

impl Filled {
    /// Chooses a place in the guest for one of the application's files or folders.
    fn place(&mut self, host: &Path) -> Result<String> {
        let host = host.canonicalize().map_err(|error| Error::io("read", host, error))?;
        if let Some((_, guest)) = self.add.iter().find(|(known, _)| *known == host) {
            return Ok(guest.display().to_string());
        }
        let name = host.file_name().unwrap_or("root".as_ref()).to_string_lossy().into_owned();
        let is_taken = |guest: &Path| self.add.iter().any(|(_, known)| known == guest);
        let mut guest = Path::new(APP).join(&name);
        let mut count = 1;
        while is_taken(&guest) {
            count += 1;
            guest = Path::new(APP).join(format!("{count}-{name}"));
        }
        let text = guest.display().to_string();
        self.add.push((host, guest));
        Ok(text)
    }
}
