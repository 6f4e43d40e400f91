//! What the CPU can do, and its control registers.

pub mod fpu;

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use spin::Once;

/// Features that change what the kernel does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Features {
    /// XSAVE and XGETBV.
    pub xsave: bool,
    /// rdfsbase and kin.
    pub fsgsbase: bool,
    /// `rep movsb` is fast.
    pub erms: bool,
    /// 1 GiB pages.
    pub gib_pages: bool,
    /// The x2APIC interface.
    pub x2apic: bool,
    /// The timer takes a TSC value.
    pub tsc_deadline: bool,
    /// The TSC ticks at one rate in every power state.
    pub invariant_tsc: bool,
    /// RDRAND.
    pub rdrand: bool,
    /// Runs under a hypervisor.
    pub hypervisor: bool,
    /// Emulated by QEMU's TCG.
    pub emulated: bool,
    /// `mwait` and other trifles are left alone; RDTSCP and its MSR exist.
    pub rdtscp: bool,
}

static FEATURES: Once<Features> = Once::new();

/// The boot CPU's features; all CPUs of a virtual machine are alike.
#[inline]
pub fn features() -> Features {
    *FEATURES.call_once(detect)
}

fn detect() -> Features {
    let top = __cpuid(0).eax;
    let one = __cpuid(1);
    let seven = if top >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
    let ext_top = __cpuid(0x8000_0000).eax;
    let ext = if ext_top >= 0x8000_0001 { __cpuid(0x8000_0001).edx } else { 0 };
    let power = if ext_top >= 0x8000_0007 { __cpuid(0x8000_0007).edx } else { 0 };
    Features {
        xsave: one.ecx & 1 << 26 != 0,
        fsgsbase: seven & 1 != 0,
        erms: seven & 1 << 9 != 0,
        gib_pages: ext & 1 << 26 != 0,
        x2apic: one.ecx & 1 << 21 != 0,
        tsc_deadline: one.ecx & 1 << 24 != 0,
        invariant_tsc: power & 1 << 8 != 0,
        rdrand: one.ecx & 1 << 30 != 0,
        hypervisor: one.ecx & 1 << 31 != 0,
        emulated: is_tcg(),
        rdtscp: ext & 1 << 27 != 0,
    }
}

fn is_tcg() -> bool {
    let leaf = __cpuid(0x4000_0000);
    let signature = [leaf.ebx, leaf.ecx, leaf.edx].map(u32::to_le_bytes);
    signature.as_flattened() == b"TCGTCGTCGTCG"
}

/// A model-specific register.
#[derive(Clone, Copy, Debug)]
pub struct Msr(pub u32);

impl Msr {
    pub(crate) const APIC_BASE: Msr = Msr(0x1b);
    pub(crate) const TSC_DEADLINE: Msr = Msr(0x6e0);
    pub(crate) const EFER: Msr = Msr(0xc000_0080);
    pub(crate) const STAR: Msr = Msr(0xc000_0081);
    pub(crate) const LSTAR: Msr = Msr(0xc000_0082);
    pub(crate) const FMASK: Msr = Msr(0xc000_0084);
    pub(crate) const FS_BASE: Msr = Msr(0xc000_0100);
    pub(crate) const GS_BASE: Msr = Msr(0xc000_0101);

