//! Names that only glibc has.

use crate::errno;
use crate::gate::{self, Sysno};
use core::ffi::{c_char, c_int, c_uint, c_void};
use osv_abi::errno::Errno;

/// `__libc_single_threaded`: programs skip atomics while it is 1.
#[unsafe(export_name = "__osv___libc_single_threaded")]
pub static mut __libc_single_threaded: c_char = 1;

/// Says whether there is one thread alone.
pub fn set_single_threaded(single: bool) {
    // SAFETY: written before the second thread exists; afterwards the value stays.
    unsafe { *(&raw mut __libc_single_threaded) = c_char::from(single) };
}

/// Fills with random bytes from the kernel.
fn random(bytes: &mut [u8]) {
    let mut filled = 0;
    while filled < bytes.len() {
        let rest = &mut bytes[filled..];
        // SAFETY: the kernel writes into our buffer, as long as said.
        match unsafe { gate::try_call(Sysno::getrandom, [rest.as_mut_ptr().addr(), rest.len().min(256), 0]) }
        {
            Ok(count) => filled += count,
            Err(Errno::EINTR) => {}
            Err(_) => crate::report::fatal("arc4random: the kernel gives no random numbers"),
        }
    }
}

posix! {
    fn arc4random() -> u32 {
        let mut bytes = [0; 4];
        random(&mut bytes);
        u32::from_ne_bytes(bytes)
    }
    fn arc4random_buf(buffer: *mut u8, size: usize) {
        if size > 0 {
            random(core::slice::from_raw_parts_mut(buffer, size));
        }
    }
    fn arc4random_uniform(bound: u32) -> u32 {
        if bound < 2 {
            return 0;
        }
        // Values below 2^32 mod bound would make some results likelier.
        let least = bound.wrapping_neg() % bound;
        loop {
            let value = arc4random();
            if value >= least {
                return value % bound;
            }
        }
    }
    fn gnu_get_libc_version() -> *const c_char {
        c"2.36".as_ptr()
    }
    fn gnu_get_libc_release() -> *const c_char {
        c"stable".as_ptr()
    }
    fn gnu_dev_major(device: u64) -> c_uint {
        (((device >> 32) & 0xffff_f000) | ((device >> 8) & 0xfff)) as c_uint
    }
    fn gnu_dev_minor(device: u64) -> c_uint {
        (((device >> 12) & 0xffff_ff00) | (device & 0xff)) as c_uint
    }
    fn gnu_dev_makedev(major: c_uint, minor: c_uint) -> u64 {
        let (major, minor) = (u64::from(major), u64::from(minor));
        ((major & 0xffff_f000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffff_ff00) << 12) | (minor & 0xff)
    }
    // The unwinder then goes through dl_iterate_phdr.
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
        errno::ret(gate::call(Sysno::close_range, [first as usize, last as usize, flags as usize])) as c_int
    }
    fn closefrom(first: c_int) {
        gate::call(Sysno::close_range, [first.max(0) as usize, u32::MAX as usize, 0]);
    }
    fn statx(directory: c_int, path: *const c_char, flags: c_int, mask: c_uint, buffer: *mut c_void) -> c_int {
        let arguments = [directory as usize, path.addr(), flags as usize, mask as usize, buffer.addr()];
        errno::ret(gate::call(Sysno::statx, arguments)) as c_int
    }
    fn renameat2(from_dir: c_int, from: *const c_char, to_dir: c_int, to: *const c_char, flags: c_uint) -> c_int {
        let arguments = [from_dir as usize, from.addr(), to_dir as usize, to.addr(), flags as usize];
        errno::ret(gate::call(Sysno::renameat2, arguments)) as c_int
    }
    fn getcpu(cpu: *mut c_uint, node: *mut c_uint) -> c_int {
        errno::ret(gate::call(Sysno::getcpu, [cpu.addr(), node.addr(), 0])) as c_int
    }
    fn sched_getaffinity(process: c_int, size: usize, set: *mut u8) -> c_int {
        match gate::try_call(Sysno::sched_getaffinity, [process as usize, size, set.addr()]) {
            Ok(filled) => {
                set.add(filled).write_bytes(0, size.saturating_sub(filled));
                0
            }
            Err(error) => errno::fail(error) as c_int,
        }
    }
    fn sched_setaffinity(process: c_int, size: usize, set: *const u8) -> c_int {
        errno::ret(gate::call(Sysno::sched_setaffinity, [process as usize, size, set.addr()])) as c_int
    }
    // The seventh register argument of the C function is the call's sixth.
    fn syscall(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
        errno::ret(gate::call_number(number, [a, b, c, d, e, f]))
    }
    fn pidfd_open(process: c_int, flags: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::pidfd_open, [process as usize, flags as usize])) as c_int
    }
    fn pidfd_getfd(pidfd: c_int, file: c_int, flags: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::pidfd_getfd, [pidfd as usize, file as usize, flags as usize])) as c_int
    }
    fn pidfd_send_signal(pidfd: c_int, signal: c_int, info: *mut c_void, flags: c_uint) -> c_int {
        let arguments = [pidfd as usize, signal as usize, info.addr(), flags as usize];
        errno::ret(gate::call(Sysno::pidfd_send_signal, arguments)) as c_int
    }
    fn __getpagesize() -> c_int {
        4096
    }
    fn __fdelt_chk(descriptor: isize) -> isize {
        const FD_SETSIZE: isize = 1024;
        if !(0..FD_SETSIZE).contains(&descriptor) {
            crate::fortify::overflow();
        }
        descriptor / 64
    }
    fn __sched_cpualloc(count: usize) -> *mut c_void {
        crate::malloc::slots::malloc(count.div_ceil(64) * 8)
    }
    fn __sched_cpufree(set: *mut c_void) {
        crate::malloc::slots::free(set)
    }
    fn canonicalize_file_name(path: *const c_char) -> *mut c_char {
        unsafe extern "C" {
            fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char;
        }
        realpath(path, core::ptr::null_mut())
    }
    fn rawmemchr(text: *const u8, byte: c_int) -> *mut u8 {
        let mut at = text;
        while *at != byte as u8 {
            at = at.add(1);
        }
        at.cast_mut()
    }
    fn __rawmemchr(text: *const u8, byte: c_int) -> *mut u8 {
        rawmemchr(text, byte)
    }
    fn pkey_alloc(flags: c_uint, rights: c_uint) -> c_int {
        errno::ret(gate::call(Sysno::pkey_alloc, [flags as usize, rights as usize])) as c_int
    }
    fn pkey_free(key: c_int) -> c_int {
        errno::ret(gate::call(Sysno::pkey_free, [key as usize])) as c_int
    }
    fn pkey_mprotect(address: *mut c_void, size: usize, protection: c_int, key: c_int) -> c_int {
        let arguments = [address.addr(), size, protection as usize, key as usize];
        errno::ret(gate::call(Sysno::pkey_mprotect, arguments)) as c_int
    }
}
