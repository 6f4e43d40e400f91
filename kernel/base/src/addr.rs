//! Addresses and page counts as types: no arithmetic across kinds.

use core::fmt;

/// log2 of the page size.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes in a base page.
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;
/// Bytes in a huge page.
pub const HUGE_SIZE: usize = 2 << 20;

macro_rules! address {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(transparent)]
        pub struct $name(pub u64);
        impl $name {
            /// The address `bytes` further on, wrapping.
            pub const fn offset(self, bytes: u64) -> Self { $name(self.0.wrapping_add(bytes)) }
            /// Rounded down to a multiple of `align`, a power of two.
            pub const fn align_down(self, align: u64) -> Self { $name(self.0 & !(align - 1)) }
            /// Rounded up to a multiple of `align`, a power of two; `None` on overflow.
            pub const fn align_up(self, align: u64) -> Option<Self> {
                match self.0.checked_add(align - 1) { Some(v) => Some($name(v & !(align - 1))), None => None }
            }
            /// Whether it is a multiple of `align`, a power of two.
            pub const fn is_aligned(self, align: u64) -> bool { self.0 & (align - 1) == 0 }
            /// Number of the base page that it lies in.
            pub const fn page(self) -> u64 { self.0 >> PAGE_SHIFT }
            /// Offset within its base page.
            pub const fn page_offset(self) -> usize { (self.0 as usize) & (PAGE_SIZE - 1) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!(stringify!($name), "({:#x})"), self.0) }
        }
        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::LowerHex::fmt(&self.0, f) }
        }
    )*};
}

address! {
    /// A physical address.
    PhysAddr;
    /// A virtual address of the kernel's half.
    VirtAddr;
}

/// A number of base pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
#[repr(transparent)]
pub struct Pages(pub usize);

impl Pages {
    /// The least number of pages that hold `bytes`.
    pub const fn covering(bytes: usize) -> Pages {
        Pages(bytes / PAGE_SIZE + (!bytes.is_multiple_of(PAGE_SIZE)) as usize)
    }
    /// Bytes in these pages; saturating.
    pub const fn bytes(self) -> usize {
        self.0.saturating_mul(PAGE_SIZE)
    }
}
