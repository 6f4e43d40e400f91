//! Return addresses by unwind tables, for `backtrace`: optimised programs keep no frame pointers.
//!
//! It takes no lock and allocates nothing, since handlers of SIGSEGV call it. What the tables don't cover ends the
//! walk.

use crate::commit::pointer;
use crate::dl::index::{self, Entry};
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, LittleEndian, ParsedEhFrameHdr, Register,
    RegisterRule, UnwindContext, UnwindContextStorage, UnwindSection, UnwindTableRow, X86_64,
};

/// Rules of one frame: registers that the ABI numbers, and some to spare.
const RULES: usize = 24;
/// DW_CFA_remember_state, nested.
const DEPTH: usize = 4;

struct Fixed;

impl UnwindContextStorage<usize> for Fixed {
    type Rules = [(Register, RegisterRule<usize>); RULES];
    type Stack = [UnwindTableRow<usize, Self>; DEPTH];
}

type Bytes = EndianSlice<'static, LittleEndian>;

/// DWARF numbers of x86-64: 0 to 15 the integer registers, 16 the return address.
#[derive(Clone, Copy, Debug)]
struct Registers([u64; 17]);

const RSP: usize = 7;
const RIP: usize = 16;

impl Registers {
    fn get(&self, register: Register) -> Option<u64> {
        self.0.get(usize::from(register.0)).copied()
    }
}

/// What `backtrace` pushes: the registers that a call preserves, then stack pointer and address after the return.
#[repr(C)]
#[derive(Debug)]
pub struct Captured {
    rbx: u64,
    rbp: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    rsp: u64,
    rip: u64,
}

/// The tables of an object.
fn tables(entry: &Entry) -> Option<(ParsedEhFrameHdr<Bytes>, EhFrame<Bytes>, BaseAddresses)> {
    if entry.unwind < entry.start || entry.unwind >= entry.end {
        return None;
    }
    let bytes = |from: u64| {
        // SAFETY: an indexed object's mappings; tables are read where their own lengths lead.
        let bytes: &'static [u8] =
            unsafe { core::slice::from_raw_parts(pointer(from), (entry.end - from) as usize) };
        bytes
    };
    let bases = BaseAddresses::default().set_eh_frame_hdr(entry.unwind);
    let header = EhFrameHdr::new(bytes(entry.unwind), LittleEndian).parse(&bases, 8).ok()?;
    let frames = header.eh_frame_ptr().direct().ok().filter(|at| (entry.start..entry.end).contains(at))?;
    Some((header, EhFrame::new(bytes(frames), LittleEndian), bases.set_eh_frame(frames)))
}

/// The first address of the function that holds `address`.
pub fn function_at(entry: &Entry, address: u64) -> Option<u64> {
    let (header, frames, bases) = tables(entry)?;
    let table = header.table()?;
    let fde = table.fde_for_address(&frames, &bases, address, EhFrame::cie_from_offset).ok()?;
    Some(fde.initial_address())
}

/// `mov $15,%rax; syscall`: what a signal handler returns to.
const RESTORER: [u8; 9] = [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];

