//! Counting the calls of the table's functions (`osv-pack run --summary`), where the kernel asks for it.
//!
//! A program is then bound to a stub for each function, which counts and goes on to the function; what nobody asked
//! to be counted is bound as ever, so that it costs nothing. Most calls are timed too: the stub makes a frame of its
//! own, hands on what arguments are on the stack ([`passing`](osv_abi::symbols::passing)), and adds the time when the
//! function returns. The frame is described to unwinders; one that `longjmp` throws away has not counted its time.
//! libc's own calls do not come by here.

use core::arch::global_asm;
use core::mem::offset_of;
use core::ptr::with_exposed_provenance;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use osv_abi::shared::{SYMBOL_COUNTS, SymbolCount};
use osv_abi::symbols::index::{self, Row};
use osv_abi::symbols::passing::Passing;

/// Functions of the table and data together; each has a stub.
const STUBS: usize = index::ROWS;

/// What a stub needs to know.
#[repr(C)]
struct Bound {
    /// Where it goes on to.
    function: AtomicU64,
    /// Its [`SymbolCount`].
    count: AtomicU64,
    how: AtomicU32,
    /// [`STACK`]: words on the stack. [`LIST`]: named arguments.
    detail: AtomicU32,
    _pad: [u64; 1],
}

/// `how`: the function is jumped to,
const JUMP: u32 = 0;
/// called with words from the stack,
const STACK: u32 = 1;
/// or called with a `va_list` in place of variadic arguments.
const LIST: u32 = 2;

static BOUND: [Bound; STUBS] = [const {
    Bound {
        function: AtomicU64::new(0),
        count: AtomicU64::new(0),
        how: AtomicU32::new(0),
        detail: AtomicU32::new(0),
        _pad: [0],
    }
}; STUBS];

const _: () = assert!(size_of::<Bound>() == 32, "the stubs shift by 5");

// A stub leaves its index in r11, which no call keeps. From there: the frame, rbp above it. Below rbp: the entry of BOUND,
// the time before the call, rax (which says whether a variadic call uses vector registers) and rdx.
global_asm!(
    ".section .text.osv_counted, \"ax\", @progbits",
    ".balign 16",
    ".hidden __osv_counted",
    ".globl __osv_counted",
    ".type __osv_counted, @function",
    "__osv_counted:",
    ".cfi_startproc",
    ".set .Losv_row, 0",
    ".rept {stubs}",
    "mov r11d, offset .Losv_row",
    "jmp .Losv_count",
    ".balign 16, 0xcc",
    ".set .Losv_row, .Losv_row + 1",
    ".endr",
    ".Losv_count:",
    "shl r11, 5",
    "lea r10, [rip + {bound}]",
    "add r11, r10",
    "mov r10, [r11 + {count}]",
    "lock inc qword ptr [r10 + {calls}]",
    "cmp dword ptr [r11 + {how}], {JUMP}",
    "jne .Losv_frame",
    "jmp [r11 + {function}]",
    ".Losv_frame:",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "sub rsp, 32",
    "mov [rbp - 8], r11",
    "mov [rbp - 24], rax",
    "mov [rbp - 32], rdx",
    "mov r10d, [r11 + {detail}]",
    "cmp dword ptr [r11 + {how}], {LIST}",
    "je .Losv_list",
    // Words from the stack, the last one first; an odd number is padded.
    "test r10d, r10d",
    "je .Losv_call",
    "test r10d, 1",
    "je .Losv_word",
    "sub rsp, 8",
    ".Losv_word:",
    "push qword ptr [rbp + 8 + r10 * 8]",
    "dec r10d",
    "jne .Losv_word",
    "jmp .Losv_call",
    // The list at rsp, the save area (6 general, 8 vector registers) 32 bytes above.
    ".Losv_list:",
    "sub rsp, 208",
    "mov [rsp + 32], rdi",
    "mov [rsp + 40], rsi",
    "mov [rsp + 48], rdx",
    "mov [rsp + 56], rcx",
    "mov [rsp + 64], r8",
    "mov [rsp + 72], r9",
    "test al, al",
    "je .Losv_saved",
    "movaps [rsp + 80], xmm0",
    "movaps [rsp + 96], xmm1",
    "movaps [rsp + 112], xmm2",
    "movaps [rsp + 128], xmm3",
    "movaps [rsp + 144], xmm4",
    "movaps [rsp + 160], xmm5",
    "movaps [rsp + 176], xmm6",
    "movaps [rsp + 192], xmm7",
    ".Losv_saved:",
    "lea eax, [r10 * 8]",
    "mov [rsp], eax",
    "mov dword ptr [rsp + 4], 48",
    "lea rax, [rbp + 16]",
    "mov [rsp + 8], rax",
    "lea rax, [rsp + 32]",
    "mov [rsp + 16], rax",
    // It goes into the register behind the named arguments.
    "cmp r10d, 1",
    "cmove rsi, rsp",
    "cmp r10d, 2",
    "cmove rdx, rsp",
    "mov [rbp - 32], rdx",
    "cmp r10d, 3",
    "cmove rcx, rsp",
    "cmp r10d, 4",
    "cmove r8, rsp",
    "cmp r10d, 5",
    "cmove r9, rsp",
    ".Losv_call:",
    "rdtsc",
    "shl rdx, 32",
    "or rax, rdx",
    "mov [rbp - 16], rax",
    "mov rax, [rbp - 24]",
    "mov rdx, [rbp - 32]",
    "mov r11, [rbp - 8]",
    "call [r11 + {function}]",
    "mov [rbp - 24], rax",
    "mov [rbp - 32], rdx",
    "rdtsc",
    "shl rdx, 32",
    "or rax, rdx",
    "sub rax, [rbp - 16]",
    // Another CPU's counter may be behind.
    "jb .Losv_counted",
    "mov r11, [rbp - 8]",
    "mov r10, [r11 + {count}]",
    "lock add [r10 + {ticks}], rax",
    ".Losv_counted:",
    "mov rax, [rbp - 24]",
    "mov rdx, [rbp - 32]",
    "leave",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size __osv_counted, . - __osv_counted",
    ".text",
    stubs = const STUBS,
    bound = sym BOUND,
    function = const offset_of!(Bound, function),
    count = const offset_of!(Bound, count),
    how = const offset_of!(Bound, how),
    detail = const offset_of!(Bound, detail),
    calls = const offset_of!(SymbolCount, calls),
    ticks = const offset_of!(SymbolCount, ticks),
    JUMP = const JUMP,
    LIST = const LIST,
);

