//! GNU's additions to areas that are musl's otherwise.

use crate::cancel;
use crate::errno;
use crate::gate::Sysno;
use crate::malloc::slots;
use crate::thread::attr;
use crate::thread::create::Attr;
use crate::unistd::close;
use core::arch::{asm, naked_asm};
use core::ffi::{c_char, c_int, c_long, c_uint, c_void};
use core::ptr::null_mut;
use osv_abi::errno::Errno;

unsafe extern "C" {
    fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    fn fdopendir(file: c_int) -> *mut c_void;
    fn closedir(directory: *mut c_void) -> c_int;
    fn readdir(directory: *mut c_void) -> *mut u8;
}

type Order = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
type Filter = Option<unsafe extern "C" fn(*const u8) -> c_int>;

/// A growing array of entries that scandirat collects.
struct Found {
    entries: *mut *mut u8,
    count: usize,
    room: usize,
}

impl Found {
    unsafe fn push(&mut self, entry: *const u8) -> bool {
        /// Where a `struct dirent` keeps its length.
        const LENGTH_AT: usize = 16;
        // SAFETY: readdir's entry is as long as it says; the array is ours.
        unsafe {
            if self.count == self.room {
                let room = (self.room * 2).max(16);
                let grown: *mut *mut u8 = slots::realloc(self.entries.cast(), room * 8).cast();
                if grown.is_null() {
                    return false;
                }
                (self.entries, self.room) = (grown, room);
            }
            let length = usize::from(entry.add(LENGTH_AT).cast::<u16>().read_unaligned());
            let copy: *mut u8 = slots::malloc(length).cast();
            if copy.is_null() {
                return false;
            }
            copy.copy_from_nonoverlapping(entry, length);
            self.entries.add(self.count).write(copy);
            self.count += 1;
            true
        }
    }

    unsafe fn release(self) {
        // SAFETY: what push allocated.
        unsafe {
            for index in 0..self.count {
                slots::free((*self.entries.add(index)).cast());
            }
            slots::free(self.entries.cast());
        }
    }
}

