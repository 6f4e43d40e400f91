//! EROFS, uncompressed, read-only, in memory.
//!
//! The image is not trusted: every offset and length in it is checked before it is followed, and what does not fit is
//! EUCLEAN ("structure needs cleaning"), never a panic. Nothing is parsed ahead: mounting reads the superblock, a
//! lookup reads the inodes and directory blocks that it needs, all in place.
//!
//! [`layout`] knows the format; an [`inode::ErofsInode`] is an inode, and also its open file and its pager. Pages of a
//! file are the image's own frames where they are aligned in it.

mod inode;
mod layout;
#[cfg(test)]
mod tests;

use crate::anonymous_dev;
use alloc::sync::Arc;
use inode::ErofsInode;
use layout::{Inode as Raw, Superblock};
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
    image: Arc<dyn Image>,
    superblock: Superblock,
    dev: u64,
    root: Raw,
}

/// The image says something that cannot be.
pub(crate) const CORRUPT: Errno = Errno::EUCLEAN;

impl Erofs {
    /// Reads the superblock and the root inode: EINVAL when this is no EROFS, or one with features that are not
    /// known here (compression); EUCLEAN when it is a broken one.
    pub fn mount(image: Arc<dyn Image>) -> Res<Arc<Erofs>> {
        let superblock = Superblock::read(image.bytes())?;
        let root = superblock.inode(image.bytes(), superblock.root)?;
        if root.kind != osv_vfs::Kind::Directory {
            return Err(CORRUPT.into());
        }
        Ok(Arc::new(Erofs { image, superblock, dev: anonymous_dev(), root }))
    }

    fn inode(self: &Arc<Self>, nid: u64) -> Res<Arc<ErofsInode>> {
        let raw = self.superblock.inode(self.image.bytes(), nid)?;
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

/// Mounts an image; see [`Erofs::mount`].
pub fn mount(image: Arc<dyn Image>) -> Res<Arc<dyn FileSystem>> {
    Ok(Arc::new(Mounted(Erofs::mount(image)?)))
}

impl core::fmt::Debug for Erofs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Erofs({} pages)", self.image.bytes().len() / PAGE_SIZE)
    }
}
