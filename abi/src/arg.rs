//! Argument types of system calls: each position of a row has a type that decodes itself from registers and
//! prints itself for strace. Decoding never fails and never touches memory; reading through an `In` may.

use crate::errno::Errno;
use crate::mem::UserMemory;
pub use crate::uapi::memory::{Advice, LockAllFlags, LockFlags, MapFlags, Prot, RemapFlags, SyncFlags};
pub use crate::uapi::socket::{MMsgHdr, MsgHdr};
use core::fmt;
use core::marker::PhantomData;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A value taken from one or more argument registers.
pub trait Arg: Copy {
    /// How many registers it takes.
    const REGS: usize = 1;
    /// Decodes from exactly [`Self::REGS`] registers.
    fn decode(regs: &[u64]) -> Self;
    /// Prints it as strace does, reading through pointers where `mem` allows.
    fn show(&self, f: &mut fmt::Formatter<'_>, mem: Option<&dyn UserMemory>) -> fmt::Result;
}

/// Hands out the six argument registers one typed argument after the other.
#[derive(Clone, Copy, Debug)]
pub struct ArgReader<'a> {
    regs: &'a [u64; 6],
    next: usize,
}

impl<'a> ArgReader<'a> {
    /// Starts at the first register.
    #[inline(always)]
    pub const fn new(regs: &'a [u64; 6]) -> Self {
        ArgReader { regs, next: 0 }
    }

    /// Decodes the next argument. A row asks for at most six registers (asserted in the table).
    #[inline(always)]
    pub fn take<A: Arg>(&mut self) -> A {
        let at = self.next;
        self.next += A::REGS;
        A::decode(&self.regs[at..at + A::REGS])
    }
}

