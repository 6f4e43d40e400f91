//! Which frames are free: two levels, chunks of 2 MiB and a bitmap of 512 frames in each.
//!
//! Whole chunks that nobody has used yet stand as ranges, so that setting up costs the same for any amount of RAM;
//! a chunk is *born* when its first frame is taken, and only then are its page records made. Born chunks stand in
//! a list of wholly free ones or, partly used, in the list of their use: frames that cannot move (kernel) are kept
//! together, so that user chunks become whole again. Pure bookkeeping: no frame's contents are touched here.

use super::Use;
use super::record::Records;
use core::ops::Range;

/// Frames in a chunk.
pub(super) const CHUNK_FRAMES: u32 = 512;
const NONE: u32 = u32::MAX;
const MAX_VIRGIN: usize = 32;

/// What the zone knows of 2 MiB.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Chunk {
    /// Bit set: the frame is free.
    bits: [u64; 8],
    prev: u32,
    next: u32,
    free: u16,
    state: u8,
}

/// Values of `Chunk::state`; zero so that fresh zeroed memory is right.
const ABSENT: u8 = 0;
const KERNEL: u8 = 1;
const USER: u8 = 2;

#[derive(Clone, Copy)]
struct List {
    head: u32,
}

/// Free lists of all chunks. Numbers of frames and chunks count from the zone's first chunk.
pub(super) struct Zone {
    chunks: &'static mut [Chunk],
    pages: &'static Records,
    virgin: [Range<u32>; MAX_VIRGIN],
    whole: List,
    partial: [List; 2],
    free: usize,
}

impl Zone {
    /// A zone without memory. `chunks` must be zeroed.
    pub(super) fn new(chunks: &'static mut [Chunk], pages: &'static Records) -> Zone {
        Zone {
            chunks,
            pages,
            virgin: [const { 0..0 }; MAX_VIRGIN],
            whole: List { head: NONE },
            partial: [List { head: NONE }; 2],
            free: 0,
        }
    }

    /// Free frames.
    pub(super) fn free(&self) -> usize {
        self.free
    }

    /// Gives the zone frames that it has never had.
    pub(super) fn add(&mut self, frames: Range<u32>) {
        let mut at = frames.start;
        while at < frames.end {
            let chunk = at / CHUNK_FRAMES;
            if at.is_multiple_of(CHUNK_FRAMES) && frames.end - at >= CHUNK_FRAMES {
                let end = frames.end / CHUNK_FRAMES;
                if let Some(slot) = self.virgin.iter_mut().find(|r| is_empty(r)) {
                    *slot = chunk..end;
                    self.free += ((end - chunk) * CHUNK_FRAMES) as usize;
                } else {
                    // More ranges than any machine's memory map has: keep them as born chunks.
                    for chunk in chunk..end {
                        self.make(chunk, USER);
                        self.give(chunk * CHUNK_FRAMES..(chunk + 1) * CHUNK_FRAMES);
                    }
                }
                at = end * CHUNK_FRAMES;
            } else {
                let end = frames.end.min((chunk + 1) * CHUNK_FRAMES);
                if self.chunks[chunk as usize].state == ABSENT {
                    self.make(chunk, KERNEL);
                }
                self.give(at..end);
                at = end;
            }
        }
    }

    /// Takes one frame for `what`: from a used chunk of that use, else a fresh chunk, else one of the other use.
    pub(super) fn take_one(&mut self, what: Use) -> Option<u32> {
        let chunk = self.chunk_with_room(what)?;
        let c = &mut self.chunks[chunk as usize];
        let word = c.bits.iter().position(|w| *w != 0)?;
        let bit = c.bits[word].trailing_zeros();
        c.bits[word] &= c.bits[word] - 1;
        let frame = chunk * CHUNK_FRAMES + word as u32 * 64 + bit;
        self.taken(chunk, 1);
        Some(frame)
    }

    /// Takes `count` frames in a row whose first number is a multiple of `align`, a power of two.
    pub(super) fn take_run(&mut self, count: u32, align: u32, what: Use) -> Option<u32> {
        if count > CHUNK_FRAMES || align > CHUNK_FRAMES {
            return self.take_chunks(count, align, what);
        }
        if count == CHUNK_FRAMES {
            let chunk = self.fresh(what)?;
            self.chunks[chunk as usize].bits = [0; 8];
            self.taken(chunk, CHUNK_FRAMES as u16);
            return Some(chunk * CHUNK_FRAMES);
        }
        // Each use's chunks first, a fresh one next, the other use's last.
        let order = [Some(what), None, Some(what.other())];
        for step in order {
            let mut chunk = match step {
                Some(what) => self.partial[what as usize].head,
                None => match self.fresh(what) {
                    Some(chunk) => chunk,
                    None => continue,
                },
            };
            while chunk != NONE {
                let c = &mut self.chunks[chunk as usize];
                if u32::from(c.free) >= count
                    && let Some(at) = find_run(&c.bits, count, align)
                {
                    set_range(&mut c.bits, at, count, false);
                    self.taken(chunk, count as u16);
                    return Some(chunk * CHUNK_FRAMES + at);
                }
                chunk = c.next;
            }
        }
        None
    }

