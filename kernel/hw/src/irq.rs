//! Interrupts: vectors, the local APIC, the I/O APIC, exceptions.

#[cfg(osv_guest)]
pub(crate) mod descriptors;
#[cfg(osv_guest)]
pub(crate) mod exceptions;

/// A device's interrupt, or another CPU's.
#[cfg(osv_guest)]
fn dispatch(_frame: &mut crate::gate::InterruptFrame) {}
