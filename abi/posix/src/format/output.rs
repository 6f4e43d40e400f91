//! Where formatted characters go: a buffer of known size, memory that grows, a stream.

use super::Layout;
use crate::integer::Unit;
use crate::malloc::slots;
use crate::multibyte;
use core::ffi::c_void;
use core::ptr::null_mut;
use osv_abi::errno::Errno;

/// A character of the output: a byte or a wide one.
pub trait Cell: Unit + From<u8> + 'static {
    /// Writes to a stream; whether all of it went.
    ///
    /// # Safety
    /// An open stream, and as many units.
    unsafe fn write(file: *mut c_void, from: *const Self, n: usize) -> bool;

    /// `%s`.
    ///
    /// # Errors
    /// EILSEQ for bytes that make no character, where characters are wanted.
    ///
    /// # Safety
    /// A string, or as many bytes as the precision says.
    unsafe fn narrow_string(out: &mut Output<Self>, text: *const u8, layout: &Layout) -> Result<(), Errno>;

    /// `%ls`.
    ///
    /// # Errors
    /// EILSEQ for what has no form in bytes, where bytes are wanted.
    ///
    /// # Safety
    /// A wide string, or as many characters as the precision needs.
    unsafe fn wide_string(out: &mut Output<Self>, text: *const u32, layout: &Layout) -> Result<(), Errno>;

    /// `%c`.
    ///
    /// # Errors
    /// EILSEQ for a byte that is no character, where characters are wanted.
    fn narrow_character(out: &mut Output<Self>, byte: u8, layout: &Layout) -> Result<(), Errno>;

    /// `%lc`.
    ///
    /// # Errors
    /// EILSEQ for what has no form in bytes, where bytes are wanted.
    fn wide_character(out: &mut Output<Self>, code: u32, layout: &Layout) -> Result<(), Errno>;
}

/// Characters on their way to a stream are gathered first.
const STAGE: usize = 256;

enum Target<U> {
    /// As much as fits is stored; all is counted.
    Buffer {
        at: *mut U,
        room: usize,
    },
    /// Memory from malloc.
    Heap {
        start: *mut U,
        room: usize,
    },
    Stream {
        file: *mut c_void,
        stage: [U; STAGE],
        staged: usize,
    },
}

/// The output and how much went there.
pub struct Output<U> {
    target: Target<U>,
    total: usize,
    failed: bool,
}

impl<U> core::fmt::Debug for Output<U> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Output({})", self.total)
    }
}

impl<U: Cell> Output<U> {
    /// Stores up to `room` characters at `at`.
    ///
    /// # Safety
    /// There is so much room while the output lives.
    pub unsafe fn to_buffer(at: *mut U, room: usize) -> Self {
        Output { target: Target::Buffer { at, room }, total: 0, failed: false }
    }

    /// Stores in memory that [`into_heap`](Self::into_heap) hands out.
    pub fn to_heap() -> Self {
        Output { target: Target::Heap { start: null_mut(), room: 0 }, total: 0, failed: false }
    }

    /// Writes to a stream whose lock the caller holds.
    ///
    /// # Safety
    /// The stream is open while the output lives.
    pub unsafe fn to_stream(file: *mut c_void) -> Self {
        let target = Target::Stream { file, stage: [U::from(0); STAGE], staged: 0 };
        Output { target, total: 0, failed: false }
    }

    /// How many characters went out, or would have.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Sends what is staged; whether nothing failed.
    pub fn flush(&mut self) -> bool {
        if let Target::Stream { file, stage, staged } = &mut self.target {
            // SAFETY: the stream is open, says who made this.
            self.failed |= *staged > 0 && !unsafe { U::write(*file, stage.as_ptr(), *staged) };
            *staged = 0;
        }
        !self.failed
    }

    /// The memory with a zero at the end; `None` when there was too little.
    pub fn into_heap(mut self) -> Option<*mut U> {
        let zero = U::from(0);
        // SAFETY: one unit of ours.
        unsafe { self.copy(&raw const zero, 1) };
        match self.target {
            Target::Heap { start, .. } if self.failed => {
                // SAFETY: the memory is ours.
                unsafe { slots::free(start.cast()) };
                None
            }
            Target::Heap { start, .. } => Some(start),
            _ => None,
        }
    }