unsafe extern "C" {
    #[link_name = "__osv_counted"]
    safe static CODE: u8;
}

fn code() -> u64 {
    (&raw const CODE).expose_provenance() as u64
}

/// The kernel's counts.
#[derive(Clone, Copy)]
pub struct Counts(&'static [SymbolCount; SYMBOL_COUNTS]);

impl Counts {
    /// Those that lie at `address`; none at 0.
    ///
    /// # Safety
    /// The kernel gave the address with AT_OSV_COUNTS.
    pub unsafe fn at(address: usize) -> Option<Self> {
        // SAFETY: mapped and writable for good, says the kernel; all of it are atomics.
        unsafe { with_exposed_provenance::<[SymbolCount; SYMBOL_COUNTS]>(address).as_ref() }.map(Counts)
    }

    /// The address to bind a program to in place of `function`, which row `row` names. `list` is where the function
    /// lies that takes a list in its place.
    pub fn bind(self, row: Row, function: u64, list: impl Fn(&str) -> Option<u64>) -> u64 {
        let number = row.number();
        let (Some(bound), Some(count)) = (BOUND.get(number), self.0.get(number)) else {
            return function;
        };
        let (how, detail, function) = match row.passing() {
            Passing::Registers => (STACK, 0, function),
            Passing::Stack(words) => (STACK, words, function),
            Passing::Jump => (JUMP, 0, function),
            Passing::List { named, by } => match list(by) {
                Some(by) => (LIST, named, by),
                None => (JUMP, 0, function),
            },
        };
        for (to, byte) in count.name.iter().zip(row.name()) {
            to.store(*byte, Relaxed);
        }
        // Others may call it already: then all of this is as it was.
        bound.count.store((&raw const *count).expose_provenance() as u64, Relaxed);
        bound.detail.store(detail.into(), Relaxed);
        bound.how.store(how, Relaxed);
        bound.function.store(function, Relaxed);
        code() + number as u64 * 16
    }
}

/// The row whose stub lies at `address`.
pub fn row_of(address: u64) -> Option<Row> {
    let row = usize::try_from(address.checked_sub(code())? / 16).ok()?;
    Row::at(row).filter(|_| address.is_multiple_of(16))
}

/// What `address` stands for: behind a stub, its function.
pub fn behind(address: u64) -> u64 {
    row_of(address)
        .and_then(|row| BOUND.get(row.number()))
        .map_or(address, |bound| bound.function.load(Relaxed))
}
