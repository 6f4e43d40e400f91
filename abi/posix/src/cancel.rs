//! Cancellation points.
//!
//! A cancellable call checks the thread's flag and enters the kernel inside a stretch of code whose bounds the signal
//! handler knows: a cancellation that arrives after the check, but before the kernel has done anything, moves the
//! thread out of that stretch. The stretch ends with the call over the vector; natively a stub's way to its `syscall`
//! instruction belongs to it, too. A call that comes back with EINTR while the flag is set is cancelled as well.

use crate::gate::{self, Sysno};
use crate::signal::{Action, UContext};
use crate::tcb::{self, Tcb};
use core::arch::global_asm;
use core::ffi::{c_int, c_void};
use core::mem::offset_of;
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

// Number in rax, the thread's block in r10, arguments where C has them. All of the stretch from `begin` to `called`
// runs with the caller's return address on top of the stack.
global_asm!(
    ".text",
    ".balign 16",
    ".hidden __osv_cp",
    ".globl __osv_cp",
    "__osv_cp:",
    // Unwinders pass: a signal may come in a call that waits.
    ".cfi_startproc",
    "mov r11, [rip + __osv_vec]",
    ".hidden __osv_cp_begin",
    ".globl __osv_cp_begin",
    "__osv_cp_begin:",
    "cmp dword ptr [r10 + {cancel}], 0",
    "jne 2f",
    "call [r11 + rax * 8]",
    ".hidden __osv_cp_called",
    ".globl __osv_cp_called",
    "__osv_cp_called:",
    "cmp rax, {interrupted_number}",
    "je {interrupted}",
    "ret",
    "2:",
    "cmp byte ptr [r10 + {cancel_disabled}], {DISABLED}",
    "jne __osv_cp_cancelled",
    "jmp [r11 + rax * 8]",
    ".hidden __osv_cp_cancelled",
    ".globl __osv_cp_cancelled",
    "__osv_cp_cancelled:",
    "jmp {cancelled}",
    ".cfi_endproc",
    cancel = const offset_of!(Tcb, cancel),
    cancel_disabled = const offset_of!(Tcb, cancel_disabled),
    interrupted_number = const Errno::EINTR.to_ret(),
    DISABLED = const DISABLED,
    interrupted = sym interrupted,
    cancelled = sym cancelled,
);

// musl's C code enters its cancellation points here: (number, six arguments).
#[cfg(feature = "object")]
global_asm!(
    ".text",
    ".balign 16",
    ".hidden __osv___syscall_cp",
    ".globl __osv___syscall_cp",
    "__osv___syscall_cp:",
    ".cfi_startproc",
    "mov rax, rdi",
    "mov rdi, rsi",
    "mov rsi, rdx",
    "mov rdx, rcx",
    "mov rcx, r8",
    "mov r8, r9",
    "mov r9, [rsp + 8]",
    "mov r10, fs:0",
    "jmp __osv_cp",
    ".cfi_endproc",
);

unsafe extern "C" {
    fn __osv_cp_begin();
    fn __osv_cp_called();
    fn __osv_cp_cancelled();
}

/// Enters the kernel as a cancellation point.
///
/// # Safety
/// As the system call's manual page says.
#[inline(always)]
pub unsafe fn call<A: gate::Arguments>(number: Sysno, arguments: A) -> isize {
    // SAFETY: the caller vouches for the arguments; the block is the thread's own.
    unsafe { arguments.enter_cancellable(number, tcb::current()) }
}

/// What a call that came back with EINTR comes to.
extern "C" fn interrupted() -> isize {
    // SAFETY: the block is the thread's own.
    let this = unsafe { &*tcb::current() };
    if this.cancel.load(Relaxed) != 0 && this.cancel_disabled.load(Relaxed) != DISABLED {
        return cancelled();
    }
    Errno::EINTR.to_ret()
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
        if (*this).cancel_async.load(Relaxed) != 0 && (*this).cancel_disabled.load(Relaxed) == ENABLED {
            (*context).set_rip(exit_now as *const () as usize);
        } else if leave_call(&mut *context) {
            (*context).set_rip(__osv_cp_cancelled as *const () as usize);
        } else {
            // A handler of the program runs above a cancellable call: ask again when the mask is restored.
            gate::call(Sysno::tkill, [(*this).tid.load(Relaxed) as usize, SIGNAL as usize]);
        }
    }
}

/// Whether a cancellable call is about to be made and nothing has happened yet; then the stack is left as it is in the
/// stretch.
///
/// # Safety
/// The context is the calling thread's, which runs nothing but its signal handler.
unsafe fn leave_call(context: &mut UContext) -> bool {
    let called = __osv_cp_called as *const () as usize;
    let rip = context.rip();
    if (__osv_cp_begin as *const () as usize..called).contains(&rip) {
        return true;
    }
    // SAFETY: a stub has its caller's return address on top of the stack.
    let in_stub = gate::is_before_native_syscall(rip)
        && unsafe { core::ptr::with_exposed_provenance::<usize>(context.rsp()).read() } == called;
    if in_stub {
        context.set_rsp(context.rsp() + size_of::<usize>());
    }
    in_stub
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
}
