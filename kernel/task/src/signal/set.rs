//! Sets of signals, and what each does by default.

use osv_abi::uapi::signal::sig;

/// A set: bit n-1 for signal n, as the kernel's sigset_t.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct SigSet(pub u64);

impl SigSet {
    /// None.
    pub const EMPTY: SigSet = SigSet(0);
    /// Those that cannot be blocked or ignored.
    pub const UNBLOCKABLE: SigSet = SigSet::EMPTY.with(sig::KILL).with(sig::STOP);
    /// Those that a fault of the thread itself raises: taken first.
    pub const SYNCHRONOUS: SigSet = SigSet::EMPTY
        .with(sig::SEGV)
        .with(sig::BUS)
        .with(sig::ILL)
        .with(sig::TRAP)
        .with(sig::FPE)
        .with(sig::SYS);
    /// Those that stop a process by default.
    pub const STOPPING: SigSet =
        SigSet::EMPTY.with(sig::STOP).with(sig::TSTP).with(sig::TTIN).with(sig::TTOU);

    /// With `signo` added; nothing is added for what is no signal.
    pub const fn with(self, signo: u32) -> SigSet {
        SigSet(self.0 | bit(signo))
    }
    /// Without `signo`.
    pub const fn without(self, signo: u32) -> SigSet {
        SigSet(self.0 & !bit(signo))
    }
    /// Whether `signo` is a member.
    pub const fn has(self, signo: u32) -> bool {
        self.0 & bit(signo) != 0
    }
    /// Members of either.
    pub const fn union(self, other: SigSet) -> SigSet {
        SigSet(self.0 | other.0)
    }
    /// Members of this that are not in `other`.
    pub const fn minus(self, other: SigSet) -> SigSet {
        SigSet(self.0 & !other.0)
    }
    /// Members of both.
    pub const fn and(self, other: SigSet) -> SigSet {
        SigSet(self.0 & other.0)
    }
    /// Whether it has no member.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The lowest member.
    pub const fn first(self) -> Option<u32> {
        if self.0 == 0 { None } else { Some(self.0.trailing_zeros() + 1) }
    }
}

impl core::fmt::Debug for SigSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

const fn bit(signo: u32) -> u64 {
    if signo >= 1 && signo <= sig::MAX { 1 << (signo - 1) } else { 0 }
}

/// What a signal does to a process that neither handles nor ignores it: signal(7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Default {
    /// Ends it.
    Terminate,
    /// Ends it, and would leave a core file.
    Core,
    /// Nothing.
    Ignore,
    /// Stops it.
    Stop,
    /// Lets it go on, if it is stopped.
    Continue,
}

/// The default action of `signo`.
pub const fn default_action(signo: u32) -> Default {
    match signo {
        sig::CHLD | sig::URG | sig::WINCH => Default::Ignore,
        sig::CONT => Default::Continue,
        sig::STOP | sig::TSTP | sig::TTIN | sig::TTOU => Default::Stop,
        sig::QUIT
        | sig::ILL
        | sig::TRAP
        | sig::ABRT
        | sig::BUS
        | sig::FPE
        | sig::SEGV
        | sig::XCPU
        | sig::XFSZ
        | sig::SYS => Default::Core,
        _ => Default::Terminate,
    }
}

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
    "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The name without SIG; real-time signals have none.
pub fn name(signo: u32) -> &'static str {
    NAMES.get((signo as usize).wrapping_sub(1)).copied().unwrap_or("RT")
}
