//! Open directories: reading them lists names.

use crate::entry::Entry;
use crate::file::{At, File, Io};
use crate::inode::{DirEntry, Kind};
use alloc::sync::Arc;
use core::any::Any;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    entry: Arc<Entry>,
}

impl Directory {
    /// Opens `entry`, a directory.
    pub fn new(entry: Arc<Entry>) -> Self {
        Directory { entry }
    }

    /// Lists from position `from` on: `.` and `..` first, at positions 0 and 1, then what the file system has.
    /// `emit` says whether to go on; an entry that it refused is not listed.
    pub fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        if self.entry.is_removed() {
            return Ok(());
        }
        let dots: [(&[u8], Arc<Entry>); 2] = [(b".", self.entry.clone()), (b"..", self.entry.parent())];
        for (position, (name, entry)) in dots.iter().enumerate().skip(from.min(2) as usize) {
            let ino = entry.inode().attr().ino;
            if !emit(DirEntry { ino, kind: Kind::Directory, next: position as u64 + 1, name }) {
                return Ok(());
            }
        }
        self.entry.inode().list(from.saturating_sub(2), &mut |entry| {
            emit(DirEntry { next: entry.next.saturating_add(2), ..entry })
        })
    }
}

impl File for Directory {
    fn read(&self, _: At, _: &mut dyn Sink, _: Io) -> Res<usize> {
        Err(Errno::EISDIR.into())
    }
    fn write(&self, _: At, _: &mut dyn Source, _: Io) -> Res<usize> {
        Err(Errno::EBADF.into())
    }
    fn seekable(&self) -> bool {
        true
    }
    fn size(&self) -> u64 {
        i64::MAX as u64
    }
    fn sync(&self) -> Res<()> {
        Ok(())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
