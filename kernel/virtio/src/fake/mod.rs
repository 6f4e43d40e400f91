//! A machine with virtio devices that do what the test says, cheating included.
//!
//! Memory, registers, PCI configuration and interrupts are simulated, so the real transports and queues run. A
//! device does nothing by itself: the test takes chains from its queues and gives them back, or lets
//! [`Machine::on_notify`] do so. What was given back is poisoned: descriptors and read-only buffers.

mod queue;
mod registers;

pub use queue::{ChainView, FakeQueue};

use crate::platform::{DmaBlock, Handler, MsiMessage, Platform, Width};
use core::ptr::NonNull;
use osv_base::{Pages, PhysAddr, VirtAddr};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::boxed::Box;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::vec::Vec;

/// Where simulated registers appear to be mapped.
const MMIO_VIRT: u64 = 0xffff_9000_0000_0000;
/// First virtio-mmio device, 0x1000 apart.
pub const MMIO_BASE: u64 = 0xfeb0_0000;
/// BAR 4 of the first PCI device, 0x4000 apart.
pub const BAR_BASE: u64 = 0xfe00_0000;
const MSI_ADDRESS: u64 = 0xfee0_0000;
pub const POISON: u8 = 0xa5;

/// What a device does when it is notified of a queue.
pub type OnNotify = Box<dyn FnMut(&mut Inner, usize, u16) + Send>;

/// The machine. Tests leak it: drivers want `'static`.
pub struct Machine(Mutex<Inner>);

/// One simulated device.
pub struct FakeDevice {
    pub kind: u32,
    pub offered: u64,
    pub accepted: u64,
    pub config: Vec<u8>,
    pub generation: u8,
    pub status: u8,
    pub queues: Vec<FakeQueue>,
    pub resets: usize,
    pub isr: u32,
    pub config_vector: u16,
    /// Refuses FEATURES_OK, or never leaves a reset.
    pub refuses_features: bool,
    pub stuck: bool,
    select: [u32; 3],
    pci: Vec<u8>,
    msix: Vec<u8>,
    bar_probe: bool,
}

/// The machine's state.
pub struct Inner {
    ram: BTreeMap<u64, (usize, usize)>,
    next_phys: u64,
    pub devices: Vec<FakeDevice>,
    handlers: Vec<Handler>,
    lines: Vec<(u32, Handler)>,
    pending: Vec<Interrupt>,
    /// How many vectors the platform gives out.
    pub vectors: usize,
    /// How many pages of DMA memory are left.
    pub dma_pages: usize,
    on_notify: Option<OnNotify>,
    config_address: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Interrupt {
    Vector(u32),
    Line(u32),
}

impl Machine {
    pub fn new() -> &'static Machine {
        Box::leak(Box::new(Machine(Mutex::new(Inner {
            ram: BTreeMap::new(),
            next_phys: 0x10_0000,
            devices: Vec::new(),
            handlers: Vec::new(),
            lines: Vec::new(),
            pending: Vec::new(),
            vectors: 64,
            dma_pages: 1 << 16,
            on_notify: None,
            config_address: 0,
        }))))
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Plugs in a device with queues of these sizes; returns its number.
    pub fn plug(&self, kind: u32, offered: u64, config: &[u8], queues: &[u16]) -> usize {
        let mut inner = self.lock();
        let number = inner.devices.len();
        inner.devices.push(FakeDevice {
            kind,
            offered: offered | crate::device::feature::VERSION_1,
            accepted: 0,
            config: config.to_vec(),
            generation: 0,
            status: 0,
            queues: queues.iter().map(|&max| FakeQueue::new(max)).collect(),
            resets: 0,
            isr: 0,
            config_vector: 0xffff,
            refuses_features: false,
            stuck: false,
            select: [0; 3],
            pci: registers::pci_configuration(kind, number),
            msix: std::vec![0; 16 * 16],
            bar_probe: false,
        });
        number
    }

    pub fn on_notify(&self, action: impl FnMut(&mut Inner, usize, u16) + Send + 'static) {
        self.lock().on_notify = Some(Box::new(action));
    }

    /// Runs the handlers of interrupts that are pending; says how many.
    pub fn deliver(&self) -> usize {
        let (pending, calls) = {
            let mut inner = self.lock();
            let pending = core::mem::take(&mut inner.pending);
            let calls: Vec<Handler> =
                pending.iter().flat_map(|&interrupt| inner.handlers_of(interrupt)).collect();
            (pending, calls)
        };
        calls.iter().for_each(|handler| handler());
        pending.len()
    }

