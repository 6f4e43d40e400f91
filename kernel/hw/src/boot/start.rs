//! The first Rust code: copy what the loader left, build the real page tables, hand over to the kernel proper.

use super::memory::{MemoryMap, PhysRange};
use super::pvh::{MAGIC, MemmapEntry, Module, RAM, StartInfo};
use super::{BootInfo, root};
use crate::layout::direct;
use core::cell::UnsafeCell;
use osv_base::{PAGE_SIZE, PhysAddr};

/// Longest command line that is kept.
const CMDLINE_MAX: usize = 8192;

struct CommandLine(UnsafeCell<[u8; CMDLINE_MAX]>);
// SAFETY: written once, by the boot CPU before any other runs.
unsafe impl Sync for CommandLine {}
static CMDLINE: CommandLine = CommandLine(UnsafeCell::new([0; CMDLINE_MAX]));

unsafe extern "Rust" {
    /// The kernel proper; never returns.
    safe fn osv_kernel_main(boot: BootInfo) -> !;
}

/// Reads a structure of the loader's.
///
/// # Safety
/// `at` is RAM that the active tables show in the direct map.
unsafe fn read<T: Copy>(at: u64) -> T {
    // SAFETY: as the caller says; the loader's structures may lie at any alignment.
    unsafe { core::ptr::with_exposed_provenance::<T>(direct(PhysAddr(at)).0 as usize).read_unaligned() }
}

/// Copies the NUL-terminated command line, up to [`CMDLINE_MAX`].
///
/// # Safety
/// As [`read`], for every byte up to the NUL; once, on the boot CPU.
unsafe fn copy_cmdline(at: u64) -> &'static [u8] {
    // SAFETY: nobody else has a reference yet.
    let copy = unsafe { &mut *CMDLINE.0.get() };
    let mut len = 0;
    while at != 0 && len < CMDLINE_MAX {
        // SAFETY: as the caller says.
        match unsafe { read::<u8>(at + len as u64) } {
            0 => break,
            byte => copy[len] = byte,
        }
        len += 1;
    }
    &copy[..len]
}

#[unsafe(no_mangle)]
extern "C" fn osv_kernel_start(start_info: u64) -> ! {
    crate::percpu::init_boot_cpu();
    crate::cpu::init_control();
    crate::string::init();
    crate::irq::descriptors::init_boot_cpu();
    // SAFETY: PVH loaders put the start info, the memory map and the command line into the first GiB, which the
    // boot tables show.
    let (info, cmdline) = unsafe {
        let info: StartInfo = read(start_info);
        (info, if info.magic == MAGIC { copy_cmdline(info.cmdline_paddr) } else { b"" as &[u8] })
    };
    let mut ram = MemoryMap::new();
    if info.magic == MAGIC && info.version >= 1 {
        for index in 0..u64::from(info.memmap_entries.min(256)) {
            // SAFETY: as above.
            let entry: MemmapEntry =
                unsafe { read(info.memmap_paddr + index * size_of::<MemmapEntry>() as u64) };
            if entry.kind == RAM {
                ram.insert(PhysRange::new(entry.addr, entry.addr.saturating_add(entry.size)).pages_within());
            }
        }
    }
    let image = super::image().pages_around();
    let mut free = ram.clone();
    // Page 0 stays unused: a physical address of 0 means none.
    free.remove(PhysRange::new(0, PAGE_SIZE as u64));
    free.remove(image);
    let mut packed = root::root();
    if packed.is_empty() && info.magic == MAGIC && info.nr_modules > 0 {
        // SAFETY: the module list lies beside the start info.
        let module: Module = unsafe { read(info.modlist_paddr) };
        packed = PhysRange::new(module.paddr, module.paddr.saturating_add(module.size));
    }
    let symbols = root::symbols();
    free.remove(packed.pages_around());
    free.remove(symbols.pages_around());
    crate::paging::build(&ram, &mut free);
    crate::smp::reserve_trampoline(&mut free);
    let rsdp = (info.rsdp_paddr != 0).then_some(PhysAddr(info.rsdp_paddr));
    // Only what lies in RAM is in the direct map.
    let loaded = |range: PhysRange| (!range.is_empty() && ram.contains(range)).then_some(range);
    let (root, symbols) = (loaded(packed), loaded(symbols));
    osv_kernel_main(BootInfo { free, ram, cmdline, root, symbols, rsdp })
}
