//! Starting the other CPUs.

use super::{APIC_IDS, ONLINE};
use crate::acpi::Machine;
use crate::boot::entry;
use crate::boot::memory::{MemoryMap, PhysRange};
use crate::irq::{descriptors, lapic};
use crate::layout::{KERNEL_STACK_SIZE, direct};
use crate::percpu::MAX_CPUS;
use crate::port::{in8, out16};
use alloc::alloc::{Layout, alloc_zeroed};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use osv_base::{PhysAddr, warn};

static TRAMPOLINE: AtomicU64 = AtomicU64::new(0);
/// Number of CPUs that the machine has; their APIC numbers are known.
static FOUND: AtomicUsize = AtomicUsize::new(1);
static MAIN: AtomicUsize = AtomicUsize::new(0);

/// Keeps a page below 1 MiB for starting CPUs.
pub(crate) fn reserve_trampoline(free: &mut MemoryMap) {
    if let Some(page) = free.take(4096, 4096, PhysRange::new(0x1000, 0xa_0000)) {
        TRAMPOLINE.store(page.0, Ordering::Relaxed);
    }
}

/// Number of CPUs that QEMU's firmware configuration device tells: for machines without ACPI.
fn fw_cfg_cpus() -> usize {
    // SAFETY: the selector and data ports of fw_cfg; where there is no such device they read as ones.
    unsafe {
        out16(0x510, 0);
        let signature = [in8(0x511), in8(0x511), in8(0x511), in8(0x511)];
        if signature != *b"QEMU" {
            return 1;
        }
        out16(0x510, 5);
        usize::from(u16::from_le_bytes([in8(0x511), in8(0x511)]))
    }
}

/// Numbers the CPUs: the boot CPU is 0.
pub(crate) fn init(machine: &mut Machine) {
    if machine.apic_ids().is_empty() {
        for apic in 0..fw_cfg_cpus().clamp(1, MAX_CPUS) as u32 {
            machine.add_cpu(apic);
        }
    }
    let me = lapic::id();
    APIC_IDS[0].store(me, Ordering::Relaxed);
    let mut cpus = 1;
    for &apic in machine.apic_ids().iter().filter(|&&apic| apic != me) {
        if cpus < MAX_CPUS {
            APIC_IDS[cpus].store(apic, Ordering::Relaxed);
            cpus += 1;
        }
    }
    FOUND.store(cpus, Ordering::Relaxed);
}

/// Number of CPUs that the machine has.
pub fn found() -> usize {
    FOUND.load(Ordering::Relaxed)
}

/// Starts all other CPUs, one after the other. Each runs `main` with its number, on a stack of its own, with
/// interrupts off, on the kernel's page tables. Gives how many CPUs run then.
pub fn start_others(main: fn(usize) -> !) -> usize {
    let page = TRAMPOLINE.load(Ordering::Relaxed);
    if found() == 1 || page == 0 {
        return 1;
    }
    MAIN.store(main as usize, Ordering::Relaxed);
    let (code, stack_at) = entry::trampoline();
    let target: *mut u8 = core::ptr::with_exposed_provenance_mut(direct(PhysAddr(page)).0 as usize);
    // SAFETY: the page was kept for this, and the code is shorter.
    unsafe { target.copy_from_nonoverlapping(code.as_ptr(), code.len()) };
    for (cpu, apic) in APIC_IDS.iter().enumerate().take(found()).skip(1) {
        // SAFETY: the layout is not empty.
        let stack = unsafe { alloc_zeroed(Layout::new::<Stack>()) };
        if stack.is_null() {
            warn!("no memory for the stack of CPU {cpu}");
            break;
        }
        let top = stack.expose_provenance() + KERNEL_STACK_SIZE;
        // SAFETY: inside the page; the labels are aligned to 8.
        unsafe {
            let words: *mut u64 = target.add(stack_at).cast();
            words.write_volatile(top as u64);
            words.add(1).write_volatile(cpu as u64);
            words.add(2).write_volatile(crate::paging::root().0);
        }
        let apic = apic.load(Ordering::Relaxed);
        lapic::send(apic, 0x4500);
        crate::clock::spin_for(20_000);
        for patience_ns in [1_000_000, 200_000_000] {
            lapic::send(apic, 0x4600 | (page >> 12) as u32);
            let until = crate::clock::now().0 + patience_ns;
            while super::online() >> cpu & 1 == 0 && crate::clock::now().0 < until {
                core::hint::spin_loop();
            }
            if super::online() >> cpu & 1 != 0 {
                break;
            }
        }
        if super::online() >> cpu & 1 == 0 {
            warn!("CPU {cpu} (APIC {apic}) did not start");
            break;
        }
    }
    super::online().count_ones() as usize
}

#[repr(C, align(4096))]
struct Stack([u8; KERNEL_STACK_SIZE]);

#[unsafe(no_mangle)]
extern "C" fn osv_ap_start(cpu: usize) -> ! {
    let rsp: usize;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, rsp", out(reg) rsp, options(nomem, nostack, preserves_flags)) };
    crate::percpu::init_cpu(cpu, rsp.next_multiple_of(align_of::<Stack>()));
    crate::cpu::init_control();
    // SAFETY: the layout is not empty; the tables are this CPU's for ever, and zeroed.
    unsafe {
        let tables = alloc_zeroed(Layout::new::<descriptors::CpuTables>());
        assert!(!tables.is_null(), "no memory for the tables of CPU {cpu}");
        descriptors::load(tables.cast());
    }
    lapic::enable();
    crate::clock::init_timer();
    ONLINE.fetch_or(1 << cpu, Ordering::AcqRel);
    // SAFETY: `start_others` stored a function of this type there.
    let main: fn(usize) -> ! = unsafe { core::mem::transmute(MAIN.load(Ordering::Relaxed)) };
    main(cpu)
}
