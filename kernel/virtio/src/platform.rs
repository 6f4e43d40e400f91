//! What this crate needs from the machine. The hardware crate implements it; so does the tests' fake machine.

use alloc::sync::Arc;
use osv_base::{Pages, PhysAddr, VirtAddr};

pub use crate::dma::DmaBlock;

/// Called in interrupt context, possibly on several CPUs at once: it must not block or allocate.
pub type Handler = Arc<dyn Fn() + Send + Sync>;

/// What a device writes, and where, to interrupt a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsiMessage {
    /// Address of the write.
    pub address: u64,
    /// Data of the write.
    pub data: u32,
}

/// Size of a register access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Width {
    W8 = 1,
    W16 = 2,
    W32 = 4,
    W64 = 8,
}

impl Width {
    /// Bytes.
    pub const fn bytes(self) -> usize {
        self as usize
    }
}

/// The machine, as drivers see it.
pub trait Platform: Send + Sync {
    /// Zeroed, physically contiguous, page-aligned memory that devices may reach.
    fn dma_alloc(&self, pages: Pages) -> Option<DmaBlock>;
    /// Takes back what [`Platform::dma_alloc`] gave.
    fn dma_free(&self, block: DmaBlock);

    /// Maps device registers, uncached. `base` need not be page-aligned. Mappings are never taken back.
    fn map_mmio(&self, base: PhysAddr, len: usize) -> Option<VirtAddr>;
    /// Reads a register inside a range that [`Platform::map_mmio`] gave; naturally aligned.
    fn mmio_read(&self, addr: VirtAddr, width: Width) -> u64;
    /// Writes a register; as [`Platform::mmio_read`]. Ordered after every earlier store to memory.
    fn mmio_write(&self, addr: VirtAddr, width: Width, value: u64);

    /// Makes earlier stores visible to devices before later loads are done. A locked instruction or `mfence` is not
    /// enough everywhere: QEMU's TCG may drop either when the machine has a single CPU, though the device runs on a
    /// thread of its own.
    fn fence(&self);

    /// `in` of 32 bits, for PCI configuration mechanism 1.
    fn port_read32(&self, port: u16) -> u32;
    /// `out` of 32 bits.
    fn port_write32(&self, port: u16, value: u32);

    /// Gives `handler` an interrupt vector, on CPU `cpu` if that is possible. `None` when vectors have run out.
    fn bind_msi(&self, cpu: usize, handler: Handler) -> Option<MsiMessage>;
    /// Adds `handler` to those of interrupt line `line` (a global system interrupt), which may be shared.
    fn bind_line(&self, line: u32, handler: Handler) -> bool;
}

/// A mapped range of device registers. Accesses outside it read as all ones and write nothing.
#[derive(Clone, Copy)]
pub struct Registers {
    platform: &'static dyn Platform,
    base: VirtAddr,
    len: usize,
}

impl core::fmt::Debug for Registers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Registers({:#x}+{:#x})", self.base, self.len)
    }
}

impl Registers {
    /// Maps `len` bytes of registers at `base`.
    pub fn map(platform: &'static dyn Platform, base: PhysAddr, len: usize) -> Option<Registers> {
        base.0.checked_add(len as u64)?;
        let base = platform.map_mmio(base, len)?;
        Some(Registers { platform, base, len })
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no register.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `len` bytes from `offset` on, as registers of their own.
    pub fn window(&self, offset: usize, len: usize) -> Option<Registers> {
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| Registers { base: self.base.offset(offset as u64), len, ..*self })
    }

    fn at(&self, offset: usize, width: Width) -> Option<VirtAddr> {
        let end = offset.checked_add(width.bytes())?;
        let addr = self.base.offset(offset as u64);
        (end <= self.len && addr.is_aligned(width.bytes() as u64)).then_some(addr)
    }

    fn read(&self, offset: usize, width: Width) -> u64 {
        self.at(offset, width).map_or(u64::MAX, |addr| self.platform.mmio_read(addr, width))
    }

    /// Writes the register at `offset`.
    pub fn write(&self, offset: usize, width: Width, value: u64) {
        if let Some(addr) = self.at(offset, width) {
            self.platform.mmio_write(addr, width, value);
        }
    }

    /// Reads 8 bits.
    pub fn read8(&self, offset: usize) -> u8 {
        (self.read(offset, Width::W8) & 0xff) as u8
    }

    /// Reads 16 bits.
    pub fn read16(&self, offset: usize) -> u16 {
        (self.read(offset, Width::W16) & 0xffff) as u16
    }

    /// Reads 32 bits.
    pub fn read32(&self, offset: usize) -> u32 {
        (self.read(offset, Width::W32) & 0xffff_ffff) as u32
    }

    /// Writes 8 bits.
    pub fn write8(&self, offset: usize, value: u8) {
        self.write(offset, Width::W8, value.into());
    }

    /// Writes 16 bits.
    pub fn write16(&self, offset: usize, value: u16) {
        self.write(offset, Width::W16, value.into());
    }

    /// Writes 32 bits.
    pub fn write32(&self, offset: usize, value: u32) {
        self.write(offset, Width::W32, value.into());
    }

    /// Writes a 64-bit register as two halves, the low one first, as virtio wants its addresses.
    pub fn write_halves(&self, offset: usize, value: u64) {
        self.write32(offset, (value & 0xffff_ffff) as u32);
        self.write32(offset + 4, (value >> 32) as u32);
    }
}
