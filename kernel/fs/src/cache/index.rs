//! What is here of a disk: a slot for each page, in chunks that exist where there ever was one. Nothing here waits.
//!
//! A slot is absent, being read, here, or was not readable. Who goes first: a hand moves around, and what was used
//! since it last came by stays (a clock). A page that anybody else holds, a mapping or a reader, stays as well.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use osv_base::Res;
use osv_mm::frame::Frame;
use osv_mm::{fallible, meminfo};

/// Slots in a chunk, which takes a page then.
const CHUNK: u64 = 512;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Absent,
    Reading,
    Here,
    Failed,
}

#[derive(Default)]
struct Slot {
    /// There while it is being read, and when it is here.
    frame: Option<Frame>,
    state: State,
    /// Used since the hand came by.
    used: bool,
    /// Using it for the first time starts the next window.
    marked: bool,
}

/// What there is at a page.
pub(super) enum Look {
    /// It is here; `marked` once after it was marked.
    Here { frame: Frame, marked: bool },
    /// It is on its way.
    Reading,
    /// Nobody asked for it yet, or it went.
    Absent,
    /// The disk could not read it.
    Failed,
    /// The disk has no such page.
    OutOfRange,
}

pub(super) struct Index {
    pages: u64,
    chunks: Vec<Option<Box<[Slot]>>>,
    resident: usize,
    hand: u64,
}

impl Index {
    pub(super) fn new(pages: u64) -> Res<Index> {
        let mut chunks = fallible::with_capacity(pages.div_ceil(CHUNK) as usize)?;
        chunks.resize_with(pages.div_ceil(CHUNK) as usize, || None);
        Ok(Index { pages, chunks, resident: 0, hand: 0 })
    }

    pub(super) fn resident(&self) -> usize {
        self.resident
    }

    fn slot(&mut self, page: u64) -> Option<&mut Slot> {
        self.chunks.get_mut((page / CHUNK) as usize)?.as_mut()?.get_mut((page % CHUNK) as usize)
    }

    /// What is at `page`; it was used now.
    pub(super) fn look(&mut self, page: u64) -> Look {
        self.see(page, true)
    }

    /// As [`Index::look`], but a mark stays.
    pub(super) fn peek(&mut self, page: u64) -> Look {
        self.see(page, false)
    }

    fn see(&mut self, page: u64, unmark: bool) -> Look {
        if page >= self.pages {
            return Look::OutOfRange;
        }
        let Some(slot) = self.slot(page) else { return Look::Absent };
        match (slot.state, &slot.frame) {
            (State::Here, Some(frame)) => {
                slot.used = true;
                let marked = slot.marked;
                slot.marked &= !unmark;
                Look::Here { frame: frame.clone(), marked }
            }
            (State::Reading, _) => Look::Reading,
            (State::Failed, _) => Look::Failed,
            _ => Look::Absent,
        }
    }

    pub(super) fn is_reading(&mut self, page: u64) -> bool {
        self.slot(page).is_some_and(|slot| slot.state == State::Reading)
    }

    /// The pages of `window` that would have to be read. Makes their slots.
    pub(super) fn absent(&mut self, window: Range<u64>) -> Res<Vec<u64>> {
        let window = window.start..window.end.min(self.pages);
        let mut absent = fallible::with_capacity(window.end.saturating_sub(window.start) as usize)?;
        for page in window {
            let chunk = &mut self.chunks[(page / CHUNK) as usize];
            if chunk.is_none() {
                let mut slots = fallible::with_capacity(CHUNK as usize)?;
                slots.resize_with(CHUNK as usize, Slot::default);
                *chunk = Some(slots.into_boxed_slice());
            }
            if self.slot(page).is_some_and(|slot| matches!(slot.state, State::Absent | State::Failed)) {
                absent.push(page);
            }
        }
        Ok(absent)
    }

    /// The disk is about to read `page` into `frame`: `false` when somebody else was faster.
    pub(super) fn begin(&mut self, page: u64, frame: &Frame, marked: bool) -> bool {
        match self.slot(page) {
            Some(slot) if matches!(slot.state, State::Absent | State::Failed) => {
                *slot = Slot { frame: Some(frame.clone()), state: State::Reading, used: false, marked };
                true
            }
            _ => false,
        }
    }

    /// The disk has read `page`, or could not.
    pub(super) fn complete(&mut self, page: u64, ok: bool) {
        let Some(slot) = self.slot(page).filter(|slot| slot.state == State::Reading) else { return };
        if ok {
            slot.state = State::Here;
            self.resident += 1;
            meminfo::cached_more(1);
        } else {
            *slot = Slot { state: State::Failed, ..Slot::default() };
        }
    }

    /// Lets go of up to `most` pages, after a look at no more than `patience`; returns how many.
    pub(super) fn evict(&mut self, most: usize, patience: usize) -> usize {
        let (mut freed, mut looked) = (0, 0);
        while freed < most && looked < patience && self.resident > 0 && self.pages > 0 {
            let page = self.hand;
            let Some(slot) = self.slot(page) else {
                // On to the next chunk.
                looked += 1;
                self.hand = (page / CHUNK + 1) * CHUNK;
                if self.hand >= self.pages {
                    self.hand = 0;
                }
                continue;
            };
            looked += 1;
            let unused = slot.state == State::Here && !core::mem::replace(&mut slot.used, false);
            if unused && slot.frame.as_ref().is_some_and(Frame::is_unique) {
                *slot = Slot::default();
                self.resident -= 1;
                meminfo::cached_less(1);
                freed += 1;
            }
            self.hand = if page + 1 < self.pages { page + 1 } else { 0 };
        }
        freed
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        meminfo::cached_less(self.resident);
    }
}
