//! The extended state: what XSAVE, or FXSAVE on a CPU without it, holds.

use core::arch::asm;
#[cfg(osv_guest)]
use core::arch::x86_64::__cpuid_count;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Components that may be turned on: x87, SSE, AVX, AVX-512. Not AMX: it asks for permission first.
const WANTED: u64 = 0xe7;
/// More than any state in [`WANTED`] takes.
pub const MAX_SIZE: usize = 3072;

static ENABLED: AtomicU64 = AtomicU64::new(0);
static SIZE: AtomicU32 = AtomicU32::new(512);

/// MXCSR and the x87 control word: what the C ABI preserves over a call.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    mxcsr: u32,
    x87: u16,
}

impl Control {
    /// What a program starts with.
    pub const INITIAL: Control = Control { mxcsr: 0x1f80, x87: 0x37f };

    /// Puts the words into a saved state.
    pub fn put(self, state: &mut State) {
        state.0[..2].copy_from_slice(&self.x87.to_le_bytes());
        state.0[24..28].copy_from_slice(&self.mxcsr.to_le_bytes());
    }
}

/// Memory for one extended state, in the format that signal frames use.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub struct State(pub [u8; MAX_SIZE]);

impl State {
    /// The state that a program starts with.
    pub fn initial() -> State {
        let mut state = State([0; MAX_SIZE]);
        state.0[..2].copy_from_slice(&0x37fu16.to_le_bytes());
        state.0[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
        state
    }
}

/// The state that a program starts with, for XRSTOR to read: no component has anything but its initial value.
static INITIAL: State = {
    let mut state = State([0; MAX_SIZE]);
    state.0[0] = 0x7f;
    state.0[1] = 0x03;
    state.0[24] = 0x80;
    state.0[25] = 0x1f;
    state
};

/// Makes `slot` the state that a program starts with, as far as this CPU's components reach: what lies behind is not
/// touched, and nobody reads it.
pub fn fresh(slot: &mut MaybeUninit<State>) -> &mut State {
    let at = slot.as_mut_ptr();
    // SAFETY: the slot is that large; every byte of it that is read later (all of `size`) is written here.
    unsafe {
        at.cast::<u8>().write_bytes(0, size());
        let state = &mut *at;
        state.0[..2].copy_from_slice(&INITIAL.0[..2]);
        state.0[24..28].copy_from_slice(&INITIAL.0[24..28]);
        state
    }
}

/// Loads the state that a program starts with, but for the control words.
#[inline]
pub fn load_initial(control: Control) {
    let at = INITIAL.0.as_ptr();
    // SAFETY: the area is aligned and well formed, and only read.
    unsafe {
        if enabled() != 0 {
            asm!("xrstor64 [{}]", in(reg) at, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack, readonly));
        } else {
            asm!("fxrstor64 [{}]", in(reg) at, options(nostack, readonly));
        }
    }
    set_control(control);
}

/// Components in use (XCR0); 0 without XSAVE.
pub fn enabled() -> u64 {
    ENABLED.load(Ordering::Relaxed)
}

/// Bytes that the state takes: 512 without XSAVE.
pub fn size() -> usize {
    SIZE.load(Ordering::Relaxed) as usize
}

/// Turns on what the CPU has, and loads the initial state.
#[cfg(osv_guest)]
pub(crate) fn init() {
    // SAFETY: x87 exists on every 64-bit CPU.
    unsafe { asm!("fninit", options(nomem, nostack)) };
    if super::features().xsave {
        let leaf = __cpuid_count(0xd, 0);
        let has = u64::from(leaf.edx) << 32 | u64::from(leaf.eax);
        let mut xcr0 = has & WANTED;
        // AVX-512 is all or nothing.
        if xcr0 & 0xe6 != 0xe6 {
            xcr0 &= !0xe0;
        }
        // SAFETY: CR4.OSXSAVE is on and the CPU has these components.
        unsafe {
            asm!("xsetbv", in("ecx") 0, in("eax") xcr0 as u32, in("edx") (xcr0 >> 32) as u32, options(nomem, nostack))
        };
        // The size of what is on now.
        let size = __cpuid_count(0xd, 0).ebx;
        assert!(size as usize <= MAX_SIZE, "extended state of {size} bytes");
        ENABLED.store(xcr0, Ordering::Relaxed);
        SIZE.store(size, Ordering::Relaxed);
    }
    set_control(Control::INITIAL);
}

/// The running thread's control words.
#[inline]
pub fn control() -> Control {
    let mut control = Control { mxcsr: 0, x87: 0 };
    // SAFETY: stores to locals.
    unsafe {
        asm!("stmxcsr [{}]", "fnstcw [{}]", in(reg) &raw mut control.mxcsr, in(reg) &raw mut control.x87, options(nostack))
    };
    control
}

/// Loads control words.
#[inline]
pub fn set_control(control: Control) {
    // SAFETY: the values were stored by `control` or are the initial ones, so no reserved bit is set.
    unsafe {
        asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &raw const control.mxcsr, in(reg) &raw const control.x87, options(nostack))
    };
}

/// Saves the CPU's extended state.
#[inline]
pub fn save(state: &mut State) {
    let at = state.0.as_mut_ptr();
    // SAFETY: the memory is large enough and aligned; the header of an XSAVE area must be zero beforehand.
    unsafe {
        if enabled() != 0 {
            at.add(512).cast::<[u64; 8]>().write([0; 8]);
            asm!("xsave64 [{}]", in(reg) at, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack));
        } else {
            asm!("fxsave64 [{}]", in(reg) at, options(nostack));
        }
    }
}

/// Loads an extended state. What would fault (reserved bits, an unknown format) is cleared first, because the bytes
/// may come from a signal frame that the application wrote.
#[inline]
pub fn load(state: &mut State) {
    let mxcsr_mask = 0xffff;
    let at = state.0.as_mut_ptr();
    // SAFETY: the memory is large enough and aligned. MXCSR's reserved bits, the header's component bits beyond
    // XCR0, and its format and reserved words are what could fault, and are made right here.
    unsafe {
        let mxcsr: *mut u32 = at.add(24).cast();
        mxcsr.write(mxcsr.read() & mxcsr_mask);
        if enabled() != 0 {
            let header: *mut [u64; 8] = at.add(512).cast();
            header.write([(*header)[0] & enabled(), 0, 0, 0, 0, 0, 0, 0]);
            asm!("xrstor64 [{}]", in(reg) at, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack));
        } else {
            asm!("fxrstor64 [{}]", in(reg) at, options(nostack));
        }
    }
}

/// Runs `f` with the extended state kept on the stack.
#[inline]
pub(crate) fn with_saved_state(f: impl FnOnce()) {
    let mut state = MaybeUninit::<State>::uninit();
    // SAFETY: `save` writes the whole area that `load` reads, and reads nothing before.
    let state = unsafe { &mut *state.as_mut_ptr() };
    save(state);
    f();
    load(state);
}
