//! An installed LTP: `testcases/bin` with the programs, `runtest/*` with the command that a test's name stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// An installed LTP.
#[derive(Debug)]
pub struct Suite {
    programs: PathBuf,
    data: PathBuf,
    /// Command lines by the name of the test.
    commands: BTreeMap<String, Vec<String>>,
}

/// What a test takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Other programs of LTP that it starts.
    pub helpers: Vec<PathBuf>,
    /// A folder of files that it reads.
    pub data: Option<PathBuf>,
}

impl Suite {
    /// Opens the one in `root`.
    pub fn open(root: &Path) -> Result<Suite, String> {
        let programs = root.join("testcases/bin");
        if !programs.is_dir() {
            return Err(format!("{} has no testcases/bin: it is no installed LTP", root.display()));
        }
        let mut commands = BTreeMap::new();
        // `syscalls` first: a test that more than one file names is meant as it stands there.
        for file in ["syscalls", "syscalls-ipc", "mm", "sched", "fs", "math", "nptl", "pty"] {
            let Ok(text) = std::fs::read_to_string(root.join("runtest").join(file)) else { continue };
            for (name, command) in text.lines().filter_map(runtest_line) {
                commands.entry(name).or_insert(command);
            }
        }
        Ok(Suite { programs, data: root.join("testcases/data"), commands })
    }

    /// Finds a test.
    pub fn test(&self, name: &str) -> Result<Test, String> {
        let command = self.commands.get(name).cloned().unwrap_or_else(|| vec![name.to_owned()]);
        let (binary, arguments) = command.split_first().ok_or_else(|| format!("{name} has no command"))?;
        let program = self.programs.join(binary);
        let bytes = std::fs::read(&program).map_err(|error| format!("{}: {error}", program.display()))?;
        let mut helpers = BTreeSet::new();
        for text in strings(&bytes) {
            let helper = self.programs.join(text);
            if text != binary && helper.is_file() {
                helpers.insert(helper);
            }
        }
        let data = Some(self.data.join(binary)).filter(|folder| folder.is_dir());
        Ok(Test {
            name: name.to_owned(),
            program,
            arguments: arguments.to_vec(),
            helpers: helpers.into_iter().collect(),
            data,
        })
    }
}

/// A line of a runtest file: a name, then the command.
pub fn runtest_line(line: &str) -> Option<(String, Vec<String>)> {
    let mut words = line.split_whitespace();
    let name = words.next().filter(|name| !name.starts_with('#'))?;
    let command: Vec<String> = words.map(str::to_owned).collect();
    (!command.is_empty()).then(|| (name.to_owned(), command))
}

/// The names of files that a program's strings end with. What a test starts, it names, be it as `./NAME` alone.
pub fn strings(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    bytes
        .split(|byte| *byte == 0)
        .filter_map(|text| text.rsplit(|byte| *byte == b'/').next())
        .filter(move |text| (3..64).contains(&text.len()) && text.iter().all(named))
        .filter(|text| text[0] != b'.')
        .filter_map(|text| std::str::from_utf8(text).ok())
}
