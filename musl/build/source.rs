//! The source tree: where the tarball comes from, what is laid over it, what is edited in it.

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

/// What `source.env` pins.
pub struct Pinned {
    tarball: String,
    sha256: String,
}

impl Pinned {
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                .map(str::to_owned)
                .ok_or_else(|| format!("{} has no {key}", path.display()))
        };
        Ok(Pinned { tarball: value("MUSL_TARBALL")?, sha256: value("MUSL_SHA256")? })
    }
}

/// The verified tarball: from the environment, this workspace's cache, or the user's.
pub fn find(pinned: &Pinned, cache: &Path) -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("OSV_MUSL_TARBALL") {
        let path = PathBuf::from(named);
        verify(&path, &pinned.sha256)?;
        return Ok(path);
    }
    let user = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let places = [Some(cache.to_owned()), user.map(|dir| dir.join("osv-rs"))];
    for path in places.into_iter().flatten().map(|dir| dir.join(&pinned.tarball)) {
        println!("cargo::rerun-if-changed={}", path.display());
        if path.exists() {
            verify(&path, &pinned.sha256)?;
            return Ok(path);
        }
    }
    Err(format!(
        "musl's source is not here. Run `musl/fetch` (or `make setup`), or set OSV_MUSL_TARBALL to a copy of {} (sha256 {})",
        pinned.tarball, pinned.sha256
    ))
}

fn verify(path: &Path, sha256: &str) -> Result<(), String> {
    let sum = run(Command::new("sha256sum").arg(path))?;
    match sum.split_whitespace().next() {
        Some(found) if found == sha256 => Ok(()),
        found => Err(format!(
            "{} has sha256 {}, expected {sha256}: remove it and run `musl/fetch`",
            path.display(),
            found.unwrap_or("none")
        )),
    }
}

/// A hash of everything that decides what the archive holds.
pub fn key(pinned: &Pinned, here: &Path, cc: &str) -> Result<String, String> {
    let mut hash = DefaultHasher::new();
    pinned.sha256.hash(&mut hash);
    run(Command::new(cc).arg("--version"))?.hash(&mut hash);
    let mut files = files_below(&here.join("overlay"))?;
    files.extend(files_below(&here.join("build"))?);
    files.sort();
    for file in files {
        file.strip_prefix(here).unwrap_or(&file).hash(&mut hash);
        fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?.hash(&mut hash);
    }
    Ok(format!("{:016x}", hash.finish()))
}

/// Unpacks into `scratch` and returns the tree's root.
pub fn unpack(tarball: &Path, scratch: &Path) -> Result<PathBuf, String> {
    let tree = scratch.join("tree");
    fs::create_dir_all(&tree).map_err(|e| format!("{}: {e}", tree.display()))?;
    run(Command::new("tar").args(["-x", "--strip-components=1", "-f"]).arg(tarball).arg("-C").arg(&tree))?;
    Ok(tree)
}

/// Copies our files over the tree, at the same paths.
pub fn overlay(from: &Path, tree: &Path) -> Result<(), String> {
    for file in files_below(from)? {
        let to = tree.join(file.strip_prefix(from).map_err(|e| e.to_string())?);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        fs::copy(&file, &to).map_err(|e| format!("{}: {e}", to.display()))?;
    }
    Ok(())
}

/// (file, what stands there, what shall stand there): each must match exactly once.
const EDITS: &[(&str, &str, &str)] = &[
    // In ring 0 `hlt` halts the CPU; `ud2` faults everywhere.
    ("arch/x86_64/atomic_arch.h", "\"hlt\"", "\"ud2\""),
    // A stream used in the wrong direction is EBADF, and an empty mode is none, as in glibc.
    ("src/stdio/__towrite.c", "#include \"stdio_impl.h\"", "#include \"stdio_impl.h\"\n#include <errno.h>"),
    ("src/stdio/__towrite.c", "f->flags |= F_ERR;", "f->flags |= F_ERR, errno = EBADF;"),
    ("src/stdio/__toread.c", "#include <stdio_impl.h>", "#include <stdio_impl.h>\n#include <errno.h>"),
    ("src/stdio/__toread.c", "f->flags |= F_ERR;", "f->flags |= F_ERR, errno = EBADF;"),
    // The name of a broken-down time's zone is what the program put there, as in glibc, and not only one of libc's own.
    (
        "src/time/strftime.c",
        "fmt = __tm_to_tzname(tm);",
        "fmt = tm->__tm_zone && *tm->__tm_zone ? tm->__tm_zone : __tm_to_tzname(tm);",
    ),
    // Also what is known without the file is asked of a file that is open.
    ("src/conf/fpathconf.c", "#include <errno.h>", "#include <errno.h>\n#include <fcntl.h>"),
    (
        "src/conf/fpathconf.c",
        "\treturn values[name];",
        "\treturn fd >= 0 && fcntl(fd, F_GETFD) < 0 ? -1 : values[name];",
    ),
    ("src/stdio/fopen.c", "!strchr(\"rwa\", *mode)", "!*mode || !strchr(\"rwa\", *mode)"),
    ("src/stdio/__fdopen.c", "!strchr(\"rwa\", *mode)", "!*mode || !strchr(\"rwa\", *mode)"),
];

pub fn edit(tree: &Path) -> Result<(), String> {
    for (file, from, to) in EDITS {
        let path = tree.join(file);
        let Ok(text) = fs::read_to_string(&path) else { return Err(format!("no {file} to edit")) };
        if text.matches(from).count() != 1 {
            return Err(format!("{file}: expected one {from:?}"));
        }
        fs::write(&path, text.replace(from, to)).map_err(|e| format!("{file}: {e}"))?;
    }
    Ok(())
}

/// The headers that musl's Makefile generates.
pub fn generate(tree: &Path) -> Result<(), String> {
    let write = |name: &str, text: String| {
        let path = tree.join("obj").join(name);
        let dir = path.parent().unwrap_or(tree);
        fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
    };
    let types = run(Command::new("sed").current_dir(tree).args([
        "-f",
        "tools/mkalltypes.sed",
        "arch/x86_64/bits/alltypes.h.in",
        "include/alltypes.h.in",
    ]))?;
    write("include/bits/alltypes.h", types)?;
    let numbers = tree.join("arch/x86_64/bits/syscall.h.in");
    let numbers = fs::read_to_string(&numbers).map_err(|e| format!("{}: {e}", numbers.display()))?;
    let names: String = numbers
        .lines()
        .filter(|line| line.contains("__NR_"))
        .map(|line| line.replace("__NR_", "SYS_") + "\n")
        .collect();
    write("include/bits/syscall.h", numbers + &names)?;
    write("src/internal/version.h", "#define VERSION \"1.2.3\"\n".into())
}

/// Every file below `dir`, in order.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// Runs a command to its end and returns what it printed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    if !output.status.success() {
        return Err(format!(
            "{command:?} failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
