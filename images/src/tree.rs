//! The root file system as it is being put together: a tree of names in memory, with file contents still on disk.
//!
//! Paths are the guest's. What follows a symbolic link does so inside the tree, so that a file added under `/lib`
//! lands in `/usr/lib` when the sysroot says that one is a link to the other.

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// A file of any kind.
#[derive(Debug, Clone)]
pub enum Node {
    /// A folder.
    Dir(Dir),
    /// A regular file.
    File(File),
    /// A symbolic link with its target.
    Link(OsString),
}

/// A folder.
#[derive(Debug, Clone)]
pub struct Dir {
    /// Permission bits.
    pub mode: u16,
    /// What is in it, in byte order.
    pub entries: BTreeMap<OsString, Node>,
}

/// A regular file.
#[derive(Debug, Clone)]
pub struct File {
    /// Permission bits.
    pub mode: u16,
    /// When it was last modified, from 1 January 1970 on.
    pub modified: Duration,
    /// What is in it.
    pub content: Content,
}

impl File {
    /// When a file was modified that was made for the image, or whose time is not to matter, so that the same input
    /// always gives the same image. Some programs take a time of 0 for a missing one.
    pub const MADE: Duration = Duration::from_secs(1);

    /// A file that is made for the image.
    pub fn made(mode: u16, content: Content) -> Self {
        Self { mode, modified: Self::MADE, content }
    }
}

/// Where a file's bytes are.
#[derive(Debug, Clone)]
pub enum Content {
    /// Here.
    Bytes(Vec<u8>),
    /// In a file of the host, which had this length when we looked.
    Host(PathBuf, u64),
}

impl Content {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Host(_, len) => *len,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes. A host file that has another length by now is an error.
    pub fn read(&self) -> Result<std::borrow::Cow<'_, [u8]>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.into()),
            Self::Host(path, len) => {
                let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
                if bytes.len() as u64 == *len {
                    Ok(bytes.into())
                } else {
                    Err(Error::Changed { path: path.clone() })
                }
            }
        }
    }
}

impl Default for Dir {
    fn default() -> Self {
        Self { mode: 0o755, entries: BTreeMap::new() }
    }
}

impl Dir {
    /// Puts `node` at an absolute path, making the folders above it; what was there before is replaced, but a folder
    /// that meets a folder keeps its entries.
    pub fn insert(&mut self, path: &Path, node: Node) -> Result<()> {
        let not_a_folder = || Error::NotAFolder { path: path.into() };
        let resolved = self.resolve_parent(path)?;
        let name = resolved.file_name().map(OsStr::to_owned);
        let mut dir = self;
        for part in resolved.parent().into_iter().flat_map(Path::components) {
            if let Component::Normal(part) = part {
                let below = dir.entries.entry(part.to_owned()).or_insert_with(|| Node::Dir(Self::default()));
                let Node::Dir(below) = below else { return Err(not_a_folder()) };
                dir = below;
            }
        }
        match (name, node) {
            (None, Node::Dir(root)) => dir.mode = root.mode,
            (None, _) => return Err(not_a_folder()),
            (Some(name), Node::Dir(new)) => match dir.entries.get_mut(&name) {
                Some(Node::Dir(old)) => old.mode = new.mode,
                _ => drop(dir.entries.insert(name, Node::Dir(new))),
            },
            (Some(name), node) => drop(dir.entries.insert(name, node)),
        }
        Ok(())
    }

    /// Takes away what is at `path`, no link followed, and folders that are empty then.
    pub fn remove(&mut self, path: &Path) {
        fn remove_from(dir: &mut Dir, names: &mut Vec<OsString>) {
            let Some(name) = names.pop() else { return };
            let gone = match dir.entries.get_mut(&name) {
                Some(Node::Dir(below)) if !names.is_empty() => {
                    remove_from(below, names);
                    below.entries.is_empty()
                }
                _ => names.is_empty(),
            };
            if gone {
                dir.entries.remove(&name);
            }
        }
        remove_from(self, &mut names(path));
    }

    /// What is at `path`, with all links followed.
    pub fn get(&self, path: &Path) -> Option<&Node> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            path = self.resolve_parent(&path).ok()?;
            match self.lookup(&path)? {
                Node::Link(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
                node => return Some(node),
            }
        }
        None
    }

    /// Calls `visit` with every path and node below this folder, in order, parents first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&Path, &'a Node)) {
        self.walk_from(Path::new("/"), visit);
    }

    fn walk_from<'a>(&'a self, at: &Path, visit: &mut impl FnMut(&Path, &'a Node)) {
        for (name, node) in &self.entries {
            let path = at.join(name);
            visit(&path, node);
            if let Node::Dir(dir) = node {
                dir.walk_from(&path, visit);
            }
        }
    }

    /// `path` without links in its folders; its last name stays as it is.
    fn resolve_parent(&self, path: &Path) -> Result<PathBuf> {
        let mut links_left = MAX_LINKS;
        let mut done = PathBuf::from("/");
        let mut ahead: Vec<OsString> = names(path);
        while let Some(name) = ahead.pop() {
            if name == ".." {
                done.pop();
                continue;
            }
            done.push(&name);
            let is_last = ahead.is_empty();
            if let (false, Some(Node::Link(target))) = (is_last, self.lookup(&done)) {
                links_left =
                    links_left.checked_sub(1).ok_or_else(|| Error::LinkLoop { path: path.into() })?;
                done.pop();
                if target.as_bytes().starts_with(b"/") {
                    done = PathBuf::from("/");
                }
                ahead.extend(names(Path::new(target)));
            }
        }
        Ok(done)
    }

    /// What is at `path`, no link followed.
    fn lookup(&self, path: &Path) -> Option<&Node> {
        let mut names = names(path);
        let mut node = self.entries.get(&names.pop()?)?;
        while let Some(name) = names.pop() {
            let Node::Dir(dir) = node else { return None };
            node = dir.entries.get(&name)?;
        }
        Some(node)
    }
}

/// The names in a path, last one first; `.` and the root's slash are none.
pub(crate) fn names(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev();
    parts
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}
