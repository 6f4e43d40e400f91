//! qsort: a merge sort, because glibc's is one and programs have come to rely on equal elements staying in order.
//!
//! Where there is no memory for the second array, a heap sort does it in place; the order of equals is lost then.

use crate::malloc::slots;
use core::ffi::{c_int, c_void};

type Compare = unsafe extern "C" fn(*const u8, *const u8, *mut c_void) -> c_int;

/// As much of a second array fits on the stack.
const SMALL: usize = 1024;
/// Shorter runs are sorted by insertion.
const RUN: usize = 6;

/// The program's order over elements of one size.
struct Order {
    size: usize,
    compare: Compare,
    argument: *mut c_void,
}

impl Order {
    unsafe fn is_after(&self, left: *const u8, right: *const u8) -> bool {
        // SAFETY: elements of the program's array, and its own function.
        unsafe { (self.compare)(left, right, self.argument) > 0 }
    }

    unsafe fn insertion(&self, base: *mut u8, count: usize, spare: *mut u8) {
        // SAFETY: the caller's array; one element fits into `spare`.
        unsafe {
            let size = self.size;
            for index in 1..count {
                let element = base.add(index * size);
                let mut place = index;
                while place > 0 && self.is_after(base.add((place - 1) * size), element) {
                    place -= 1;
                }
                if place < index {
                    let at = base.add(place * size);
                    spare.copy_from_nonoverlapping(element, size);
                    at.copy_to(at.add(size), (index - place) * size);
                    at.copy_from_nonoverlapping(spare, size);
                }
            }
        }
    }

    /// Sorts `count` elements with `spare` as large as they are.
    unsafe fn merge(&self, base: *mut u8, count: usize, spare: *mut u8) {
        // SAFETY: both arrays hold `count` elements.
        unsafe {
            if count <= RUN {
                return self.insertion(base, count, spare);
            }
            let size = self.size;
            let half = count / 2;
            self.merge(base, half, spare);
            self.merge(base.add(half * size), count - half, spare);
            if !self.is_after(base.add((half - 1) * size), base.add(half * size)) {
                return;
            }
            spare.copy_from_nonoverlapping(base, half * size);
            let (mut left, mut right, mut to) = (0, half, base);
            while left < half && right < count {
                let (a, b) = (spare.add(left * size), base.add(right * size));
                if self.is_after(a, b) {
                    to.copy_from(b, size);
                    right += 1;
                } else {
                    to.copy_from_nonoverlapping(a, size);
                    left += 1;
                }
                to = to.add(size);
            }
            to.copy_from_nonoverlapping(spare.add(left * size), (half - left) * size);
        }
    }

    unsafe fn swap(&self, left: *mut u8, right: *mut u8) {
        // SAFETY: two elements of the array.
        unsafe { core::ptr::swap_nonoverlapping(left, right, self.size) };
    }

    /// Sorts in place.
    unsafe fn heap(&self, base: *mut u8, count: usize) {
        // SAFETY: the caller's array.
        unsafe {
            let at = |index: usize| base.add(index * self.size);
            let sift = |mut root: usize, end: usize| {
                while 2 * root + 1 < end {
                    let mut child = 2 * root + 1;
                    if child + 1 < end && self.is_after(at(child + 1), at(child)) {
                        child += 1;
                    }
                    if !self.is_after(at(child), at(root)) {
                        break;
                    }
                    self.swap(at(root), at(child));
                    root = child;
                }
            };
            for root in (0..count / 2).rev() {
                sift(root, count);
            }
            for end in (1..count).rev() {
                self.swap(at(0), at(end));
                sift(0, end);
            }
        }
    }
}

unsafe fn sort(base: *mut u8, count: usize, order: &Order) {
    // SAFETY: the caller's array.
    unsafe {
        let bytes = count.saturating_mul(order.size);
        if count < 2 || order.size == 0 {
            return;
        }
        if bytes <= SMALL {
            let mut spare = [0u128; SMALL / 16];
            return order.merge(base, count, spare.as_mut_ptr().cast());
        }
        let spare: *mut u8 = slots::malloc(bytes.max(order.size)).cast();
        if spare.is_null() {
            return order.heap(base, count);
        }
        order.merge(base, count, spare);
        slots::free(spare.cast());
    }
}

unsafe extern "C" fn plain(left: *const u8, right: *const u8, compare: *mut c_void) -> c_int {
    // SAFETY: qsort passes the program's function as the argument.
    unsafe {
        let compare: unsafe extern "C" fn(*const u8, *const u8) -> c_int = core::mem::transmute(compare);
        compare(left, right)
    }
}

posix! {
    fn qsort(base: *mut c_void, count: usize, size: usize, compare: *mut c_void) {
        sort(base.cast(), count, &Order { size, compare: plain, argument: compare })
    }
    fn qsort_r(base: *mut c_void, count: usize, size: usize, compare: Compare, argument: *mut c_void) {
        sort(base.cast(), count, &Order { size, compare, argument })
    }
}
