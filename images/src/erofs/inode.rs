//! Inodes: their size, their place, their bytes.

use super::BLOCK;
use crate::tree::File;
use std::time::Duration;

/// Inodes start on multiples of this, and are numbered by it.
const SLOT: u64 = 32;
const COMPACT_LEN: u64 = 32;
const EXTENDED_LEN: u64 = 64;

/// Kind and permission bits.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Dir(u16),
    File(u16),
    Link,
}

impl Mode {
    fn bits(self) -> u16 {
        match self {
            Self::Dir(bits) => 0o040_000 | bits & 0o7777,
            Self::File(bits) => 0o100_000 | bits & 0o7777,
            Self::Link => 0o120_777,
        }
    }

    /// Type in a folder's entry.
    pub(super) fn entry_type(self) -> u8 {
        match self {
            Self::File(_) => 1,
            Self::Dir(_) => 2,
            Self::Link => 7,
        }
    }
}

/// Where a file's bytes lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// All in blocks.
    Plain,
    /// Whole blocks in blocks, the rest behind the inode.
    Inline,
}

/// What an inode says. Owner and group are always root.
pub(super) struct Inode {
    pub(super) mode: Mode,
    pub(super) first_block: u32,
    size: u64,
    links: u32,
    modified: Duration,
    layout: Layout,
}

impl Inode {
    /// A folder's or a link's, whose data may be inline; its time is the image's.
    pub(super) fn new(mode: Mode, size: u64, links: u32) -> Self {
        let mut inode = Self { links, ..Self::of_file(mode, size, File::MADE) };
        let tail = size % BLOCK;
        if tail != 0 && inode.len() + tail <= BLOCK {
            inode.layout = Layout::Inline;
        }
        inode
    }

    /// A regular file's.
    pub(super) fn of_file(mode: Mode, size: u64, modified: Duration) -> Self {
        Self { mode, size, links: 1, modified, first_block: 0, layout: Layout::Plain }
    }

    /// Blocks that its data needs, apart from what is inline.
    pub(super) fn data_blocks(&self) -> u64 {
        match self.layout {
            Layout::Plain => self.size.div_ceil(BLOCK),
            Layout::Inline => self.size / BLOCK,
        }
    }

    /// Number of the inode if it is put at `at` or soon after, and where the next one may be. Inode and inline data
    /// stay within one block.
    pub(super) fn place(&self, at: u64) -> (u64, u64) {
        let len = self.len() + self.inline_len();
        let at = at.next_multiple_of(SLOT);
        let at = if at % BLOCK + len > BLOCK { at.next_multiple_of(BLOCK) } else { at };
        (at / SLOT, at + len)
    }

    /// Cuts its data into what goes into blocks and what goes behind the inode.
    pub(super) fn split<'d>(&self, data: &'d [u8]) -> (&'d [u8], &'d [u8]) {
        data.split_at(data.len() - self.inline_len() as usize)
    }

    /// Writes the inode and what goes behind it into the image's metadata.
    pub(super) fn write(&self, index: usize, nid: u64, inline: &[u8], metadata: &mut [u8]) {
        let mut bytes = [0; EXTENDED_LEN as usize];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        let serial = u32::try_from(index + 1).unwrap_or(u32::MAX);
        put(4, &self.mode.bits().to_le_bytes());
        put(16, &self.first_block.to_le_bytes());
        put(20, &serial.to_le_bytes());
        match self.compact() {
            Some((size, links)) => {
                put(0, &(self.layout.bits() << 1).to_le_bytes());
                put(6, &links.to_le_bytes());
                put(8, &size.to_le_bytes());
            }
            None => {
                put(0, &(self.layout.bits() << 1 | 1).to_le_bytes());
                put(8, &self.size.to_le_bytes());
                put(32, &self.modified.as_secs().to_le_bytes());
                put(40, &self.modified.subsec_nanos().to_le_bytes());
                put(44, &self.links.to_le_bytes());
            }
        }
        let len = self.len() as usize;
        let (inode, behind) = metadata[(nid * SLOT) as usize..].split_at_mut(len);
        inode.copy_from_slice(&bytes[..len]);
        behind[..inline.len()].copy_from_slice(inline);
    }

    /// Size and links as a compact inode holds them, whose time is the image's; `None`: it must be an extended one.
    fn compact(&self) -> Option<(u32, u16)> {
        let fits = Some((u32::try_from(self.size).ok()?, u16::try_from(self.links).ok()?));
        fits.filter(|_| self.modified == File::MADE)
    }

    fn len(&self) -> u64 {
        if self.compact().is_some() { COMPACT_LEN } else { EXTENDED_LEN }
    }

    fn inline_len(&self) -> u64 {
        match self.layout {
            Layout::Plain => 0,
            Layout::Inline => self.size % BLOCK,
        }
    }
}
