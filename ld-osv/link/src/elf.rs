//! The ELF64 little-endian x86-64 format as far as a dynamic linker reads it: constants and raw records.
//!
//! Records are read out of byte slices by value, with bounds checks and no alignment demands; nothing here trusts a
//! length or an index.

/// `e_type`: fixed-address executable.
pub const ET_EXEC: u16 = 2;
/// `e_type`: shared object or position-independent executable.
pub const ET_DYN: u16 = 3;
/// `e_machine` of x86-64.
pub const EM_X86_64: u16 = 62;

/// Loadable segment.
pub const PT_LOAD: u32 = 1;
/// Dynamic section.
pub const PT_DYNAMIC: u32 = 2;
/// Name of the interpreter.
pub const PT_INTERP: u32 = 3;
/// The program headers themselves.
pub const PT_PHDR: u32 = 6;
/// Thread-local storage template.
pub const PT_TLS: u32 = 7;
/// Unwind table index.
pub const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
/// Stack flags.
pub const PT_GNU_STACK: u32 = 0x6474_e551;
/// What becomes read-only after relocation.
pub const PT_GNU_RELRO: u32 = 0x6474_e552;

/// Segment flag: executable.
pub const PF_X: u32 = 1;
/// Segment flag: writable.
pub const PF_W: u32 = 2;
/// Segment flag: readable.
pub const PF_R: u32 = 4;

/// Tags of the dynamic section.
#[expect(missing_docs, reason = "named as in the ELF specification")]
pub mod dt {
    pub const NULL: u64 = 0;
    pub const NEEDED: u64 = 1;
    pub const PLTRELSZ: u64 = 2;
    pub const HASH: u64 = 4;
    pub const STRTAB: u64 = 5;
    pub const SYMTAB: u64 = 6;
    pub const RELA: u64 = 7;
    pub const RELASZ: u64 = 8;
    pub const RELAENT: u64 = 9;
    pub const STRSZ: u64 = 10;
    pub const SYMENT: u64 = 11;
    pub const INIT: u64 = 12;
    pub const FINI: u64 = 13;
    pub const SONAME: u64 = 14;
    pub const RPATH: u64 = 15;
    pub const SYMBOLIC: u64 = 16;
    pub const REL: u64 = 17;
    pub const PLTREL: u64 = 20;
    pub const DEBUG: u64 = 21;
    pub const TEXTREL: u64 = 22;
    pub const JMPREL: u64 = 23;
    pub const INIT_ARRAY: u64 = 25;
    pub const FINI_ARRAY: u64 = 26;
    pub const INIT_ARRAYSZ: u64 = 27;
    pub const FINI_ARRAYSZ: u64 = 28;
    pub const RUNPATH: u64 = 29;
    pub const FLAGS: u64 = 30;
    pub const PREINIT_ARRAY: u64 = 32;
    pub const PREINIT_ARRAYSZ: u64 = 33;
    pub const RELRSZ: u64 = 35;
    pub const RELR: u64 = 36;
    pub const RELRENT: u64 = 37;
    pub const GNU_HASH: u64 = 0x6fff_fef5;
    pub const VERSYM: u64 = 0x6fff_fff0;
    pub const FLAGS_1: u64 = 0x6fff_fffb;
    pub const VERDEF: u64 = 0x6fff_fffc;
    pub const VERDEFNUM: u64 = 0x6fff_fffd;
    pub const VERNEED: u64 = 0x6fff_fffe;
    pub const VERNEEDNUM: u64 = 0x6fff_ffff;
}

/// DT_FLAGS: look in the object itself first.
pub const DF_SYMBOLIC: u64 = 2;
/// DT_FLAGS: relocations touch read-only segments.
pub const DF_TEXTREL: u64 = 4;
/// DT_FLAGS: all symbols are to be bound at once.
pub const DF_BIND_NOW: u64 = 8;
/// DT_FLAGS: uses the initial-exec TLS model.
pub const DF_STATIC_TLS: u64 = 0x10;
/// DT_FLAGS_1: all symbols are to be bound at once.
pub const DF_1_NOW: u64 = 1;
/// DT_FLAGS_1: never unload.
pub const DF_1_NODELETE: u64 = 8;
/// DT_FLAGS_1: constructors run before all others'.
pub const DF_1_INITFIRST: u64 = 0x20;
/// DT_FLAGS_1: position-independent executable.
pub const DF_1_PIE: u64 = 0x0800_0000;

/// Relocation types.
#[expect(missing_docs, reason = "named as in the psABI")]
pub mod r {
    pub const NONE: u32 = 0;
    pub const ABS64: u32 = 1;
    pub const PC32: u32 = 2;
    pub const COPY: u32 = 5;
    pub const GLOB_DAT: u32 = 6;
    pub const JUMP_SLOT: u32 = 7;
    pub const RELATIVE: u32 = 8;
    pub const ABS32: u32 = 10;
    pub const DTPMOD64: u32 = 16;
    pub const DTPOFF64: u32 = 17;
    pub const TPOFF64: u32 = 18;
    pub const PC64: u32 = 24;
    pub const SIZE64: u32 = 33;
    pub const TLSDESC: u32 = 36;
    pub const IRELATIVE: u32 = 37;
}

