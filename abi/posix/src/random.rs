//! random, rand and their reentrant forms: the additive feedback generator whose sequences programs rely on.

use crate::errno;
use crate::lock::Lock;
use core::ffi::{c_char, c_int, c_long, c_uint};
use core::ptr::null_mut;
use osv_abi::errno::Errno;

/// glibc's `struct random_data`. The state's first word lies before `state` and says kind and position.
#[repr(C)]
#[derive(Debug)]
pub struct RandomData {
    front: *mut i32,
    rear: *mut i32,
    state: *mut i32,
    kind: c_int,
    degree: c_int,
    separation: c_int,
    end: *mut i32,
}

const _: () = assert!(size_of::<RandomData>() == 48);

/// (least bytes of state, degree, separation), by kind; kind 0 is a linear congruence.
const KINDS: [(usize, c_int, c_int); 5] = [(8, 0, 0), (32, 7, 3), (64, 15, 1), (128, 31, 3), (256, 63, 1)];
const MAX_KINDS: i32 = 5;

pub(crate) static LOCK: Lock = Lock::new();
/// The state of a program that never seeds: kind 3, filled as by `srandom(1)` on first use.
static mut TABLE: [i32; 32] = [0; 32];
static mut GENERATOR: RandomData = RandomData {
    front: null_mut(),
    rear: null_mut(),
    state: null_mut(),
    kind: 0,
    degree: 0,
    separation: 0,
    end: null_mut(),
};

/// The global generator, seeded.
unsafe fn global() -> *mut RandomData {
    // SAFETY: called under the lock.
    unsafe {
        let generator = &raw mut GENERATOR;
        if (*generator).state.is_null() {
            start(generator, 1, (&raw mut TABLE).cast(), 128);
        }
        generator
    }
}

/// Fills the table from a seed and discards the first values.
unsafe fn seed(data: *mut RandomData, seed: c_uint) {
    // SAFETY: the generator's own table.
    unsafe {
        let state = (*data).state;
        let mut word = if seed == 0 { 1 } else { seed as i32 };
        state.write(word);
        if (*data).kind == 0 {
            return;
        }
        for index in 1..(*data).degree as usize {
            // 16807 * word mod 2^31 - 1, without overflow.
            let (high, low) = (word / 127_773, word % 127_773);
            word = 16_807i32.wrapping_mul(low).wrapping_sub(2_836i32.wrapping_mul(high));
            if word < 0 {
                word += 0x7fff_ffff;
            }
            state.add(index).write(word);
        }
        (*data).front = state.add((*data).separation as usize);
        (*data).rear = state;
        for _ in 0..(*data).degree * 10 {
            next(data);
        }
    }
}

unsafe fn next(data: *mut RandomData) -> i32 {
    // SAFETY: front and rear run through the generator's own table.
    unsafe {
        let state = (*data).state;
        if (*data).kind == 0 {
            let value = (*state as u32).wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
            state.write(value as i32);
            return value as i32;
        }
        let value = (*(*data).front as u32).wrapping_add(*(*data).rear as u32);
        (*data).front.write(value as i32);
        let end = (*data).end;
        let step = |at: *mut i32| if at.add(1) == end { state } else { at.add(1) };
        (*data).front = step((*data).front);
        (*data).rear = step((*data).rear);
        (value >> 1) as i32
    }
}

/// Notes kind and position in the word before the table, as setstate finds them again.
unsafe fn note(data: *mut RandomData) {
    // SAFETY: the word before the table belongs to it.
    unsafe {
        if (*data).state.is_null() {
            return;
        }
        let position = if (*data).kind == 0 { 0 } else { (*data).rear.offset_from((*data).state) as i32 };
        (*data).state.sub(1).write(MAX_KINDS * position + (*data).kind);
    }
}

unsafe fn adopt(data: *mut RandomData, buffer: *mut i32, kind: usize) {
    // SAFETY: the buffer holds as many words as the kind needs.
    unsafe {
        let (_, degree, separation) = KINDS[kind];
        let state = buffer.add(1);
        (*data).state = state;
        (*data).kind = kind as c_int;
        (*data).degree = degree;
        (*data).separation = separation;
        (*data).end = state.add(degree as usize);
    }
}

unsafe fn start(data: *mut RandomData, with: c_uint, buffer: *mut i32, size: usize) -> bool {
    // SAFETY: the caller's buffer of that size.
    unsafe {
        let Some(kind) = KINDS.iter().rposition(|&(least, ..)| size >= least) else { return false };
        note(data);
        adopt(data, buffer, kind);
        seed(data, with);
        note(data);
        true
    }
}

unsafe fn switch(data: *mut RandomData, buffer: *mut i32) -> bool {
    // SAFETY: a buffer that initstate filled.
    unsafe {
        let word = *buffer;
        let (kind, position) = (word % MAX_KINDS, word / MAX_KINDS);
        if kind < 0 {
            return false;
        }
        note(data);
        adopt(data, buffer, kind as usize);
        if kind != 0 {
            let degree = (*data).degree;
            (*data).rear = (*data).state.add(position as usize);
            (*data).front = (*data).state.add(((position + (*data).separation) % degree) as usize);
        }
        note(data);
        true
    }
}

fn failure() -> c_int {
    errno::fail(Errno::EINVAL) as c_int
}

posix! {
    fn random() -> c_long {
        let _guard = LOCK.guard();
        c_long::from(next(global()))
    }
    fn rand() -> c_int {
        let _guard = LOCK.guard();
        next(global())
    }
    fn srandom(with: c_uint) {
        let _guard = LOCK.guard();
        seed(global(), with);
    }
    fn srand(with: c_uint) {
        let _guard = LOCK.guard();
        seed(global(), with);
    }
    fn initstate(with: c_uint, buffer: *mut c_char, size: usize) -> *mut c_char {
        let _guard = LOCK.guard();
        let data = global();
        let before = (*data).state.sub(1);
        if start(data, with, buffer.cast(), size) {
            before.cast()
        } else {
            errno::set(Errno::EINVAL);
            null_mut()
        }
    }
    fn setstate(buffer: *mut c_char) -> *mut c_char {
        let _guard = LOCK.guard();
        let data = global();
        let before = (*data).state.sub(1);
        if switch(data, buffer.cast()) {
            before.cast()
        } else {
            errno::set(Errno::EINVAL);
            null_mut()
        }
    }
    fn initstate_r(with: c_uint, buffer: *mut c_char, size: usize, data: *mut RandomData) -> c_int {
        if !data.is_null() && start(data, with, buffer.cast(), size) { 0 } else { failure() }
    }
    fn setstate_r(buffer: *mut c_char, data: *mut RandomData) -> c_int {
        if !data.is_null() && !buffer.is_null() && switch(data, buffer.cast()) { 0 } else { failure() }
    }
    fn srandom_r(with: c_uint, data: *mut RandomData) -> c_int {
        if data.is_null() || !(0..=4).contains(&(*data).kind) {
            return -1;
        }
        seed(data, with);
        0
    }
    fn random_r(data: *mut RandomData, result: *mut i32) -> c_int {
        if data.is_null() || result.is_null() {
            return failure();
        }
        result.write(next(data));
        0
    }
    fn rand_r(state: *mut c_uint) -> c_int {
        let mut word = *state;
        let mut draw = |bits: u32| {
            word = word.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            (word >> 16) % (1 << bits)
        };
        let mut value = draw(11);
        value = (value << 10) ^ draw(10);
        value = (value << 10) ^ draw(10);
        state.write(word);
        value as c_int
    }
}
