//! GDT, TSS and IDT.
//!
//! Every gate names an interrupt stack (law 5). Stack 1 is for everything that moves on to the thread's kernel stack
//! at once; NMI, and double fault with machine check, have stacks of their own.

use crate::cpu::Msr;
use core::arch::asm;
use core::cell::UnsafeCell;

/// Bytes of each interrupt stack.
const STACK: usize = 8 << 10;
const CODE: u64 = 0x00af_9b00_0000_ffff;
const DATA: u64 = 0x00cf_9300_0000_ffff;

#[repr(C, packed(4))]
struct Tss {
    reserved0: u32,
    rsp: [u64; 3],
    reserved1: u64,
    ist: [u64; 7],
    reserved2: u64,
    reserved3: u16,
    iomap: u16,
}

/// What each CPU has of its own.
#[repr(C, align(16))]
pub(crate) struct CpuTables {
    stacks: [[u8; STACK]; 3],
    tss: Tss,
    gdt: [u64; 6],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Gate {
    low: u64,
    high: u64,
}

#[repr(C, align(4096))]
struct Idt(UnsafeCell<[Gate; 256]>);
// SAFETY: written by the boot CPU before any other runs, read by the CPUs only.
unsafe impl Sync for Idt {}
static IDT: Idt = Idt(UnsafeCell::new([Gate { low: 0, high: 0 }; 256]));

#[repr(C)]
struct BootTables(UnsafeCell<core::mem::MaybeUninit<CpuTables>>);
// SAFETY: only the boot CPU uses it.
unsafe impl Sync for BootTables {}
static BOOT: BootTables = BootTables(UnsafeCell::new(core::mem::MaybeUninit::zeroed()));

#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

/// Fills the IDT, and loads all tables of the boot CPU.
pub(crate) fn init_boot_cpu() {
    for vector in 0..256 {
        let stub = crate::gate::entry::interrupt_stub(vector);
        let ist: u64 = match vector {
            2 => 2,
            8 | 18 => 3,
            _ => 1,
        };
        let gate = Gate {
            low: stub & 0xffff | 0x08 << 16 | ist << 32 | 0x8e << 40 | (stub >> 16 & 0xffff) << 48,
            high: stub >> 32,
        };
        // SAFETY: the boot CPU, before the table is loaded.
        unsafe { IDT.0.get().cast::<Gate>().add(vector).write(gate) };
    }
    // SAFETY: the boot CPU, once.
    unsafe { load((*BOOT.0.get()).as_mut_ptr()) };
}

/// Loads this CPU's tables, which it keeps for ever.
///
/// # Safety
/// `tables` is zeroed memory that belongs to this CPU alone, for ever.
pub(crate) unsafe fn load(tables: *mut CpuTables) {
    // SAFETY: the tables are this CPU's own; what they point to is complete before they are loaded, and the segments
    // are flat ones like those that are loaded now.
    unsafe {
        let tss = &raw mut (*tables).tss;
        let mut ist = [0u64; 7];
        for (index, slot) in ist.iter_mut().take(3).enumerate() {
            let bottom = (&raw mut (*tables).stacks[index]).expose_provenance();
            *slot = (bottom + STACK) as u64;
        }
        (&raw mut (*tss).ist).write_unaligned(ist);
        (&raw mut (*tss).iomap).write_unaligned(size_of::<Tss>() as u16);
        let base = tss.expose_provenance() as u64;
        let limit = size_of::<Tss>() as u64 - 1;
        let low = limit | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56;
        (*tables).gdt = [0, CODE, DATA, 0, low, base >> 32];
        let gdt = Pointer {
            limit: size_of::<[u64; 6]>() as u16 - 1,
            base: (&raw const (*tables).gdt).expose_provenance() as u64,
        };
        let idt = Pointer { limit: 4095, base: IDT.0.get().expose_provenance() as u64 };
        asm!("lgdt [{}]", in(reg) &raw const gdt, options(nostack));
        asm!(
            "push 8", "lea {t}, [rip + 2f]", "push {t}", "retfq", "2:",
            "mov {t:e}, 16", "mov ds, {t:e}", "mov es, {t:e}", "mov ss, {t:e}",
            "mov {t:e}, 32", "ltr {t:x}",
            t = out(reg) _
        );
        asm!("lidt [{}]", in(reg) &raw const idt, options(nostack));
        Msr::EFER.write(Msr::EFER.read() | 1);
        Msr::STAR.write(0x08 << 32 | 0x08 << 48);
        Msr::LSTAR.write(crate::gate::entry::syscall_entry());
        Msr::FMASK.write(0x4_4700);
    }
}
