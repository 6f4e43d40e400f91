//! A growing array over malloc, which may fail.

use crate::malloc::slots;
use core::ops::{Deref, DerefMut};
use core::ptr::null_mut;

/// Memory ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Elements that need no dropping.
pub struct Vector<T: Copy> {
    start: *mut T,
    length: usize,
    room: usize,
}

impl<T: Copy> core::fmt::Debug for Vector<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Vector({})", self.length)
    }
}

impl<T: Copy> Vector<T> {
    /// No elements.
    #[must_use]
    pub const fn new() -> Self {
        Vector { start: null_mut(), length: 0, room: 0 }
    }

    /// Adds an element and gives its index.
    ///
    /// # Errors
    /// No memory.
    pub fn push(&mut self, value: T) -> Result<usize, Full> {
        if self.length == self.room {
            let room = (self.room * 2).max(8);
            let bytes = room.checked_mul(size_of::<T>()).ok_or(Full)?;
            // SAFETY: our own block, or none.
            let grown: *mut T = unsafe { slots::realloc(self.start.cast(), bytes) }.cast();
            if grown.is_null() {
                return Err(Full);
            }
            (self.start, self.room) = (grown, room);
        }
        // SAFETY: there is room.
        unsafe { self.start.add(self.length).write(value) };
        self.length += 1;
        Ok(self.length - 1)
    }

    /// Adds `count` copies.
    ///
    /// # Errors
    /// No memory.
    pub fn extend(&mut self, value: T, count: usize) -> Result<(), Full> {
        (0..count).try_for_each(|_| self.push(value).map(drop))
    }

    /// Takes the last element away.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.last().copied()?;
        self.length -= 1;
        Some(last)
    }

    /// Takes all elements away.
    pub fn clear(&mut self) {
        self.length = 0;
    }
}

impl<T: Copy> Default for Vector<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> Deref for Vector<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: as many elements were written.
        unsafe { core::slice::from_raw_parts(self.start, self.length) }
    }
}

impl<T: Copy> DerefMut for Vector<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        if self.length == 0 {
            return &mut [];
        }
        // SAFETY: as many elements were written, and they are ours alone.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.length) }
    }
}

impl<T: Copy> Drop for Vector<T> {
    fn drop(&mut self) {
        // SAFETY: our own block, or none.
        unsafe { slots::free(self.start.cast()) };
    }
}