macro_rules! int_args {
    ($($(#[$doc:meta])* $name:ident($t:ty) = $fmt:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
        #[repr(transparent)]
        pub struct $name(pub $t);
        impl Arg for $name {
            #[inline(always)]
            fn decode(regs: &[u64]) -> Self { $name(regs[0] as $t) }
            fn show(&self, f: &mut fmt::Formatter<'_>, _: Option<&dyn UserMemory>) -> fmt::Result {
                write!(f, $fmt, self.0)
            }
        }
    )*};
}

int_args! {
    /// A file descriptor; AT_FDCWD where the call allows it.
    Fd(i32) = "{}";
    /// C `int`.
    Int(i32) = "{}";
    /// C `unsigned int`.
    UInt(u32) = "{}";
    /// C `long` and `off_t`.
    Long(i64) = "{}";
    /// C `unsigned long`.
    ULong(u64) = "{}";
    /// C `size_t`.
    Size(usize) = "{}";
    /// Flags without a type of their own yet.
    Flags(u32) = "{:#x}";
    /// File mode bits.
    Mode(u32) = "{:#o}";
    /// Process or thread number.
    Pid(i32) = "{}";
    /// Signal number.
    Sig(i32) = "{}";
}

impl Fd {
    /// The current directory in `openat` and its kin.
    pub const CWD: Fd = Fd(-100);
}

impl Arg for UserAddr {
    #[inline(always)]
    fn decode(regs: &[u64]) -> Self {
        UserAddr(regs[0])
    }
    fn show(&self, f: &mut fmt::Formatter<'_>, _: Option<&dyn UserMemory>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

macro_rules! pointers {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[repr(transparent)]
        pub struct $name<T>(pub UserAddr, PhantomData<fn() -> T>);
        impl<T> Clone for $name<T> { fn clone(&self) -> Self { *self } }
        impl<T> Copy for $name<T> {}
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{:?}", self.0) }
        }
        impl<T> $name<T> {
            /// The pointer to a `T` alleged to lie at `addr`.
            pub const fn at(addr: UserAddr) -> Self { $name(addr, PhantomData) }
            /// Whether the application gave NULL.
            pub const fn is_null(self) -> bool { self.0.is_null() }
            /// The same allegation, `n` elements further on.
            pub const fn index(self, n: usize) -> Self {
                $name(self.0.add(n.wrapping_mul(size_of::<T>())), PhantomData)
            }
        }
        impl<T> Arg for $name<T> {
            #[inline(always)]
            fn decode(regs: &[u64]) -> Self { $name(UserAddr(regs[0]), PhantomData) }
            fn show(&self, f: &mut fmt::Formatter<'_>, _: Option<&dyn UserMemory>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    )*};
}

pointers! {
    /// Pointer to a `T` that the call reads.
    In,
    /// Pointer to a `T` that the call writes.
    Out,
    /// Pointer to a `T` that the call reads and writes.
    InOut
}

fn read_value<T: FromBytes + IntoBytes>(
    addr: UserAddr,
    mem: &(impl UserMemory + ?Sized),
) -> Result<T, Errno> {
    let mut value = T::new_zeroed();
    mem.read_bytes(addr, value.as_mut_bytes())?;
    Ok(value)
}

impl<T: FromBytes + IntoBytes> In<T> {
    /// Copies the value in: EFAULT when it is not readable.
    #[inline]
    pub fn read(self, mem: &(impl UserMemory + ?Sized)) -> Result<T, Errno> {
        read_value(self.0, mem)
    }

    /// Copies the value in, or `None` for NULL.
    #[inline]
    pub fn read_opt(self, mem: &(impl UserMemory + ?Sized)) -> Result<Option<T>, Errno> {
        if self.is_null() { Ok(None) } else { self.read(mem).map(Some) }
    }
}

impl<T: IntoBytes + Immutable> Out<T> {
    /// Copies the value out: EFAULT when it is not writable.
    #[inline]
    pub fn write(self, mem: &(impl UserMemory + ?Sized), value: &T) -> Result<(), Errno> {
        Ok(mem.write_bytes(self.0, value.as_bytes())?)
    }

    /// Copies the value out unless the application gave NULL.
    #[inline]
    pub fn write_opt(self, mem: &(impl UserMemory + ?Sized), value: &T) -> Result<(), Errno> {
        if self.is_null() { Ok(()) } else { self.write(mem, value) }
    }
}

impl<T: FromBytes + IntoBytes + Immutable> InOut<T> {
    /// See [`In::read_opt`].
    #[inline]
    pub fn read_opt(self, mem: &(impl UserMemory + ?Sized)) -> Result<Option<T>, Errno> {
        if self.is_null() { Ok(None) } else { self.read(mem).map(Some) }
    }
    /// See [`In::read`].
    #[inline]
    pub fn read(self, mem: &(impl UserMemory + ?Sized)) -> Result<T, Errno> {
        read_value(self.0, mem)
    }
    /// See [`Out::write`].
    #[inline]
    pub fn write(self, mem: &(impl UserMemory + ?Sized), value: &T) -> Result<(), Errno> {
        Ok(mem.write_bytes(self.0, value.as_bytes())?)
    }
}

macro_rules! buffers {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            /// First byte.
            pub addr: UserAddr,
            /// Length in bytes, as the application says.
            pub len: usize,
        }
        impl Arg for $name {
            const REGS: usize = 2;
            #[inline(always)]
            fn decode(regs: &[u64]) -> Self { $name { addr: UserAddr(regs[0]), len: regs[1] as usize } }
            fn show(&self, f: &mut fmt::Formatter<'_>, _: Option<&dyn UserMemory>) -> fmt::Result {
                write!(f, "{:?}, {}", self.addr, self.len)
            }
        }
    )*};
}

buffers! {
    /// Buffer that the call reads: pointer and length, two registers.
    InBuf,
    /// Buffer that the call fills: pointer and length, two registers.
    OutBuf
}

/// Longest path that Linux takes, with its NUL.
pub const PATH_MAX: usize = 4096;

/// Pointer to a NUL-terminated string, usually a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct CStrPtr(pub UserAddr);

impl CStrPtr {
    /// Copies the string without its NUL into `buf` and returns it. EFAULT when it is not readable;
    /// ENAMETOOLONG when there is no NUL within `buf.len()` bytes.
    pub fn read<'b>(self, mem: &(impl UserMemory + ?Sized), buf: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        let mut done = 0;
        while done < buf.len() {
            // To the end of the page: what lies behind it need not be mapped.
            let addr = self.0.add(done);
            let chunk = (4096 - (addr.0 & 4095) as usize).min(buf.len() - done).min(256);
            mem.read_bytes(addr, &mut buf[done..done + chunk])?;
            if let Some(nul) = buf[done..done + chunk].iter().position(|&b| b == 0) {
                return Ok(&buf[..done + nul]);
            }
            done += chunk;
        }
        Err(Errno::ENAMETOOLONG)
    }
}

impl Arg for CStrPtr {
    #[inline(always)]
    fn decode(regs: &[u64]) -> Self {
        CStrPtr(UserAddr(regs[0]))
    }
    fn show(&self, f: &mut fmt::Formatter<'_>, mem: Option<&dyn UserMemory>) -> fmt::Result {
        let mut buf = [0u8; 64];
        match mem.map(|mem| self.read(mem, &mut buf)) {
            Some(Ok(text)) => write!(f, "\"{}\"", text.escape_ascii()),
            Some(Err(Errno::ENAMETOOLONG)) => write!(f, "\"{}\"...", buf.escape_ascii()),
            _ => write!(f, "{:?}", self.0),
        }
    }
}

/// Structures that the files of the system call table name in `In`, `Out` and `InOut`.
pub use crate::mem::UserAddr;
pub use crate::uapi::{
    event::{EpollEvent, SigsetArg},
    file::{CacheRange, CacheStat, Stat, Statfs, Statx, aio::AioSigset},
    ipc::MqAttr,
    process::{CapData, CapHeader, Rlimit, Rusage},
    signal::{SigStack, Sigaction},
    system::{Sysinfo, Utsname},
    time::{Itimerspec, Itimerval, Sigevent, Timespec, Timeval, Timex, Timezone, Tms},
};
