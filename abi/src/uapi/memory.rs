//! Memory management: mman.h. Unknown bits are kept, so that handlers can judge them and strace can show them.

use crate::arg::Arg;
use crate::mem::UserMemory;
use bitflags::bitflags;
use core::fmt;

/// Prints `bits` by `names`, what is left over in hexadecimal, and `none` for zero.
fn show_bits(f: &mut fmt::Formatter<'_>, bits: u64, names: &[(&str, u64)], none: &str) -> fmt::Result {
    let mut left = bits;
    let mut first = true;
    for (name, value) in names {
        if *value != 0 && left & value == *value {
            left &= !value;
            write!(f, "{}{name}", if first { "" } else { "|" })?;
            first = false;
        }
    }
    if left != 0 {
        write!(f, "{}{left:#x}", if first { "" } else { "|" })
    } else if first {
        f.write_str(none)
    } else {
        Ok(())
    }
}

macro_rules! flag_args {
    ($($(#[$doc:meta])* $name:ident: $register:ident ($none:literal) { $($(#[$fattr:ident $($fargs:tt)*])* $flag:ident = $value:literal, $text:literal;)* })*) => {$(
        bitflags! {
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
            pub struct $name: u32 {
                $($(#[$fattr $($fargs)*])* const $flag = $value;)*
                /// Bits without a name.
                const _ = !0;
            }
        }
        impl Arg for $name {
            #[inline(always)]
            fn decode(regs: &[u64]) -> Self {
                // An int ignores the register's upper half; in a long it is no valid flag either.
                let beyond = stringify!($register) == "long" && regs[0] >> 32 != 0;
                $name::from_bits_retain(regs[0] as u32 | if beyond { 1 << 31 } else { 0 })
            }
            fn show(&self, f: &mut fmt::Formatter<'_>, _: Option<&dyn UserMemory>) -> fmt::Result {
                show_bits(f, u64::from(self.bits()), &[$(($text, $value)),*], $none)
            }
        }
    )*};
}

flag_args! {
    /// Protection of memory: mmap(2), mprotect(2).
    Prot: long ("PROT_NONE") {
        /// May be read.
        READ = 1, "PROT_READ";
        /// May be written.
        WRITE = 2, "PROT_WRITE";
        /// May be executed.
        EXEC = 4, "PROT_EXEC";
        /// For atomic operations; means nothing here.
        SEM = 8, "PROT_SEM";
        /// mprotect: down to the start of a mapping that grows down.
        GROWSDOWN = 0x0100_0000, "PROT_GROWSDOWN";
        /// mprotect: up to the end of a mapping that grows up.
        GROWSUP = 0x0200_0000, "PROT_GROWSUP";
    }

    /// The fourth argument of mmap(2).
    MapFlags: long ("0") {
        /// Shared, unknown flags refused.
        SHARED_VALIDATE = 3, "MAP_SHARED_VALIDATE";
        /// Writes reach the object and other mappings.
        SHARED = 1, "MAP_SHARED";
        /// Writes make private copies.
        PRIVATE = 2, "MAP_PRIVATE";
        /// At this very address.
        FIXED = 0x10, "MAP_FIXED";
        /// Zeros, no file.
        ANONYMOUS = 0x20, "MAP_ANONYMOUS";
        /// Below 2 GiB.
        LOW_2G = 0x40, "MAP_32BIT";
        /// Grows down, for stacks.
        GROWSDOWN = 0x100, "MAP_GROWSDOWN";
        /// Ignored.
        DENYWRITE = 0x800, "MAP_DENYWRITE";
        /// Ignored.
        EXECUTABLE = 0x1000, "MAP_EXECUTABLE";
        /// As mlock(2).
        LOCKED = 0x2000, "MAP_LOCKED";
        /// Not counted against memory.
        NORESERVE = 0x4000, "MAP_NORESERVE";
        /// Fault all in now.
        POPULATE = 0x8000, "MAP_POPULATE";
        /// With POPULATE: do not wait.
        NONBLOCK = 0x1_0000, "MAP_NONBLOCK";
        /// For a thread's stack.
        STACK = 0x2_0000, "MAP_STACK";
        /// Of reserved huge pages.
        HUGETLB = 0x4_0000, "MAP_HUGETLB";
        /// Persistent memory, synchronously.
        SYNC = 0x8_0000, "MAP_SYNC";
        /// At this very address, if nothing is there.
        FIXED_NOREPLACE = 0x10_0000, "MAP_FIXED_NOREPLACE";
        /// Not zeroed (needs a special kernel).
        UNINITIALIZED = 0x400_0000, "MAP_UNINITIALIZED";
    }

    /// The flags of mremap(2).
    RemapFlags: long ("0") {
        /// The mapping may move.
        MAYMOVE = 1, "MREMAP_MAYMOVE";
        /// To this very address.
        FIXED = 2, "MREMAP_FIXED";
        /// The old range stays mapped, empty.
        DONTUNMAP = 4, "MREMAP_DONTUNMAP";
    }

    /// The flags of msync(2).
    SyncFlags: int ("0") {
        /// Begin to write.
        ASYNC = 1, "MS_ASYNC";
        /// Other mappings see the file anew.
        INVALIDATE = 2, "MS_INVALIDATE";
        /// Write and wait.
        SYNC = 4, "MS_SYNC";
    }

    /// The flags of mlockall(2).
    LockAllFlags: int ("0") {
        /// What is mapped now.
        CURRENT = 1, "MCL_CURRENT";
        /// What will be mapped.
        FUTURE = 2, "MCL_FUTURE";
        /// Lock pages as they are faulted in.
        ONFAULT = 4, "MCL_ONFAULT";
    }

    /// The flags of mlock2(2).
    LockFlags: int ("0") {
        /// Lock pages as they are faulted in.
        ONFAULT = 1, "MLOCK_ONFAULT";
    }
}

/// Advice of madvise(2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Advice(pub i32);

macro_rules! advice {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl Advice {
            $($(#[$doc])* pub const $name: Advice = Advice($value);)*
            const NAMES: &[(&'static str, i32)] = &[$((concat!("MADV_", stringify!($name)), $value)),*];
        }
    };
}

advice! {
    /// No particular pattern.
    NORMAL = 0;
    /// Random access.
    RANDOM = 1;
    /// Sequential access.
    SEQUENTIAL = 2;
    /// Needed soon.
    WILLNEED = 3;
    /// Contents may go: zeros or the file's bytes come back.
    DONTNEED = 4;
    /// Contents may go until written again.
    FREE = 8;
    /// Punch a hole into the object.
    REMOVE = 9;
    /// Not inherited by fork.
    DONTFORK = 10;
    /// Inherited by fork.
    DOFORK = 11;
    /// May be merged with equal pages.
    MERGEABLE = 12;
    /// May not be merged.
    UNMERGEABLE = 13;
    /// Huge pages wanted.
    HUGEPAGE = 14;
    /// Huge pages not wanted.
    NOHUGEPAGE = 15;
    /// Left out of core dumps.
    DONTDUMP = 16;
    /// Put in core dumps.
    DODUMP = 17;
    /// Zeros in a forked child.
    WIPEONFORK = 18;
    /// Undoes WIPEONFORK.
    KEEPONFORK = 19;
    /// Not needed soon.
    COLD = 20;
    /// Reclaim now.
    PAGEOUT = 21;
    /// Fault in for reading.
    POPULATE_READ = 22;
    /// Fault in for writing.
    POPULATE_WRITE = 23;
    /// As DONTNEED, of locked memory too.
    DONTNEED_LOCKED = 24;
    /// Collapse into huge pages now.
    COLLAPSE = 25;
}

impl Arg for Advice {
    #[inline(always)]
    fn decode(regs: &[u64]) -> Self {
        Advice(regs[0] as i32)
    }
    fn show(&self, f: &mut fmt::Formatter<'_>, _: Option<&dyn UserMemory>) -> fmt::Result {
        match Advice::NAMES.iter().find(|(_, value)| *value == self.0) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}
