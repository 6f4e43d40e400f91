//! Every C function and object of this crate under the name that the symbol rows use.
//!
//! The malloc family here is the allocator itself; `malloc::slots` is what libc calls.

pub use crate::cancel::{pthread_cancel, pthread_setcancelstate, pthread_setcanceltype, pthread_testcancel};
pub use crate::errno::{__errno_location, __h_errno_location};
pub use crate::fortify::*;
pub use crate::glibc::*;
pub use crate::malloc::{
    aligned_alloc, calloc, free, mallinfo, mallinfo2, malloc, malloc_trim, malloc_usable_size, mallopt,
    memalign, posix_memalign, pvalloc, realloc, reallocarray, valloc,
};
pub use crate::regex::*;
pub use crate::signal::*;
pub use crate::start::*;
pub use crate::string::{bcmp, memcmp, memcpy, memmove, mempcpy, memset, strlen};
pub use crate::thread::attr::*;
pub use crate::thread::barrier::*;
pub use crate::thread::c11::*;
pub use crate::thread::cleanup::*;
pub use crate::thread::cond::*;
pub use crate::thread::create::*;
pub use crate::thread::keys::*;
pub use crate::thread::mutex::*;
pub use crate::thread::once::*;
pub use crate::thread::rwlock::*;
pub use crate::thread::semaphore::*;
pub use crate::time::{clock_gettime, gettimeofday, time};
pub use crate::ucontext::{getcontext, makecontext, setcontext, swapcontext};
