//! The split virtqueue.
//!
//! What goes to the device is published in two steps, so that notifications batch: [`Queue::add`] writes
//! descriptors and the available ring, [`Queue::kick`] makes all of it visible at once and rings the doorbell
//! if the device asked for that. What comes back is checked by [`Queue::pop`] against the private [`Chain`]
//! records: the used index may be at most as far ahead as chains are out, an element must name a chain that is
//! out, and its length must fit. Descriptors are written anew for each use and never read back.
//!
//! Completions may come in any order. Indirect descriptors are not used: drivers here need one or a few
//! descriptors per chain.

mod layout;
#[cfg(test)]
mod tests;

use crate::device::{Device, DeviceError};
use crate::dma::Region;
use crate::platform::{Platform, Registers, Width};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
pub use layout::Layout;
use osv_base::PhysAddr;

/// The last descriptor of a chain, and the end of the free list.
const NONE: u16 = u16::MAX;
/// Largest queue that is made, whatever the device offers.
pub const MAX_SIZE: u16 = 1024;

const DESC_NEXT: u16 = 1;
const DESC_WRITE: u16 = 2;
const AVAIL_NO_INTERRUPT: u16 = 1;
const USED_NO_NOTIFY: u16 = 1;

/// Where a queue's notification is written.
#[derive(Clone, Copy, Debug)]
pub struct Doorbell {
    /// The register, alone in its window.
    pub register: Registers,
    /// How wide it is.
    pub width: Width,
    /// What to write: the queue's index.
    pub value: u16,
}

/// One part of a chain: what the device reads or, if `writable`, writes.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// First byte.
    pub phys: PhysAddr,
    /// Length in bytes.
    pub len: u32,
    /// Whether the device writes it.
    pub writable: bool,
}

/// A chain that the device has given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// What [`Queue::add`] returned for it.
    pub head: u16,
    /// Bytes written, at most the chain's writable length.
    pub len: u32,
}

/// The queue is full: give what is out time to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What the driver knows of a descriptor.
#[derive(Clone, Copy, Debug)]
struct Chain {
    /// Next in the chain, or in the free list.
    next: u16,
    /// Descriptors in the chain that starts here; 0 when no chain that is out does.
    count: u16,
    /// Bytes that the device may write to the chain that starts here.
    writable: u32,
}

/// A split virtqueue.
#[derive(Debug)]
pub struct Queue {
    region: Region,
    /// Shut down before the memory goes.
    owner: Option<Arc<Device>>,
    layout: Layout,
    doorbell: Option<Doorbell>,
    event_idx: bool,
    chains: Box<[Chain]>,
    free_head: u16,
    free: u16,
    /// Available index as the driver has it, and as the device last saw it.
    next_avail: u16,
    kicked: u16,
    last_used: u16,
    failed: bool,
}

impl Queue {
    /// A queue of `size` (a power of two, at most [`MAX_SIZE`]) that the device doesn't know of yet.
    pub fn new(platform: &'static dyn Platform, size: u16, event_idx: bool) -> Option<Queue> {
        let layout = Layout::new(size).filter(|_| size <= MAX_SIZE)?;
        let region = Region::new(platform, layout.total_len())?;
        let chain = |i| Chain { next: if i + 1 == size { NONE } else { i + 1 }, count: 0, writable: 0 };
        Some(Queue {
            region,
            owner: None,
            layout,
            doorbell: None,
            event_idx,
            chains: (0..size).map(chain).collect(),
            free_head: 0,
            free: size,
            next_avail: 0,
            kicked: 0,
            last_used: 0,
            failed: false,
        })
    }

    /// Where the device finds descriptors, available ring and used ring.
    pub fn addresses(&self) -> [PhysAddr; 3] {
        [0, self.layout.avail(), self.layout.used()].map(|offset| self.region.phys(offset))
    }

    /// Notes that `device` has the queue, and where notifications go. The device is shut down when the queue is
    /// dropped.
    pub fn attach(&mut self, device: Arc<Device>, doorbell: Doorbell) {
        (self.owner, self.doorbell) = (Some(device), Some(doorbell));
    }

    /// Descriptors in the queue.
    pub fn size(&self) -> u16 {
        self.layout.size()
    }

    /// Descriptors that are free.
    pub fn free(&self) -> u16 {
        self.free
    }

    /// Descriptors that are out.
    pub fn outstanding(&self) -> u16 {
        self.size() - self.free
    }

    /// Queues a chain: first what the device reads, then what it writes. The device learns of it by
    /// [`Queue::kick`]. Returns the chain's head, which [`Queue::pop`] names when it comes back.
    pub fn add(&mut self, buffers: &[Buffer]) -> Result<u16, Full> {
        let count = u16::try_from(buffers.len()).ok().filter(|&n| n > 0 && n <= self.free).ok_or(Full)?;
        let head = self.free_head;
        let (mut index, mut writable) = (head, 0u32);
        for (i, buffer) in buffers.iter().enumerate() {
            let next = self.chains[usize::from(index)].next;
            let last = i + 1 == buffers.len();
            let flags = if last { 0 } else { DESC_NEXT } | if buffer.writable { DESC_WRITE } else { 0 };
            let at = self.layout.descriptor(index);
            self.region.store64(at, buffer.phys.0, Ordering::Relaxed);
            self.region.store32(at + 8, buffer.len, Ordering::Relaxed);
            self.region.store16(at + 12, flags, Ordering::Relaxed);
            self.region.store16(at + 14, if last { 0 } else { next }, Ordering::Relaxed);
            if buffer.writable {
                writable = writable.saturating_add(buffer.len);
            }
            if last {
                self.free_head = next;
            } else {
                index = next;
            }
        }
        self.free -= count;
        let chain = &mut self.chains[usize::from(head)];
        (chain.count, chain.writable) = (count, writable);
        self.region.store16(self.layout.avail_ring(self.next_avail), head, Ordering::Relaxed);
        self.next_avail = self.next_avail.wrapping_add(1);
        Ok(head)
    }

