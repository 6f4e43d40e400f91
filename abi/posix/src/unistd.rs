//! unistd.h, as far as it is called so often that musl's general way to a cancellation point shows, or as musl keeps from
//! the kernel what it should judge.

use crate::cancel;
use crate::errno;
use crate::gate::{self, Sysno};
use crate::malloc::slots;
use crate::time;
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr::{null_mut, without_provenance_mut};
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
    // musl refuses both but for a question where the break is: its malloc might have moved it. Ours does not.
    fn brk_gnu(end: *mut c_void) -> c_int {
        let now = gate::call(Sysno::brk, [end.addr()]) as usize;
        if now < end.addr() { errno::fail(Errno::ENOMEM) as c_int } else { 0 }
    }
    fn sbrk_gnu(increment: isize) -> *mut c_void {
        let before = gate::call(Sysno::brk, [0]) as usize;
        let wanted = before.checked_add_signed(increment);
        let moved = wanted.is_some_and(|wanted| gate::call(Sysno::brk, [wanted]) as usize == wanted);
        if !moved {
            return without_provenance_mut(errno::fail(Errno::ENOMEM) as usize);
        }
        without_provenance_mut(before)
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
    fn execveat(directory: c_int, path: *const c_char, arguments: *const c_void, environment: *const c_void, flags: c_int) -> c_int {
        let words = [directory as usize, path.addr(), arguments.addr(), environment.addr(), flags as usize];
        errno::ret(gate::trap(Sysno::execveat as usize, words)) as c_int
    }
    fn epoll_pwait2(fd: c_int, events: *mut c_void, count: c_int, timeout: *const c_void, mask: *const c_void) -> c_int {
        const SET_BYTES: usize = 8;
        let words = [fd as usize, events.addr(), count as usize, timeout.addr(), mask.addr(), SET_BYTES];
        errno::ret(cancel::call(Sysno::epoll_pwait2, words)) as c_int
    }
    fn fsopen(name: *const c_char, flags: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::fsopen, [name.addr(), flags as usize])) as c_int
    }
    fn fsconfig(fd: c_int, command: c_uint, key: *const c_char, value: *const c_void, extra: c_int) -> c_int {
        let words = [fd as usize, command as usize, key.addr(), value.addr(), extra as usize];
        errno::ret(gate::call(Sysno::fsconfig, words)) as c_int
    }
    fn fsmount(fd: c_int, flags: c_uint, attributes: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::fsmount, [fd as usize, flags as usize, attributes as usize])) as c_int
    }
    fn fspick(directory: c_int, path: *const c_char, flags: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::fspick, [directory as usize, path.addr(), flags as usize])) as c_int
    }
    fn open_tree(directory: c_int, path: *const c_char, flags: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::open_tree, [directory as usize, path.addr(), flags as usize])) as c_int
    }
    fn move_mount(from: c_int, from_path: *const c_char, to: c_int, to_path: *const c_char, flags: c_uint) -> c_int {
        let words = [from as usize, from_path.addr(), to as usize, to_path.addr(), flags as usize];
        errno::ret(gate::call(Sysno::move_mount, words)) as c_int
    }
    fn mount_setattr(directory: c_int, path: *const c_char, flags: c_uint, attributes: *mut c_void, size: usize) -> c_int {
        let words = [directory as usize, path.addr(), flags as usize, attributes.addr(), size];
        errno::ret(gate::call(Sysno::mount_setattr, words)) as c_int
    }
    fn process_madvise(process: c_int, vectors: *const c_void, count: usize, advice: c_int, flags: c_uint) -> isize {
        let words = [process as usize, vectors.addr(), count, advice as usize, flags as usize];
        errno::ret(gate::call(Sysno::process_madvise, words))
    }
    fn process_mrelease(process: c_int, flags: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::process_mrelease, [process as usize, flags as usize])) as c_int
    }
}
