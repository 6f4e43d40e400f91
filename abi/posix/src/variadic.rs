//! Variadic C functions on a stable compiler: a trampoline builds the `va_list` and calls a function that takes one.
//!
//! The System V list has the registers' save area (6 general, 8 vector), how much of it the named arguments used, and
//! where the stack arguments begin.

/// Defines variadic functions: `name(named arguments) => the register that takes the list, the function called`.
///
/// `$named` is the number of named arguments, all of them integers or pointers; `$list` the register behind them.
macro_rules! variadic {
    ($( $name:ident: $named:literal, $list:literal => $target:path; )*) => { $(
        #[doc = concat!("`", stringify!($name), "`, as its manual page says.")]
        /// # Safety
        /// The contract of the manual page.
        #[unsafe(naked)]
        #[unsafe(export_name = concat!("__osv_", stringify!($name)))]
        pub unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                // 24 bytes of list, 8 of padding, 48 + 128 of save area, and 8 to align.
                ".cfi_startproc",
                "sub rsp, 216",
                ".cfi_def_cfa_offset 224",
                "mov [rsp + 32], rdi",
                "mov [rsp + 40], rsi",
                "mov [rsp + 48], rdx",
                "mov [rsp + 56], rcx",
                "mov [rsp + 64], r8",
                "mov [rsp + 72], r9",
                "test al, al",
                "je 2f",
                "movaps [rsp + 80], xmm0",
                "movaps [rsp + 96], xmm1",
                "movaps [rsp + 112], xmm2",
                "movaps [rsp + 128], xmm3",
                "movaps [rsp + 144], xmm4",
                "movaps [rsp + 160], xmm5",
                "movaps [rsp + 176], xmm6",
                "movaps [rsp + 192], xmm7",
                "2:",
                "mov dword ptr [rsp], {used}",
                "mov dword ptr [rsp + 4], 48",
                "lea rax, [rsp + 224]",
                "mov [rsp + 8], rax",
                "lea rax, [rsp + 32]",
                "mov [rsp + 16], rax",
                concat!("mov ", $list, ", rsp"),
                "call {target}",
                "add rsp, 216",
                ".cfi_def_cfa_offset 8",
                "ret",
                ".cfi_endproc",
                used = const $named * 8,
                target = sym $target,
            )
        }
    )* };
}
pub(crate) use variadic;
