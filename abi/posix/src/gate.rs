//! The gate: the one place where libc code meets a kernel.
//!
//! A system call is `call [vector + nr * 8]` with C arguments; it returns `-errno` on failure. In the guest the vector
//! is the kernel's, found through `AT_OSV_VECTOR`. On a Linux host it is [`NATIVE`]: one 16-byte stub for each number,
//! which executes `syscall`. musl's C code takes the same way through the hidden name `__osv_vec`.
//!
//! Rows marked `trap` in the table (fork, vfork, clone, clone3, execve, execveat, rt_sigreturn) need every register or return
//! twice: they are entered by [`trap`], a `syscall` instruction, on either kernel.

use crate::tcb::Tcb;
use core::arch::{asm, global_asm};
use core::mem::transmute;
use osv_abi::errno::Errno;
use osv_abi::shared::VECTOR_LEN;
pub use syscalls::Sysno;

/// The kernel's or the native vector: for each system call number the address of a C function.
pub type Vector = [Entry; VECTOR_LEN];

/// One entry of the vector. Its true type has as many `usize` arguments as the call takes.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Entry(unsafe extern "C" fn());

/// The stubs lie so far apart: 5 (mov) + 3 (mov) + 2 (syscall) + 1 (ret), padded with int3.
const STUB: usize = 16;
/// Where in a stub its `syscall` is.
const STUB_SYSCALL: usize = 8;

global_asm!(
    ".section .text.osv_native_stubs, \"ax\", @progbits",
    ".balign 16",
    ".hidden __osv_native_stubs",
    ".globl __osv_native_stubs",
    "__osv_native_stubs:",
    // Unwinders pass: a signal may come in a call that waits.
    ".cfi_startproc",
    ".set .Losv_nr, 0",
    ".rept {count}",
    "mov eax, offset .Losv_nr",
    "mov r10, rcx",
    "syscall",
    "ret",
    ".balign 16, 0xcc",
    ".set .Losv_nr, .Losv_nr + 1",
    ".endr",
    ".cfi_endproc",
    ".section .data.rel.ro.osv_native, \"aw\", @progbits",
    ".balign 8",
    ".hidden __osv_native_vector",
    ".globl __osv_native_vector",
    "__osv_native_vector:",
    ".set .Losv_nr, 0",
    ".rept {count}",
    ".quad __osv_native_stubs + .Losv_nr * 16",
    ".set .Losv_nr, .Losv_nr + 1",
    ".endr",
    ".text",
    count = const VECTOR_LEN,
);

unsafe extern "C" {
    /// The vector of stubs that execute `syscall`.
    #[link_name = "__osv_native_vector"]
    safe static NATIVE: Vector;
    #[link_name = "__osv_native_stubs"]
    static STUBS: [u8; STUB * VECTOR_LEN];
}

/// Where calls go. Lies in RELRO; [`set_vector`] is called before that is sealed.
#[unsafe(export_name = "__osv_vec")]
#[unsafe(link_section = ".data.rel.ro.osv_vec")]
static mut VECTOR: &Vector = &NATIVE;

/// Takes the kernel's vector, whose address start-up found under `AT_OSV_VECTOR`.
///
/// # Safety
/// `vector` is the kernel's; no other thread runs yet, and RELRO is not sealed.
pub unsafe fn set_vector(vector: *const Vector) {
    // SAFETY: the caller's promise: single thread, still writable.
    unsafe { *(&raw mut VECTOR) = &*vector };
}

/// Whether calls execute `syscall` instructions: no kernel vector was given.
#[inline]
pub fn is_native() -> bool {
    core::ptr::eq(vector(), &NATIVE)
}

/// Whether a thread at `rip` is about to execute a native stub's `syscall` instruction, and has not yet.
pub fn is_before_native_syscall(rip: usize) -> bool {
    let offset = rip.wrapping_sub((&raw const STUBS).addr());
    offset < STUB * VECTOR_LEN && offset % STUB <= STUB_SYSCALL
}

#[inline(always)]
fn vector() -> &'static Vector {
    // SAFETY: written only by `set_vector`, before there are threads.
    unsafe { *(&raw const VECTOR) }
}

