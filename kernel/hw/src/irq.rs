//! Interrupts: vectors, the local APIC, the I/O APIC, exceptions.
//!
//! Vectors 0x30 to 0xef are handed out to devices; the ones above are the kernel's own. A handler runs with
//! interrupts off on the interrupted thread's kernel stack, must not block, and may only wake threads.

#[cfg(osv_guest)]
pub(crate) mod descriptors;
#[cfg(osv_guest)]
pub(crate) mod exceptions;
#[cfg(osv_guest)]
mod io_apic;
#[cfg(osv_guest)]
pub(crate) mod lapic;
#[cfg(osv_guest)]
mod vectors;

#[cfg(osv_guest)]
pub use vectors::{bind_line, bind_msi};
#[cfg(osv_guest)]
pub(crate) use vectors::{dispatch, init};

use alloc::sync::Arc;

/// Called on a device's interrupt, perhaps on several CPUs at once.
pub type Handler = Arc<dyn Fn() + Send + Sync>;

/// What a device writes, and where, to raise an interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Address of the write.
    pub address: u64,
    /// Data of the write.
    pub data: u32,
}

/// First vector for devices.
#[cfg(osv_guest)]
const FIRST_DEVICE: u8 = 0x30;
#[cfg(osv_guest)]
const AFTER_DEVICES: u8 = 0xf0;
#[cfg(osv_guest)]
pub(crate) const TIMER: u8 = 0xf0;
#[cfg(osv_guest)]
pub(crate) const RESCHEDULE: u8 = 0xf1;
#[cfg(osv_guest)]
pub(crate) const CALL: u8 = 0xf2;
#[cfg(osv_guest)]
pub(crate) const SPURIOUS: u8 = 0xff;