    /// Gives frames back.
    pub(super) fn give(&mut self, frames: Range<u32>) {
        let mut at = frames.start;
        while at < frames.end {
            let chunk = at / CHUNK_FRAMES;
            let end = frames.end.min((chunk + 1) * CHUNK_FRAMES);
            let count = end - at;
            let c = &mut self.chunks[chunk as usize];
            debug_assert!(c.state != ABSENT);
            set_range(&mut c.bits, at % CHUNK_FRAMES, count, true);
            let before = c.free;
            c.free += count as u16;
            let (after, state) = (c.free, c.state);
            let partial = usize::from(state == USER);
            if u32::from(after) == CHUNK_FRAMES {
                if before != 0 {
                    self.unlink(partial, chunk);
                }
                self.link_whole(chunk);
            } else if before == 0 {
                self.link(partial, chunk);
            }
            self.free += count as usize;
            at = end;
        }
    }

    fn chunk_with_room(&mut self, what: Use) -> Option<u32> {
        match self.partial[what as usize].head {
            NONE => {}
            chunk => return Some(chunk),
        }
        if let Some(chunk) = self.fresh(what) {
            return Some(chunk);
        }
        match self.partial[what.other() as usize].head {
            NONE => None,
            chunk => Some(chunk),
        }
    }

    /// A wholly free chunk, put in the list of `what`.
    fn fresh(&mut self, what: Use) -> Option<u32> {
        let chunk = match self.whole.head {
            NONE => {
                let range = self.virgin.iter_mut().find(|r| !is_empty(r))?;
                // The kernel takes from the low end, users from the high: fewer mixed neighbours.
                let chunk = match what {
                    Use::Kernel => {
                        range.start += 1;
                        range.start - 1
                    }
                    Use::User => {
                        range.end -= 1;
                        range.end
                    }
                };
                self.make(chunk, ABSENT);
                let c = &mut self.chunks[chunk as usize];
                c.bits = [u64::MAX; 8];
                c.free = CHUNK_FRAMES as u16;
                chunk
            }
            chunk => {
                self.unlink_whole(chunk);
                chunk
            }
        };
        self.set_use(chunk, what);
        self.link(what as usize, chunk);
        Some(chunk)
    }

    fn set_use(&mut self, chunk: u32, what: Use) {
        self.chunks[chunk as usize].state = if what == Use::User { USER } else { KERNEL };
        self.pages.set_use(chunk, what);
    }

    fn make(&mut self, chunk: u32, state: u8) {
        self.pages.birth(chunk, if state == USER { Use::User } else { Use::Kernel });
        self.chunks[chunk as usize] = Chunk { bits: [0; 8], prev: NONE, next: NONE, free: 0, state };
    }

    /// After `count` bits of a linked chunk were cleared.
    fn taken(&mut self, chunk: u32, count: u16) {
        let c = &mut self.chunks[chunk as usize];
        c.free -= count;
        let (empty, partial) = (c.free == 0, usize::from(c.state == USER));
        if empty {
            self.unlink(partial, chunk);
        }
        self.free -= usize::from(count);
    }

    /// More than a chunk: consecutive whole chunks. Rare (large device rings), so a plain scan.
    fn take_chunks(&mut self, count: u32, align: u32, what: Use) -> Option<u32> {
        let need = count.div_ceil(CHUNK_FRAMES);
        let align = (align / CHUNK_FRAMES).max(1);
        let total = self.chunks.len() as u32;
        let mut start = 0;
        while start + need <= total {
            if let Some(used) = (start..start + need).rev().find(|chunk| !self.is_whole(*chunk)) {
                start = (used + 1).next_multiple_of(align);
                continue;
            }
            for chunk in start..start + need {
                self.take_whole(chunk, what);
            }
            let first = start * CHUNK_FRAMES;
            if !count.is_multiple_of(CHUNK_FRAMES) {
                self.give(first + count..(start + need) * CHUNK_FRAMES);
            }
            return Some(first);
        }
        None
    }