    /// Pages of DMA memory that drivers hold.
    pub fn dma_in_use(&self) -> usize {
        self.lock().ram.values().map(|(_, len)| len / 4096).sum()
    }
}

impl Inner {
    fn handlers_of(&self, interrupt: Interrupt) -> Vec<Handler> {
        match interrupt {
            Interrupt::Vector(data) => self.handlers.get(data as usize).into_iter().cloned().collect(),
            Interrupt::Line(line) => {
                self.lines.iter().filter(|(l, _)| *l == line).map(|(_, h)| Arc::clone(h)).collect()
            }
        }
    }

    fn pointer(&self, phys: u64, len: usize) -> *mut u8 {
        let (&base, &(pointer, size)) =
            self.ram.range(..=phys).next_back().unwrap_or_else(|| panic!("DMA to {phys:#x}"));
        let offset = (phys - base) as usize;
        assert!(offset + len <= size, "DMA to {phys:#x}+{len:#x} leaves the driver's memory");
        (pointer + offset) as *mut u8
    }

    /// DMA by the device.
    pub fn read(&self, phys: u64, len: usize) -> Vec<u8> {
        let at = self.pointer(phys, len);
        // SAFETY: `pointer` found the range in live memory; tests are single-threaded where they do this.
        (0..len).map(|i| unsafe { at.add(i).read_volatile() }).collect()
    }

    /// DMA by the device.
    pub fn write(&self, phys: u64, bytes: &[u8]) {
        let at = self.pointer(phys, bytes.len());
        // SAFETY: as above.
        bytes.iter().enumerate().for_each(|(i, &byte)| unsafe { at.add(i).write_volatile(byte) });
    }

    pub fn read16(&self, phys: u64) -> u16 {
        u16::from_le_bytes([self.read(phys, 1)[0], self.read(phys + 1, 1)[0]])
    }
}

impl Platform for Machine {
    fn dma_alloc(&self, pages: Pages) -> Option<DmaBlock> {
        let mut inner = self.lock();
        inner.dma_pages = inner.dma_pages.checked_sub(pages.0)?;
        let layout = Layout::from_size_align(pages.bytes(), 4096).ok()?;
        // SAFETY: the size is not zero: drivers ask for a page at least.
        let virt = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let phys = inner.next_phys;
        // A hole behind each block catches what runs over its end.
        inner.next_phys += pages.bytes() as u64 + 4096;
        inner.ram.insert(phys, (virt.as_ptr() as usize, pages.bytes()));
        // SAFETY: freshly allocated, aligned and zeroed.
        Some(unsafe { DmaBlock::new(PhysAddr(phys), virt, pages.bytes()) })
    }

    fn dma_free(&self, block: DmaBlock) {
        let mut inner = self.lock();
        let running = |device: &FakeDevice| device.status & crate::device::status::DRIVER_OK != 0;
        let queue = |queue: &FakeQueue| queue.ready && queue.addresses.contains(&block.phys().0);
        let used = inner.devices.iter().any(|device| running(device) && device.queues.iter().any(queue));
        assert!(!used, "the memory of a running queue was freed");
        assert!(inner.ram.remove(&block.phys().0).is_some(), "freed twice");
        inner.dma_pages += block.len() / 4096;
        let layout = Layout::from_size_align(block.len(), 4096).expect("as allocated");
        // SAFETY: allocated above with this layout.
        unsafe { dealloc(block.virt().as_ptr(), layout) };
    }

    fn map_mmio(&self, base: PhysAddr, _len: usize) -> Option<VirtAddr> {
        (base.0 < 1 << 46).then(|| VirtAddr(MMIO_VIRT + base.0))
    }

    fn mmio_read(&self, addr: VirtAddr, width: Width) -> u64 {
        self.lock().register_read(addr.0 - MMIO_VIRT, width)
    }

    fn mmio_write(&self, addr: VirtAddr, width: Width, value: u64) {
        self.lock().register_write(addr.0 - MMIO_VIRT, width, value);
    }

    fn fence(&self) {
        core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
    }

    fn port_read32(&self, port: u16) -> u32 {
        assert_eq!(port, 0xcfc);
        self.lock().pci_read()
    }

    fn port_write32(&self, port: u16, value: u32) {
        match port {
            0xcf8 => self.lock().config_address = value,
            0xcfc => self.lock().pci_write(value),
            _ => panic!("port {port:#x}"),
        }
    }

    fn bind_msi(&self, _cpu: usize, handler: Handler) -> Option<MsiMessage> {
        let mut inner = self.lock();
        if inner.handlers.len() >= inner.vectors {
            return None;
        }
        inner.handlers.push(handler);
        Some(MsiMessage { address: MSI_ADDRESS, data: inner.handlers.len() as u32 - 1 })
    }

    fn bind_line(&self, line: u32, handler: Handler) -> bool {
        self.lock().lines.push((line, handler));
        true
    }
}
