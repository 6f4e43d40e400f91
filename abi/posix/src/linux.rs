//! Linux's own calls, where glibc checks, keeps or knows what musl's C code does not.

use crate::errno;
use crate::gate::{self, Sysno};
use core::ffi::{c_int, c_long, c_void};
use osv_abi::errno::Errno;

/// Where the host's number is kept: four bytes.
const HOST_ID: &core::ffi::CStr = c"/etc/hostid";

mod theirs {
    use super::{c_int, c_void};
    unsafe extern "C" {
        // The build renames musl's own behind these rows.
        #[link_name = "__osv_clone"]
        pub fn clone(start: usize, stack: *mut c_void, flags: c_int, argument: *mut c_void, ...) -> c_int;
    }
}

posix! {
    // The arguments behind the fourth are variadic in C; integers among those come as fixed ones do.
    fn clone_gnu(
        start: usize, stack: *mut c_void, flags: c_int, argument: *mut c_void,
        parent_tid: *mut c_int, tls: *mut c_void, child_tid: *mut c_int,
    ) -> c_int {
        if start == 0 || stack.is_null() {
            return errno::fail(Errno::EINVAL) as c_int;
        }
        theirs::clone(start, stack, flags, argument, parent_tid, tls, child_tid)
    }
    fn gethostid_gnu() -> c_long {
        const O_CLOEXEC: usize = 0o2000000;
        let mut id = 0i32;
        let kept = errno::get();
        let file = gate::call(Sysno::open, [HOST_ID.as_ptr().addr(), O_CLOEXEC, 0]);
        if file >= 0 {
            let length = gate::call(Sysno::read, [file as usize, (&raw mut id).addr(), size_of::<i32>()]);
            gate::call(Sysno::close, [file as usize]);
            if length != size_of::<i32>() as isize {
                id = 0;
            }
        }
        errno::set_raw(kept);
        c_long::from(id)
    }
    fn sethostid(id: c_long) -> c_int {
        const CREATE: usize = 0o2001101;
        // Kept as an int, as glibc keeps it.
        let Ok(id) = i32::try_from(id) else { return errno::fail(Errno::EOVERFLOW) as c_int };
        let user = gate::call(Sysno::geteuid, []);
        if user != 0 {
            return errno::fail(Errno::EPERM) as c_int;
        }
        let file = gate::call(Sysno::open, [HOST_ID.as_ptr().addr(), CREATE, 0o644]);
        if file < 0 {
            return errno::ret(file) as c_int;
        }
        let written = gate::call(Sysno::write, [file as usize, (&raw const id).addr(), size_of::<i32>()]);
        gate::call(Sysno::close, [file as usize]);
        // Short of room for four bytes: an error all the same.
        if written == size_of::<i32>() as isize { 0 } else { errno::ret(written.min(Errno::EIO.to_ret())) as c_int }
    }
}
