//! unistd.h, as far as it is called so often that musl's general way to a cancellation point shows, or as musl keeps from
//! the kernel what it should judge.

use crate::cancel;
use crate::errno;
use crate::gate::{self, Sysno};
use crate::malloc::slots;
use crate::time;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null_mut;
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
    // musl takes room for nothing as a question whether there is a link.
    fn readlink(path: *const c_char, to: *mut c_char, room: usize) -> isize {
        errno::ret(gate::call(Sysno::readlink, [path.addr(), to.addr(), room]))
    }
    fn readlinkat(directory: c_int, path: *const c_char, to: *mut c_char, room: usize) -> isize {
        errno::ret(gate::call(Sysno::readlinkat, [directory as usize, path.addr(), to.addr(), room]))
    }
    fn epoll_create_gnu(size: c_int) -> c_int {
        errno::ret(gate::call(Sysno::epoll_create, [size as usize])) as c_int
    }
    fn getcwd(to: *mut c_char, room: usize) -> *mut c_char {
        const PATH_MAX: usize = 4096;
        if room == 0 && !to.is_null() {
            errno::set(Errno::EINVAL);
            return null_mut();
        }
        let size = if room == 0 { PATH_MAX } else { room };
        let path: *mut c_char = if to.is_null() { slots::malloc(size).cast() } else { to };
        if path.is_null() {
            errno::set(Errno::ENOMEM);
            return path;
        }
        let length = match gate::try_call(Sysno::getcwd, [path.addr(), size]) {
            // A folder that is not below the root has a path that begins otherwise.
            Ok(length) if path.read() == b'/' as c_char => length,
            problem => {
                errno::set(problem.err().unwrap_or(Errno::ENOENT));
                if to.is_null() {
                    slots::free(path.cast());
                }
                return null_mut();
            }
        };
        if !to.is_null() || room > 0 {
            return path;
        }
        // As much as is needed; what is there already will do.
        let exact = slots::realloc(path.cast(), length).cast::<c_char>();
        if exact.is_null() { path } else { exact }
    }
}
