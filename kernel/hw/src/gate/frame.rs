//! What an entry leaves on the kernel stack.

/// How a thread came into the kernel: the `kind` word of its [`Frame`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Kind(pub u64);

impl Kind {
    /// A kernel thread: there is no application below.
    pub const NONE: Kind = Kind(0);
    /// Through the call vector: only callee-saved registers, MXCSR and the x87 control word are live.
    pub const CALL: Kind = Kind(1);
    /// By the `syscall` instruction: everything but rax, rcx and r11 is live.
    pub const TRAP: Kind = Kind(2);
    /// By an interrupt or exception in the application: everything is live, in the [`InterruptFrame`] below.
    pub const INTERRUPT: Kind = Kind(3);
}

/// A system call's frame, at the very top of the thread's kernel stack whichever way it came in.
///
/// `xmm` is valid for [`Kind::TRAP`]. The callee-saved registers are valid for a trap, and for a call from the
/// moment that the exit path calls [`crate::upcall::Upcalls::exit_to_app`]; a call row that needs them earlier does
/// not exist, such rows are entered by trap (law 3).
#[repr(C, align(16))]
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "registers are named as the manual names them")]
pub struct Frame {
    pub xmm: [[u64; 2]; 16],
    /// Non-zero makes the exit reload every register from this frame, not only what a call may not clobber.
    pub full_restore: u64,
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    /// The six arguments: rdi, rsi, rdx, r10 (by trap) or rcx (by call), r8, r9.
    pub args: [u64; 6],
    /// The row's number.
    pub nr: u64,
    pub kind: Kind,
    /// Where the application goes on: behind the `syscall`, or the call's return address.
    pub rip: u64,
    pub rflags: u64,
    /// The application's stack pointer: by call, as it is after the return.
    pub rsp: u64,
}

const _: () = assert!(size_of::<Frame>() == 400);

impl Frame {
    /// The application's registers as they would be after this call returned `ret`. By call, what the C ABI lets
    /// a function clobber holds the arguments (rcx the fourth) or zero.
    pub fn user_regs(&self, ret: isize) -> UserRegs {
        let [rdi, rsi, rdx, fourth, r8, r9] = self.args;
        let trapped = self.kind == Kind::TRAP;
        UserRegs {
            rax: ret as u64,
            rbx: self.rbx,
            rcx: if trapped { self.rip } else { fourth },
            rdx,
            rsi,
            rdi,
            rbp: self.rbp,
            r8,
            r9,
            r10: if trapped { fourth } else { 0 },
            r11: if trapped { self.rflags } else { 0 },
            r12: self.r12,
            r13: self.r13,
            r14: self.r14,
            r15: self.r15,
            rip: self.rip,
            rflags: self.rflags,
            rsp: self.rsp,
        }
    }
}

/// The application's general registers, as signal frames, clone and exec make and read them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "registers are named as the manual names them")]
pub struct UserRegs {
    pub rax: u64,
    pub rbx: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rbp: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rip: u64,
    pub rflags: u64,
    pub rsp: u64,
}

/// What an interrupt or exception interrupted: every register, on the thread's kernel stack.
#[repr(C, align(16))]
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "registers are named as the manual names them")]
pub struct InterruptFrame {
    pub xmm: [[u64; 2]; 16],
    pub regs: UserRegs,
    /// The interrupt vector: 0 to 31 are exceptions.
    pub vector: u64,
    /// The exception's error code, 0 where it has none.
    pub error: u64,
    /// The address of a page fault.
    pub cr2: u64,
    /// 1 when the application was interrupted, 0 when the kernel was.
    pub from_app: u64,
}

const _: () = assert!(size_of::<InterruptFrame>() == 256 + 18 * 8 + 32);
