//! Files whose contents are made when they are read: what /proc and /sys consist of.
//!
//! A [`Node`] says what a name leads to. Fixed trees are a [`Table`] from paths to leaves; directories that come and
//! go (processes, descriptors) implement [`Folder`] themselves. An open file makes its text when it is read from the
//! start, and keeps it for the reads that follow.

use crate::anonymous_dev;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_sync::Mutex;
use osv_vfs::inode::{DirEntry, FsStat, LinkTarget};
use osv_vfs::{At, Attr, File, FileSystem, Inode, Io, IoctlArg, Kind, SetAttr, clock};

/// What a name leads to.
#[derive(Clone)]
pub enum Node {
    /// A directory.
    Folder(Arc<dyn Folder>),
    /// A file.
    Leaf(Arc<dyn Leaf>),
    /// A symbolic link.
    Link(Arc<dyn Link>),
}

/// A directory.
pub trait Folder: Send + Sync {
    /// What `name` leads to.
    fn find(&self, name: &[u8]) -> Option<Node>;
    /// The names, in order.
    fn names(&self) -> Vec<(String, Kind)>;
    /// Where a reading of the names goes on behind the one at `index`: grows from name to name. Where names come and go,
    /// a name's own must not depend on the others, or who removes what it reads skips some.
    fn place_after(&self, index: usize, name: &str) -> u64 {
        let _ = name;
        index as u64 + 1
    }
    /// Permission bits.
    fn mode(&self) -> u32 {
        0o555
    }
}

/// [`Folder::place_after`] of names that are numbers.
pub fn place_after_number(name: &str) -> u64 {
    name.parse().map_or(0, |number: u64| number.saturating_add(1))
}

/// A file.
pub trait Leaf: Send + Sync {
    /// Makes the contents.
    fn text(&self, to: &mut Vec<u8>) -> Res<()>;
    /// Takes what is written, as one whole.
    fn store(&self, text: &[u8]) -> Res<()> {
        let _ = text;
        Err(Errno::EACCES.into())
    }
    /// Reads from `offset` on, of a file that is too long to be made as a whole; `None` for all others.
    fn read_part(&self, offset: u64, to: &mut dyn Sink) -> Option<Res<usize>> {
        let _ = (offset, to);
        None
    }
    /// ioctl(2)
    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        let _ = (request, arg);
        Err(Errno::ENOTTY.into())
    }
    /// Permission bits.
    fn mode(&self) -> u32 {
        0o444
    }
}

/// A symbolic link.
pub trait Link: Send + Sync {
    /// Where it leads.
    fn target(&self) -> Res<LinkTarget>;
    /// What readlink(2) shows.
    fn text(&self) -> Res<Vec<u8>> {
        match self.target()? {
            LinkTarget::Path(path) => Ok(path),
            LinkTarget::Entry(entry) => Ok(entry.path()),
            LinkTarget::File(file) => Ok(file.describe()),
        }
    }
}

/// A file made by a function.
struct Made<F>(F);

impl<F: Fn(&mut String) -> Res<()> + Send + Sync> Leaf for Made<F> {
    fn text(&self, to: &mut Vec<u8>) -> Res<()> {
        let mut text = String::new();
        (self.0)(&mut text)?;
        to.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// A file whose text `make` appends.
pub fn made(make: impl Fn(&mut String) -> Res<()> + Send + Sync + 'static) -> Node {
    Node::Leaf(Arc::new(Made(make)))
}

/// A file with a fixed text.
pub fn fixed(text: &'static str) -> Node {
    made(move |to| {
        to.push_str(text);
        Ok(())
    })
}

struct Fixed(Vec<u8>);

impl Link for Fixed {
    fn target(&self) -> Res<LinkTarget> {
        Ok(LinkTarget::Path(self.0.clone()))
    }
}

/// A link to a fixed path.
pub fn link(path: &str) -> Node {
    Node::Link(Arc::new(Fixed(path.into())))
}

/// A tree with fixed names: paths below its root, such as `sys/kernel/ostype`, to nodes. The directories above them
/// are there because something is in them.
#[derive(Default)]
pub struct Table(BTreeMap<String, Node>);

impl Table {
    /// Adds a node; the later one counts.
    pub fn put(&mut self, path: impl Into<String>, node: Node) {
        self.0.insert(path.into(), node);
    }
    /// Adds files with fixed texts.
    pub fn put_fixed(&mut self, files: &[(&'static str, &'static str)]) {
        for &(path, text) in files {
            self.put(path, fixed(text));
        }
    }
    /// The tree's root.
    pub fn into_folder(self) -> Arc<dyn Folder> {
        Arc::new(Branch { table: Arc::new(self), prefix: String::new() })
    }
}

struct Branch {
    table: Arc<Table>,
    /// Path of this directory with a slash, or nothing for the root.
    prefix: String,
}

impl Folder for Branch {
    fn find(&self, name: &[u8]) -> Option<Node> {
        let path = self.prefix.clone() + core::str::from_utf8(name).ok()?;
        if let Some(node) = self.table.0.get(&path) {
            return Some(node.clone());
        }
        let prefix = path + "/";
        let (first, _) = self.table.0.range(prefix.clone()..).next()?;
        let below = first.starts_with(&prefix);
        below.then(|| Node::Folder(Arc::new(Branch { table: self.table.clone(), prefix })))
    }

    fn names(&self) -> Vec<(String, Kind)> {
        let mut names: Vec<(String, Kind)> = Vec::new();
        let below = self.table.0.range(self.prefix.clone()..);
        for (path, node) in below.take_while(|(path, _)| path.starts_with(&self.prefix)) {
            let rest = &path[self.prefix.len()..];
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, Kind::Directory),
                None => (rest, node.kind()),
            };
            if names.last().is_none_or(|(last, _)| last != name) {
                names.push((name.into(), kind));
            }
        }
        names
    }
}

