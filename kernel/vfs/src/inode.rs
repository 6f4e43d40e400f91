//! What a file system implements. An [`Inode`] is a file without a name; directories give names to inodes.
//!
//! The directory operations are called with the directory's entry locked ([`crate::entry::Entry`]), so one
//! directory sees one change at a time; names are never empty, `.` or `..`, hold no slash, and are at most
//! [`NAME_MAX`] bytes.

use crate::file::File;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use osv_abi::uapi::file::mode;
use osv_base::{Errno, Res};

/// Longest name of a directory entry.
pub const NAME_MAX: usize = 255;
/// Longest target of a symbolic link.
pub const LINK_MAX: usize = 4095;

/// Type of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Fifo = 1,
    CharDevice = 2,
    Directory = 4,
    BlockDevice = 6,
    Regular = 8,
    Symlink = 10,
    Socket = 12,
}

impl Kind {
    /// The type bits of `st_mode`.
    pub const fn mode(self) -> u32 {
        (self as u32) << 12
    }
    /// The type in a mode; `None` when it names none.
    pub const fn of_mode(bits: u32) -> Option<Kind> {
        Some(match bits & mode::IFMT {
            mode::IFIFO => Kind::Fifo,
            mode::IFCHR => Kind::CharDevice,
            mode::IFDIR => Kind::Directory,
            mode::IFBLK => Kind::BlockDevice,
            mode::IFREG => Kind::Regular,
            mode::IFLNK => Kind::Symlink,
            mode::IFSOCK => Kind::Socket,
            _ => return None,
        })
    }
    /// `d_type` of a directory entry.
    pub const fn dirent_type(self) -> u8 {
        self as u8
    }
}

/// CLOCK_REALTIME as nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Time(pub i64);

/// What stat(2) shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attr {
    /// Device that holds the file.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Number of names.
    pub nlink: u32,
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device that the file is.
    pub rdev: u64,
    /// Length in bytes.
    pub size: u64,
    /// Preferred length of reads and writes; 0 for the page size.
    pub blksize: u32,
    /// Space taken, in units of 512 bytes.
    pub blocks: u64,
    /// Last read.
    pub atime: Time,
    /// Last write.
    pub mtime: Time,
    /// Last change of the inode.
    pub ctime: Time,
}

/// Changes of attributes; `None` leaves one as it is. Permissions were checked; clearing set-id bits is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SetAttr {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Last read.
    pub atime: Option<Time>,
    /// Last write.
    pub mtime: Option<Time>,
    /// The present, for ctime.
    pub now: Time,
}

/// What a new inode is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewNode<'a> {
    /// Its type.
    pub kind: Kind,
    /// Permission bits, umask applied.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device numbers of a device.
    pub rdev: u64,
    /// Target of a symbolic link.
    pub target: &'a [u8],
}

/// An entry as a directory lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirEntry<'a> {
    /// Inode number.
    pub ino: u64,
    /// Type.
    pub kind: Kind,
    /// Where listing goes on after this entry.
    pub next: u64,
    /// Name.
    pub name: &'a [u8],
}

/// Where a symbolic link leads.
#[derive(Debug)]
pub enum LinkTarget {
    /// A path, relative to the link's directory.
    Path(Vec<u8>),
    /// An entry itself: `/proc/self/{cwd,root,exe}`, `/proc/self/fd/*` of a file that has one.
    Entry(Arc<crate::Entry>),
    /// A file that has no name: `/proc/self/fd/*` of a pipe.
    File(Arc<dyn File>),
}

/// What statfs(2) shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FsStat {
    /// Magic number of the type (linux/magic.h).
    pub magic: u32,
    /// Block size.
    pub block_size: u32,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks that are free.
    pub free: u64,
    /// Inodes in all.
    pub files: u64,
    /// Inodes that are free.
    pub files_free: u64,
}

/// What the inodes of one file system share.
pub trait FileSystem: Send + Sync {
    /// Name of the type, as /proc/mounts shows it.
    fn name(&self) -> &'static str;
    /// `st_dev` of its files; unique.
    fn dev(&self) -> u64;
    /// Root directory.
    fn root(&self) -> Arc<dyn Inode>;
    /// Space.
    fn stat(&self) -> FsStat;
    /// Its own options, as /proc/mounts shows them, each with a comma before it.
    fn options(&self) -> String {
        String::new()
    }
    /// Changes its own options (mount(2) with MS_REMOUNT): EINVAL for those that it doesn't have.
    fn set_options(&self, options: &[u8]) -> Res<()> {
        if options.is_empty() { Ok(()) } else { Err(Errno::EINVAL.into()) }
    }
    /// Whether nothing can be changed.
    fn read_only(&self) -> bool {
        false
    }
    /// Whether a name, once looked up, stays what it is until it is changed through the VFS. Not so in /proc.
    fn names_are_stable(&self) -> bool {
        true
    }
}

