//! Signals: signal.h, asm/sigcontext.h.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Numbers of signals.
#[expect(missing_docs, reason = "named as in signal.h")]
pub mod sig {
    pub const HUP: u32 = 1;
    pub const INT: u32 = 2;
    pub const QUIT: u32 = 3;
    pub const ILL: u32 = 4;
    pub const TRAP: u32 = 5;
    pub const ABRT: u32 = 6;
    pub const BUS: u32 = 7;
    pub const FPE: u32 = 8;
    pub const KILL: u32 = 9;
    pub const USR1: u32 = 10;
    pub const SEGV: u32 = 11;
    pub const USR2: u32 = 12;
    pub const PIPE: u32 = 13;
    pub const ALRM: u32 = 14;
    pub const TERM: u32 = 15;
    pub const STKFLT: u32 = 16;
    pub const CHLD: u32 = 17;
    pub const CONT: u32 = 18;
    pub const STOP: u32 = 19;
    pub const TSTP: u32 = 20;
    pub const TTIN: u32 = 21;
    pub const TTOU: u32 = 22;
    pub const URG: u32 = 23;
    pub const XCPU: u32 = 24;
    pub const XFSZ: u32 = 25;
    pub const VTALRM: u32 = 26;
    pub const PROF: u32 = 27;
    pub const WINCH: u32 = 28;
    pub const IO: u32 = 29;
    pub const PWR: u32 = 30;
    pub const SYS: u32 = 31;
    /// Highest number.
    pub const MAX: u32 = 64;
    /// First real-time signal as the kernel counts.
    pub const RTMIN: u32 = 32;
}

/// The kernel's `struct sigaction` on x86-64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Sigaction {
    /// Handler, or [`SIG_DFL`] or [`SIG_IGN`].
    pub handler: u64,
    /// SA_*.
    pub flags: u64,
    /// What the handler returns to.
    pub restorer: u64,
    /// Signals blocked while it runs.
    pub mask: u64,
}

/// Default action.
pub const SIG_DFL: u64 = 0;
/// Ignore.
pub const SIG_IGN: u64 = 1;

/// Flags of [`Sigaction`].
#[expect(missing_docs, reason = "named as in signal.h")]
pub mod sa {
    pub const NOCLDSTOP: u64 = 1;
    pub const NOCLDWAIT: u64 = 2;
    pub const SIGINFO: u64 = 4;
    pub const UNSUPPORTED: u64 = 0x400;
    pub const EXPOSE_TAGBITS: u64 = 0x800;
    pub const RESTORER: u64 = 0x0400_0000;
    pub const ONSTACK: u64 = 0x0800_0000;
    pub const RESTART: u64 = 0x1000_0000;
    pub const NODEFER: u64 = 0x4000_0000;
    pub const RESETHAND: u64 = 0x8000_0000;
}

/// First argument of rt_sigprocmask(2).
#[expect(missing_docs, reason = "named as in signal.h")]
pub mod how {
    pub const BLOCK: i32 = 0;
    pub const UNBLOCK: i32 = 1;
    pub const SETMASK: i32 = 2;
}

/// `siginfo_t`: 128 bytes, the fields by their use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, align(8))]
pub struct Siginfo {
    /// Signal.
    pub signo: i32,
    /// Error number, mostly 0.
    pub errno: i32,
    /// SI_* or what the signal defines.
    pub code: i32,
    /// Padding.
    pub pad: i32,
    /// The union: see the constructors.
    pub fields: [u64; 14],
}