/// Symbol binding: not visible outside its file.
pub const STB_LOCAL: u8 = 0;
/// Symbol binding: may stay undefined.
pub const STB_WEAK: u8 = 2;
/// Symbol binding: one definition in the whole process.
pub const STB_GNU_UNIQUE: u8 = 10;
/// Symbol type: untyped.
pub const STT_NOTYPE: u8 = 0;
/// Symbol type: datum.
pub const STT_OBJECT: u8 = 1;
/// Symbol type: function.
pub const STT_FUNC: u8 = 2;
/// Symbol type: offset in a TLS block.
pub const STT_TLS: u8 = 6;
/// Symbol type: function whose address a resolver gives.
pub const STT_GNU_IFUNC: u8 = 10;
/// Section index: undefined.
pub const SHN_UNDEF: u16 = 0;
/// Section index: absolute value.
pub const SHN_ABS: u16 = 0xfff1;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// The `N` bytes at `at`.
fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Reads a `u16`.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_le_bytes)
}

/// Reads a `u32`.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes_at(bytes, at).map(u32::from_le_bytes)
}

/// Reads a `u64`.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}

/// The string that starts at `at` and ends before a zero byte.
pub fn str_at(table: &[u8], at: usize) -> Option<&[u8]> {
    let tail = table.get(at..)?;
    tail.get(..tail.iter().position(|&byte| byte == 0)?)
}

/// A program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the ELF specification")]
pub struct Phdr {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub vaddr: u64,
    pub filesz: u64,
    pub memsz: u64,
    pub align: u64,
}

impl Phdr {
    /// Size of the record.
    pub const SIZE: usize = 56;

    /// Reads the record at `at`.
    pub fn read(bytes: &[u8], at: usize) -> Option<Self> {
        Some(Phdr {
            kind: u32_at(bytes, at)?,
            flags: u32_at(bytes, at + 4)?,
            offset: u64_at(bytes, at + 8)?,
            vaddr: u64_at(bytes, at + 16)?,
            filesz: u64_at(bytes, at + 32)?,
            memsz: u64_at(bytes, at + 40)?,
            align: u64_at(bytes, at + 48)?,
        })
    }
}

/// A symbol table entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in the ELF specification")]
pub struct Sym {
    pub name: u32,
    pub info: u8,
    pub other: u8,
    pub shndx: u16,
    pub value: u64,
    pub size: u64,
}

impl Sym {
    /// Size of the record.
    pub const SIZE: usize = 24;

    /// Reads entry `index` of a symbol table.
    pub fn read(table: &[u8], index: u32) -> Option<Self> {
        let at = (index as usize).checked_mul(Self::SIZE)?;
        Some(Sym {
            name: u32_at(table, at)?,
            info: *table.get(at + 4)?,
            other: *table.get(at + 5)?,
            shndx: u16_at(table, at + 6)?,
            value: u64_at(table, at + 8)?,
            size: u64_at(table, at + 16)?,
        })
    }

    /// STT_*.
    pub fn kind(&self) -> u8 {
        self.info & 15
    }

    /// STB_*.
    pub fn binding(&self) -> u8 {
        self.info >> 4
    }

    /// Whether the object defines it, rather than asks for it.
    pub fn is_defined(&self) -> bool {
        self.shndx != SHN_UNDEF
    }
}

/// A relocation with addend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rela {
    /// Where.
    pub offset: u64,
    /// What: see [`r`].
    pub kind: u32,
    /// Index of the symbol.
    pub symbol: u32,
    /// Constant.
    pub addend: i64,
}

impl Rela {
    /// Size of the record.
    pub const SIZE: usize = 24;

    /// Reads the record at byte `at`.
    pub fn read(table: &[u8], at: usize) -> Option<Self> {
        let info = u64_at(table, at + 8)?;
        Some(Rela {
            offset: u64_at(table, at)?,
            kind: info as u32,
            symbol: (info >> 32) as u32,
            addend: u64_at(table, at + 16)? as i64,
        })
    }
}

/// The GNU hash of a name.
pub fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

/// The hash of the System V ABI, also used for version names.
pub fn sysv_hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, &byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

/// `value` rounded down to a multiple of the power of two `align`.
pub fn align_down(value: u64, align: u64) -> u64 {
    value & !(align - 1)
}

/// `value` rounded up to a multiple of the power of two `align`.
pub fn align_up(value: u64, align: u64) -> Option<u64> {
    Some(align_down(value.checked_add(align - 1)?, align))
}