posix! {
    fn scandirat(
        directory: c_int, path: *const c_char, to: *mut *mut *mut u8, filter: Filter, order: Option<Order>,
    ) -> c_int {
        const O_DIRECTORY_CLOEXEC: c_int = 0o2200000;
        let file = openat(directory, path, O_DIRECTORY_CLOEXEC, 0);
        if file < 0 {
            return -1;
        }
        let stream = fdopendir(file);
        if stream.is_null() {
            close(file);
            return -1;
        }
        let kept = errno::get();
        let mut found = Found { entries: null_mut(), count: 0, room: 0 };
        let mut failed = false;
        loop {
            errno::set_raw(0);
            let entry = readdir(stream);
            if entry.is_null() {
                failed |= errno::get() != 0;
                break;
            }
            if filter.is_none_or(|filter| filter(entry) != 0) && !found.push(entry) {
                errno::set(Errno::ENOMEM);
                failed = true;
                break;
            }
        }
        closedir(stream);
        if failed {
            found.release();
            return -1;
        }
        errno::set_raw(kept);
        if let Some(order) = order
            && found.count > 1
        {
            crate::sort::qsort(found.entries.cast(), found.count, 8, order as *mut c_void);
        }
        to.write(found.entries);
        found.count as c_int
    }
    fn scandirat64(
        directory: c_int, path: *const c_char, to: *mut *mut *mut u8, filter: Filter, order: Option<Order>,
    ) -> c_int {
        scandirat(directory, path, to, filter, order)
    }
    fn preadv64v2(file: c_int, vectors: *const c_void, count: c_int, offset: c_long, flags: c_int) -> isize {
        let arguments = [file as usize, vectors.addr(), count as usize, offset as usize, 0, flags as usize];
        errno::ret(cancel::call(Sysno::preadv2, arguments))
    }
    fn preadv2(file: c_int, vectors: *const c_void, count: c_int, offset: c_long, flags: c_int) -> isize {
        preadv64v2(file, vectors, count, offset, flags)
    }
    fn pwritev64v2(file: c_int, vectors: *const c_void, count: c_int, offset: c_long, flags: c_int) -> isize {
        let arguments = [file as usize, vectors.addr(), count as usize, offset as usize, 0, flags as usize];
        errno::ret(cancel::call(Sysno::pwritev2, arguments))
    }
    fn pwritev2(file: c_int, vectors: *const c_void, count: c_int, offset: c_long, flags: c_int) -> isize {
        pwritev64v2(file, vectors, count, offset, flags)
    }
    // The C locale's answers, whatever the language.
    fn rpmatch(answer: *const c_char) -> c_int {
        match *answer as u8 {
            b'y' | b'Y' => 1,
            b'n' | b'N' => 0,
            _ => -1,
        }
    }
    fn glob_pattern_p(pattern: *const c_char, escapes: c_int) -> c_int {
        let text = core::ffi::CStr::from_ptr(pattern).to_bytes();
        let (mut index, mut bracket) = (0, false);
        while let Some(&byte) = text.get(index) {
            match byte {
                b'*' | b'?' => return 1,
                b'\\' if escapes != 0 => index += 1,
                b'[' => bracket = true,
                b']' if bracket => return 1,
                _ => {}
            }
            index += 1;
        }
        0
    }
    fn pkey_get(key: c_int) -> c_int {
        if !(0..16).contains(&key) {
            return errno::fail(Errno::EINVAL) as c_int;
        }
        if !has_keys() {
            return errno::fail(Errno::ENOSYS) as c_int;
        }
        ((rights() >> (2 * key)) & 3) as c_int
    }
    fn pkey_set(key: c_int, wanted: c_uint) -> c_int {
        if !(0..16).contains(&key) || wanted > 3 {
            return errno::fail(Errno::EINVAL) as c_int;
        }
        if !has_keys() {
            return errno::fail(Errno::ENOSYS) as c_int;
        }
        let all = (rights() & !(3 << (2 * key))) | wanted << (2 * key);
        // SAFETY: the processor has the register, and only the thread's own rights change.
        asm!("wrpkru", in("eax") all, in("ecx") 0, in("edx") 0);
        0
    }
    fn __issignaling(value: f64) -> c_int {
        let bits = value.to_bits();
        c_int::from(value.is_nan() && bits & 1 << 51 == 0)
    }
    fn __issignalingf(value: f32) -> c_int {
        let bits = value.to_bits();
        c_int::from(value.is_nan() && bits & 1 << 22 == 0)
    }
    fn __isnan(value: f64) -> c_int {
        c_int::from(value.is_nan())
    }
    fn __isnanf(value: f32) -> c_int {
        c_int::from(value.is_nan())
    }
    fn __isinf(value: f64) -> c_int {
        if value.is_infinite() { value.signum() as c_int } else { 0 }
    }
    fn __isinff(value: f32) -> c_int {
        if value.is_infinite() { value.signum() as c_int } else { 0 }
    }
    fn __cmsg_nxthdr(message: *const usize, control: *const usize) -> *mut usize {
        // A message's control data lies at byte 32, its length at 40; a header's own length comes first.
        const HEADER: usize = 16;
        let (data, length) = (*message.add(4), *message.add(5));
        let own = *control;
        let offset = control.addr().wrapping_sub(data);
        let next = offset.wrapping_add(own.wrapping_add(7) & !7);
        let fits = own >= HEADER && next > offset && next.checked_add(HEADER).is_some_and(|end| end <= length);
        if !fits {
            return null_mut();
        }
        let following = control.byte_add(next - offset).cast_mut();
        if next.checked_add((*following).wrapping_add(7) & !7).is_none_or(|end| end > length) && *following > length - next {
            return null_mut();
        }
        following
    }
    fn pthread_attr_setaffinity_np(attr: *mut Attr, size: usize, set: *const u8) -> c_int {
        attr::set_affinity(attr, size, set)
    }
    fn pthread_attr_getaffinity_np(attr: *const Attr, size: usize, set: *mut u8) -> c_int {
        attr::get_affinity(attr, size, set)
    }
    fn mtrace() {}
    fn muntrace() {}
    fn __libc_fatal(text: *const c_char) -> ! {
        let text = core::ffi::CStr::from_ptr(text).to_bytes();
        crate::gate::call(Sysno::write, [2, text.as_ptr().addr(), text.len()]);
        crate::signal::die()
    }
    // Memory checkers ask for it; what libc holds goes with the process.
    fn __libc_freeres() {}
}

