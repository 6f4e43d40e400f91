//! References that nothing answers.
//!
//! A missing function is bound to a stub of its own, which names it when it is called and ends the program: many
//! programs never call it, and a line at start would spoil the output of those. The stubs lie ready in the object's
//! text, 16 bytes each; nothing is generated.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::arch::global_asm;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Release};
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};
use osv_link::Error;
use osv_link::elf::STT_OBJECT;
use osv_link::reloc::{Gaps, Undefined};
use osv_posix::gate::{self, Sysno};
use osv_posix::report;

use crate::table::is_served;

/// Different missing functions that can be told apart; those beyond share the last stub.
const STUBS: usize = 512;

global_asm!(
    ".section .text.osv_missing, \"ax\", @progbits",
    ".balign 16",
    ".hidden __osv_missing",
    ".globl __osv_missing",
    "__osv_missing:",
    ".set .Losv_index, 0",
    ".rept {count}",
    "mov edi, offset .Losv_index",
    "jmp 2f",
    ".balign 16, 0xcc",
    ".set .Losv_index, .Losv_index + 1",
    ".endr",
    "2:",
    "and rsp, -16",
    "call {called}",
    "ud2",
    ".text",
    count = const STUBS,
    called = sym called,
);

unsafe extern "C" {
    #[link_name = "__osv_missing"]
    safe static CODE: u8;
}

static NAMES: [AtomicPtr<String>; STUBS] = [const { AtomicPtr::new(null_mut()) }; STUBS];
static USED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn called(index: usize) -> ! {
    // SAFETY: names are leaked boxes.
    let name = NAMES.get(index).and_then(|name| unsafe { name.load(Acquire).as_ref() });
    report::fatal(name.map_or("osv: a missing function", String::as_str))
}

/// The stub that says `text`.
fn stub(text: String) -> u64 {
    let code = (&raw const CODE).expose_provenance() as u64;
    let used = USED.load(Acquire);
    for (index, name) in NAMES.iter().enumerate().take(used) {
        // SAFETY: names are leaked boxes.
        if unsafe { name.load(Acquire).as_ref() }.is_some_and(|known| *known == text) {
            return code + index as u64 * 16;
        }
    }
    let index = used.min(STUBS - 1);
    if used < STUBS {
        NAMES[index].store(Box::into_raw(Box::new(text)), Release);
        USED.store(used + 1, Release);
    } else {
        report::line(format_args!("{text}; there are too many to tell apart"));
    }
    code + index as u64 * 16
}

/// An address whose use faults.
fn nowhere() -> u64 {
    static PAGE: AtomicU64 = AtomicU64::new(0);
    if PAGE.load(Acquire) == 0 {
        // SAFETY: a new private mapping without access disturbs nothing.
        let at = unsafe { gate::try_call(Sysno::mmap, [0, 4096, 0, 0x22, usize::MAX, 0]) };
        PAGE.store(at.map_or(0, |at| at as u64), Release);
    }
    PAGE.load(Acquire)
}

fn lossy(bytes: &[u8]) -> alloc::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// What start-up and dlopen do about gaps.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// RTLD_NOW: a function that no library of the program defines is an error, as it is to glibc. One that the
    /// table should have is not: this libc is incomplete, the program may do without.
    pub is_strict: bool,
}

impl Gaps for Policy {
    fn missing(&mut self, undefined: Undefined<'_>) -> Result<u64, Error> {
        let from_libc = undefined.file.is_some_and(is_served);
        if self.is_strict && !from_libc {
            return Err(undefined.error());
        }
        let text =
            format!("osv: {} (wanted by {}) is missing", lossy(undefined.name), lossy(undefined.wanted_by));
        if undefined.kind == STT_OBJECT {
            // Data gives no sign when it is used: the line must come first, and use must not go well.
            report::line(format_args!("{text}; it is a datum, its use will fault"));
            return Ok(nowhere());
        }
        Ok(stub(text))
    }

    fn other_version(&mut self, reference: Undefined<'_>) {
        report::line(format_args!(
            "osv: {}@{} (wanted by {}) is bound to another version",
            lossy(reference.name),
            lossy(reference.version.unwrap_or(b"")),
            lossy(reference.wanted_by)
        ));
    }
}
