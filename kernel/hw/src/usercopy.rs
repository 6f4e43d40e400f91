//! Copies from and to the application, which may give any address.
//!
//! Each access is one instruction that has an entry in the fix-up table (section `.osv.fixup`). A fault there goes
//! first to the `page_fault` upcall, unless faulting is off for this CPU ([`NoFault`]), and if that cannot help, on
//! at the fix-up address, from where the copy returns how far it came. Every function checks the range first.
//!
//! The application's address space must be the active one, so callers are threads of that process.

use osv_abi::mem::{Fault, UserAddr};
use osv_base::percpu::CpuHead;

/// While it lives, copies on this CPU do not fault pages in but stop short; preemption is off.
#[derive(Debug)]
pub struct NoFault(osv_sync::spinlock::NoPreempt);

impl NoFault {
    /// Turns faulting off; sections nest.
    #[inline]
    pub fn enter() -> NoFault {
        let section = NoFault(osv_sync::spinlock::NoPreempt::enter());
        adjust(1);
        section
    }
}

impl Drop for NoFault {
    #[inline]
    fn drop(&mut self) {
        adjust(u32::MAX);
    }
}

#[inline]
fn adjust(by: u32) {
    use core::sync::atomic::Ordering::Relaxed;
    let head: &CpuHead = crate::percpu::head();
    // Only this CPU touches it, and preemption is off.
    head.pagefault_disabled.store(head.pagefault_disabled.load(Relaxed).wrapping_add(by), Relaxed);
}

/// Copies `len` bytes of the application's to `to`; gives how many it could not copy.
///
/// # Safety
/// `to` is valid for writes of `len` bytes.
#[inline]
pub unsafe fn copy_in_partial(to: *mut u8, from: UserAddr, len: usize) -> usize {
    if !from.range_ok(len) {
        return len;
    }
    // SAFETY: the kernel's side is the caller's promise; the other recovers from faults.
    unsafe { raw::copy(to, core::ptr::with_exposed_provenance(from.0 as usize), len) }
}

/// Copies `len` bytes at `from` to the application; gives how many it could not copy.
///
/// # Safety
/// `from` is valid for reads of `len` bytes.
#[inline]
pub unsafe fn copy_out_partial(to: UserAddr, from: *const u8, len: usize) -> usize {
    if !to.range_ok(len) {
        return len;
    }
    // SAFETY: as in `copy_in_partial`; the lower half holds nothing of the kernel's.
    unsafe { raw::copy(core::ptr::with_exposed_provenance_mut(to.0 as usize), from, len) }
}

/// Fills `to` from the application's memory.
#[inline]
pub fn copy_in(to: &mut [u8], from: UserAddr) -> Result<(), Fault> {
    // SAFETY: a slice is valid for its length.
    if unsafe { copy_in_partial(to.as_mut_ptr(), from, to.len()) } == 0 { Ok(()) } else { Err(Fault) }
}

/// Writes `from` to the application's memory.
#[inline]
pub fn copy_out(to: UserAddr, from: &[u8]) -> Result<(), Fault> {
    // SAFETY: a slice is valid for its length.
    if unsafe { copy_out_partial(to, from.as_ptr(), from.len()) } == 0 { Ok(()) } else { Err(Fault) }
}

/// As [`copy_in`], without faulting pages in; gives how many bytes were copied.
pub fn copy_in_nofault(to: &mut [u8], from: UserAddr) -> usize {
    let _section = NoFault::enter();
    // SAFETY: a slice is valid for its length.
    to.len() - unsafe { copy_in_partial(to.as_mut_ptr(), from, to.len()) }
}

/// As [`copy_out`], without faulting pages in; gives how many bytes were copied.
pub fn copy_out_nofault(to: UserAddr, from: &[u8]) -> usize {
    let _section = NoFault::enter();
    // SAFETY: a slice is valid for its length.
    from.len() - unsafe { copy_out_partial(to, from.as_ptr(), from.len()) }
}

/// Writes `len` zeros; gives how many bytes it could not write.
pub fn clear_partial(to: UserAddr, len: usize) -> usize {
    if !to.range_ok(len) {
        return len;
    }
    // SAFETY: recovers from faults; the lower half holds nothing of the kernel's.
    unsafe { raw::clear(core::ptr::with_exposed_provenance_mut(to.0 as usize), len) }
}

/// Writes `len` zeros to the application's memory.
pub fn clear(to: UserAddr, len: usize) -> Result<(), Fault> {
    if clear_partial(to, len) == 0 { Ok(()) } else { Err(Fault) }
}

/// Length of the string at `from` without its NUL; `None` when there is none within `max` bytes.
pub fn strnlen(from: UserAddr, max: usize) -> Result<Option<usize>, Fault> {
    let mut buf = [0u8; 128];
    let mut done = 0;
    while done < max {
        let addr = from.add(done);
        let chunk = (4096 - (addr.0 & 4095) as usize).min(max - done).min(buf.len());
        copy_in(&mut buf[..chunk], addr)?;
        if let Some(at) = buf[..chunk].iter().position(|&b| b == 0) {
            return Ok(Some(done + at));
        }
        done += chunk;
    }
    Ok(None)
}

fn word(addr: UserAddr) -> Result<*mut u32, Fault> {
    if addr.range_ok(4) && addr.0 & 3 == 0 {
        Ok(core::ptr::with_exposed_provenance_mut(addr.0 as usize))
    } else {
        Err(Fault)
    }
}

/// Reads an aligned word of the application's, atomically.
pub fn load_u32(addr: UserAddr) -> Result<u32, Fault> {
    // SAFETY: aligned, in range, recovers from faults.
    unsafe { raw::load(word(addr)?) }
}

/// Writes an aligned word of the application's, atomically.
pub fn store_u32(addr: UserAddr, value: u32) -> Result<(), Fault> {
    // SAFETY: as in `load_u32`.
    unsafe { raw::swap(word(addr)?, value).map(|_| ()) }
}

/// Exchanges an aligned word of the application's; gives the old value.
pub fn swap_u32(addr: UserAddr, value: u32) -> Result<u32, Fault> {
    // SAFETY: as in `load_u32`.
    unsafe { raw::swap(word(addr)?, value) }
}

/// Writes `new` to an aligned word of the application's if it is `old`; gives the value that was there.
pub fn compare_exchange_u32(addr: UserAddr, old: u32, new: u32) -> Result<u32, Fault> {
    // SAFETY: as in `load_u32`.
    unsafe { raw::compare_exchange(word(addr)?, old, new) }
}

/// Where execution goes on when the instruction at `rip` faulted for good.
#[cfg(osv_guest)]
pub(crate) fn fixup(rip: u64) -> Option<u64> {
    raw::fixup(rip)
}

#[cfg(osv_guest)]
#[path = "usercopy/raw.rs"]
mod raw;
#[cfg(not(osv_guest))]
#[path = "usercopy/host.rs"]
mod raw;
