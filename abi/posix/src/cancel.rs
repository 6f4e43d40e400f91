//! Cancellation points.
//!
//! A cancellable call checks the thread's flag and enters the kernel inside a stretch of code whose bounds the signal
//! handler knows: a cancellation that arrives after the check, but before the kernel has done anything, moves the
//! thread out of that stretch. Natively the `syscall` instruction itself lies in the stretch. Over a kernel's vector
//! the call does, and a call that comes back with EINTR while the flag is set is cancelled, too.

use crate::gate::{self, Sysno};
use crate::signal::{Action, UContext};
use crate::tcb::{self, Tcb};
use core::arch::global_asm;
use core::ffi::{c_int, c_void};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use osv_abi::errno::Errno;

/// The signal that interrupts a thread to cancel it: glibc's number, which programs cannot name.
pub const SIGNAL: c_int = 32;
/// What a cancelled thread's join gives.
pub const CANCELED: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);

const ENABLED: u8 = 0;
const DISABLED: u8 = 1;
/// Calls fail with ECANCELED instead of ending the thread.
const MASKED: u8 = 2;

global_asm!(
    ".text",
    ".balign 16",
    ".hidden __osv_cp",
    ".globl __osv_cp",
    // (flag: *i32, number, arguments: *[usize; 6], entry or null) -> isize
    "__osv_cp:",
    ".cfi_startproc",
    "push rbx",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbx, -16",
    ".cfi_remember_state",
    "mov rbx, rdi",
    "mov rax, rsi",
    "mov r11, rcx",
    "mov rdi, [rdx]",
    "mov rsi, [rdx + 8]",
    "mov r10, [rdx + 24]",
    "mov r8, [rdx + 32]",
    "mov r9, [rdx + 40]",
    "mov rdx, [rdx + 16]",
    ".hidden __osv_cp_begin",
    ".globl __osv_cp_begin",
    "__osv_cp_begin:",
    "cmp dword ptr [rbx], 0",
    "jne __osv_cp_cancelled",
    "test r11, r11",
    "jne 2f",
    "syscall",
    ".hidden __osv_cp_end",
    ".globl __osv_cp_end",
    "__osv_cp_end:",
    "pop rbx",
    ".cfi_def_cfa_offset 8",
    "ret",
    ".cfi_restore_state",
    ".cfi_remember_state",
    ".hidden __osv_cp_call",
    ".globl __osv_cp_call",
    "2:",
    "__osv_cp_call:",
    "mov rcx, r10",
    "call r11",
    ".hidden __osv_cp_called",
    ".globl __osv_cp_called",
    "__osv_cp_called:",
    "pop rbx",
    ".cfi_def_cfa_offset 8",
    "ret",
    ".cfi_restore_state",
    ".hidden __osv_cp_cancelled",
    ".globl __osv_cp_cancelled",
    "__osv_cp_cancelled:",
    "pop rbx",
    ".cfi_def_cfa_offset 8",
    "jmp {cancelled}",
    ".cfi_endproc",
    cancelled = sym cancelled,
);

unsafe extern "C" {
    fn __osv_cp(flag: *const i32, number: usize, arguments: *const [usize; 6], entry: usize) -> isize;
    fn __osv_cp_begin();
    fn __osv_cp_end();
    fn __osv_cp_call();
    fn __osv_cp_called();
    fn __osv_cp_cancelled();
}

/// Enters the kernel as a cancellation point.
///
/// # Safety
/// As the system call's manual page says.
pub unsafe fn call<A: gate::Arguments>(number: Sysno, arguments: A) -> isize {
    // SAFETY: the caller vouches for the arguments; the block is the thread's own.
    unsafe {
        let this = tcb::current();
        if (*this).cancel_disabled.load(Relaxed) == DISABLED {
            return gate::call(number, arguments);
        }
        let arguments = arguments.registers();
        let entry = gate::entry_address(number);
        let result = __osv_cp((*this).cancel.as_ptr(), number as usize, &raw const arguments, entry);
        if result == Errno::EINTR.to_ret() && (*this).cancel.load(Relaxed) != 0 {
            return cancelled();
        }
        result
    }
}

/// What a cancelled call comes to: the thread's end, or ECANCELED where that is masked.
extern "C" fn cancelled() -> isize {
    // SAFETY: the block is the thread's own.
    unsafe {
        let this = tcb::current();
        if (*this).cancel_disabled.load(Relaxed) == ENABLED || (*this).cancel_async.load(Relaxed) != 0 {
            crate::thread::end(CANCELED);
        }
    }
    Errno::ECANCELED.to_ret()
}

