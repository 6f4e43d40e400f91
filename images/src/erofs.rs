//! Writes a tree as an uncompressed EROFS image.
//!
//! The format is Linux's, in its plainest form: 4 KiB blocks, no compression, no extended attributes. Files keep the time
//! of their last change, which caches of compiled code and web servers look at; the times of folders and links are
//! fixed, and the UUID is made from the contents, so that the same tree always gives the same bytes. The public tools
//! (`fsck.erofs`, `dump.erofs`, `mount`) can read it.
//!
//! ```text
//! block 0       1024 bytes of nothing, superblock, first inodes
//! block 1..     inodes in the order of a walk (root first), each followed by its inline data
//! block m..     folders that don't fit inline, and the contents of regular files
//! ```
//!
//! A regular file always starts on a block and its last block is filled up with zeros: once the image is in memory,
//! the kernel maps those blocks into applications as they are. Links and small folders are stored behind their inode.

mod dirent;
mod inode;
mod reader;
mod stream;

#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::tree::{Content, Dir, File, Node};
use osv_abi::boot::Id;
pub use reader::{Bytes, Entry, Reader};
use stream::Stream;

use inode::{Inode, Layout, Mode};
use std::ffi::OsStr;
use std::io::{Cursor, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Block size in bytes.
pub const BLOCK: u64 = 4096;
const SUPERBLOCK_AT: usize = 1024;
const SUPERBLOCK_LEN: u64 = 128;
/// Where the superblock has its UUID.
const UUID_AT: usize = 48;
const MAGIC: u32 = 0xe0f5_e1e2;
/// The superblock's checksum is there.
const COMPAT_CHECKSUM: u32 = 1;

/// A node with its place.
struct Placed<'a> {
    /// Entries with the index of their node, for folders.
    entries: Vec<(&'a OsStr, usize)>,
    parent: usize,
    node: Payload<'a>,
    inode: Inode,
    nid: u64,
}

/// What a node holds.
enum Payload<'a> {
    /// To be made from `entries` when all inode numbers are known.
    Dir,
    Link(&'a OsStr),
    File(&'a Content),
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Length in bytes, a multiple of [`BLOCK`].
    pub bytes: u64,
    /// Made from the contents, and kept as the file system's UUID.
    pub id: Id,
}

/// The image of `root`, in memory.
pub fn write(root: &Dir) -> Result<Vec<u8>> {
    let mut image = Cursor::new(Vec::new());
    write_to(root, &mut image, Path::new("an image in memory"))?;
    Ok(image.into_inner())
}

/// Writes the image of `root` to `out`, which is empty and called `path`. Files pass through, however large they are;
/// only names and inodes are kept in memory.
pub fn write_to(root: &Dir, out: &mut (impl Write + Seek), path: &Path) -> Result<Written> {
    let mut nodes = Vec::new();
    collect(root, 0, &mut nodes)?;

    let mut at = SUPERBLOCK_AT as u64 + SUPERBLOCK_LEN;
    for node in &mut nodes {
        (node.nid, at) = node.inode.place(at);
    }
    let metadata_blocks = at.div_ceil(BLOCK);
    let mut next_block = metadata_blocks;
    for node in &mut nodes {
        let blocks = node.inode.data_blocks();
        node.inode.first_block = if blocks == 0 { 0 } else { block_number(next_block)? };
        next_block += blocks;
    }
    let blocks = block_number(next_block)?;

    let too_large = |_| Error::RootTooLarge { bytes: metadata_blocks * BLOCK };
    let mut metadata = vec![0; usize::try_from(metadata_blocks * BLOCK).map_err(too_large)?];
    let mut stream = Stream::new(out, path, metadata_blocks * BLOCK)?;
    for index in 0..nodes.len() {
        let Placed { node, nid, inode, .. } = &nodes[index];
        match node {
            Payload::Dir => {
                let content = dirent::folder(&nodes, index);
                let (in_blocks, inline) = inode.split(&content);
                inode.write(index, *nid, inline, &mut metadata);
                stream.put(in_blocks)?;
            }
            Payload::Link(target) => {
                let (in_blocks, inline) = inode.split(target.as_bytes());
                inode.write(index, *nid, inline, &mut metadata);
                stream.put(in_blocks)?;
            }
            Payload::File(content) => {
                inode.write(index, *nid, &[], &mut metadata);
                match content {
                    Content::Bytes(bytes) => stream.put(bytes)?,
                    Content::Host(path, len) => stream.copy(path, *len)?,
                }
            }
        }
        stream.fill_block()?;
    }
    superblock(&mut metadata[..BLOCK as usize], nodes[0].nid, nodes.len(), blocks)?;
    let id = stream.finish(&mut metadata)?;
    Ok(Written { bytes: next_block * BLOCK, id })
}

/// How large the image of `root` will at least be: what its files take, without reading them.
pub fn size_estimate(root: &Dir) -> u64 {
    let mut bytes = BLOCK;
    root.walk(&mut |_, node| {
        bytes += match node {
            Node::File(file) => file.content.len().next_multiple_of(BLOCK) + 32,
            Node::Dir(_) | Node::Link(_) => 64,
        }
    });
    bytes
}

/// Appends `dir` and all below it to `nodes`, parents first.
fn collect<'a>(dir: &'a Dir, parent: usize, nodes: &mut Vec<Placed<'a>>) -> Result<()> {
    let index = nodes.len();
    let names = dir.entries.keys().map(|name| name.as_bytes());
    let size = dirent::folder_size(names);
    let folders = dir.entries.values().filter(|node| matches!(node, Node::Dir(_))).count();
    let links = u32::try_from(folders + 2).map_err(|_| Error::RootTooLarge { bytes: u64::MAX })?;
    let inode = Inode::new(Mode::Dir(dir.mode), size, links);
    nodes.push(Placed { entries: Vec::new(), parent, node: Payload::Dir, inode, nid: 0 });
    for (name, node) in &dir.entries {
        if name.len() > 255 {
            return Err(Error::NameTooLong { name: name.clone() });
        }
        let child = nodes.len();
        nodes[index].entries.push((name, child));
        match node {
            Node::Dir(below) => collect(below, index, nodes)?,
            Node::Link(target) => {
                let inode = Inode::new(Mode::Link, target.len() as u64, 1);
                nodes.push(Placed {
                    entries: Vec::new(),
                    parent: index,
                    node: Payload::Link(target),
                    inode,
                    nid: 0,
                });
            }
            Node::File(file) => {
                let inode = Inode::of_file(Mode::File(file.mode), file.content.len(), file.modified);
                let node = Payload::File(&file.content);
                nodes.push(Placed { entries: Vec::new(), parent: index, node, inode, nid: 0 });
            }
        }
    }
    Ok(())
}

fn superblock(block: &mut [u8], root_nid: u64, inodes: usize, blocks: u32) -> Result<()> {
    let root_nid = u16::try_from(root_nid).map_err(|_| Error::RootTooLarge { bytes: u64::MAX })?;
    let at = SUPERBLOCK_AT;
    let mut put = |offset: usize, bytes: &[u8]| block[at + offset..][..bytes.len()].copy_from_slice(bytes);
    put(0, &MAGIC.to_le_bytes());
    put(8, &COMPAT_CHECKSUM.to_le_bytes());
    put(12, &[BLOCK.trailing_zeros().to_le_bytes()[0]]);
    put(14, &root_nid.to_le_bytes());
    put(16, &(inodes as u64).to_le_bytes());
    put(24, &File::MADE.as_secs().to_le_bytes());
    put(36, &blocks.to_le_bytes());
    Ok(())
}

/// The last two fields of the superblock in `block`: the name, then the checksum of all.
fn seal(block: &mut [u8], id: Id) {
    let at = SUPERBLOCK_AT;
    block[at + UUID_AT..][..16].copy_from_slice(&id.0);
    let sum = crc32c(&block[at..]);
    block[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
}

fn block_number(block: u64) -> Result<u32> {
    u32::try_from(block).map_err(|_| Error::RootTooLarge { bytes: block.saturating_mul(BLOCK) })
}

/// CRC-32C as EROFS uses it: all ones to start with, nothing inverted at the end.
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 },
        )
    })
}

impl Layout {
    const fn bits(self) -> u16 {
        match self {
            Self::Plain => 0,
            Self::Inline => 2,
        }
    }
}
