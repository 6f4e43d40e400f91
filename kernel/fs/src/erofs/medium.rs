//! Where the bytes of an image are: all in memory, or on a disk of which pages come and go.

use super::{CORRUPT, Image};
use crate::cache::{Ahead, PageCache};
use alloc::sync::Arc;
use core::ops::{Deref, Range};
use osv_base::{PAGE_SIZE, Res};
use osv_mm::frame::Frame;

const PAGE: u64 = PAGE_SIZE as u64;

/// The image.
pub(super) enum Medium {
    Ram(Arc<dyn Image>),
    Disk { cache: Arc<PageCache>, metadata: Ahead },
}

/// Some of its bytes, which stay as long as this does.
pub(super) enum View<'i> {
    Bytes(&'i [u8]),
    Page(Frame, Range<usize>),
}

impl Deref for View<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            View::Bytes(bytes) => bytes,
            View::Page(frame, range) => frame.bytes().get(range.clone()).unwrap_or_default(),
        }
    }
}

/// `len` bytes at `at`, if they are there.
fn bytes_at(bytes: &[u8], at: u64, len: usize) -> Res<&[u8]> {
    let at = usize::try_from(at).map_err(|_| CORRUPT)?;
    let end = at.checked_add(len).ok_or(CORRUPT)?;
    bytes.get(at..end).ok_or(CORRUPT.into())
}

impl Medium {
    pub(super) fn disk(cache: Arc<PageCache>) -> Medium {
        Medium::Disk { cache, metadata: Ahead::new() }
    }

    /// In bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Medium::Ram(image) => image.bytes().len() as u64,
            Medium::Disk { cache, .. } => cache.len() * PAGE,
        }
    }

    /// Bytes at `at`: `max` of them, or as many as lie in one page of a disk. They are part of `run`, bytes in a row
    /// that are likely to be read one after the other; `ahead` knows how far that went.
    pub(super) fn view(&self, at: u64, max: usize, run: Range<u64>, ahead: &Ahead) -> Res<View<'_>> {
        match self {
            Medium::Ram(image) => Ok(View::Bytes(bytes_at(image.bytes(), at, max)?)),
            Medium::Disk { cache, .. } => {
                let end = at.checked_add(max as u64).filter(|end| *end <= self.len()).ok_or(CORRUPT)?;
                let run = run.start / PAGE..run.end.min(self.len()).div_ceil(PAGE);
                let start = (at % PAGE) as usize;
                let len = ((end - at) as usize).min(PAGE_SIZE - start);
                Ok(View::Page(cache.page(at / PAGE, run, ahead)?, start..start + len))
            }
        }
    }

    /// `N` bytes of metadata at `at`, wherever pages end.
    pub(super) fn array<const N: usize>(&self, at: u64) -> Res<[u8; N]> {
        static IN_MEMORY: Ahead = Ahead::new();
        let ahead = match self {
            Medium::Ram(_) => &IN_MEMORY,
            Medium::Disk { metadata, .. } => metadata,
        };
        let mut array = [0; N];
        let mut done = 0;
        while done < N {
            let here = at.checked_add(done as u64).ok_or(CORRUPT)?;
            // Metadata lies together, at the front.
            let piece = self.view(here, N - done, 0..self.len(), ahead)?;
            array[done..done + piece.len()].copy_from_slice(&piece);
            done += piece.len();
        }
        Ok(array)
    }

    /// Whether finding out where a file's bytes are may take a look at the disk.
    pub(super) fn sleeps(&self) -> bool {
        matches!(self, Medium::Disk { .. })
    }

    /// The frame that is page `index` of the image, if a mapping may use it.
    pub(super) fn frame(&self, index: u64, run: Range<u64>, ahead: &Ahead) -> Res<Option<Frame>> {
        match self {
            Medium::Ram(image) => Ok(image.frame(index)),
            Medium::Disk { cache, .. } => Ok(Some(cache.page(index, run, ahead)?)),
        }
    }

    /// As [`Medium::frame`], if it is at hand.
    pub(super) fn cached_frame(&self, index: u64) -> Option<Frame> {
        match self {
            Medium::Ram(image) => image.frame(index),
            Medium::Disk { cache, .. } => cache.cached(index),
        }
    }
}
