//! What happens to files, for who wants to be told: inotify(7).
//!
//! A [`Mark`] says that a watcher wants to know of some events of one inode, and, where that is a directory, of what
//! is in it. While there is no mark anywhere, everything here costs one look at a counter ([`any`]). Watchers are
//! called without the lock of the marks, and must not sleep for long: directories may be locked.

use crate::entry::Entry;
use crate::inode::{Inode, Kind};
use crate::locks::FileId;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use osv_abi::uapi::event::inotify as i;
use osv_sync::Mutex;

/// Is told of events.
pub trait Watcher: Send + Sync {
    /// `mask` (IN_*) happened to the inode of watch `wd`, or to `name` in it. Moves have a cookie in common.
    fn event(&self, wd: i32, mask: u32, cookie: u32, name: &[u8]);
}

/// Who wants to know of one inode.
#[derive(Clone)]
pub struct Mark {
    /// Who.
    pub watcher: Weak<dyn Watcher>,
    /// Its number for this watch.
    pub wd: i32,
    /// IN_*.
    pub mask: u32,
    /// By which name it was found.
    pub entry: Weak<Entry>,
}

static MARKS: Mutex<BTreeMap<FileId, Vec<Mark>>> = Mutex::new(BTreeMap::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether anybody wants to know anything.
#[inline]
pub fn any() -> bool {
    COUNT.load(Ordering::Relaxed) != 0
}

/// What an inode is known by.
pub fn id_of(inode: &Arc<dyn Inode>) -> FileId {
    let attr = inode.attr();
    (attr.dev, attr.ino)
}

fn recount(marks: &mut BTreeMap<FileId, Vec<Mark>>) {
    marks.retain(|_, list| !list.is_empty());
    COUNT.store(marks.len(), Ordering::Relaxed);
}

/// Adds a mark, or changes the mask of the one that the watcher has under this number.
pub fn mark(file: FileId, mark: Mark) {
    let mut marks = MARKS.lock();
    let list = marks.entry(file).or_default();
    list.retain(|other| other.watcher.strong_count() > 0);
    match list.iter_mut().find(|other| other.wd == mark.wd && Weak::ptr_eq(&other.watcher, &mark.watcher)) {
        Some(old) => old.mask = mark.mask,
        None => list.push(mark),
    }
    recount(&mut marks);
}

/// Takes a mark away.
pub fn unmark(file: FileId, watcher: &Weak<dyn Watcher>, wd: i32) {
    let mut marks = MARKS.lock();
    if let Some(list) = marks.get_mut(&file) {
        list.retain(|mark| mark.wd != wd || !Weak::ptr_eq(&mark.watcher, watcher));
    }
    recount(&mut marks);
}

fn deliver(file: FileId, mask: u32, cookie: u32, name: &[u8]) {
    let unwanted = mask & i::EXCL_UNLINK;
    let mask = mask & !i::EXCL_UNLINK;
    let wanted = |mark: &&Mark| {
        mark.mask & mask & i::ALL_EVENTS != 0 && (name.is_empty() || mark.mask & unwanted == 0)
    };
    let told: Vec<Mark> = match MARKS.lock().get(&file) {
        Some(list) => list.iter().filter(wanted).cloned().collect(),
        None => return,
    };
    for mark in told {
        if let Some(watcher) = mark.watcher.upgrade() {
            watcher.event(mark.wd, mask, cookie, name);
        }
    }
}

fn with_kind(mask: u32, kind: Kind) -> u32 {
    mask | if kind == Kind::Directory { i::ISDIR } else { 0 }
}

/// `mask` happened to the file that `entry` names: its directory is told first, then who watches it.
pub fn on_entry(entry: &Arc<Entry>, mask: u32) {
    if any() {
        on_entry_slow(entry, mask);
    }
}

#[cold]
fn on_entry_slow(entry: &Arc<Entry>, mask: u32) {
    let mask = with_kind(mask, entry.kind());
    let parent = entry.parent();
    // The name of one that was removed is told as well, unless it is not wanted.
    let mask = mask | if entry.is_removed() { i::EXCL_UNLINK } else { 0 };
    if !Arc::ptr_eq(&parent, entry) {
        deliver(id_of(parent.inode()), mask, 0, &entry.name());
    }
    deliver(id_of(entry.inode()), mask, 0, b"");
}

/// As [`on_entry`], where the name is not at hand: directories that are watched are asked for it.
pub fn on_inode(inode: &Arc<dyn Inode>, mask: u32) {
    if any() {
        on_inode_slow(inode, mask);
    }
}

#[cold]
fn on_inode_slow(inode: &Arc<dyn Inode>, mask: u32) {
    let mask = with_kind(mask, inode.kind());
    let directories: Vec<(FileId, Arc<Entry>)> = {
        let marks = MARKS.lock();
        let first = |list: &Vec<Mark>| list.iter().find_map(|mark| mark.entry.upgrade());
        marks.iter().filter_map(|(file, list)| Some((*file, first(list)?))).collect()
    };
    for (file, directory) in directories.iter().filter(|(_, entry)| entry.is_dir()) {
        if let Some(name) = directory.name_of(inode) {
            deliver(*file, mask, 0, &name);
        }
    }
    deliver(id_of(inode), mask, 0, b"");
}

/// `mask` happened to `name`, of type `kind`, in `directory`.
pub fn in_directory(directory: &Arc<Entry>, mask: u32, cookie: u32, name: &[u8], kind: Kind) {
    if any() {
        deliver(id_of(directory.inode()), with_kind(mask, kind), cookie, name);
    }
}

/// `mask` happened to an inode, which is of no interest to its directory.
pub fn on_itself(inode: &Arc<dyn Inode>, mask: u32) {
    if any() {
        deliver(id_of(inode), mask, 0, b"");
    }
}

/// A number that the two halves of a move have in common.
pub fn cookie() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A name of an inode was removed, `entry`, which the caller has `held` times. Without a name and without a user it is
/// gone, which is the last thing that is told of it.
pub fn removed(entry: &Arc<Entry>, held: usize) {
    if any() && entry.is_removed() && Arc::strong_count(entry) <= held {
        let attr = entry.inode().attr();
        if attr.nlink == 0 || entry.is_dir() {
            gone((attr.dev, attr.ino));
        }
    }
}

#[cold]
fn gone(file: FileId) {
    deliver(file, i::DELETE_SELF, 0, b"");
    let watched = {
        let mut marks = MARKS.lock();
        let list = marks.remove(&file).unwrap_or_default();
        recount(&mut marks);
        list
    };
    for mark in watched {
        if let Some(watcher) = mark.watcher.upgrade() {
            watcher.event(mark.wd, i::IGNORED, 0, b"");
        }
    }
}
