//! sys/socket.h, as far as musl's own ways differ: its message calls copy the header, whose padding its programs need not
//! clear, and so limit the control data and crash on an address that is none. glibc's header is the kernel's.

use crate::cancel;
use crate::errno;
use crate::gate::Sysno;
use core::ffi::{c_int, c_uint, c_void};

posix! {
    fn sendmsg(fd: c_int, message: *const c_void, flags: c_int) -> isize {
        errno::ret(cancel::call(Sysno::sendmsg, [fd as usize, message.addr(), flags as usize]))
    }
    fn recvmsg(fd: c_int, message: *mut c_void, flags: c_int) -> isize {
        errno::ret(cancel::call(Sysno::recvmsg, [fd as usize, message.addr(), flags as usize]))
    }
    fn sendmmsg(fd: c_int, messages: *mut c_void, count: c_uint, flags: c_int) -> c_int {
        let arguments = [fd as usize, messages.addr(), count as usize, flags as usize];
        errno::ret(cancel::call(Sysno::sendmmsg, arguments)) as c_int
    }
    fn recvmmsg(fd: c_int, messages: *mut c_void, count: c_uint, flags: c_int, timeout: *mut c_void) -> c_int {
        let arguments = [fd as usize, messages.addr(), count as usize, flags as usize, timeout.addr()];
        errno::ret(cancel::call(Sysno::recvmmsg, arguments)) as c_int
    }
    fn accept4(fd: c_int, address: *mut c_void, length: *mut c_uint, flags: c_int) -> c_int {
        let arguments = [fd as usize, address.addr(), length.addr(), flags as usize];
        errno::ret(cancel::call(Sysno::accept4, arguments)) as c_int
    }
}
