//! How much a tmpfs may take: pages and inodes, as its mount options say.

use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_base::{Errno, PAGE_SIZE, Res};
use osv_mm::frame;
use osv_vfs::inode::FsStat;

const PAGE: u64 = PAGE_SIZE as u64;

/// What a tmpfs is mounted with (tmpfs(5)). Nothing said: half of memory, and an inode for each of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Permission bits of the root.
    pub mode: u32,
    /// Owner of the root.
    pub uid: u32,
    /// Group of the root.
    pub gid: u32,
    /// Pages; `Some(u64::MAX)`: without a limit.
    pub pages: Option<u64>,
    /// Inodes, likewise.
    pub inodes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Options { mode: 0o1777, uid: 0, gid: 0, pages: None, inodes: None }
    }
}

/// A number with a suffix: K, M, G, and of memory also %.
fn number(text: &[u8], percent: bool) -> Option<u64> {
    let (digits, scale) = match text.split_last()? {
        (b'k' | b'K', digits) => (digits, 1 << 10),
        (b'm' | b'M', digits) => (digits, 1 << 20),
        (b'g' | b'G', digits) => (digits, 1 << 30),
        (b'%', digits) if percent => (digits, frame::total() as u64 * PAGE / 100),
        _ => (text, 1),
    };
    let value: u64 = core::str::from_utf8(digits).ok()?.parse().ok()?;
    value.checked_mul(scale)
}

fn plain(text: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(core::str::from_utf8(text).ok()?, radix).ok()
}

/// No limit is written as 0.
fn limit(value: u64) -> u64 {
    if value == 0 { u64::MAX } else { value }
}

impl Options {
    /// Reads the options of mount(2), separated by commas: EINVAL for what tmpfs doesn't have.
    pub fn parse(text: &[u8]) -> Res<Options> {
        let mut options = Options::default();
        options.take(text).ok_or(Errno::EINVAL)?;
        Ok(options)
    }

    fn take(&mut self, text: &[u8]) -> Option<()> {
        for word in text.split(|&b| b == b',').filter(|word| !word.is_empty()) {
            let at = word.iter().position(|&b| b == b'=').unwrap_or(word.len());
            let (key, value) = (&word[..at], word.get(at + 1..).unwrap_or_default());
            match key {
                b"size" => self.pages = Some(limit(number(value, true)?.div_ceil(PAGE))),
                b"nr_blocks" => self.pages = Some(limit(number(value, false)?)),
                b"nr_inodes" => self.inodes = Some(limit(number(value, false)?)),
                b"mode" => self.mode = plain(value, 8)? & 0o7777,
                b"uid" => self.uid = plain(value, 10)?,
                b"gid" => self.gid = plain(value, 10)?,
                // Advice about memory, which has no effect on what a file holds.
                b"huge" | b"mpol" | b"inode32" | b"inode64" | b"noswap" => {}
                _ => return None,
            }
        }
        Some(())
    }
}

/// The limits, and what is taken.
pub(super) struct Budget {
    mode: u32,
    pages: AtomicU64,
    most_pages: AtomicU64,
    inodes: AtomicU64,
    most_inodes: AtomicU64,
}

fn half() -> u64 {
    frame::total() as u64 / 2
}

impl Budget {
    pub(super) fn new(options: &Options) -> Budget {
        Budget {
            mode: options.mode,
            pages: AtomicU64::new(0),
            most_pages: AtomicU64::new(options.pages.unwrap_or_else(half)),
            inodes: AtomicU64::new(1),
            most_inodes: AtomicU64::new(options.inodes.unwrap_or_else(half)),
        }
    }

    /// Changes limits; EINVAL below what is taken, or for what cannot be changed.
    pub(super) fn change(&self, text: &[u8]) -> Res<()> {
        let mut options = Options { pages: None, inodes: None, ..Options::default() };
        options.take(text).ok_or(Errno::EINVAL)?;
        let fits =
            |new: Option<u64>, taken: &AtomicU64| new.is_none_or(|new| new >= taken.load(Ordering::Relaxed));
        if !fits(options.pages, &self.pages) || !fits(options.inodes, &self.inodes) {
            return Err(Errno::EINVAL.into());
        }
        options.pages.into_iter().for_each(|pages| self.most_pages.store(pages, Ordering::Relaxed));
        options.inodes.into_iter().for_each(|inodes| self.most_inodes.store(inodes, Ordering::Relaxed));
        Ok(())
    }

    fn take(taken: &AtomicU64, most: &AtomicU64) -> Res<()> {
        let most = most.load(Ordering::Relaxed);
        let more = |now: u64| (now < most).then_some(now + 1);
        match taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(_) => Err(Errno::ENOSPC.into()),
        }
    }

    /// One more page: ENOSPC.
    pub(super) fn take_page(&self) -> Res<()> {
        Self::take(&self.pages, &self.most_pages)
    }
    pub(super) fn give_pages(&self, pages: u64) {
        self.pages.fetch_sub(pages, Ordering::Relaxed);
    }
    /// One more inode: ENOSPC.
    pub(super) fn take_inode(&self) -> Res<()> {
        Self::take(&self.inodes, &self.most_inodes)
    }
    pub(super) fn give_inode(&self) {
        self.inodes.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn stat(&self, magic: u32) -> FsStat {
        // Without a limit, tmpfs shows zeros.
        let shown = |most: &AtomicU64, taken: &AtomicU64| {
            let (most, taken) = (most.load(Ordering::Relaxed), taken.load(Ordering::Relaxed));
            if most == u64::MAX { (0, 0) } else { (most, most.saturating_sub(taken)) }
        };
        let ((blocks, free), (files, files_free)) =
            (shown(&self.most_pages, &self.pages), shown(&self.most_inodes, &self.inodes));
        FsStat { magic, block_size: 4096, blocks, free, files, files_free }
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let (pages, inodes) =
            (self.most_pages.load(Ordering::Relaxed), self.most_inodes.load(Ordering::Relaxed));
        if pages != u64::MAX && pages != half() {
            text += &format!(",size={}k", pages * (PAGE / 1024));
        }
        if inodes != u64::MAX && inodes != half() {
            text += &format!(",nr_inodes={inodes}");
        }
        if self.mode != 0o1777 {
            text += &format!(",mode={:o}", self.mode);
        }
        text
    }
}
