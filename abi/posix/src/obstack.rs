//! obstack.h: growing objects in chunks. The macros in the header do most; these functions are behind them.

use core::ffi::{c_char, c_int, c_long, c_uint, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

/// `struct obstack`.
#[repr(C)]
#[derive(Debug)]
pub struct Obstack {
    chunk_size: c_long,
    chunk: *mut Chunk,
    object_base: *mut c_char,
    next_free: *mut c_char,
    chunk_limit: *mut c_char,
    temporary: c_long,
    alignment_mask: c_int,
    chunkfun: *mut c_void,
    freefun: *mut c_void,
    extra_arg: *mut c_void,
    flags: c_uint,
}

/// A chunk's head; the objects follow.
#[repr(C)]
#[derive(Debug)]
pub struct Chunk {
    limit: *mut c_char,
    previous: *mut Chunk,
}

const _: () = assert!(size_of::<Obstack>() == 88);
const USE_EXTRA_ARG: c_uint = 1;
const MAYBE_EMPTY: c_uint = 2;
const HEAD: usize = size_of::<Chunk>();
/// A page less malloc's own share, which programs have come to expect.
const DEFAULT_SIZE: usize = 4064;
const DEFAULT_ALIGNMENT: usize = 16;

unsafe extern "C" {
    #[link_name = "obstack_alloc_failed_handler"]
    static mut FAILED: Option<unsafe extern "C" fn()>;
}

impl Obstack {
    unsafe fn allocate(&mut self, size: usize) -> *mut Chunk {
        // SAFETY: the program's functions, in the form that the flag says.
        unsafe {
            let chunk = if self.flags & USE_EXTRA_ARG != 0 {
                let function: unsafe extern "C" fn(*mut c_void, usize) -> *mut Chunk =
                    transmute(self.chunkfun);
                function(self.extra_arg, size)
            } else {
                let function: unsafe extern "C" fn(usize) -> *mut Chunk = transmute(self.chunkfun);
                function(size)
            };
            if chunk.is_null() {
                if let Some(failed) = *(&raw const FAILED) {
                    failed();
                }
                crate::report::fatal("memory exhausted");
            }
            chunk
        }
    }

    unsafe fn release(&mut self, chunk: *mut Chunk) {
        // SAFETY: the program's functions, in the form that the flag says.
        unsafe {
            if self.flags & USE_EXTRA_ARG != 0 {
                let function: unsafe extern "C" fn(*mut c_void, *mut Chunk) = transmute(self.freefun);
                function(self.extra_arg, chunk);
            } else {
                let function: unsafe extern "C" fn(*mut Chunk) = transmute(self.freefun);
                function(chunk);
            }
        }
    }

    fn align(&self, address: *mut c_char) -> *mut c_char {
        let mask = self.alignment_mask as usize;
        address.map_addr(|address| (address + mask) & !mask)
    }

    unsafe fn begin(&mut self, size: c_int, alignment: c_int) -> c_int {
        // SAFETY: the program's functions are set.
        unsafe {
            let alignment = if alignment == 0 { DEFAULT_ALIGNMENT } else { alignment as usize };
            self.chunk_size = if size == 0 { DEFAULT_SIZE as c_long } else { c_long::from(size) };
            self.alignment_mask = alignment as c_int - 1;
            let chunk = self.allocate(self.chunk_size as usize);
            self.chunk = chunk;
            self.object_base = self.align(chunk.cast::<c_char>().add(HEAD));
            self.next_free = self.object_base;
            self.chunk_limit = chunk.cast::<c_char>().add(self.chunk_size as usize);
            (*chunk).limit = self.chunk_limit;
            (*chunk).previous = null_mut();
            self.flags &= !(MAYBE_EMPTY | 4);
            1
        }
    }
}

posix! {
    fn _obstack_begin(
        this: *mut Obstack, size: c_int, alignment: c_int, chunkfun: *mut c_void, freefun: *mut c_void,
    ) -> c_int {
        let this = &mut *this;
        (this.chunkfun, this.freefun) = (chunkfun, freefun);
        this.flags = 0;
        this.begin(size, alignment)
    }
    fn _obstack_begin_1(
        this: *mut Obstack, size: c_int, alignment: c_int, chunkfun: *mut c_void, freefun: *mut c_void, argument: *mut c_void,
    ) -> c_int {
        let this = &mut *this;
        (this.chunkfun, this.freefun, this.extra_arg) = (chunkfun, freefun, argument);
        this.flags = USE_EXTRA_ARG;
        this.begin(size, alignment)
    }
    fn _obstack_newchunk(this: *mut Obstack, length: c_int) {
        let this = &mut *this;
        let old = this.chunk;
        let object_size = this.next_free.offset_from(this.object_base) as usize;
        let wanted = object_size + length as usize + (object_size >> 3) + this.alignment_mask as usize + 100;
        let size = wanted.max(this.chunk_size as usize);
        let new = this.allocate(size);
        this.chunk = new;
        (*new).previous = old;
        this.chunk_limit = new.cast::<c_char>().add(size);
        (*new).limit = this.chunk_limit;
        let base = this.align(new.cast::<c_char>().add(HEAD));
        base.copy_from_nonoverlapping(this.object_base, object_size);
        // The old chunk held nothing but this object: it is not needed any more.
        if this.flags & MAYBE_EMPTY == 0 && this.object_base == this.align(old.cast::<c_char>().add(HEAD)) {
            (*new).previous = (*old).previous;
            this.release(old);
        }
        this.object_base = base;
        this.next_free = base.add(object_size);
        this.flags &= !MAYBE_EMPTY;
    }
    fn _obstack_allocated_p(this: *mut Obstack, object: *mut c_void) -> c_int {
        let mut chunk = (*this).chunk;
        while !chunk.is_null() && (chunk.cast() >= object || (*chunk).limit.cast() < object) {
            chunk = (*chunk).previous;
        }
        c_int::from(!chunk.is_null())
    }
    fn _obstack_memory_used(this: *mut Obstack) -> c_int {
        let mut chunk = (*this).chunk;
        let mut used = 0;
        while !chunk.is_null() {
            used += (*chunk).limit.offset_from(chunk.cast());
            chunk = (*chunk).previous;
        }
        used as c_int
    }
    fn obstack_free(this: *mut Obstack, object: *mut c_void) {
        let this = &mut *this;
        let mut chunk = this.chunk;
        while !chunk.is_null() && (chunk.cast() >= object || (*chunk).limit.cast() < object) {
            let previous = (*chunk).previous;
            this.release(chunk);
            chunk = previous;
            // What is freed may have left the chunk below empty.
            this.flags |= MAYBE_EMPTY;
        }
        if !chunk.is_null() {
            this.object_base = object.cast();
            this.next_free = object.cast();
            this.chunk_limit = (*chunk).limit;
            this.chunk = chunk;
        } else if !object.is_null() {
            crate::report::fatal("obstack_free: not an object of this obstack");
        }
    }
    fn obstack_vprintf(this: *mut Obstack, format: *const c_char, list: *mut c_void) -> c_int {
        let mut text: *mut u8 = null_mut();
        let length = crate::printf::vasprintf(&raw mut text, format.cast(), list);
        if length >= 0 {
            if (*this).chunk_limit.offset_from((*this).next_free) < length as isize {
                _obstack_newchunk(this, length);
            }
            (*this).next_free.copy_from_nonoverlapping(text.cast(), length as usize);
            (*this).next_free = (*this).next_free.add(length as usize);
            crate::malloc::slots::free(text.cast());
        }
        length
    }
    fn __obstack_vprintf_chk(this: *mut Obstack, _flag: c_int, format: *const c_char, list: *mut c_void) -> c_int {
        obstack_vprintf(this, format, list)
    }
}

crate::variadic::variadic! {
    obstack_printf: 2, "rdx" => obstack_vprintf;
    __obstack_printf_chk: 3, "rcx" => __obstack_vprintf_chk;
}
