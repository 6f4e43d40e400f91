//! What is said of an application that dies of its own fault: registers, where it was and how it came there, what
//! lies at the address that it wanted, and the last system call of the thread.
//!
//! Addresses of code are given as file and offset; `osv-pack run` puts the names of functions to them. Return
//! addresses come from the chain of frame pointers as far as there is one, else from the stack's words that lead into
//! code, marked with a question mark.

use super::set;
use crate::thread::Thread;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use osv_abi::mem::UserAddr;
use osv_abi::table;
use osv_abi::uapi::memory::Prot;
use osv_abi::uapi::signal::{Siginfo, sig};
use osv_hw::gate::{self, Kind, UserRegs};
use osv_hw::usercopy;
use osv_mm::space::AreaReport;

/// Most return addresses that are listed: with the rest it is what osv-pack keeps of the log.
const FRAMES_MAX: usize = 12;
/// How many words of the stack are searched where there is no chain.
const WORDS_MAX: usize = 256;

/// Reports the death of `me` by `info` at `regs`.
#[cold]
pub(super) fn report(me: &Thread, info: &Siginfo, regs: &UserRegs) {
    let signo = info.signo.cast_unsigned();
    let name = me.name();
    let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
    osv_base::error!(
        "the application is at fault: {} (process {}, thread {}) killed by SIG{} at rip {:#x}, rsp {:#x}, address {:#x}",
        name[..end].escape_ascii(),
        me.process().pid(),
        me.tid(),
        set::name(signo),
        regs.rip,
        regs.rsp,
        info.fields[0]
    );
    // What memory is too short for is left out.
    let areas = me.process().space().and_then(|space| space.report(false).ok()).unwrap_or_default();
    let mut text = String::new();
    let _ = write(&mut text, signo, info, regs, &areas);
    for line in text.lines() {
        osv_base::error!("{line}");
    }
}

fn write(to: &mut String, signo: u32, info: &Siginfo, regs: &UserRegs, areas: &[AreaReport]) -> fmt::Result {
    let rows = [
        [("rax", regs.rax), ("rbx", regs.rbx), ("rcx", regs.rcx), ("rdx", regs.rdx)],
        [("rsi", regs.rsi), ("rdi", regs.rdi), ("rbp", regs.rbp), ("rsp", regs.rsp)],
        [(" r8", regs.r8), (" r9", regs.r9), ("r10", regs.r10), ("r11", regs.r11)],
        [("r12", regs.r12), ("r13", regs.r13), ("r14", regs.r14), ("r15", regs.r15)],
    ];
    for row in rows {
        for (name, value) in row {
            write!(to, "  {name} {value:016x}")?;
        }
        to.push('\n');
    }
    writeln!(to, "  rip {:016x}  flags {:08x}", regs.rip, regs.rflags)?;
    if matches!(signo, sig::SEGV | sig::BUS) {
        let addr = info.fields[0];
        match area_of(areas, addr) {
            Some(area) => {
                write!(to, "  {addr:#x} lies in ")?;
                area.write_maps(to)?;
            }
            None => writeln!(to, "  {addr:#x} is not mapped")?,
        }
    }
    writeln!(to, "  backtrace:")?;
    writeln!(to, "    {}", Place(areas, regs.rip))?;
    let (returns, certain) = match chain(regs, areas) {
        chain if chain.is_empty() => (search(regs, areas), false),
        chain => (chain, true),
    };
    for address in returns {
        writeln!(to, "    {}{}", Place(areas, address), if certain { "" } else { " ?" })?;
    }
    last_call(to)
}

fn area_of(areas: &[AreaReport], addr: u64) -> Option<&AreaReport> {
    areas.iter().find(|area| area.range.contains(&addr))
}

fn is_code(areas: &[AreaReport], addr: u64) -> bool {
    area_of(areas, addr).is_some_and(|area| area.prot.contains(Prot::EXEC))
}

/// An address, with its file and the offset there.
struct Place<'a>(&'a [AreaReport], u64);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place(areas, addr) = *self;
        write!(f, "{addr:#018x}")?;
        match area_of(areas, addr) {
            Some(area) if !area.name.is_empty() => {
                write!(f, " {}+{:#x}", area.name, addr - area.range.start + area.offset)
            }
            Some(_) => Ok(()),
            None => f.write_str(" (not mapped)"),
        }
    }
}

fn word(at: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    usercopy::copy_in(&mut bytes, UserAddr(at)).ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// Return addresses along the frame pointers, as long as they rise and lead into code.
fn chain(regs: &UserRegs, areas: &[AreaReport]) -> Vec<u64> {
    let mut found = Vec::new();
    let (mut frame, mut above) = (regs.rbp, regs.rsp);
    while found.len() < FRAMES_MAX && frame >= above && frame & 7 == 0 {
        let (Some(next), Some(address)) = (word(frame), word(frame.wrapping_add(8))) else { break };
        if !is_code(areas, address) || found.try_reserve(1).is_err() {
            break;
        }
        found.push(address);
        (above, frame) = (frame + 16, next);
    }
    found
}

/// Words of the stack that lead into code.
fn search(regs: &UserRegs, areas: &[AreaReport]) -> Vec<u64> {
    let mut found = Vec::new();
    for at in 0..WORDS_MAX as u64 {
        let Some(value) = word((regs.rsp & !7).wrapping_add(at * 8)) else { break };
        if is_code(areas, value) && found.len() < FRAMES_MAX && found.try_reserve(1).is_ok() {
            found.push(value);
        }
    }
    found
}

/// The frame of a thread's last entry stays at the top of its kernel stack.
fn last_call(to: &mut String) -> fmt::Result {
    struct Args<'a>(&'static table::Row, &'a [u64; 6]);
    impl fmt::Display for Args<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.show(self.1, f, None)
        }
    }
    // SAFETY: the running thread's own, of which no reference is used after this copy of plain words.
    let (kind, nr, args) = unsafe {
        let frame = gate::current_frame();
        (
            (&raw const (*frame).kind).read(),
            (&raw const (*frame).nr).read(),
            (&raw const (*frame).args).read(),
        )
    };
    match table::by_number(nr as usize) {
        Some(row) if kind != Kind::NONE => {
            writeln!(to, "  last system call of the thread: {}({})", row.name, Args(row, &args))
        }
        _ => Ok(()),
    }
}
