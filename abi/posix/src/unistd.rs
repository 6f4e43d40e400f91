//! unistd.h, as far as it is called so often that musl's general way to a cancellation point shows.

use crate::cancel;
use crate::errno;
use crate::gate::{self, Sysno};
use crate::time;
use core::ffi::{c_int, c_void};
use osv_abi::errno::Errno;

#[cfg(feature = "object")]
unsafe extern "C" {
    // musl's asynchronous input and output forgets what it knows of a descriptor that is closed.
    fn __aio_close(fd: c_int) -> c_int;
}

/// A host test has no such thing.
#[cfg(not(feature = "object"))]
fn __aio_close(fd: c_int) -> c_int {
    fd
}

posix! {
    fn read(fd: c_int, buffer: *mut c_void, length: usize) -> isize {
        errno::ret(cancel::call(Sysno::read, [fd as usize, buffer.addr(), length]))
    }
    fn write(fd: c_int, buffer: *const c_void, length: usize) -> isize {
        errno::ret(cancel::call(Sysno::write, [fd as usize, buffer.addr(), length]))
    }
    fn pread(fd: c_int, buffer: *mut c_void, length: usize, offset: i64) -> isize {
        errno::ret(cancel::call(Sysno::pread64, [fd as usize, buffer.addr(), length, offset as usize]))
    }
    fn pread64(fd: c_int, buffer: *mut c_void, length: usize, offset: i64) -> isize {
        pread(fd, buffer, length, offset)
    }
    fn pwrite(fd: c_int, buffer: *const c_void, length: usize, offset: i64) -> isize {
        errno::ret(cancel::call(Sysno::pwrite64, [fd as usize, buffer.addr(), length, offset as usize]))
    }
    fn pwrite64(fd: c_int, buffer: *const c_void, length: usize, offset: i64) -> isize {
        pwrite(fd, buffer, length, offset)
    }
    fn close(fd: c_int) -> c_int {
        match errno::ret(cancel::call(Sysno::close, [__aio_close(fd) as usize])) as c_int {
            // Interrupted, the descriptor is gone all the same, and who tries again may close another thread's.
            -1 if errno::get() == Errno::EINTR.get() => 0,
            result => result,
        }
    }
    fn getpid() -> c_int {
        match time::page_pid() {
            0 => gate::call(Sysno::getpid, []) as c_int,
            pid => pid as c_int,
        }
    }
}