/// Whether the processor has protection keys and the kernel has switched them on.
fn has_keys() -> bool {
    const OSPKE: u32 = 1 << 4;
    core::arch::x86_64::__cpuid(0).eax >= 7 && core::arch::x86_64::__cpuid_count(7, 0).ecx & OSPKE != 0
}

fn rights() -> u32 {
    let rights;
    // SAFETY: the processor has the register.
    unsafe { asm!("rdpkru", out("eax") rights, in("ecx") 0, out("edx") _, options(nomem, nostack)) };
    rights
}

/// Defines functions of `long double` numbers by the ones for `double`: stable Rust has no such type.
macro_rules! by_double {
    ($($name:ident = $target:ident;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`: an order and a long double, to a double's precision.")]
        /// # Safety
        /// The contract of the manual page.
        #[unsafe(naked)]
        #[unsafe(export_name = concat!("__osv_", stringify!($name)))]
        pub unsafe extern "C" fn $name() {
            unsafe extern "C" {
                fn $target(order: c_int, value: f64) -> f64;
            }
            naked_asm!(
                "fld tbyte ptr [rsp + 8]",
                "sub rsp, 8",
                "fstp qword ptr [rsp]",
                "movsd xmm0, [rsp]",
                "call {target}",
                "movsd [rsp], xmm0",
                "fld qword ptr [rsp]",
                "add rsp, 8",
                "ret",
                target = sym $target,
            )
        }
    )* };
}

by_double! { jnl = jn; ynl = yn; }

/// A long double on the stack: mantissa at byte 8, exponent at 16.
#[unsafe(naked)]
#[unsafe(export_name = "__osv___issignalingl")]
/// `__issignalingl`: a quiet NaN has bit 62 of its mantissa.
///
/// # Safety
/// The contract of the manual page.
pub unsafe extern "C" fn __issignalingl() {
    naked_asm!(
        "movzx eax, word ptr [rsp + 16]",
        "and eax, 0x7fff",
        "cmp eax, 0x7fff",
        "jne 2f",
        "mov rax, [rsp + 8]",
        "lea rcx, [rax + rax]",
        "test rcx, rcx",
        "je 2f",
        "bt rax, 62",
        "setnc al",
        "movzx eax, al",
        "ret",
        "2:",
        "xor eax, eax",
        "ret",
    )
}

/// `__isnanl`.
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv___isnanl")]
pub unsafe extern "C" fn __isnanl() {
    naked_asm!("fld tbyte ptr [rsp + 8]", "fucomip st, st(0)", "setp al", "movzx eax, al", "ret",)
}

/// `__issignalingf128`: the number comes in xmm0; a quiet NaN has bit 111.
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv___issignalingf128")]
pub unsafe extern "C" fn __issignalingf128() {
    naked_asm!(
        "movq rdi, xmm0",
        "psrldq xmm0, 8",
        "movq rsi, xmm0",
        "jmp {test}",
        test = sym quadruple_is_signaling,
    )
}

extern "C" fn quadruple_is_signaling(low: u64, high: u64) -> c_int {
    const EXPONENT: u64 = 0x7fff << 48;
    const QUIET: u64 = 1 << 47;
    let fraction = low != 0 || high & (QUIET - 1) != 0;
    c_int::from(high & EXPONENT == EXPONENT && high & QUIET == 0 && fraction)
}