    /// Reads the register.
    ///
    /// # Safety
    /// The CPU has it.
    #[inline]
    pub unsafe fn read(self) -> u64 {
        let (low, high): (u32, u32);
        // SAFETY: as the caller says.
        unsafe {
            asm!("rdmsr", in("ecx") self.0, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
        };
        u64::from(high) << 32 | u64::from(low)
    }

    /// Writes the register.
    ///
    /// # Safety
    /// The CPU has it, and the value is fit.
    #[inline]
    pub unsafe fn write(self, value: u64) {
        let (low, high) = (value as u32, (value >> 32) as u32);
        // SAFETY: as the caller says.
        unsafe {
            asm!("wrmsr", in("ecx") self.0, in("eax") low, in("edx") high, options(nostack, preserves_flags))
        };
    }
}

/// The running thread's fs base.
#[inline]
pub(crate) fn fs_base() -> u64 {
    if features().fsgsbase {
        let base;
        // SAFETY: CR4.FSGSBASE is on wherever the feature is.
        unsafe { asm!("rdfsbase {}", out(reg) base, options(nomem, nostack, preserves_flags)) };
        base
    } else {
        // SAFETY: every 64-bit CPU has it.
        unsafe { Msr::FS_BASE.read() }
    }
}

/// Sets the running thread's fs base; a non-canonical one is not set.
#[inline]
pub(crate) fn set_fs_base(base: u64) {
    if (base as i64) << 16 >> 16 != base as i64 {
        return;
    }
    if features().fsgsbase {
        // SAFETY: CR4.FSGSBASE is on wherever the feature is, and the address is canonical. fs is the application's.
        unsafe { asm!("wrfsbase {}", in(reg) base, options(nomem, nostack, preserves_flags)) };
    } else {
        // SAFETY: as above.
        unsafe { Msr::FS_BASE.write(base) };
    }
}

/// Interrupts off while it lives; restores what was.
#[derive(Debug)]
pub struct InterruptsOff(u64);

impl InterruptsOff {
    /// Turns interrupts off on this CPU.
    #[inline]
    pub fn enter() -> InterruptsOff {
        let flags: u64;
        // SAFETY: reads the flags and clears IF; the guard restores it. Memory accesses must not move across.
        unsafe { asm!("pushfq", "pop {}", "cli", out(reg) flags) };
        InterruptsOff(flags)
    }
}

impl Drop for InterruptsOff {
    #[inline]
    fn drop(&mut self) {
        if self.0 & 1 << 9 != 0 {
            enable_interrupts();
        }
    }
}

/// Orders all earlier loads and stores before all later ones, also for what is not an ordinary memory access (SDM
/// volume 3, 11.12.3: writes to x2APIC registers), for which the locked instruction that `fence(SeqCst)` compiles to
/// is not enough.
#[inline]
pub fn mfence() {
    // SAFETY: always sound.
    unsafe { asm!("mfence", options(nostack, preserves_flags)) };
}

/// POST codes go there; nothing on a PC minds.
const DEBUG_PORT: u16 = 0x80;

/// As [`mfence`], and in force for devices that an emulator runs on threads of its own. QEMU before 8.0 drops the guest's
/// barriers on a machine with one CPU, or with `-icount`; a write to a port takes its big lock, which is one.
#[inline]
pub fn device_fence() {
    mfence();
    if features().emulated {
        // SAFETY: see `DEBUG_PORT`.
        unsafe { crate::port::out8(DEBUG_PORT, 0) };
    }
}

/// Turns interrupts on.
#[inline]
pub fn enable_interrupts() {
    // SAFETY: the IDT is complete before anything calls this.
    unsafe { asm!("sti", options(nostack)) };
}

/// Turns interrupts off.
#[inline]
pub fn disable_interrupts() {
    // SAFETY: always sound.
    unsafe { asm!("cli", options(nostack)) };
}

/// Whether interrupts are on.
#[inline]
pub fn interrupts_enabled() -> bool {
    let flags: u64;
    // SAFETY: reads the flags.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    flags & 1 << 9 != 0
}

/// Turns interrupts on and waits for one; nothing can come between the two. Interrupts are on afterwards.
#[inline]
pub fn enable_and_halt() {
    // SAFETY: sti takes effect after the next instruction.
    unsafe { asm!("sti", "hlt", options(nostack)) };
}

/// Stops this CPU for good.
pub fn halt_forever() -> ! {
    loop {
        // SAFETY: with interrupts off only an NMI wakes it, and the loop goes on.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

/// The time stamp counter.
#[inline(always)]
pub fn rdtsc() -> u64 {
    // SAFETY: every 64-bit CPU has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// A random number from the CPU, where it has such an instruction and that works.
pub fn rdrand() -> Option<u64> {
    if !features().rdrand {
        return None;
    }
    for _ in 0..10 {
        let (value, ok): (u64, u8);
        // SAFETY: CPUID says it exists.
        unsafe { asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack)) };
        if ok != 0 && value != 0 && value != u64::MAX {
            return Some(value);
        }
    }
    None
}

#[inline]
pub(crate) fn read_cr2() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr2", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

#[inline]
pub(crate) fn read_cr3() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// # Safety
/// `value` is the root of tables that map all that runs.
#[inline]
pub(crate) unsafe fn write_cr3(value: u64) {
    // SAFETY: as the caller says.
    unsafe { asm!("mov cr3, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// Sets the control registers as every CPU has them: write protection in the kernel, no emulation, global pages,
/// SSE, and where there are such XSAVE and fsgsbase.
#[cfg(osv_guest)]
pub(crate) fn init_control() {
    let features = features();
    let mut cr4: u64 = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 10;
    if features.xsave {
        cr4 |= 1 << 18;
    }
    if features.fsgsbase {
        cr4 |= 1 << 16;
    }
    // SAFETY: PE, MP, ET, NE, WP, PG and the bits of features that the CPU has.
    unsafe {
        asm!("mov cr0, {}", in(reg) 0x8001_0033u64, options(nostack));
        asm!("mov cr4, {}", in(reg) cr4, options(nostack));
    }
    fpu::init();
}

/// Turns interrupts on and waits for one; returns with interrupts on.
pub fn wait_for_interrupt() {
    enable_and_halt();
}
