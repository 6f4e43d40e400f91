//! EROFS, uncompressed, read-only, in memory or on a disk.
//!
//! The image is not trusted: every offset and length in it is checked before it is followed, and what does not fit is
//! EUCLEAN ("structure needs cleaning"), never a panic. Nothing is parsed ahead: mounting reads the superblock, a
//! lookup reads the inodes and directory blocks that it needs, all in place.
//!
//! [`layout`] knows the format and [`medium`] where the bytes are; an [`inode::ErofsInode`] is an inode, and also its
//! open file and its pager. Pages of a file are the image's own frames, or the page cache's, where they are aligned in
//! it.

mod inode;
mod layout;
mod medium;
#[cfg(test)]
mod tests;

use crate::anonymous_dev;
use crate::cache::PageCache;
use alloc::sync::Arc;
use inode::ErofsInode;
use layout::{Inode as Raw, Superblock};
use medium::Medium;
use osv_base::{Errno, PAGE_SIZE, Res};
use osv_mm::frame::Frame;
use osv_vfs::inode::FsStat;
use osv_vfs::{FileSystem, Inode};

/// Where an image lies.
pub trait Image: Send + Sync {
    /// All of it.
    fn bytes(&self) -> &[u8];
    /// The frame that is page `index` of it, if a mapping may use that frame itself.
    fn frame(&self, index: u64) -> Option<Frame>;
}

/// A mounted image.
pub struct Erofs {
    medium: Medium,
    superblock: Superblock,
    dev: u64,
    root: Raw,
}

/// The image says something that cannot be.
const CORRUPT: Errno = Errno::EUCLEAN;

impl Erofs {
    /// Reads the superblock and the root inode.
    fn open(medium: Medium) -> Res<Arc<Erofs>> {
        let superblock = Superblock::read(&medium)?;
        let root = superblock.inode(&medium, superblock.root)?;
        if root.kind != osv_vfs::Kind::Directory {
            return Err(CORRUPT.into());
        }
        Ok(Arc::new(Erofs { medium, superblock, dev: anonymous_dev(), root }))
    }

    fn inode(self: &Arc<Self>, nid: u64) -> Res<Arc<ErofsInode>> {
        let raw = self.superblock.inode(&self.medium, nid)?;
        Ok(ErofsInode::new(self.clone(), raw))
    }
}

/// `Erofs` as a file system: it has to hand out references to itself.
impl FileSystem for Mounted {
    fn name(&self) -> &'static str {
        "erofs"
    }
    fn dev(&self) -> u64 {
        self.0.dev
    }
    fn root(&self) -> Arc<dyn Inode> {
        ErofsInode::new(self.0.clone(), self.0.root)
    }
    fn stat(&self) -> FsStat {
        FsStat {
            magic: layout::MAGIC,
            block_size: self.0.superblock.block_size() as u32,
            blocks: self.0.superblock.blocks,
            free: 0,
            files: self.0.superblock.inodes,
            files_free: 0,
        }
    }
    fn read_only(&self) -> bool {
        true
    }
}

/// A handle to an [`Erofs`].
#[derive(Clone)]
pub struct Mounted(Arc<Erofs>);

/// Mounts an image in memory: EINVAL when it is no EROFS, or one with features that are not known here (compression);
/// EUCLEAN when it is a broken one.
pub fn mount(image: Arc<dyn Image>) -> Res<Arc<dyn FileSystem>> {
    Ok(Arc::new(Mounted(Erofs::open(Medium::Ram(image))?)))
}

/// As [`mount`], of an image on a disk. Sleeps; also EIO.
pub fn mount_disk(disk: Arc<PageCache>) -> Res<Arc<dyn FileSystem>> {
    Ok(Arc::new(Mounted(Erofs::open(Medium::disk(disk))?)))
}

/// The name that was given to the image on a disk (the UUID in its superblock). Fails as [`mount_disk`] does.
pub fn identify(disk: &Arc<PageCache>) -> Res<[u8; 16]> {
    Ok(Superblock::read(&Medium::disk(disk.clone()))?.uuid)
}

impl core::fmt::Debug for Erofs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Erofs({} pages)", self.medium.len() / PAGE_SIZE as u64)
    }
}
