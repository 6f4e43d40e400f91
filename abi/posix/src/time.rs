//! Clocks without entering the kernel: over the page that the kernel shares in the guest, over the vDSO natively.

use crate::errno;
use crate::futex::Timespec;
use crate::gate::{self, Sysno};
use core::ffi::{c_int, c_void};
use core::sync::atomic::Ordering::Relaxed;
use osv_abi::shared::SharedPage;

const CLOCK_REALTIME: c_int = 0;
const CLOCK_MONOTONIC: c_int = 1;
const CLOCK_MONOTONIC_RAW: c_int = 4;
const CLOCK_REALTIME_COARSE: c_int = 5;
const CLOCK_MONOTONIC_COARSE: c_int = 6;
const CLOCK_BOOTTIME: c_int = 7;
const NANOSECONDS: u64 = 1_000_000_000;

type ClockGettime = unsafe extern "C" fn(c_int, *mut Timespec) -> c_int;

/// Says "ask the kernel" to every question.
static NO_PAGE: SharedPage = SharedPage::new();
static mut PAGE: &SharedPage = &NO_PAGE;
static mut VDSO: Option<ClockGettime> = None;

/// Takes the kernel's shared page, or the vDSO's clock_gettime.
///
/// # Safety
/// Called by start-up, before there are threads; a page is the kernel's, `vdso` a loaded ELF image or null.
pub unsafe fn init(page: *const SharedPage, vdso: *const u8) {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(page) = page.as_ref() {
            *(&raw mut PAGE) = page;
        }
        if page.is_null() && !vdso.is_null() {
            *(&raw mut VDSO) = find_in_vdso(vdso);
        }
    }
}

/// Looks `__vdso_clock_gettime` up in the image's dynamic symbols.
unsafe fn find_in_vdso(image: *const u8) -> Option<ClockGettime> {
    const PT_LOAD: u32 = 1;
    const PT_DYNAMIC: u32 = 2;
    const DT_HASH: u64 = 4;
    const DT_STRTAB: u64 = 5;
    const DT_SYMTAB: u64 = 6;
    const NAME: &[u8] = b"__vdso_clock_gettime\0";
    // SAFETY: the kernel's own image: well-formed.
    unsafe {
        let read = |at: usize| image.add(at).cast::<u64>().read_unaligned();
        let headers = read(32) as usize;
        let count = usize::from(image.add(56).cast::<u16>().read_unaligned());
        let (mut bias, mut dynamic) = (None, None);
        for index in 0..count {
            let at = headers + index * 56;
            let kind = image.add(at).cast::<u32>().read_unaligned();
            if kind == PT_LOAD && bias.is_none() {
                bias = Some((read(at + 8) as usize).wrapping_sub(read(at + 16) as usize));
            } else if kind == PT_DYNAMIC {
                dynamic = Some(read(at + 8) as usize);
            }
        }
        let (bias, mut at) = (bias?, dynamic?);
        let (mut hash, mut strings, mut symbols) = (0, 0, 0);
        while read(at) != 0 {
            let value = (read(at + 8) as usize).wrapping_add(bias);
            match read(at) {
                DT_HASH => hash = value,
                DT_STRTAB => strings = value,
                DT_SYMTAB => symbols = value,
                _ => {}
            }
            at += 16;
        }
        if hash == 0 || strings == 0 || symbols == 0 {
            return None;
        }
        let count = image.add(hash + 4).cast::<u32>().read_unaligned() as usize;
        for index in 0..count {
            let symbol = symbols + index * 24;
            let name = image.add(strings + image.add(symbol).cast::<u32>().read_unaligned() as usize);
            if (0..NAME.len()).all(|byte| *name.add(byte) == NAME[byte]) {
                let address = image.add((read(symbol + 8) as usize).wrapping_add(bias));
                return Some(core::mem::transmute::<*const u8, ClockGettime>(address));
            }
        }
    }
    None
}

#[inline(always)]
fn page() -> &'static SharedPage {
    // SAFETY: written before there are threads; the page is the kernel's and stays.
    unsafe { *(&raw const PAGE) }
}

/// The process's number from the shared page; 0 if it cannot tell.
#[inline(always)]
pub(crate) fn page_pid() -> u32 {
    page().pid.load(Relaxed)
}

/// CPUs that the machine has, from the shared page; 0 if it cannot tell.
pub(crate) fn page_cpus() -> u32 {
    page().cpus.load(Relaxed)
}

/// A clock's time from the shared page, if it can tell.
fn from_page(clock: c_int) -> Option<Timespec> {
    let is_realtime = match clock {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE => true,
        CLOCK_MONOTONIC | CLOCK_MONOTONIC_RAW | CLOCK_MONOTONIC_COARSE | CLOCK_BOOTTIME => false,
        _ => return None,
    };
    let reading = page().clock()?;
    // SAFETY: the page says that the counter may be used.
    let mut now = reading.monotonic_ns(unsafe { core::arch::x86_64::_rdtsc() });
    if is_realtime {
        now = now.wrapping_add(reading.realtime_offset_ns);
    }
    Some(Timespec { seconds: (now / NANOSECONDS) as i64, nanoseconds: (now % NANOSECONDS) as i64 })
}

unsafe fn read_clock(clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: the caller's place for the result.
    unsafe {
        if let Some(now) = from_page(clock) {
            time.write(now);
            return 0;
        }
        if let Some(vdso) = *(&raw const VDSO) {
            return errno::ret(vdso(clock, time) as isize) as c_int;
        }
        errno::ret(gate::call(Sysno::clock_gettime, [clock as usize, time.addr()])) as c_int
    }
}

posix! {
    fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
        read_clock(clock, time)
    }
    // musl's C code asks by this name.
    fn __clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
        read_clock(clock, time)
    }
    fn gettimeofday(time: *mut [i64; 2], _zone: *mut c_void) -> c_int {
        if time.is_null() {
            return 0;
        }
        let mut now = Timespec::default();
        let result = read_clock(CLOCK_REALTIME, &raw mut now);
        time.write([now.seconds, now.nanoseconds / 1000]);
        result
    }
    fn time(result: *mut i64) -> i64 {
        let mut now = Timespec::default();
        read_clock(CLOCK_REALTIME, &raw mut now);
        if !result.is_null() {
            result.write(now.seconds);
        }
        now.seconds
    }
}