    /// Puts `n` characters.
    ///
    /// # Safety
    /// As many are at `from`.
    pub unsafe fn copy(&mut self, from: *const U, n: usize) {
        let before = self.total;
        self.total = before.saturating_add(n);
        // SAFETY: the targets' makers promise their room.
        unsafe {
            match &mut self.target {
                Target::Buffer { at, room } => {
                    let n = n.min(room.saturating_sub(before));
                    if n > 0 {
                        at.add(before).copy_from_nonoverlapping(from, n);
                    }
                }
                Target::Heap { start, room } => {
                    if self.total > *room && !self.failed {
                        let wanted = self.total.saturating_mul(2).max(64);
                        let grown: *mut U =
                            slots::realloc(start.cast(), wanted.saturating_mul(size_of::<U>())).cast();
                        if grown.is_null() {
                            self.failed = true;
                        } else {
                            (*start, *room) = (grown, wanted);
                        }
                    }
                    if !self.failed {
                        start.add(before).copy_from_nonoverlapping(from, n);
                    }
                }
                Target::Stream { file, stage, staged } => {
                    if *staged + n > STAGE {
                        self.failed |= *staged > 0 && !U::write(*file, stage.as_ptr(), *staged);
                        *staged = 0;
                    }
                    if n > STAGE {
                        self.failed |= !U::write(*file, from, n);
                    } else {
                        stage.as_mut_ptr().add(*staged).copy_from_nonoverlapping(from, n);
                        *staged += n;
                    }
                }
            }
        }
    }

    /// Puts ASCII.
    pub fn ascii(&mut self, text: &[u8]) {
        for part in text.chunks(32) {
            let mut units = [U::from(0); 32];
            for (unit, &byte) in units.iter_mut().zip(part) {
                *unit = U::from(byte);
            }
            // SAFETY: units of ours.
            unsafe { self.copy(units.as_ptr(), part.len()) };
        }
    }

    /// Puts one character several times.
    pub fn fill(&mut self, byte: u8, mut n: usize) {
        let units = [U::from(byte); 32];
        if let Target::Buffer { room, .. } = self.target
            && self.total >= room
        {
            self.total = self.total.saturating_add(n);
            return;
        }
        while n > 0 && self.total <= i32::MAX as usize {
            let part = n.min(units.len());
            // SAFETY: units of ours.
            unsafe { self.copy(units.as_ptr(), part) };
            n -= part;
        }
    }

    /// Puts `length` characters between the filling.
    fn padded(
        &mut self,
        length: usize,
        layout: &Layout,
        body: impl FnOnce(&mut Self) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let fill = layout.width.saturating_sub(length);
        if !layout.left {
            self.fill(b' ', fill);
        }
        body(self)?;
        if layout.left {
            self.fill(b' ', fill);
        }
        Ok(())
    }
}

/// How many units a string has before its zero, at most `most`.
unsafe fn length<U: Unit>(text: *const U, most: Option<usize>) -> usize {
    let mut length = 0;
    // SAFETY: a string, or as many units as the precision says.
    while most.is_none_or(|most| length < most) && unsafe { (*text.add(length)).code() } != 0 {
        length += 1;
    }
    length
}

unsafe extern "C" {
    fn fwrite_unlocked(from: *const c_void, size: usize, n: usize, file: *mut c_void) -> usize;
    fn fputwc_unlocked(code: u32, file: *mut c_void) -> u32;
}

/// The bytes of a character.
fn encode(code: u32) -> Result<([u8; 8], usize), Errno> {
    let mut bytes = [0; 8];
    // SAFETY: the longest character fits.
    let length = unsafe { multibyte::wcrtomb(bytes.as_mut_ptr(), code, null_mut()) };
    if length > bytes.len() { Err(Errno::EILSEQ) } else { Ok((bytes, length)) }
}

impl Cell for u8 {
    unsafe fn write(file: *mut c_void, from: *const u8, n: usize) -> bool {
        // SAFETY: the caller's stream and bytes.
        unsafe { fwrite_unlocked(from.cast(), 1, n, file) == n }
    }

