//! Folders: blocks of entries, each block with its names behind them.
//!
//! The entries of a folder, `.` and `..` among them, are in byte order across all of its blocks, which lets a reader
//! find a name by bisection, first among blocks and then within one.

use super::{BLOCK, Placed};
use std::os::unix::ffi::OsStrExt;

const ENTRY_LEN: usize = 12;

/// Size in bytes of a folder with these names (without `.` and `..`), which are in byte order.
pub(super) fn folder_size<'a>(names: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut all: Vec<&[u8]> = vec![b".", b".."];
    all.extend(names);
    all.sort_unstable();
    let blocks = cut(&all, |name| name.len());
    let last: usize = blocks.last().map_or(0, |block| block.iter().map(|name| ENTRY_LEN + name.len()).sum());
    (blocks.len() as u64 - 1) * BLOCK + last as u64
}

/// The content of folder `index`.
pub(super) fn folder(nodes: &[Placed<'_>], index: usize) -> Vec<u8> {
    let folder = &nodes[index];
    let mut all: Vec<(&[u8], &Placed<'_>)> = vec![(b".", folder), (b"..", &nodes[folder.parent])];
    all.extend(folder.entries.iter().map(|(name, node)| (name.as_bytes(), &nodes[*node])));
    all.sort_unstable_by_key(|(name, _)| *name);

    let mut content = Vec::new();
    for block in cut(&all, |(name, _)| name.len()) {
        content.resize(content.len().next_multiple_of(BLOCK as usize), 0);
        let mut name_at = block.len() * ENTRY_LEN;
        for (name, node) in block {
            content.extend(node.nid.to_le_bytes());
            content.extend((name_at as u16).to_le_bytes());
            content.extend([node.inode.mode.entry_type(), 0]);
            name_at += name.len();
        }
        block.iter().for_each(|(name, _)| content.extend(*name));
    }
    content
}

/// Cuts entries into runs that fit a block each.
fn cut<T>(entries: &[T], name_len: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let (mut blocks, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let len = ENTRY_LEN + name_len(entry);
        if used + len > BLOCK as usize {
            blocks.push(&entries[start..at]);
            (start, used) = (at, 0);
        }
        used += len;
    }
    blocks.push(&entries[start..]);
    blocks
}