/// A file without a name.
pub trait Inode: Send + Sync + Any {
    /// Its file system.
    fn fs(&self) -> Arc<dyn FileSystem>;
    /// Its type, which never changes.
    fn kind(&self) -> Kind;
    /// What stat(2) shows.
    fn attr(&self) -> Attr;
    /// Changes attributes.
    fn set_attr(&self, change: &SetAttr) -> Res<()> {
        let _ = change;
        Err(Errno::EPERM.into())
    }
    /// Its extended attributes; `None`: the file system keeps none.
    fn xattrs(&self) -> Option<&crate::xattr::Xattrs> {
        None
    }
    /// Told before its extended attributes are changed: it may have to become what can be changed first.
    fn prepare_change(&self) -> Res<()> {
        Ok(())
    }
    /// Sets the length of a regular file.
    fn truncate(&self, len: u64) -> Res<()> {
        let _ = len;
        Err(Errno::EINVAL.into())
    }
    /// Looks a name up in a directory: ENOENT when it is not there.
    fn lookup(&self, name: &[u8]) -> Res<Arc<dyn Inode>> {
        let _ = name;
        Err(Errno::ENOTDIR.into())
    }
    /// Lists a directory from `from` on (0: from the start), without `.` and `..`, until `emit` says false.
    fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        let _ = (from, emit);
        Err(Errno::ENOTDIR.into())
    }
    /// Makes a new file in a directory: EEXIST when the name is taken.
    fn create(&self, name: &[u8], new: &NewNode<'_>) -> Res<Arc<dyn Inode>> {
        let _ = (name, new);
        Err(Errno::EROFS.into())
    }
    /// Makes a new file without a name on the directory's file system (O_TMPFILE).
    fn create_unnamed(&self, new: &NewNode<'_>) -> Res<Arc<dyn Inode>> {
        let _ = new;
        Err(Errno::EOPNOTSUPP.into())
    }
    /// Gives `inode`, of the same file system, one more name in this directory.
    fn link(&self, name: &[u8], inode: &Arc<dyn Inode>) -> Res<()> {
        let _ = (name, inode);
        Err(Errno::EROFS.into())
    }
    /// Removes a name that is not a directory's.
    fn unlink(&self, name: &[u8]) -> Res<()> {
        let _ = name;
        Err(Errno::EROFS.into())
    }
    /// Removes an empty directory: ENOTEMPTY.
    fn rmdir(&self, name: &[u8]) -> Res<()> {
        let _ = name;
        Err(Errno::EROFS.into())
    }
    /// Moves `name` of this directory to `to_name` of `to`, a directory of the same file system, replacing what
    /// is there (of a fitting type, and empty); with `exchange` both change places.
    fn rename(&self, name: &[u8], to: &Arc<dyn Inode>, to_name: &[u8], exchange: bool) -> Res<()> {
        let _ = (name, to, to_name, exchange);
        Err(Errno::EROFS.into())
    }
    /// Where a symbolic link leads.
    fn link_target(&self) -> Res<LinkTarget> {
        Err(Errno::EINVAL.into())
    }
    /// The text of a symbolic link, for readlink(2).
    fn read_link(&self) -> Res<Vec<u8>> {
        match self.link_target()? {
            LinkTarget::Path(path) => Ok(path),
            LinkTarget::Entry(entry) => Ok(entry.path()),
            LinkTarget::File(_) => Ok(b"anon_inode:[file]".to_vec()),
        }
    }
    /// The open file of a regular file, or of a device that the inode itself knows. Other devices come from
    /// [`crate::device`], directories from [`crate::directory`]. `flags` are those of open(2).
    fn open(self: Arc<Self>, flags: u32) -> Res<Arc<dyn File>> {
        let _ = flags;
        Err(Errno::ENXIO.into())
    }
    /// For downcasts within a file system.
    fn as_any(&self) -> &dyn Any;
}

impl core::fmt::Debug for dyn Inode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Inode({:?} {})", self.kind(), self.attr().ino)
    }
}

impl core::fmt::Debug for dyn File {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("File")
    }
}