/// Values of [`Siginfo::code`].
#[expect(missing_docs, reason = "named as in signal.h")]
pub mod code {
    pub const SI_USER: i32 = 0;
    pub const SI_KERNEL: i32 = 0x80;
    pub const SI_QUEUE: i32 = -1;
    pub const SI_TIMER: i32 = -2;
    pub const SI_MESGQ: i32 = -3;
    pub const SI_TKILL: i32 = -6;
    pub const POLL_IN: i32 = 1;
    pub const POLL_OUT: i32 = 2;
    pub const POLL_ERR: i32 = 4;
    pub const POLL_PRI: i32 = 5;
    pub const POLL_HUP: i32 = 6;
    pub const ILL_ILLOPN: i32 = 2;
    pub const FPE_INTDIV: i32 = 1;
    pub const FPE_FLTINV: i32 = 7;
    pub const SEGV_MAPERR: i32 = 1;
    pub const SEGV_ACCERR: i32 = 2;
    pub const BUS_ADRALN: i32 = 1;
    pub const BUS_ADRERR: i32 = 2;
    pub const TRAP_BRKPT: i32 = 1;
    pub const TRAP_TRACE: i32 = 2;
    pub const CLD_EXITED: i32 = 1;
    pub const CLD_KILLED: i32 = 2;
    pub const CLD_DUMPED: i32 = 3;
    pub const CLD_TRAPPED: i32 = 4;
    pub const CLD_STOPPED: i32 = 5;
    pub const CLD_CONTINUED: i32 = 6;
}

impl Siginfo {
    /// Without any of the union's fields.
    pub const fn new(signo: u32, code: i32) -> Self {
        Siginfo { signo: signo as i32, errno: 0, code, pad: 0, fields: [0; 14] }
    }
    /// As kill(2), tgkill(2) and sigqueue(3) fill it.
    pub const fn sent(signo: u32, code: i32, pid: u32, uid: u32, value: u64) -> Self {
        let mut info = Siginfo::new(signo, code);
        info.fields[0] = pid as u64 | (uid as u64) << 32;
        info.fields[1] = value;
        info
    }
    /// As a fault at `addr` fills it.
    pub const fn fault(signo: u32, code: i32, addr: u64) -> Self {
        let mut info = Siginfo::new(signo, code);
        info.fields[0] = addr;
        info
    }
    /// As the end or a stop of a child fills it.
    pub const fn child(code: i32, pid: u32, uid: u32, status: i32, utime: i64, stime: i64) -> Self {
        let mut info = Siginfo::new(sig::CHLD, code);
        info.fields[0] = pid as u64 | (uid as u64) << 32;
        info.fields[1] = status as u32 as u64;
        info.fields[2] = utime as u64;
        info.fields[3] = stime as u64;
        info
    }
    /// As a timer's expiry fills it.
    pub const fn timer(signo: u32, timer: i32, overrun: i32, value: u64) -> Self {
        let mut info = Siginfo::new(signo, code::SI_TIMER);
        info.fields[0] = timer as u32 as u64 | (overrun as u32 as u64) << 32;
        info.fields[1] = value;
        info
    }
    /// As a file that became ready fills it: `code` is one of POLL_*, `band` the events of poll(2).
    pub const fn io(signo: u32, code: i32, band: u32, fd: i32) -> Self {
        let mut info = Siginfo::new(signo, code);
        info.fields[0] = band as u64;
        info.fields[1] = fd as u32 as u64;
        info
    }
    /// Sender, where there is one.
    pub const fn pid(&self) -> i32 {
        self.fields[0] as i32
    }
}

/// `struct signalfd_siginfo`: what a read of a signalfd gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "named as in signalfd(2), without ssi_")]
pub struct SignalfdSiginfo {
    pub signo: u32,
    pub errno: i32,
    pub code: i32,
    pub pid: u32,
    pub uid: u32,
    pub fd: i32,
    pub tid: u32,
    pub band: u32,
    pub overrun: u32,
    pub trapno: u32,
    pub status: i32,
    pub int: i32,
    pub ptr: u64,
    pub utime: u64,
    pub stime: u64,
    pub addr: u64,
    pub addr_lsb: u16,
    pub pad2: u16,
    pub syscall: i32,
    pub call_addr: u64,
    pub arch: u32,
    pub pad: [u32; 7],
}
const _: () = assert!(size_of::<SignalfdSiginfo>() == 128);