/// The caller's registers, if this frame has a caller.
fn step(registers: &Registers, is_call: bool) -> Option<(Registers, bool)> {
    let reader = index::read();
    // A call may be a function's last instruction: its return address belongs to what comes behind.
    let address = registers.0[RIP].checked_sub(u64::from(is_call))?;
    let entry = reader.find(address)?;
    let rip = registers.0[RIP];
    if rip + RESTORER.len() as u64 <= entry.end {
        // SAFETY: code of a loaded object.
        let code: [u8; 9] = unsafe { pointer::<[u8; 9]>(rip).read_unaligned() };
        if code == RESTORER {
            // SAFETY: the kernel's frame lies where the handler's return address was.
            return Some((unsafe { interrupted(registers.0[RSP]) }, false));
        }
    }
    let (header, frames, bases) = tables(entry)?;
    let mut context: UnwindContext<usize, Fixed> = UnwindContext::new_in();
    let table = header.table()?;
    let found =
        table.unwind_info_for_address(&frames, &bases, &mut context, address, EhFrame::cie_from_offset);
    let row = found.ok()?;
    let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else { return None };
    let cfa = registers.get(register)?.checked_add_signed(offset)?;
    // A stack grows down: a caller's frame lies above.
    if cfa <= registers.0[RSP].wrapping_sub(1) || cfa & 7 != 0 {
        return None;
    }
    let mut caller = *registers;
    caller.0[RSP] = cfa;
    caller.0[RIP] = 0;
    for (register, rule) in row.registers() {
        let value = match *rule {
            RegisterRule::Undefined => 0,
            // SAFETY: a slot of the frame, says the table.
            RegisterRule::Offset(offset) => unsafe {
                pointer::<u64>(cfa.checked_add_signed(offset)?).read_unaligned()
            },
            RegisterRule::ValOffset(offset) => cfa.checked_add_signed(offset)?,
            RegisterRule::Register(other) => registers.get(other)?,
            _ => continue,
        };
        if let Some(slot) = caller.0.get_mut(usize::from(register.0)) {
            *slot = value;
        }
    }
    (caller.0[RIP] != 0).then_some((caller, true))
}

/// Registers of the code that a signal interrupted.
///
/// # Safety
/// The kernel's signal frame lies at `stack`: a ucontext, its registers 40 bytes in.
unsafe fn interrupted(stack: u64) -> Registers {
    /// In the order of `gregset_t`.
    const ORDER: [Register; 17] = [
        X86_64::R8,
        X86_64::R9,
        X86_64::R10,
        X86_64::R11,
        X86_64::R12,
        X86_64::R13,
        X86_64::R14,
        X86_64::R15,
        X86_64::RDI,
        X86_64::RSI,
        X86_64::RBP,
        X86_64::RBX,
        X86_64::RDX,
        X86_64::RAX,
        X86_64::RCX,
        X86_64::RSP,
        X86_64::RA,
    ];
    let mut registers = Registers([0; 17]);
    for (index, register) in ORDER.iter().enumerate() {
        // SAFETY: the caller's promise.
        let value = unsafe { pointer::<u64>(stack + 40 + index as u64 * 8).read_unaligned() };
        registers.0[usize::from(register.0)] = value;
    }
    registers
}

/// Stores return addresses, the innermost first; returns how many.
///
/// # Safety
/// `buffer` has room for `size` of them; `from` is what `backtrace` captured.
pub unsafe extern "C" fn walk(buffer: *mut usize, size: i32, from: *const Captured) -> i32 {
    // SAFETY: the caller's promise.
    let from = unsafe { &*from };
    let mut registers = Registers([0; 17]);
    for (register, value) in [
        (X86_64::RBX, from.rbx),
        (X86_64::RBP, from.rbp),
        (X86_64::R12, from.r12),
        (X86_64::R13, from.r13),
        (X86_64::R14, from.r14),
        (X86_64::R15, from.r15),
        (X86_64::RSP, from.rsp),
        (X86_64::RA, from.rip),
    ] {
        registers.0[usize::from(register.0)] = value;
    }
    let mut is_call = true;
    let mut count = 0;
    while count < size {
        // SAFETY: below `size`.
        unsafe { buffer.add(count as usize).write(registers.0[RIP] as usize) };
        count += 1;
        match step(&registers, is_call) {
            Some(caller) => (registers, is_call) = caller,
            None => break,
        }
    }
    count
}

/// `backtrace(buffer, size)`.
///
/// # Safety
/// As its manual page says.
#[unsafe(naked)]
#[unsafe(export_name = "__osv_backtrace")]
pub unsafe extern "C" fn backtrace(buffer: *mut usize, size: i32) -> i32 {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "mov rcx, [rsp]",
        "lea rax, [rsp + 8]",
        "push rcx",
        "push rax",
        "push r15",
        "push r14",
        "push r13",
        "push r12",
        "push rbp",
        "push rbx",
        "mov rdx, rsp",
        "sub rsp, 8",
        ".cfi_def_cfa_offset 80",
        "call {walk}",
        "add rsp, 72",
        ".cfi_def_cfa_offset 8",
        "ret",
        ".cfi_endproc",
        walk = sym walk,
    )
}
