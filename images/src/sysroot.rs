//! The system whose files go into the image: the machine's own, or the tree that `--root` names.
//!
//! Links are followed as the guest would follow them: an absolute one starts at the sysroot, not at the host's root.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::tree::{Content, Dir, File, Node, names};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A system's files.
#[derive(Debug, Clone)]
pub struct Sysroot {
    root: PathBuf,
}

/// What a walk along a path meets.
enum Step<'a> {
    Dir(&'a Path, &'a fs::Metadata),
    Link(&'a Path, &'a Path),
}

impl Sysroot {
    /// The system below `root`.
    pub fn new(root: &Path) -> Result<Self> {
        match fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { root: root.into() }),
            Ok(_) => Err(Error::usage(format!("--root {} is not a folder", root.display()), "give a folder")),
            Err(error) => Err(Error::io("look into", root, error)),
        }
    }

    /// The host's name for a path of the system.
    pub fn host(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// `path` with every link followed; `None` when nothing is there.
    pub fn resolve(&self, path: &Path) -> Option<PathBuf> {
        self.walk(path, &mut |_| Ok(())).ok().flatten()
    }

    /// Puts `path` into the tree, with the folders and links by which it is reached; a folder goes in with all that
    /// is below. Gives the path with every link followed; `None` when nothing is there.
    pub fn import(&self, path: &Path, tree: &mut Dir) -> Result<Option<PathBuf>> {
        let found = self.walk(path, &mut |step| match step {
            Step::Dir(path, metadata) => {
                tree.insert(path, Node::Dir(Dir { mode: mode(metadata), ..Dir::default() }))
            }
            Step::Link(path, target) => tree.insert(path, Node::Link(target.into())),
        })?;
        if let Some(path) = &found {
            add(&self.host(path), path, tree)?;
        }
        Ok(found)
    }

    /// Puts `path` into the tree with all that is below, but for what is in `leave`; what links in there lead to goes
    /// in as well. What isn't there stays away.
    pub fn import_linked(&self, path: &Path, leave: &BTreeSet<PathBuf>, tree: &mut Dir) -> Result<()> {
        if leave.contains(path) {
            return Ok(());
        }
        let host = self.host(path);
        let Ok(metadata) = fs::symlink_metadata(&host) else { return Ok(()) };
        if !metadata.is_dir() {
            return self.import(path, tree).map(drop);
        }
        tree.insert(path, Node::Dir(Dir { mode: mode(&metadata), ..Dir::default() }))?;
        let listing = fs::read_dir(&host).map_err(|error| Error::io("list", &host, error))?;
        for entry in listing {
            let entry = entry.map_err(|error| Error::io("list", &host, error))?;
            self.import_linked(&path.join(entry.file_name()), leave, tree)?;
        }
        Ok(())
    }

    fn walk(&self, path: &Path, visit: &mut impl FnMut(Step<'_>) -> Result<()>) -> Result<Option<PathBuf>> {
        let mut links_left = 40;
        let mut done = PathBuf::from("/");
        let mut ahead: Vec<OsString> = names(path);
        while let Some(name) = ahead.pop() {
            if name == ".." {
                done.pop();
                continue;
            }
            done.push(&name);
            let host = self.host(&done);
            let Ok(metadata) = fs::symlink_metadata(&host) else { return Ok(None) };
            if metadata.is_symlink() {
                if links_left == 0 {
                    return Err(Error::LinkLoop { path: path.into() });
                }
                links_left -= 1;
                let target =
                    fs::read_link(&host).map_err(|error| Error::io("read the link", &host, error))?;
                visit(Step::Link(&done, &target))?;
                done.pop();
                if target.as_os_str().as_bytes().starts_with(b"/") {
                    done = PathBuf::from("/");
                }
                ahead.extend(names(&target));
            } else if metadata.is_dir() {
                visit(Step::Dir(&done, &metadata))?;
            }
        }
        Ok(Some(done))
    }
}

/// Puts the host's file or folder `from` into the tree as `to`. Links in a folder stay links; what is neither file,
/// folder nor link is left out.
pub fn add(from: &Path, to: &Path, tree: &mut Dir) -> Result<()> {
    let metadata = fs::metadata(from).map_err(|error| Error::io("add", from, error))?;
    if !metadata.is_dir() {
        return tree.insert(to, file(from, &metadata));
    }
    tree.insert(to, Node::Dir(Dir { mode: mode(&metadata), ..Dir::default() }))?;
    let read_dir = fs::read_dir(from).map_err(|error| Error::io("list", from, error))?;
    for entry in read_dir {
        let entry = entry.map_err(|error| Error::io("list", from, error))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let metadata = entry.metadata().map_err(|error| Error::io("add", &from, error))?;
        if metadata.is_dir() {
            add(&from, &to, tree)?;
        } else if metadata.is_symlink() {
            let target = fs::read_link(&from).map_err(|error| Error::io("read the link", &from, error))?;
            tree.insert(&to, Node::Link(target.into()))?;
        } else if metadata.is_file() {
            tree.insert(&to, file(&from, &metadata))?;
        }
    }
    Ok(())
}

fn file(from: &Path, metadata: &fs::Metadata) -> Node {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Node::File(File {
        mode: mode(metadata),
        modified: modified.unwrap_or(File::MADE),
        content: Content::Host(from.into(), metadata.len()),
    })
}

fn mode(metadata: &fs::Metadata) -> u16 {
    (metadata.permissions().mode() & 0o7777) as u16
}
