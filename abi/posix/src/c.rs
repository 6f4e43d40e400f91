//! Every C function and object of this crate under the name that the symbol rows use.
//!
//! The malloc family here is the allocator itself; `malloc::slots` is what libc calls.

pub use crate::addrinfo::*;
pub use crate::argz::*;
pub use crate::cancel::{pthread_cancel, pthread_setcancelstate, pthread_setcanceltype, pthread_testcancel};
pub use crate::ctype::{
    __ctype_b_loc, __ctype_tolower_loc, __ctype_toupper_loc, __tolower_l, __toupper_l, tolower, tolower_l,
    toupper, toupper_l,
};
pub use crate::errno::{__errno_location, __h_errno_location};
pub use crate::error::{error, error_at_line, psignal};
pub use crate::exec::*;
pub use crate::fnmatch::fnmatch;
pub use crate::fork::*;
pub use crate::fortify::*;
pub use crate::fts::{fts_children, fts_close, fts_open, fts_read, fts_set};
pub use crate::ftw::{ftw_gnu, nftw_gnu};
pub use crate::getopt::{getopt_gnu, getopt_long_gnu, getopt_long_only_gnu};
pub use crate::glibc::*;
pub use crate::gnu::*;
pub use crate::iconv::*;
pub use crate::integer::*;
pub use crate::linux::*;
pub use crate::locale::{
    __duplocale, __freelocale, __newlocale, bind_textdomain_codeset, duplocale, freelocale, newlocale,
    nl_langinfo, nl_langinfo_l, setlocale,
};
pub use crate::malloc::{
    aligned_alloc, calloc, free, mallinfo, mallinfo2, malloc, malloc_trim, malloc_usable_size, mallopt,
    memalign, posix_memalign, pvalloc, realloc, reallocarray, valloc,
};
pub use crate::messages::*;
pub use crate::multibyte::*;
pub use crate::netdb::*;
pub use crate::obstack::*;
pub use crate::printf::*;
pub use crate::random::*;
pub use crate::regex::*;
pub use crate::resolver::*;
pub use crate::signal::*;
pub use crate::socket::*;
pub use crate::sort::{qsort, qsort_r};
pub use crate::start::*;
pub use crate::string::{bcmp, memcmp, memcpy, memmove, mempcpy, memset, strlen};
pub use crate::system::*;
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
pub use crate::unistd::*;
pub use crate::utmp::*;