/// Argument lists that a system call can take: arrays of none to six registers.
pub trait Arguments {
    /// Enters the kernel through the vector's entry.
    ///
    /// # Safety
    /// As the system call's manual page says.
    unsafe fn enter(self, entry: Entry) -> isize;
    /// Enters the kernel as a cancellation point of the thread whose block is `this`.
    ///
    /// # Safety
    /// As the system call's manual page says; the block is the calling thread's.
    unsafe fn enter_cancellable(self, number: Sysno, this: *mut Tcb) -> isize;
    /// All six registers, the missing ones zero.
    fn registers(self) -> [usize; 6];
}

macro_rules! arguments {
    ($($count:literal: $($arg:ident $ty:ty, $register:tt),*;)*) => { $(
        impl Arguments for [usize; $count] {
            #[inline(always)]
            unsafe fn enter(self, entry: Entry) -> isize {
                let [$($arg),*] = self;
                // SAFETY: an entry is a C function of its call's arguments.
                unsafe { transmute::<Entry, unsafe extern "C" fn($($ty),*) -> isize>(entry)($($arg),*) }
            }
            #[inline(always)]
            unsafe fn enter_cancellable(self, number: Sysno, this: *mut Tcb) -> isize {
                let [$($arg),*] = self;
                let result;
                // SAFETY: the routine calls an entry as C does, which is a C function of its call's arguments.
                unsafe {
                    asm!("call __osv_cp", inlateout("rax") number as usize => result, in("r10") this,
                        $(in($register) $arg,)* clobber_abi("C"))
                };
                result
            }
            #[inline(always)]
            fn registers(self) -> [usize; 6] {
                let mut all = [0; 6];
                all[..$count].copy_from_slice(&self);
                all
            }
        }
    )* };
}

arguments! {
    0: ;
    1: a usize, "rdi";
    2: a usize, "rdi", b usize, "rsi";
    3: a usize, "rdi", b usize, "rsi", c usize, "rdx";
    4: a usize, "rdi", b usize, "rsi", c usize, "rdx", d usize, "rcx";
    5: a usize, "rdi", b usize, "rsi", c usize, "rdx", d usize, "rcx", e usize, "r8";
    6: a usize, "rdi", b usize, "rsi", c usize, "rdx", d usize, "rcx", e usize, "r8", f usize, "r9";
}

/// Enters the kernel: the result, or `-errno`.
///
/// # Safety
/// As the system call's manual page says.
#[inline(always)]
pub unsafe fn call<A: Arguments>(number: Sysno, arguments: A) -> isize {
    let entry = vector()[number as usize];
    // SAFETY: the caller vouches for the arguments.
    unsafe { arguments.enter(entry) }
}

/// Enters the kernel by number, for `syscall(2)`: any number, `-ENOSYS` beyond the vector's end.
///
/// # Safety
/// As the system call's manual page says.
pub unsafe fn call_number(number: usize, arguments: [usize; 6]) -> isize {
    if number >= VECTOR_LEN {
        return Errno::ENOSYS.to_ret();
    }
    if is_trapped(number) {
        // SAFETY: the caller vouches for the arguments.
        return unsafe { trap(number, arguments) };
    }
    // SAFETY: the caller vouches for the arguments.
    unsafe { arguments.enter(vector()[number]) }
}

fn is_trapped(number: usize) -> bool {
    const TRAPPED: [Sysno; 7] = [
        Sysno::fork,
        Sysno::vfork,
        Sysno::clone,
        Sysno::clone3,
        Sysno::execve,
        Sysno::execveat,
        Sysno::rt_sigreturn,
    ];
    TRAPPED.iter().any(|&row| row as usize == number)
}

/// Enters the kernel by a `syscall` instruction, whatever the vector says.
///
/// # Safety
/// As the system call's manual page says; the call returns once, on this stack.
#[inline(always)]
pub unsafe fn trap<A: Arguments>(number: usize, arguments: A) -> isize {
    let [a, b, c, d, e, f] = arguments.registers();
    let result;
    // SAFETY: the caller vouches for the arguments; the kernel changes rax, rcx and r11 alone.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => result, in("rdi") a, in("rsi") b, in("rdx") c,
            in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack))
    };
    result
}

/// As [`call`], with the error apart.
///
/// # Errors
/// The errno that the kernel gave.
///
/// # Safety
/// As the system call's manual page says.
#[inline(always)]
pub unsafe fn try_call<A: Arguments>(number: Sysno, arguments: A) -> Result<usize, Errno> {
    // SAFETY: the caller vouches for the arguments.
    Errno::from_ret(unsafe { call(number, arguments) })
}

#[cfg(test)]
mod tests;
