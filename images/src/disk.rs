//! A root on a disk of its own: a file beside the image, which the machine gets as a read-only virtio disk.
//!
//! The image then keeps the boot configuration, and in it the disk's name and [`Id`]; the kernel mounts what memory and
//! disk hold as one. Several images can share a disk: each keeps in memory what the disk lacks, or has differently.

#[cfg(test)]
mod tests;

use crate::erofs::{Bytes, Entry, Reader};
use crate::error::{Error, Result};
use crate::tree::{Content, Dir, Node};
use osv_abi::boot::{Id, RootDisk};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the root goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskChoice {
    /// Onto a disk when it is larger than what memory should be spent on.
    #[default]
    Auto,
    /// Onto a disk.
    Always,
    /// Into the image.
    Never,
}

impl FromStr for DiskChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            other => Err(format!("{other}: expected auto, always or never")),
        }
    }
}

/// The name of the disk that goes with an image: the image's with `.root`.
pub fn beside(image: &Path) -> PathBuf {
    let mut path = image.as_os_str().to_owned();
    path.push(".root");
    path.into()
}

/// A disk that was written before.
#[derive(Debug)]
pub struct RootFile {
    path: PathBuf,
    file: File,
    id: Id,
}

impl RootFile {
    /// Opens it.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("read", path, error))?;
        let id = Reader::new(Bytes::File(&file)).map(|reader| reader.id());
        let id = id.ok_or_else(|| Error::Damaged { path: path.into(), what: "it holds no root".into() })?;
        Ok(Self { path: path.into(), file, id })
    }

    /// Finds the disk that the image at `image` names: at `given`, else beside the image.
    pub fn of_image(image: &Path, disk: &RootDisk, given: Option<&Path>) -> Result<Self> {
        let folder = image.parent().unwrap_or(Path::new(""));
        let named = folder.join(&disk.name);
        // Both files may have been renamed.
        let places = match given {
            Some(given) => vec![given.to_owned()],
            None => vec![named.clone(), beside(image)],
        };
        let Some(path) = places.iter().find(|path| path.is_file()) else {
            return Err(Error::NoRootDisk { image: image.into(), disk: given.map_or(named, Path::to_owned) });
        };
        let found = Self::open(path)?;
        if found.id == disk.id {
            return Ok(found);
        }
        Err(Error::WrongRootDisk { image: image.into(), disk: path.clone() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What an image in `folder` says of it.
    pub fn named_in(&self, folder: &Path) -> RootDisk {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
        let here = whole(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        let path = whole(&self.path);
        let name = path.strip_prefix(&here).unwrap_or(&path);
        RootDisk { id: self.id, name: name.to_string_lossy().into_owned() }
    }

    /// What is on it.
    pub fn reader(&self) -> Result<Reader<'_>> {
        Reader::new(Bytes::File(&self.file)).ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> Error {
        Error::Damaged { path: self.path.clone(), what: "its file system is inconsistent".into() }
    }

    /// The part of `tree` that is not on the disk as it is.
    pub fn lacks(&self, tree: &Dir) -> Result<Dir> {
        let reader = self.reader()?;
        let list = reader.list().ok_or_else(|| self.damaged())?;
        let entries = list.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        let compared = Compared { disk: self, reader, entries };
        compared.lacking(tree, Path::new("/")).map(Option::unwrap_or_default)
    }
}

/// A disk under comparison with a tree.
struct Compared<'d> {
    disk: &'d RootFile,
    reader: Reader<'d>,
    entries: BTreeMap<PathBuf, Entry>,
}

impl Compared<'_> {
    /// What of `dir`, which is at `at`, is not on the disk; `None`: nothing.
    fn lacking(&self, dir: &Dir, at: &Path) -> Result<Option<Dir>> {
        let mut entries: BTreeMap<OsString, Node> = BTreeMap::new();
        for (name, node) in &dir.entries {
            let path = at.join(name);
            match node {
                Node::Dir(below) => {
                    if let Some(below) = self.lacking(below, &path)? {
                        entries.insert(name.clone(), Node::Dir(below));
                    }
                }
                node if self.has(&path, node)? => {}
                node => drop(entries.insert(name.clone(), node.clone())),
            }
        }
        let known = at == Path::new("/")
            || self.entries.get(at).is_some_and(|entry| entry.mode == 0o040_000 | dir.mode);
        Ok((!entries.is_empty() || !known).then_some(Dir { mode: dir.mode, entries }))
    }

    fn has(&self, path: &Path, node: &Node) -> Result<bool> {
        let Some(entry) = self.entries.get(path) else { return Ok(false) };
        let held = || self.reader.content(entry.nid).ok_or_else(|| self.disk.damaged());
        Ok(match node {
            Node::Dir(_) => false,
            Node::Link(target) => entry.mode & 0o170_000 == 0o120_000 && held()?[..] == *target.as_bytes(),
            Node::File(file) => {
                let alike = entry.mode == 0o100_000 | file.mode && entry.size == file.content.len();
                alike && same(&file.content, &held()?)?
            }
        })
    }
}

fn same(content: &Content, held: &[u8]) -> Result<bool> {
    Ok(content.read()?[..] == *held)
}
