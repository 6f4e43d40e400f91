//! getcontext and kin, in glibc's layout: registers at byte 40, the vector state's address at 224, mask at 296.

use core::arch::naked_asm;
use core::ffi::c_int;

// Offsets in ucontext_t: r8 40, r9 48, r12 72, r13 80, r14 88, r15 96, rdi 104, rsi 112, rbp 120, rbx 128, rdx 136,
// rcx 152, rsp 160, rip 168, fpregs 224, sigmask 296, floating state 424 (mxcsr 24 further on).

/// getcontext(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_getcontext")]
pub unsafe extern "C" fn getcontext() -> c_int {
    naked_asm!(
        "mov [rdi + 128], rbx",
        "mov [rdi + 120], rbp",
        "mov [rdi + 72], r12",
        "mov [rdi + 80], r13",
        "mov [rdi + 88], r14",
        "mov [rdi + 96], r15",
        "mov [rdi + 104], rdi",
        "mov [rdi + 112], rsi",
        "mov [rdi + 136], rdx",
        "mov [rdi + 152], rcx",
        "mov [rdi + 40], r8",
        "mov [rdi + 48], r9",
        "mov rcx, [rsp]",
        "mov [rdi + 168], rcx",
        "lea rcx, [rsp + 8]",
        "mov [rdi + 160], rcx",
        "lea rcx, [rdi + 424]",
        "mov [rdi + 224], rcx",
        "fnstenv [rcx]",
        "fldenv [rcx]",
        "stmxcsr [rcx + 24]",
        "lea rsi, [rdi + 296]",
        "xor edi, edi",
        "jmp {mask}",
        mask = sym mask,
    )
}

/// setcontext(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_setcontext")]
pub unsafe extern "C" fn setcontext() -> c_int {
    naked_asm!(
        "push rdi",
        "lea rdi, [rdi + 296]",
        "xor esi, esi",
        "call {mask}",
        "pop rdi",
        "test eax, eax",
        "jne 2f",
        "mov rcx, [rdi + 224]",
        "fldenv [rcx]",
        "ldmxcsr [rcx + 24]",
        "mov rbx, [rdi + 128]",
        "mov rbp, [rdi + 120]",
        "mov r12, [rdi + 72]",
        "mov r13, [rdi + 80]",
        "mov r14, [rdi + 88]",
        "mov r15, [rdi + 96]",
        "mov rsp, [rdi + 160]",
        "push qword ptr [rdi + 168]",
        "mov rsi, [rdi + 112]",
        "mov rdx, [rdi + 136]",
        "mov rcx, [rdi + 152]",
        "mov r8, [rdi + 40]",
        "mov r9, [rdi + 48]",
        "mov rdi, [rdi + 104]",
        "xor eax, eax",
        "2:",
        "ret",
        mask = sym mask,
    )
}

/// swapcontext(3).
///
/// # Safety
/// The contract of the manual page.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_swapcontext")]
pub unsafe extern "C" fn swapcontext() -> c_int {
    naked_asm!(
        "push rsi",
        "push rdi",
        "sub rsp, 8",
        "call {get}",
        "add rsp, 8",
        "pop rdi",
        "pop rsi",
        "test eax, eax",
        "jne 2f",
        // What was saved returns to our caller, as if this call returned 0.
        "mov rcx, [rsp]",
        "mov [rdi + 168], rcx",
        "lea rcx, [rsp + 8]",
        "mov [rdi + 160], rcx",
        "mov rdi, rsi",
        "sub rsp, 8",
        "call {set}",
        "add rsp, 8",
        "2:",
        "ret",
        get = sym getcontext,
        set = sym setcontext,
    )
}

/// Where a context made by makecontext comes to when its function returns: on to `uc_link`, which rbx holds.
#[unsafe(naked)]
unsafe extern "C" fn finish() {
    naked_asm!(
        "mov rdi, rbx",
        "test rdi, rdi",
        "je 2f",
        "call {set}",
        "2:",
        "xor edi, edi",
        "call {exit}",
        "ud2",
        set = sym setcontext,
        exit = sym crate::start::exit,
    )
}

/// Sets the mask from `new` and reads the old one into `old`, where they are not null.
extern "C" fn mask(new: *const u64, old: *mut u64) -> c_int {
    const SET_MASK: usize = 2;
    // SAFETY: the masks lie in the contexts that the program gave.
    let result = unsafe {
        crate::gate::call(crate::gate::Sysno::rt_sigprocmask, [SET_MASK, new.addr(), old.addr(), 8])
    };
    crate::errno::ret(result) as c_int
}

/// A `va_list` on its first use.
#[repr(C)]
struct List {
    used: u32,
    vector_used: u32,
    stack: *const usize,
    registers: *const usize,
}

extern "C" fn make(context: *mut usize, function: usize, count: c_int, list: *mut List) {
    const WORD: usize = 8;
    // ucontext_t in words: uc_link 1, stack base 2, stack size 4.
    // SAFETY: the program's context and stack, as makecontext(3) demands.
    unsafe {
        let argument = |index: usize| {
            let used = (*list).used as usize / WORD + index;
            if used < 6 { *(*list).registers.add(used) } else { *(*list).stack.add(used - 6) }
        };
        let count = count.max(0) as usize;
        let top = (*context.add(2) + *context.add(4)) & !15;
        let on_stack = count.saturating_sub(6);
        let rsp = (top - on_stack * WORD) & !15;
        let stack: *mut usize = core::ptr::with_exposed_provenance_mut(rsp - WORD);
        stack.write(finish as *const () as usize);
        for index in 0..on_stack {
            stack.add(1 + index).write(argument(6 + index));
        }
        // rdi, rsi, rdx, rcx, r8, r9.
        for (index, word) in [13, 14, 17, 19, 5, 6].into_iter().enumerate().take(count) {
            context.add(word).write(argument(index));
        }
        context.add(16).write(*context.add(1));
        context.add(20).write(stack.addr());
        context.add(21).write(function);
    }
}

crate::variadic::variadic! {
    makecontext: 3, "rcx" => make;
}
