//! Where the parts of a split virtqueue lie in its memory.

const DESCRIPTOR_LEN: usize = 16;
const USED_ELEMENT_LEN: usize = 8;
const CACHE_LINE: usize = 64;

/// Offsets of a queue of a certain size. The used ring, which the device writes, has cache lines of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    size: u16,
    used: usize,
}

impl Layout {
    /// `None` unless `size` is a power of two.
    pub const fn new(size: u16) -> Option<Layout> {
        if !size.is_power_of_two() || size > 1 << 15 {
            return None;
        }
        let n = size as usize;
        let avail_end = DESCRIPTOR_LEN * n + 4 + 2 * n + 2;
        Some(Layout { size, used: avail_end.next_multiple_of(CACHE_LINE) })
    }

    /// Descriptors.
    pub const fn size(self) -> u16 {
        self.size
    }

    /// Bytes in all.
    pub const fn total_len(self) -> usize {
        self.used + 4 + USED_ELEMENT_LEN * self.size as usize + 2
    }

    /// The descriptor `index`.
    pub const fn descriptor(self, index: u16) -> usize {
        DESCRIPTOR_LEN * index as usize
    }

    /// The available ring.
    pub const fn avail(self) -> usize {
        DESCRIPTOR_LEN * self.size as usize
    }

    /// Flags, by the driver.
    pub const fn avail_flags(self) -> usize {
        self.avail()
    }

    /// Index, by the driver.
    pub const fn avail_idx(self) -> usize {
        self.avail() + 2
    }

    /// The element for the free-running index `index`.
    pub const fn avail_ring(self, index: u16) -> usize {
        self.avail() + 4 + 2 * self.wrap(index)
    }

    /// The used index after which the driver wants an interrupt.
    pub const fn used_event(self) -> usize {
        self.avail() + 4 + 2 * self.size as usize
    }

    /// The used ring.
    pub const fn used(self) -> usize {
        self.used
    }

    /// Flags, by the device.
    pub const fn used_flags(self) -> usize {
        self.used
    }

    /// Index, by the device.
    pub const fn used_idx(self) -> usize {
        self.used + 2
    }

    /// The element for the free-running index `index`.
    pub const fn used_ring(self, index: u16) -> usize {
        self.used + 4 + USED_ELEMENT_LEN * self.wrap(index)
    }

    /// The available index after which the device wants a notification.
    pub const fn avail_event(self) -> usize {
        self.used + 4 + USED_ELEMENT_LEN * self.size as usize
    }

    const fn wrap(self, index: u16) -> usize {
        (index & (self.size - 1)) as usize
    }
}