    unsafe fn narrow_string(out: &mut Output<u8>, text: *const u8, layout: &Layout) -> Result<(), Errno> {
        // SAFETY: a string, or as many bytes as the precision says.
        unsafe {
            let n = match layout.precision {
                None => core::ffi::CStr::from_ptr(text.cast()).count_bytes(),
                most => length(text, most),
            };
            out.padded(n, layout, |out| {
                out.copy(text, n);
                Ok(())
            })
        }
    }

    unsafe fn wide_string(out: &mut Output<u8>, text: *const u32, layout: &Layout) -> Result<(), Errno> {
        // SAFETY: a wide string, or as many characters as the precision needs.
        unsafe {
            let most = layout.precision.unwrap_or(usize::MAX);
            let (mut bytes, mut count) = (0, 0);
            while bytes < most && *text.add(count) != 0 {
                let (_, length) = encode(*text.add(count))?;
                if bytes + length > most {
                    break;
                }
                bytes += length;
                count += 1;
            }
            out.padded(bytes, layout, |out| {
                for index in 0..count {
                    let (bytes, length) = encode(*text.add(index))?;
                    out.copy(bytes.as_ptr(), length);
                }
                Ok(())
            })
        }
    }

    fn narrow_character(out: &mut Output<u8>, byte: u8, layout: &Layout) -> Result<(), Errno> {
        out.padded(1, layout, |out| {
            // SAFETY: one byte of ours.
            unsafe { out.copy(&raw const byte, 1) };
            Ok(())
        })
    }

    fn wide_character(out: &mut Output<u8>, code: u32, layout: &Layout) -> Result<(), Errno> {
        let (bytes, length) = encode(code)?;
        out.padded(length, layout, |out| {
            // SAFETY: bytes of ours.
            unsafe { out.copy(bytes.as_ptr(), length) };
            Ok(())
        })
    }
}

impl Cell for u32 {
    unsafe fn write(file: *mut c_void, from: *const u32, n: usize) -> bool {
        // SAFETY: the caller's stream and characters.
        unsafe { (0..n).all(|index| fputwc_unlocked(*from.add(index), file) != u32::MAX) }
    }

    unsafe fn narrow_string(out: &mut Output<u32>, text: *const u8, layout: &Layout) -> Result<(), Errno> {
        const FEW: usize = 64;
        let most = layout.precision.unwrap_or(usize::MAX);
        // SAFETY: a string, or as many bytes as make the characters that the precision says.
        unsafe {
            let each = |mut each: &mut dyn FnMut(u32)| {
                let mut state = multibyte::State::initial();
                let (mut at, mut count) = (text, 0);
                while count < most && *at != 0 {
                    let mut code = 0;
                    let mut used = usize::MAX - 1;
                    // Byte by byte: nothing behind the zero is read.
                    while used == usize::MAX - 1 && *at != 0 {
                        used = multibyte::mbrtowc(&raw mut code, at, 1, &raw mut state);
                        at = at.add(1);
                    }
                    if used > FEW {
                        return Err(Errno::EILSEQ);
                    }
                    each(code);
                    count += 1;
                }
                let _ = &mut each;
                Ok(count)
            };
            let count = each(&mut |_| {})?;
            out.padded(count, layout, |out| each(&mut |code| out.copy(&raw const code, 1)).map(drop))
        }
    }

    unsafe fn wide_string(out: &mut Output<u32>, text: *const u32, layout: &Layout) -> Result<(), Errno> {
        // SAFETY: a wide string, or as many characters as the precision says.
        unsafe {
            let n = length(text, layout.precision);
            out.padded(n, layout, |out| {
                out.copy(text, n);
                Ok(())
            })
        }
    }

    fn narrow_character(out: &mut Output<u32>, byte: u8, layout: &Layout) -> Result<(), Errno> {
        // SAFETY: any number will do.
        let code = unsafe { multibyte::btowc(byte.into()) };
        if code < 0 {
            return Err(Errno::EILSEQ);
        }
        Self::wide_character(out, code as u32, layout)
    }

    fn wide_character(out: &mut Output<u32>, code: u32, layout: &Layout) -> Result<(), Errno> {
        out.padded(1, layout, |out| {
            // SAFETY: one character of ours.
            unsafe { out.copy(&raw const code, 1) };
            Ok(())
        })
    }
}
