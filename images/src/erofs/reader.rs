//! Reads back what the writer makes, in memory or in a file: no compression, no extended attributes.
//!
//! An image may come from anywhere, so every offset is checked and every wrong one is `None`.

use super::{BLOCK, MAGIC, SUPERBLOCK_AT, UUID_AT};
use osv_abi::boot::Id;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What lists more files than this goes round in circles.
const MAX_ENTRIES: usize = 1 << 20;

/// Where an image is.
#[derive(Debug, Clone, Copy)]
pub enum Bytes<'a> {
    /// In memory.
    Memory(&'a [u8]),
    /// In a file.
    File(&'a File),
}

impl<'a> Bytes<'a> {
    /// `len` bytes at `at`, if they are there.
    fn get(self, at: usize, len: usize) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Memory(bytes) => Some(bytes.get(at..at.checked_add(len)?)?.into()),
            Self::File(file) => {
                // What is behind the end of the file is not worth memory.
                let left = file.metadata().ok()?.len().checked_sub(at as u64)?;
                let mut bytes = vec![0; usize::try_from(left).ok().filter(|left| *left >= len).map(|_| len)?];
                file.read_exact_at(&mut bytes, at as u64).ok()?;
                Some(bytes.into())
            }
        }
    }
}

/// An image.
pub struct Reader<'a> {
    image: Bytes<'a>,
    root: u64,
    id: Id,
}

/// A name in the image.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Absolute path.
    pub path: PathBuf,
    /// Inode number.
    pub nid: u64,
    /// Kind and permissions.
    pub mode: u16,
    /// Size in bytes.
    pub size: u64,
}

struct Inode {
    mode: u16,
    size: u64,
    inline: bool,
    first_block: u64,
    behind: usize,
}

impl<'a> Reader<'a> {
    /// Looks at the superblock.
    pub fn new(image: Bytes<'a>) -> Option<Self> {
        let reader = Self { image, root: 0, id: Id([0; 16]) };
        let magic = u32::from_le_bytes(reader.bytes(SUPERBLOCK_AT)?);
        let root = u64::from(u16::from_le_bytes(reader.bytes(SUPERBLOCK_AT + 14)?));
        let id = Id(reader.bytes(SUPERBLOCK_AT + UUID_AT)?);
        (magic == MAGIC).then_some(Self { image, root, id })
    }

    /// The image's name.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Everything, parents first, in byte order.
    pub fn list(&self) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        self.list_folder(self.root, Path::new("/"), 0, &mut entries)?;
        Some(entries)
    }

    /// What a file, link or folder holds.
    pub fn content(&self, nid: u64) -> Option<Cow<'a, [u8]>> {
        let inode = self.inode(nid)?;
        let size = usize::try_from(inode.size).ok()?;
        let tail = if inode.inline { size % BLOCK as usize } else { 0 };
        let start = usize::try_from(inode.first_block.checked_mul(BLOCK)?).ok()?;
        let blocks = match size - tail {
            0 => Cow::Borrowed(&[][..]),
            len => self.image.get(start, len)?,
        };
        let inline = self.image.get(inode.behind, tail)?;
        Some(if inline.is_empty() { blocks } else { [blocks, inline].concat().into() })
    }

    fn list_folder(&self, nid: u64, at: &Path, depth: usize, entries: &mut Vec<Entry>) -> Option<()> {
        let content = self.content(nid).filter(|_| depth < 64 && entries.len() < MAX_ENTRIES)?;
        for block in content.chunks(BLOCK as usize) {
            let field = |at: usize| Some(usize::from(u16::from_le_bytes(*block.get(at..)?.first_chunk()?)));
            let count = field(8)? / 12;
            for index in 0..count {
                let nid = u64::from_le_bytes(*block.get(index * 12..)?.first_chunk()?);
                let start = field(index * 12 + 8)?;
                let end = if index + 1 < count { field(index * 12 + 20)? } else { block.len() };
                let name = block.get(start..end)?.split(|byte| *byte == 0).next()?;
                if name == b"." || name == b".." {
                    continue;
                }
                let (path, inode) = (at.join(OsStr::from_bytes(name)), self.inode(nid)?);
                entries.push(Entry { path: path.clone(), nid, mode: inode.mode, size: inode.size });
                if inode.mode & 0o170_000 == 0o040_000 {
                    self.list_folder(nid, &path, depth + 1, entries)?;
                }
            }
        }
        Some(())
    }

    fn inode(&self, nid: u64) -> Option<Inode> {
        let at = usize::try_from(nid.checked_mul(32)?).ok()?;
        let format = u16::from_le_bytes(self.bytes(at)?);
        let extended = format & 1 == 1;
        let size = match extended {
            true => u64::from_le_bytes(self.bytes(at + 8)?),
            false => u64::from(u32::from_le_bytes(self.bytes(at + 8)?)),
        };
        let layout = format >> 1 & 7;
        (layout == 0 || layout == 2).then_some(())?;
        Some(Inode {
            mode: u16::from_le_bytes(self.bytes(at + 4)?),
            size,
            inline: layout == 2,
            first_block: u64::from(u32::from_le_bytes(self.bytes(at + 16)?)),
            behind: at + if extended { 64 } else { 32 },
        })
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.image.get(at, N)?.first_chunk().copied()
    }
}
