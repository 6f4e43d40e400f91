//! I/O ports.

use core::arch::asm;

macro_rules! ports {
    ($($(#[$doc:meta])* $read:ident $write:ident $t:ty, $in:literal, $out:literal, $reg:tt;)*) => {$(
        $(#[$doc])*
        /// Reads from a port.
        ///
        /// # Safety
        /// The device behind the port must tolerate it.
        #[inline]
        pub unsafe fn $read(port: u16) -> $t {
            let value: $t;
            // SAFETY: the caller answers for the device; `in` touches no memory.
            unsafe { asm!($in, out($reg) value, in("dx") port, options(nomem, nostack, preserves_flags)) };
            value
        }
        $(#[$doc])*
        /// Writes to a port.
        ///
        /// # Safety
        /// The device behind the port must not do harm by it.
        #[inline]
        pub unsafe fn $write(port: u16, value: $t) {
            // SAFETY: the caller answers for the device.
            unsafe { asm!($out, in("dx") port, in($reg) value, options(nostack, preserves_flags)) };
        }
    )*};
}

ports! {
    /// 8 bits.
    in8 out8 u8, "in al, dx", "out dx, al", "al";
    /// 16 bits.
    in16 out16 u16, "in ax, dx", "out dx, ax", "ax";
    /// 32 bits.
    in32 out32 u32, "in eax, dx", "out dx, eax", "eax";
}