impl From<&Siginfo> for SignalfdSiginfo {
    /// Which fields of the union are meant follows from code and signal, as sigaction(2) lists them.
    fn from(info: &Siginfo) -> Self {
        let low = |at: usize| info.fields[at] as u32;
        let high = |at: usize| (info.fields[at] >> 32) as u32;
        let signo = info.signo as u32;
        let mut out =
            SignalfdSiginfo { signo, errno: info.errno, code: info.code, ..SignalfdSiginfo::default() };
        match info.code {
            code::SI_TIMER => {
                (out.tid, out.overrun) = (low(0), high(0));
                (out.ptr, out.int) = (info.fields[1], low(1) as i32);
            }
            code::SI_USER | code::SI_KERNEL | code::SI_TKILL => (out.pid, out.uid) = (low(0), high(0)),
            i32::MIN..0 => {
                (out.pid, out.uid) = (low(0), high(0));
                (out.ptr, out.int) = (info.fields[1], low(1) as i32);
            }
            _ => match signo {
                sig::ILL | sig::FPE | sig::SEGV | sig::BUS | sig::TRAP => out.addr = info.fields[0],
                sig::CHLD => {
                    (out.pid, out.uid, out.status) = (low(0), high(0), low(1) as i32);
                    (out.utime, out.stime) = (info.fields[2], info.fields[3]);
                }
                _ if info.code <= code::POLL_HUP => (out.band, out.fd) = (low(0), low(1) as i32),
                _ => (out.pid, out.uid) = (low(0), high(0)),
            },
        }
        out
    }
}

/// Flags of signalfd4(2).
#[expect(missing_docs, reason = "named as in sys/signalfd.h, without SFD_")]
pub mod sfd {
    pub const CLOEXEC: u32 = 0o2000000;
    pub const NONBLOCK: u32 = 0o4000;
}

/// `stack_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SigStack {
    /// Lowest byte.
    pub sp: u64,
    /// SS_*.
    pub flags: u32,
    /// Padding.
    pub pad: u32,
    /// Size in bytes.
    pub size: u64,
}

/// The thread runs on the alternate stack.
pub const SS_ONSTACK: u32 = 1;
/// There is none.
pub const SS_DISABLE: u32 = 2;
/// Disarm it while a handler runs on it.
pub const SS_AUTODISARM: u32 = 1 << 31;
/// Least size of an alternate stack (the constant of signal.h; AT_MINSIGSTKSZ says what frames need).
pub const MINSIGSTKSZ: u64 = 2048;

/// `struct sigcontext` on x86-64: the `uc_mcontext` of [`Ucontext`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
#[expect(missing_docs, reason = "registers by their names")]
pub struct Sigcontext {
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rsp: u64,
    pub rip: u64,
    pub eflags: u64,
    pub cs: u16,
    pub gs: u16,
    pub fs: u16,
    pub ss: u16,
    pub err: u64,
    pub trapno: u64,
    pub oldmask: u64,
    pub cr2: u64,
    /// Address of the FXSAVE or XSAVE image, 0 for none.
    pub fpstate: u64,
    pub reserved: [u64; 8],
}

/// The kernel's `struct ucontext`: 304 bytes (glibc's is longer, and reads only this much from a handler's).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ucontext {
    /// UC_*.
    pub flags: u64,
    /// Unused by the kernel.
    pub link: u64,
    /// The alternate stack at delivery.
    pub stack: SigStack,
    /// Registers.
    pub mcontext: Sigcontext,
    /// Blocked signals at delivery.
    pub sigmask: u64,
}

/// [`Ucontext::flags`]: the extended state is in XSAVE format.
pub const UC_FP_XSTATE: u64 = 1;
/// [`Ucontext::flags`]: `ss` is saved.
pub const UC_SIGCONTEXT_SS: u64 = 2;
/// [`Ucontext::flags`]: `ss` is restored as it is.
pub const UC_STRICT_RESTORE_SS: u64 = 4;

/// In the software-reserved bytes of the FXSAVE image: an XSAVE image follows.
pub const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;
/// Behind the XSAVE image.
pub const FP_XSTATE_MAGIC2: u32 = 0x4650_5845;
/// Offset of `struct _fpx_sw_bytes` in the FXSAVE image.
pub const FP_SW_BYTES: usize = 464;

/// What stands at the top of the stack when a handler starts, from the return address upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RtSigframe {
    /// The restorer.
    pub pretcode: u64,
    /// Third argument of the handler.
    pub uc: Ucontext,
    /// Second argument of the handler.
    pub info: Siginfo,
}
