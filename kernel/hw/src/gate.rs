//! The gate: how the application enters and leaves the kernel.
//!
//! Both ways in build a [`Frame`] at the very top of the thread's kernel stack and call the handler from the one
//! table. `entry.rs` holds the instructions; docs/architecture.md the laws that they keep.

#[cfg(osv_guest)]
pub(crate) mod entry;
mod frame;

pub use frame::{Frame, InterruptFrame, Kind, UserRegs};

use core::sync::atomic::{AtomicUsize, Ordering};
use osv_abi::shared::VECTOR_LEN;

/// A row's handler: runs on the thread's kernel stack with interrupts on; the result is a value or -errno.
pub type Handler = extern "C" fn(&mut Frame) -> isize;

/// The table that entry code calls through. Empty rows fail with ENOSYS.
#[unsafe(export_name = "osv_gate_handlers")]
static HANDLERS: [AtomicUsize; VECTOR_LEN] = [const { AtomicUsize::new(0) }; VECTOR_LEN];

/// Makes `handlers` the table that system calls are dispatched through: before the first application runs, and anew
/// when somebody is to look on.
pub fn install(handlers: &[Handler; VECTOR_LEN]) {
    for (slot, handler) in HANDLERS.iter().zip(handlers) {
        slot.store(*handler as usize, Ordering::Release);
    }
}

/// Address of the call vector, for the application's auxiliary vector: [`VECTOR_LEN`] function pointers.
pub fn vector_address() -> u64 {
    #[cfg(osv_guest)]
    return entry::vector_address();
    #[cfg(not(osv_guest))]
    0
}

/// The frame of the entry that the running thread is in. Meaningful while its kind is not [`Kind::NONE`].
///
/// # Safety
/// Only the thread itself, and only in a context that holds no other reference to its frame.
pub unsafe fn current_frame() -> *mut Frame {
    let top = crate::percpu::head().kernel_stack_top.load(Ordering::Relaxed);
    core::ptr::with_exposed_provenance_mut(top - size_of::<Frame>())
}

/// Leaves the kernel for the application with exactly these registers (IF is forced on, IOPL to 0, as law 7 says).
/// The kernel stack is abandoned: nothing on it is dropped.
///
/// # Safety
/// The caller is a thread in its own address space that holds no lock and has nothing left to drop.
pub unsafe fn enter_application(regs: &UserRegs) -> ! {
    #[cfg(osv_guest)]
    // SAFETY: passed on to the caller.
    unsafe {
        entry::enter_application(regs)
    }
    #[cfg(not(osv_guest))]
    unreachable!("ring 0 only: {regs:?}")
}

/// As [`enter_application`], with this extended state.
///
/// # Safety
/// As there.
pub unsafe fn enter_application_with(regs: &UserRegs, state: &mut crate::cpu::fpu::State) -> ! {
    #[cfg(osv_guest)]
    // SAFETY: passed on to the caller.
    unsafe {
        entry::enter_application_after(regs, || crate::cpu::fpu::load(state))
    }
    #[cfg(not(osv_guest))]
    unreachable!("ring 0 only: {regs:?} {state:?}")
}

/// As [`enter_application`], with the extended state that a program starts with, but for the control words.
///
/// # Safety
/// As there.
pub unsafe fn enter_application_fresh(regs: &UserRegs, control: crate::cpu::fpu::Control) -> ! {
    #[cfg(osv_guest)]
    // SAFETY: passed on to the caller.
    unsafe {
        entry::enter_application_after(regs, || crate::cpu::fpu::load_initial(control))
    }
    #[cfg(not(osv_guest))]
    unreachable!("ring 0 only: {regs:?} {control:?}")
}

/// Where a call of row `nr` enters: the address in its slot of the vector.
pub fn vector_entry(nr: u64) -> u64 {
    let nr = nr as usize % VECTOR_LEN;
    #[cfg(osv_guest)]
    {
        let vector: *const u64 = core::ptr::with_exposed_provenance(vector_address() as usize);
        // SAFETY: the vector has that many entries and is never written.
        unsafe { vector.add(nr).read() }
    }
    #[cfg(not(osv_guest))]
    {
        nr as u64
    }
}

/// For the kernel's own tests: what the entry code does with an interrupt that finds an exit half done.
#[cfg(osv_guest)]
pub mod exits {
    pub use super::entry::{Points, points, settle};
}
