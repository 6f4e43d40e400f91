//! /dev/pts: a node for each pseudo-terminal that has a master, and its own `ptmx`.

use crate::anonymous_dev;
use alloc::sync::{Arc, Weak};
use core::any::Any;
use osv_abi::uapi::file::makedev;
use osv_base::{Errno, Res};
use osv_tty::{Tty, TtyFile, pty};
use osv_vfs::inode::{DirEntry, FsStat, NewNode};
use osv_vfs::{Attr, File, FileSystem, Inode, Kind, SetAttr, Time, clock};

const MAGIC: u32 = 0x1cd1;
/// Inode number of `ptmx`; that of a terminal is its number plus 3.
const PTMX_INO: u64 = 2;
const FIRST_INO: u64 = 3;

/// The file system.
pub struct DevPts {
    this: Weak<DevPts>,
    dev: u64,
    made: Time,
}

impl DevPts {
    /// There is one, since there is one table of pseudo-terminals.
    #[expect(clippy::new_ret_no_self, reason = "file systems are shared")]
    pub fn new() -> Arc<dyn FileSystem> {
        Arc::new_cyclic(|this| DevPts { this: this.clone(), dev: anonymous_dev(), made: clock::now() })
    }

    fn inode(&self, what: What) -> Arc<dyn Inode> {
        let fs = self.this.upgrade().expect("called through a reference to it");
        Arc::new(Node { fs, what })
    }
}

impl FileSystem for DevPts {
    fn name(&self) -> &'static str {
        "devpts"
    }
    fn dev(&self) -> u64 {
        self.dev
    }
    fn root(&self) -> Arc<dyn Inode> {
        self.inode(What::Root)
    }
    fn stat(&self) -> FsStat {
        FsStat { magic: MAGIC, block_size: 4096, ..FsStat::default() }
    }
    fn names_are_stable(&self) -> bool {
        false
    }
}

enum What {
    Root,
    Ptmx,
    Terminal(Arc<Tty>),
}

struct Node {
    fs: Arc<DevPts>,
    what: What,
}

/// A number as directories have it: no sign, no zeros in front.
fn number(name: &[u8]) -> Option<u32> {
    let canonical = name == b"0" || name.first().is_some_and(|&b| b.is_ascii_digit() && b != b'0');
    core::str::from_utf8(name).ok().filter(|_| canonical)?.parse().ok()
}

impl Inode for Node {
    fn fs(&self) -> Arc<dyn FileSystem> {
        self.fs.clone()
    }

    fn kind(&self) -> Kind {
        match self.what {
            What::Root => Kind::Directory,
            _ => Kind::CharDevice,
        }
    }

    fn attr(&self) -> Attr {
        let made = self.fs.made;
        let same = Attr { dev: self.fs.dev, nlink: 1, blksize: 1024, ..Attr::default() };
        let old = Attr { atime: made, mtime: made, ctime: made, ..same };
        let mode = |bits| self.kind().mode() | bits;
        match &self.what {
            What::Root => Attr { ino: 1, nlink: 2, mode: mode(0o755), ..old },
            What::Ptmx => Attr { ino: PTMX_INO, mode: mode(0), rdev: makedev(5, 2), ..old },
            What::Terminal(tty) => {
                let Some(node) = tty.node() else { return same };
                let meta = node.meta();
                Attr {
                    ino: FIRST_INO + u64::from(node.index()),
                    nlink: u32::from(pty::find(node.index()).is_some_and(|found| Arc::ptr_eq(&found, tty))),
                    mode: mode(meta.mode),
                    uid: meta.uid,
                    gid: meta.gid,
                    rdev: tty.number(),
                    atime: meta.atime,
                    mtime: meta.mtime,
                    ctime: meta.ctime,
                    ..same
                }
            }
        }
    }

    fn set_attr(&self, change: &SetAttr) -> Res<()> {
        match &self.what {
            What::Terminal(tty) => tty.node().into_iter().for_each(|node| node.set(change)),
            _ => return Err(Errno::EPERM.into()),
        }
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Res<Arc<dyn Inode>> {
        match self.what {
            What::Root if name == b"ptmx" => Ok(self.fs.inode(What::Ptmx)),
            What::Root => {
                let tty = number(name).and_then(pty::find).ok_or(Errno::ENOENT)?;
                Ok(self.fs.inode(What::Terminal(tty)))
            }
            _ => Err(Errno::ENOTDIR.into()),
        }
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        if !matches!(self.what, What::Root) {
            return Err(Errno::ENOTDIR.into());
        }
        let kind = Kind::CharDevice;
        if from == 0 && !emit(DirEntry { ino: PTMX_INO, kind, next: 1, name: b"ptmx" }) {
            return Ok(());
        }
        // Where listing goes on is the number after, whatever comes and goes meanwhile.
        for index in pty::list().into_iter().filter(|&index| u64::from(index) + 1 >= from) {
            let name = alloc::format!("{index}");
            let next = u64::from(index) + 2;
            if !emit(DirEntry { ino: FIRST_INO + u64::from(index), kind, next, name: name.as_bytes() }) {
                break;
            }
        }
        Ok(())
    }

    // Names come and go with the terminals, and in no other way.
    fn create(&self, _name: &[u8], _new: &NewNode<'_>) -> Res<Arc<dyn Inode>> {
        Err(Errno::EPERM.into())
    }

    fn link(&self, _name: &[u8], _inode: &Arc<dyn Inode>) -> Res<()> {
        Err(Errno::EPERM.into())
    }

    fn unlink(&self, _name: &[u8]) -> Res<()> {
        Err(Errno::EPERM.into())
    }

    fn rmdir(&self, _name: &[u8]) -> Res<()> {
        Err(Errno::EPERM.into())
    }

    fn rename(&self, _name: &[u8], _to: &Arc<dyn Inode>, _to_name: &[u8], _exchange: bool) -> Res<()> {
        Err(Errno::EPERM.into())
    }

    /// `ptmx` opens as its device number says.
    fn open(self: Arc<Self>, flags: u32) -> Res<Arc<dyn File>> {
        match &self.what {
            What::Terminal(tty) => Ok(TtyFile::open(tty, flags)?),
            _ => Err(Errno::ENXIO.into()),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
