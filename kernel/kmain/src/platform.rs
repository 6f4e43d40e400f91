//! The machine as drivers see it, made of the hardware crate.

use core::ptr::NonNull;
use osv_base::{Pages, PhysAddr, VirtAddr};
use osv_hw::{irq, paging, port};
use osv_mm::frame::{Run, Use};
use osv_virtio::{DmaBlock, Handler, MsiMessage, Platform, Width};

/// The machine.
#[derive(Debug)]
pub struct Machine;

/// The machine.
pub static MACHINE: Machine = Machine;

impl Platform for Machine {
    fn dma_alloc(&self, pages: Pages) -> Option<DmaBlock> {
        let run = Run::zeroed(pages, 1, Use::Kernel).ok()?;
        let virt = NonNull::new(run.pointer())?;
        let phys = run.into_phys();
        // SAFETY: the run's frames are zeroed, shown by the direct map, and nobody's but the block's from here on.
        Some(unsafe { DmaBlock::new(phys, virt, pages.bytes()) })
    }

    fn dma_free(&self, block: DmaBlock) {
        let pages = Pages(block.len() / osv_base::PAGE_SIZE);
        // SAFETY: the block is a run that `dma_alloc` gave up, and its owner is done with it.
        drop(unsafe { Run::from_phys(block.phys(), pages) });
    }

    fn map_mmio(&self, base: PhysAddr, len: usize) -> Option<VirtAddr> {
        paging::map_mmio(base, len)
    }

    fn mmio_read(&self, addr: VirtAddr, width: Width) -> u64 {
        let at = addr.0 as usize;
        // SAFETY: the trait's contract: inside a range that `map_mmio` gave, naturally aligned.
        unsafe {
            match width {
                Width::W8 => core::ptr::with_exposed_provenance::<u8>(at).read_volatile().into(),
                Width::W16 => core::ptr::with_exposed_provenance::<u16>(at).read_volatile().into(),
                Width::W32 => core::ptr::with_exposed_provenance::<u32>(at).read_volatile().into(),
                Width::W64 => core::ptr::with_exposed_provenance::<u64>(at).read_volatile(),
            }
        }
    }

    fn mmio_write(&self, addr: VirtAddr, width: Width, value: u64) {
        let at = addr.0 as usize;
        // Stores are not reordered with each other on x86; the compiler must not either.
        core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::Release);
        // SAFETY: as in `mmio_read`.
        unsafe {
            match width {
                Width::W8 => core::ptr::with_exposed_provenance_mut::<u8>(at).write_volatile(value as u8),
                Width::W16 => core::ptr::with_exposed_provenance_mut::<u16>(at).write_volatile(value as u16),
                Width::W32 => core::ptr::with_exposed_provenance_mut::<u32>(at).write_volatile(value as u32),
                Width::W64 => core::ptr::with_exposed_provenance_mut::<u64>(at).write_volatile(value),
            }
        }
    }

    fn fence(&self) {
        osv_hw::cpu::device_fence();
    }

    fn port_read32(&self, port: u16) -> u32 {
        // SAFETY: drivers only name the ports of PCI's configuration mechanism.
        unsafe { port::in32(port) }
    }

    fn port_write32(&self, port: u16, value: u32) {
        // SAFETY: as in `port_read32`.
        unsafe { port::out32(port, value) }
    }

    fn bind_msi(&self, cpu: usize, handler: Handler) -> Option<MsiMessage> {
        let message = irq::bind_msi(cpu, handler)?;
        Some(MsiMessage { address: message.address, data: message.data })
    }

    fn bind_line(&self, line: u32, handler: Handler) -> bool {
        irq::bind_line(line, handler)
    }
}
