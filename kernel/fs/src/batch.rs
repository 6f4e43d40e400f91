//! Listing a directory while asking it about what it lists: not in one go, since it may be locked meanwhile.

use alloc::vec::Vec;
use osv_base::Res;
use osv_vfs::inode::DirEntry;
use osv_vfs::{Inode, Kind};

/// Entries that are taken at once.
const MOST: usize = 128;

/// An entry, kept.
struct Kept {
    ino: u64,
    kind: Kind,
    next: u64,
    name: Vec<u8>,
}

/// As [`Inode::list`], but `emit` may use `inode`.
pub(crate) fn list(inode: &dyn Inode, mut from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
    loop {
        let mut batch: Vec<Kept> = Vec::new();
        inode.list(from, &mut |entry| {
            let DirEntry { ino, kind, next, name } = entry;
            batch.push(Kept { ino, kind, next, name: name.to_vec() });
            batch.len() < MOST
        })?;
        for Kept { ino, kind, next, name } in &batch {
            from = *next;
            if !emit(DirEntry { ino: *ino, kind: *kind, next: *next, name }) {
                return Ok(());
            }
        }
        if batch.len() < MOST {
            return Ok(());
        }
    }
}
