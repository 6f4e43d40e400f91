//! Instructions that matter: `syscall`, with its number where the code says it, and what only ring 0 may do.

use super::functions::functions;
use crate::elf::Elf;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// An instruction that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// A 64-bit system call.
    Syscall {
        /// Where.
        address: u64,
        /// Which, where a constant is moved into eax just before.
        number: Option<u32>,
    },
    /// A 32-bit system call, which osv-rs does not have.
    Legacy {
        /// Where.
        address: u64,
        /// Which instruction.
        name: &'static str,
    },
    /// An instruction that would fault in ring 3.
    Privileged {
        /// Where.
        address: u64,
        /// The instruction.
        text: String,
    },
}

impl Site {
    /// Where it is.
    pub fn address(&self) -> u64 {
        match self {
            Self::Syscall { address, .. }
            | Self::Legacy { address, .. }
            | Self::Privileged { address, .. } => *address,
        }
    }
}

/// Start-up code ends in a `hlt` that is reached only when `__libc_start_main` returns, which it doesn't.
const START_LEN: u64 = 64;

/// All such instructions of an object.
pub fn sites(elf: &Elf<'_>) -> Vec<Site> {
    let functions = functions(elf);
    let start = elf.image.entry..elf.image.entry.saturating_add(START_LEN);
    let mut sites = Vec::new();
    for (base, bytes) in elf.code() {
        let end = base.saturating_add(bytes.len() as u64);
        let mut at = base;
        let inside = functions.iter().filter(|(from, to)| *from >= base && *to <= end);
        for (from, to) in inside {
            if *from > at {
                sweep(base, bytes, (at, *from), Trust::Gap, &mut sites);
            }
            sweep(base, bytes, (*from, *to), Trust::Function, &mut sites);
            at = at.max(*to);
        }
        let trust = if functions.is_empty() { Trust::Function } else { Trust::Gap };
        sweep(base, bytes, (at, end), trust, &mut sites);
    }
    sites.retain(|site| !matches!(site, Site::Privileged { address, .. } if start.contains(address)));
    sites
}

/// Whether bytes are known to be code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Function,
    /// Between functions: perhaps data, where one-byte instructions like `hlt` stand by chance. A system call counts
    /// there only with its number.
    Gap,
}

fn sweep(base: u64, bytes: &[u8], (from, to): (u64, u64), trust: Trust, sites: &mut Vec<Site>) {
    let offset = |address: u64| usize::try_from(address - base).unwrap_or(usize::MAX).min(bytes.len());
    let code = &bytes[offset(from)..offset(to)];
    let mut decoder = Decoder::with_ip(64, code, from, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut number = None;
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let address = instruction.ip();
        match instruction.code() {
            Code::Syscall if trust == Trust::Function || number.is_some() => {
                sites.push(Site::Syscall { address, number });
            }
            Code::Int_imm8 if instruction.immediate8() == 0x80 && trust == Trust::Function => {
                sites.push(Site::Legacy { address, name: "int 0x80 (32-bit system call)" });
            }
            Code::Sysenter if trust == Trust::Function => {
                sites.push(Site::Legacy { address, name: "sysenter (32-bit system call)" });
            }
            _ if instruction.is_privileged() && trust == Trust::Function => {
                sites.push(Site::Privileged { address, text: text(&instruction) });
            }
            _ => {}
        }
        number = next_number(&instruction, number);
    }
}

/// What eax holds behind the instruction, as far as constants go.
fn next_number(instruction: &Instruction, number: Option<u32>) -> Option<u32> {
    let is_eax = |register: Register| register.full_register() == Register::RAX;
    let writes_eax = instruction.op_count() > 0
        && instruction.op0_kind() == OpKind::Register
        && is_eax(instruction.op0_register());
    match instruction.mnemonic() {
        Mnemonic::Mov if writes_eax => match instruction.op1_kind() {
            OpKind::Immediate32 | OpKind::Immediate32to64 | OpKind::Immediate64 => {
                u32::try_from(instruction.immediate(1)).ok()
            }
            _ => None,
        },
        Mnemonic::Xor if writes_eax && instruction.op1_kind() == OpKind::Register => {
            (instruction.op0_register() == instruction.op1_register()).then_some(0)
        }
        Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push => number,
        Mnemonic::Syscall => None,
        _ if writes_eax || instruction.flow_control() != FlowControl::Next => None,
        // Multiplications and the like write eax without naming it.
        Mnemonic::Mul
        | Mnemonic::Imul
        | Mnemonic::Div
        | Mnemonic::Idiv
        | Mnemonic::Cpuid
        | Mnemonic::Rdtsc => None,
        _ => number,
    }
}

/// The mnemonic in small letters, as assemblers write it.
fn text(instruction: &Instruction) -> String {
    format!("{:?}", instruction.mnemonic()).to_lowercase()
}
