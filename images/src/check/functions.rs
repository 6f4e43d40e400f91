//! Where an object's functions lie, as its unwind table tells.
//!
//! Decoding must start at an instruction, and text holds data too (OpenSSL keeps its constants between functions).
//! Nearly every compiled function has an entry in .eh_frame, which survives stripping; what lies between the entries
//! is hand-written code, start-up code or data.

use crate::elf::Elf;
use gimli::{BaseAddresses, CieOrFde, EhFrame, LittleEndian, UnwindSection};
use osv_link::elf::PT_GNU_EH_FRAME;

/// Address ranges of functions, ascending; empty when the object has no unwind table.
pub fn functions(elf: &Elf<'_>) -> Vec<(u64, u64)> {
    let Some((address, bytes)) = eh_frame(elf) else { return Vec::new() };
    let section = EhFrame::new(bytes, LittleEndian);
    let bases = BaseAddresses::default().set_eh_frame(address);
    let mut entries = section.entries(&bases);
    let mut functions = Vec::new();
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(fde) = partial.parse(EhFrame::cie_from_offset)
        {
            functions.push((fde.initial_address(), fde.initial_address().saturating_add(fde.len())));
        }
    }
    functions.sort_unstable();
    functions
}

/// Address and bytes of .eh_frame: by its section, or through the header that PT_GNU_EH_FRAME names.
fn eh_frame<'a>(elf: &Elf<'a>) -> Option<(u64, &'a [u8])> {
    if let Some(section) = elf.section(".eh_frame") {
        return Some(section);
    }
    let header_at = elf.image.find(PT_GNU_EH_FRAME)?.vaddr;
    let header = elf.image.tail(header_at)?;
    let &[version, encoding, ..] = header else { return None };
    // pcrel, sdata4: what every linker writes.
    if version != 1 || encoding != 0x1b {
        return None;
    }
    let offset = i32::from_le_bytes(*header.get(4..)?.first_chunk()?);
    let address = header_at.checked_add(4)?.checked_add_signed(offset.into())?;
    Some((address, elf.image.tail(address)?))
}
