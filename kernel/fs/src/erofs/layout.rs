//! The format, as far as uncompressed images use it (Documentation/filesystems/erofs.rst of Linux has it in prose).
//!
//! A superblock of 128 bytes at 1024. Inode number n lies at `meta_block * block_size + n * 32`: 32 bytes (compact)
//! or 64 (extended), then extended attributes, then, by layout, the tail of the data or the list of chunks. Data
//! layouts: *plain* (blocks in a row), *inline* (as plain, but what does not fill a block lies behind the inode),
//! *chunk-based* (a block address for each chunk; all ones for a hole). A directory's data is blocks of entries, 12
//! bytes each, sorted by name, and behind them their names.

use super::CORRUPT;
use super::medium::{Medium, View};
use crate::cache::Ahead;
use core::ops::Range;
use osv_base::{Errno, Res};
use osv_vfs::{Kind, Time};

/// Magic number.
pub(super) const MAGIC: u32 = 0xe0f5_e1e2;
const SUPERBLOCK: u64 = 1024;
/// Features that change nothing for an uncompressed image (zero padding), and chunks.
const KNOWN_FEATURES: u32 = 0x1 | 0x4;
const HOLE: u32 = u32::MAX;

fn array<const N: usize>(bytes: &[u8], at: u64) -> Res<[u8; N]> {
    let at = usize::try_from(at).map_err(|_| CORRUPT)?;
    Ok(*bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(CORRUPT)?)
}
fn u16_at(bytes: &[u8], at: u64) -> Res<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}
fn u32_at(bytes: &[u8], at: u64) -> Res<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}
fn u64_at(bytes: &[u8], at: u64) -> Res<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// What the superblock says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Superblock {
    block_bits: u32,
    meta: u64,
    time: Time,
    /// Number of the root inode.
    pub(super) root: u64,
    pub(super) blocks: u64,
    pub(super) inodes: u64,
    pub(super) uuid: [u8; 16],
}

impl Superblock {
    pub(super) fn read(medium: &Medium) -> Res<Superblock> {
        if medium.len() < SUPERBLOCK + 128 {
            return Err(Errno::EINVAL.into());
        }
        let block = &medium.array::<128>(SUPERBLOCK)?[..];
        if u32_at(block, 0)? != MAGIC || u32_at(block, 80)? & !KNOWN_FEATURES != 0 {
            return Err(Errno::EINVAL.into());
        }
        let block_bits = u32::from(block[12]);
        // Larger blocks than a page Linux doesn't mount either; blocks of directories are like others.
        if !(9..=12).contains(&block_bits) || block[90] != 0 {
            return Err(Errno::EINVAL.into());
        }
        let (sec, nsec) = (u64_at(block, 24)?, u32_at(block, 32)?);
        Ok(Superblock {
            block_bits,
            meta: u64::from(u32_at(block, 40)?) << block_bits,
            time: time(sec, nsec),
            root: u16_at(block, 14)?.into(),
            blocks: u32_at(block, 36)?.into(),
            inodes: u64_at(block, 16)?,
            uuid: array(block, 48)?,
        })
    }

    pub(super) fn block_size(&self) -> u64 {
        1 << self.block_bits
    }

    /// Reads inode `nid`.
    pub(super) fn inode(&self, medium: &Medium, nid: u64) -> Res<Inode> {
        let at = nid.checked_mul(32).and_then(|offset| offset.checked_add(self.meta)).ok_or(CORRUPT)?;
        // An extended one may lie across two pages.
        let (compact, whole);
        let format = u16_at(&medium.array::<2>(at)?, 0)?;
        let extended = format & 1 != 0;
        let raw: &[u8] = if extended {
            whole = medium.array::<64>(at)?;
            &whole
        } else {
            compact = medium.array::<32>(at)?;
            &compact
        };
        let attributes = u64::from(u16_at(raw, 2)?);
        let attributes = if attributes == 0 { 0 } else { 12 + (attributes - 1) * 4 };
        let behind = at + raw.len() as u64 + attributes;
        let bits = u16_at(raw, 4)?;
        let kind = Kind::of_mode(bits.into()).ok_or(CORRUPT)?;
        let (size, nlink, uid, gid, mtime) = if extended {
            let mtime = time(u64_at(raw, 32)?, u32_at(raw, 40)?);
            (u64_at(raw, 8)?, u32_at(raw, 44)?, u32_at(raw, 24)?, u32_at(raw, 28)?, mtime)
        } else {
            let (uid, gid) = (u16_at(raw, 24)?.into(), u16_at(raw, 26)?.into());
            (u32_at(raw, 8)?.into(), u16_at(raw, 6)?.into(), uid, gid, self.time)
        };
        let union = u32_at(raw, 16)?;
        let has_data = matches!(kind, Kind::Regular | Kind::Directory | Kind::Symlink);
        let rdev = if matches!(kind, Kind::CharDevice | Kind::BlockDevice) { union.into() } else { 0 };
        let layout = match format >> 1 & 7 {
            _ if !has_data => Layout::Plain { start: 0 },
            0 => Layout::Plain { start: u64::from(union) << self.block_bits },
            2 => Layout::Inline { start: u64::from(union) << self.block_bits, tail: behind },
            4 => {
                let (bits, indexed) = (self.block_bits + (union & 0x1f), union & 0x20 != 0);
                if union & 0xffff & !0x3f != 0 || bits > 40 {
                    return Err(CORRUPT.into());
                }
                let table = behind.next_multiple_of(if indexed { 8 } else { 4 });
                Layout::Chunks { bits, table, indexed }
            }
            _ => return Err(Errno::EOPNOTSUPP.into()),
        };
        if size > i64::MAX as u64 {
            return Err(CORRUPT.into());
        }
        let size = if has_data { size } else { 0 };
        Ok(Inode { nid, kind, mode: (bits & 0o7777).into(), nlink, uid, gid, rdev, size, mtime, layout })
    }