    fn is_whole(&self, chunk: u32) -> bool {
        let c = &self.chunks[chunk as usize];
        (c.state != ABSENT && u32::from(c.free) == CHUNK_FRAMES)
            || self.virgin.iter().any(|r| r.contains(&chunk))
    }

    fn take_whole(&mut self, chunk: u32, what: Use) {
        if let Some(i) = self.virgin.iter().position(|r| r.contains(&chunk)) {
            let range = self.virgin[i].clone();
            self.virgin[i] = range.start..chunk;
            let rest = chunk + 1..range.end;
            if !is_empty(&rest) {
                match self.virgin.iter_mut().find(|r| is_empty(r)) {
                    Some(slot) => *slot = rest,
                    None => {
                        for chunk in rest {
                            self.make(chunk, USER);
                            let c = &mut self.chunks[chunk as usize];
                            c.bits = [u64::MAX; 8];
                            c.free = CHUNK_FRAMES as u16;
                            self.link_whole(chunk);
                        }
                    }
                }
            }
            self.make(chunk, ABSENT);
        } else {
            self.unlink_whole(chunk);
            self.chunks[chunk as usize].bits = [0; 8];
            self.chunks[chunk as usize].free = 0;
        }
        self.set_use(chunk, what);
        self.free -= CHUNK_FRAMES as usize;
    }

    fn link(&mut self, partial: usize, chunk: u32) {
        push(self.chunks, &mut self.partial[partial], chunk);
    }
    fn unlink(&mut self, partial: usize, chunk: u32) {
        remove(self.chunks, &mut self.partial[partial], chunk);
    }
    fn link_whole(&mut self, chunk: u32) {
        push(self.chunks, &mut self.whole, chunk);
    }
    fn unlink_whole(&mut self, chunk: u32) {
        remove(self.chunks, &mut self.whole, chunk);
    }
}

fn is_empty(range: &Range<u32>) -> bool {
    range.start >= range.end
}

fn push(chunks: &mut [Chunk], list: &mut List, chunk: u32) {
    let head = list.head;
    chunks[chunk as usize].prev = NONE;
    chunks[chunk as usize].next = head;
    if head != NONE {
        chunks[head as usize].prev = chunk;
    }
    list.head = chunk;
}

fn remove(chunks: &mut [Chunk], list: &mut List, chunk: u32) {
    let Chunk { prev, next, .. } = chunks[chunk as usize];
    match prev {
        NONE => list.head = next,
        prev => chunks[prev as usize].next = next,
    }
    if next != NONE {
        chunks[next as usize].prev = prev;
    }
}

/// The first `align`ed run of `count` set bits.
fn find_run(bits: &[u64; 8], count: u32, align: u32) -> Option<u32> {
    let mut at = first_set(bits, 0)?.next_multiple_of(align);
    while at + count <= CHUNK_FRAMES {
        match last_clear(bits, at, at + count) {
            None => return Some(at),
            Some(clear) => at = first_set(bits, clear + 1)?.next_multiple_of(align),
        }
    }
    None
}

/// The first set bit from `from` on.
fn first_set(bits: &[u64; 8], from: u32) -> Option<u32> {
    let first = (from / 64) as usize;
    let mut word = bits.get(first)? & (u64::MAX << (from % 64));
    let mut at = first;
    while word == 0 {
        at += 1;
        word = *bits.get(at)?;
    }
    Some(at as u32 * 64 + word.trailing_zeros())
}

/// The last clear bit in `from..to`: a search may go on behind it.
fn last_clear(bits: &[u64; 8], from: u32, to: u32) -> Option<u32> {
    let mut end = to;
    while end > from {
        let word = (end - 1) / 64;
        let low = (word * 64).max(from);
        let mask = mask(low % 64, end - low);
        let clear = !bits[word as usize] & mask;
        if clear != 0 {
            return Some(word * 64 + 63 - clear.leading_zeros());
        }
        end = low;
    }
    None
}

/// `count` ones from bit `from`; both within a word.
fn mask(from: u32, count: u32) -> u64 {
    (u64::MAX >> (64 - count)) << from
}

fn set_range(bits: &mut [u64; 8], from: u32, count: u32, value: bool) {
    let mut at = from;
    let end = from + count;
    while at < end {
        let word = (at / 64) as usize;
        let n = (64 - at % 64).min(end - at);
        let mask = mask(at % 64, n);
        debug_assert_eq!(bits[word] & mask, if value { 0 } else { mask }, "frame given or taken twice");
        if value {
            bits[word] |= mask;
        } else {
            bits[word] &= !mask;
        }
        at += n;
    }
}