impl Node {
    fn kind(&self) -> Kind {
        match self {
            Node::Folder(_) => Kind::Directory,
            Node::Leaf(_) => Kind::Regular,
            Node::Link(_) => Kind::Symlink,
        }
    }
}

/// A file system made of [`Node`]s.
pub struct SynthFs {
    this: Weak<SynthFs>,
    name: &'static str,
    magic: u32,
    dev: u64,
    stable: bool,
    root: Arc<dyn Folder>,
}

impl SynthFs {
    /// A file system of the type `name` with the given root. `stable`: names never change.
    pub fn new(name: &'static str, magic: u32, stable: bool, root: Arc<dyn Folder>) -> Arc<SynthFs> {
        let dev = anonymous_dev();
        Arc::new_cyclic(|this| SynthFs { this: this.clone(), name, magic, dev, stable, root })
    }
}

impl FileSystem for SynthFs {
    fn name(&self) -> &'static str {
        self.name
    }
    fn dev(&self) -> u64 {
        self.dev
    }
    fn root(&self) -> Arc<dyn Inode> {
        let fs = self.this.upgrade().expect("called through a reference to it");
        Arc::new(SynthInode { fs, ino: 1, node: Node::Folder(self.root.clone()) })
    }
    fn stat(&self) -> FsStat {
        FsStat { magic: self.magic, block_size: 4096, ..FsStat::default() }
    }
    fn names_are_stable(&self) -> bool {
        self.stable
    }
}

struct SynthInode {
    fs: Arc<SynthFs>,
    ino: u64,
    node: Node,
}

/// The inode number of `name` in directory `dir`: always the same, and hardly that of another (FNV-1a).
fn ino_of(dir: u64, name: &[u8]) -> u64 {
    let hash = name
        .iter()
        .fold(dir ^ 0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    (hash >> 16).max(2)
}

impl Inode for SynthInode {
    fn fs(&self) -> Arc<dyn FileSystem> {
        self.fs.clone()
    }
    fn kind(&self) -> Kind {
        self.node.kind()
    }
    fn attr(&self) -> Attr {
        let (mode, nlink) = match &self.node {
            Node::Folder(folder) => (folder.mode(), 2),
            Node::Leaf(leaf) => (leaf.mode(), 1),
            Node::Link(_) => (0o777, 1),
        };
        let now = clock::now();
        Attr {
            dev: self.fs.dev,
            ino: self.ino,
            nlink,
            mode: self.kind().mode() | mode,
            blksize: 1024,
            atime: now,
            mtime: now,
            ctime: now,
            ..Attr::default()
        }
    }
    fn set_attr(&self, _change: &SetAttr) -> Res<()> {
        Err(Errno::EPERM.into())
    }
    /// open(2) with O_TRUNC, before a write.
    fn truncate(&self, _len: u64) -> Res<()> {
        Ok(())
    }
    fn lookup(&self, name: &[u8]) -> Res<Arc<dyn Inode>> {
        let Node::Folder(folder) = &self.node else { return Err(Errno::ENOTDIR.into()) };
        let node = folder.find(name).ok_or(Errno::ENOENT)?;
        Ok(Arc::new(SynthInode { fs: self.fs.clone(), ino: ino_of(self.ino, name), node }))
    }
    fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        let Node::Folder(folder) = &self.node else { return Err(Errno::ENOTDIR.into()) };
        for (index, (name, kind)) in folder.names().iter().enumerate() {
            let next = folder.place_after(index, name);
            let name = name.as_bytes();
            if next > from && !emit(DirEntry { ino: ino_of(self.ino, name), kind: *kind, next, name }) {
                break;
            }
        }
        Ok(())
    }
    fn link_target(&self) -> Res<LinkTarget> {
        match &self.node {
            Node::Link(link) => link.target(),
            _ => Err(Errno::EINVAL.into()),
        }
    }
    fn read_link(&self) -> Res<Vec<u8>> {
        match &self.node {
            Node::Link(link) => link.text(),
            _ => Err(Errno::EINVAL.into()),
        }
    }
    fn open(self: Arc<Self>, _flags: u32) -> Res<Arc<dyn File>> {
        match &self.node {
            Node::Leaf(leaf) => Ok(Arc::new(Reading { leaf: leaf.clone(), text: Mutex::new(None) })),
            _ => Err(Errno::ENXIO.into()),
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An open file: its text as it was when reading began.
struct Reading {
    leaf: Arc<dyn Leaf>,
    text: Mutex<Option<Vec<u8>>>,
}

/// Longest text that can be written to a file here at once.
const STORE_MAX: usize = 4096;

impl File for Reading {
    fn read(&self, at: At, to: &mut dyn Sink, _io: Io) -> Res<usize> {
        let At::Offset(offset) = at else { return Err(Errno::ESPIPE.into()) };
        if let Some(result) = self.leaf.read_part(offset, to) {
            return result;
        }
        let mut held = self.text.lock();
        if held.is_none() || offset == 0 {
            let mut text = Vec::new();
            self.leaf.text(&mut text)?;
            *held = Some(text);
        }
        let text = held.as_deref().unwrap_or(&[]);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        Ok(to.put(&text[start..]))
    }
    fn write(&self, _at: At, from: &mut dyn Source, _io: Io) -> Res<usize> {
        let mut text = alloc::vec![0; from.remaining().min(STORE_MAX)];
        let n = from.take(&mut text);
        if n > 0 {
            self.leaf.store(&text[..n])?;
        }
        Ok(n)
    }
    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        self.leaf.ioctl(request, arg)
    }
    fn seekable(&self) -> bool {
        true
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