    /// Where the data at `offset` of an inode lies, and how much follows in a row; `None` for a hole of that length.
    pub(super) fn extent(&self, medium: &Medium, inode: &Inode, offset: u64) -> Res<(Option<u64>, u64)> {
        let size = inode.size;
        if offset >= size {
            return Ok((None, 0));
        }
        let blocks = |start: u64, upto: u64| -> Res<(Option<u64>, u64)> {
            Ok((Some(start.checked_add(offset).ok_or(CORRUPT)?), upto - offset))
        };
        match inode.layout {
            Layout::Plain { start } => blocks(start, size),
            Layout::Inline { start, tail } => {
                let inline = (size - 1) >> self.block_bits << self.block_bits;
                if offset < inline {
                    return blocks(start, inline);
                }
                // The tail must not cross a block.
                let within = tail & (self.block_size() - 1);
                if within + (size - inline) > self.block_size() {
                    return Err(CORRUPT.into());
                }
                Ok((Some(tail + (offset - inline)), size - offset))
            }
            Layout::Chunks { bits, table, indexed } => {
                let chunk = offset >> bits;
                let within = offset & ((1 << bits) - 1);
                let entry = chunk.checked_mul(if indexed { 8 } else { 4 }).and_then(|o| o.checked_add(table));
                let entry = entry.ok_or(CORRUPT)?;
                let at = if indexed { entry.checked_add(4).ok_or(CORRUPT)? } else { entry };
                let block = u32::from_le_bytes(medium.array(at)?);
                let len = ((1 << bits) - within).min(size - offset);
                let at = (block != HOLE).then(|| (u64::from(block) << self.block_bits) + within);
                Ok((at, len))
            }
        }
    }

    /// The data at `offset`, at most `max` of it and as far as it lies in a row: for a hole, zeros.
    pub(super) fn data<'i>(
        &self,
        medium: &'i Medium,
        inode: &Inode,
        offset: u64,
        max: usize,
        ahead: &Ahead,
    ) -> Res<View<'i>> {
        static ZEROS: [u8; 4096] = [0; 4096];
        let (at, len) = self.extent(medium, inode, offset)?;
        let max = usize::try_from(len).unwrap_or(usize::MAX).min(max);
        match at {
            Some(at) => {
                // What came before in the file belongs to the same row.
                let before = match inode.layout {
                    Layout::Plain { start } | Layout::Inline { start, .. }
                        if at.checked_sub(start) == Some(offset) =>
                    {
                        start
                    }
                    _ => at,
                };
                medium.view(at, max, before..at.saturating_add(len), ahead)
            }
            None => Ok(View::Bytes(&ZEROS[..max.min(ZEROS.len())])),
        }
    }

    /// Block number `index` of a directory, which never lies across two pages.
    pub(super) fn dir_block<'i>(
        &self,
        medium: &'i Medium,
        inode: &Inode,
        index: u64,
        ahead: &Ahead,
    ) -> Res<DirBlock<'i>> {
        let offset = index << self.block_bits;
        let want = (inode.size - offset.min(inode.size)).min(self.block_size()) as usize;
        let bytes = self.data(medium, inode, offset, want, ahead)?;
        if bytes.len() != want || want < 12 {
            return Err(CORRUPT.into());
        }
        let names = usize::from(u16_at(&bytes, 8)?);
        if names < 12 || !names.is_multiple_of(12) || names > want {
            return Err(CORRUPT.into());
        }
        Ok(DirBlock { bytes, count: names / 12 })
    }

    pub(super) fn dir_blocks(&self, inode: &Inode) -> u64 {
        inode.size.div_ceil(self.block_size())
    }
}

fn time(sec: u64, nsec: u32) -> Time {
    Time((sec.cast_signed()).saturating_mul(1_000_000_000).saturating_add(nsec.into()))
}

/// Where an inode's data lies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    Plain { start: u64 },
    Inline { start: u64, tail: u64 },
    Chunks { bits: u32, table: u64, indexed: bool },
}

/// An inode as the image has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inode {
    pub(super) nid: u64,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) nlink: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) rdev: u64,
    pub(super) size: u64,
    pub(super) mtime: Time,
    pub(super) layout: Layout,
}

/// A block of directory entries.
pub(super) struct DirBlock<'i> {
    bytes: View<'i>,
    pub(super) count: usize,
}

/// An entry.
pub(super) struct RawEntry<'i> {
    pub(super) nid: u64,
    pub(super) kind: u8,
    pub(super) name: &'i [u8],
}

impl DirBlock<'_> {
    pub(super) fn entry(&self, index: usize) -> Res<RawEntry<'_>> {
        let at = index as u64 * 12;
        let name = self.name_range(index)?;
        let name = self.bytes.get(name).ok_or(CORRUPT)?;
        // The last name may be padded with NULs.
        let name = name.split(|&b| b == 0).next().unwrap_or(&[]);
        if name.is_empty() || name.contains(&b'/') || name.len() > 255 {
            return Err(CORRUPT.into());
        }
        Ok(RawEntry { nid: u64_at(&self.bytes, at)?, kind: self.bytes[index * 12 + 10], name })
    }

    fn name_range(&self, index: usize) -> Res<Range<usize>> {
        let start = u16_at(&self.bytes, index as u64 * 12 + 8)?.into();
        let end = if index + 1 < self.count {
            u16_at(&self.bytes, (index as u64 + 1) * 12 + 8)?.into()
        } else {
            self.bytes.len()
        };
        if start < self.count * 12 || end < start { Err(CORRUPT.into()) } else { Ok(start..end) }
    }
}