    /// Whether chains were added that the device has not been told of.
    pub fn needs_kick(&self) -> bool {
        self.kicked != self.next_avail
    }

    /// Makes added chains visible to the device and notifies it, unless it said that it needs none.
    pub fn kick(&mut self) {
        if !self.needs_kick() || self.failed {
            return;
        }
        self.region.store16(self.layout.avail_idx(), self.next_avail, Ordering::Release);
        // The device must see the index before we look at whether it sleeps, or both could wait for each other.
        self.region.fence();
        let wanted = if self.event_idx {
            let event = self.region.load16(self.layout.avail_event(), Ordering::Relaxed);
            passed(event, self.next_avail, self.kicked)
        } else {
            self.region.load16(self.layout.used_flags(), Ordering::Relaxed) & USED_NO_NOTIFY == 0
        };
        self.kicked = self.next_avail;
        if let Some(bell) = self.doorbell.filter(|_| wanted) {
            bell.register.write(0, bell.width, bell.value.into());
        }
    }

    /// Whether [`Queue::pop`] would find something.
    pub fn has_used(&self) -> bool {
        self.region.load16(self.layout.used_idx(), Ordering::Acquire) != self.last_used
    }

    /// The next chain that the device gave back. An error means that the device broke the rules; the queue
    /// is dead from then on.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        if self.failed {
            return Err(DeviceError::Failed);
        }
        let used_idx = self.region.load16(self.layout.used_idx(), Ordering::Acquire);
        let ready = used_idx.wrapping_sub(self.last_used);
        if ready == 0 {
            return Ok(None);
        }
        let used = self.check_next(ready);
        self.failed = used.is_err();
        used.map(Some)
    }

    fn check_next(&mut self, ready: u16) -> Result<Used, DeviceError> {
        if ready > self.outstanding() {
            return Err(DeviceError::UsedIndex);
        }
        let at = self.layout.used_ring(self.last_used);
        let id = self.region.load32(at, Ordering::Relaxed);
        let len = self.region.load32(at + 4, Ordering::Relaxed);
        let head =
            u16::try_from(id).ok().filter(|&head| head < self.size()).ok_or(DeviceError::UsedElement)?;
        let chain = self.chains[usize::from(head)];
        if chain.count == 0 {
            return Err(DeviceError::UsedElement);
        }
        // What only the device reads has no length worth reporting, and some devices report one.
        let len = if chain.writable == 0 { 0 } else { len };
        if len > chain.writable {
            return Err(DeviceError::UsedLength);
        }
        self.release(head, chain.count);
        self.last_used = self.last_used.wrapping_add(1);
        Ok(Used { head, len })
    }

    fn release(&mut self, head: u16, count: u16) {
        let mut last = head;
        for _ in 1..count {
            last = self.chains[usize::from(last)].next;
        }
        self.chains[usize::from(head)].count = 0;
        self.chains[usize::from(last)].next = self.free_head;
        self.free_head = head;
        self.free += count;
    }

    /// Asks the device not to interrupt. It may still.
    pub fn disable_interrupts(&mut self) {
        if self.event_idx {
            // As far away as the index goes, so that it isn't passed soon.
            let event = self.last_used.wrapping_sub(1);
            self.region.store16(self.layout.used_event(), event, Ordering::Relaxed);
        } else {
            self.region.store16(self.layout.avail_flags(), AVAIL_NO_INTERRUPT, Ordering::Relaxed);
        }
    }

    /// Asks the device to interrupt at the next completion. True when one is there already, for which no
    /// interrupt may come: look again.
    #[must_use]
    pub fn enable_interrupts(&mut self) -> bool {
        self.enable_after(0)
    }

    /// As [`Queue::enable_interrupts`], but about three quarters of what is out may come back first.
    #[must_use]
    pub fn enable_interrupts_late(&mut self) -> bool {
        self.enable_after(self.outstanding() / 4 * 3)
    }

    fn enable_after(&mut self, completions: u16) -> bool {
        let event = self.last_used.wrapping_add(completions);
        if self.event_idx {
            self.region.store16(self.layout.used_event(), event, Ordering::Relaxed);
        } else {
            self.region.store16(self.layout.avail_flags(), 0, Ordering::Relaxed);
        }
        // The device must see the wish before we look at what it has done so far.
        self.region.fence();
        let used_idx = self.region.load16(self.layout.used_idx(), Ordering::Acquire);
        let threshold = if self.event_idx { completions } else { 0 };
        used_idx.wrapping_sub(self.last_used) > threshold
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Some(device) = &self.owner {
            device.shut_down();
        }
    }
}

/// Whether an index that went from `old` to `new` passed `event` (virtio 1.2, section 2.7.10).
fn passed(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}