/// Runs `body` with cancellation told by ECANCELED, unless it is disabled.
pub fn masked<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: the block is the thread's own.
    let this = unsafe { &*tcb::current() };
    let before = this.cancel_disabled.load(Relaxed);
    if before == ENABLED {
        this.cancel_disabled.store(MASKED, Relaxed);
    }
    let result = body();
    this.cancel_disabled.store(before, Relaxed);
    result
}

/// Ends the thread if its cancellation was asked for and is enabled.
pub fn test() {
    // SAFETY: the block is the thread's own.
    unsafe {
        let this = tcb::current();
        if (*this).cancel.load(Relaxed) != 0 && (*this).cancel_disabled.load(Relaxed) == ENABLED {
            crate::thread::end(CANCELED);
        }
    }
}

unsafe extern "C" fn on_signal(_signal: c_int, _info: *mut c_void, context: *mut c_void) {
    // SAFETY: the kernel's own context of the interrupted thread, which is this one.
    unsafe {
        let this = tcb::current();
        let context: *mut UContext = context.cast();
        if (*this).cancel.load(SeqCst) == 0 || (*this).cancel_disabled.load(Relaxed) == DISABLED {
            return;
        }
        // Stays blocked from here: once asked, the flag alone decides.
        (*context).mask |= 1 << (SIGNAL - 1);
        let rip = (*context).rip();
        let within = |begin: unsafe extern "C" fn(), end: unsafe extern "C" fn()| {
            (begin as *const () as usize..end as *const () as usize).contains(&rip)
        };
        if (*this).cancel_async.load(Relaxed) != 0 && (*this).cancel_disabled.load(Relaxed) == ENABLED {
            (*context).set_rip(exit_now as *const () as usize);
        } else if within(__osv_cp_begin, __osv_cp_end) || within(__osv_cp_call, __osv_cp_called) {
            (*context).set_rip(__osv_cp_cancelled as *const () as usize);
        } else {
            // A handler of the program runs above a cancellable call: ask again when the mask is restored.
            gate::call(Sysno::tkill, [(*this).tid.load(Relaxed) as usize, SIGNAL as usize]);
        }
    }
}

/// Where an asynchronously cancelled thread goes on; its stack is aligned anew.
#[unsafe(naked)]
extern "C" fn exit_now() {
    core::arch::naked_asm!("and rsp, -16", "sub rsp, 128", "call {cancelled}", "ud2", cancelled = sym cancelled)
}

unsafe fn cancel(thread: *mut Tcb) -> c_int {
    use core::sync::atomic::AtomicBool;
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // SAFETY: the caller names a live thread.
    unsafe {
        if !INSTALLED.swap(true, Relaxed) {
            crate::signal::install(SIGNAL, Action::with_info(on_signal, u64::MAX));
        }
        (*thread).cancel.store(1, SeqCst);
        if thread == tcb::current() {
            if (*thread).cancel_disabled.load(Relaxed) == ENABLED && (*thread).cancel_async.load(Relaxed) != 0
            {
                crate::thread::end(CANCELED);
            }
            return 0;
        }
        crate::thread::kill(thread, SIGNAL)
    }
}

posix! {
    fn pthread_cancel(thread: *mut Tcb) -> c_int {
        cancel(thread)
    }
    fn pthread_testcancel() {
        test()
    }
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int {
        let Ok(state @ (ENABLED | DISABLED)) = u8::try_from(state) else { return Errno::EINVAL.get() };
        let before = (*tcb::current()).cancel_disabled.swap(state, Relaxed);
        if !old.is_null() {
            old.write(c_int::from(before));
        }
        0
    }
    fn pthread_setcanceltype(kind: c_int, old: *mut c_int) -> c_int {
        let Ok(kind @ (0 | 1)) = u8::try_from(kind) else { return Errno::EINVAL.get() };
        let before = (*tcb::current()).cancel_async.swap(kind, Relaxed);
        if !old.is_null() {
            old.write(c_int::from(before));
        }
        if kind != 0 {
            test();
        }
        0
    }
    // musl's C code enters its cancellation points here.
    fn __syscall_cp(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize {
        match Sysno::new(number) {
            Some(number) => call(number, [a, b, c, d, e, f]),
            None => Errno::ENOSYS.to_ret(),
        }
    }
}
