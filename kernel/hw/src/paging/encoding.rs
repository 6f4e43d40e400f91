//! How x86 writes page table entries.

use osv_base::PhysAddr;
use osv_mm::mmu::radix::{Encoding, Node};
use osv_mm::mmu::{Entry, Pte, Size};

pub(super) const PRESENT: u64 = 1;
pub(super) const WRITE: u64 = 2;
#[cfg(osv_guest)]
pub(super) const UNCACHED: u64 = 8 | 16;
const ACCESSED: u64 = 32;
const DIRTY: u64 = 64;
/// In an entry above the lowest level: maps a page itself.
pub(super) const LARGE: u64 = 128;
pub(super) const GLOBAL: u64 = 256;
/// Ignored by the machine.
const ANON: u64 = 512;
/// Ignored by the machine: keeps an entry without access from being zero.
const KEPT: u64 = 1024;
pub(super) const NO_EXECUTE: u64 = 1 << 63;
pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Four-level tables of x86-64.
#[derive(Debug)]
pub struct X86;

const FLAGS: [(Pte, u64); 5] = [
    (Pte::READ, PRESENT),
    (Pte::WRITE, WRITE),
    (Pte::ANON, ANON),
    (Pte::DIRTY, DIRTY),
    (Pte::ACCESSED, ACCESSED),
];

impl Encoding for X86 {
    #[inline]
    fn leaf(entry: Entry) -> u64 {
        let mut raw = entry.phys.0 | KEPT;
        for (flag, bit) in FLAGS {
            if entry.flags.contains(flag) {
                raw |= bit;
            }
        }
        if !entry.flags.contains(Pte::EXEC) {
            raw |= NO_EXECUTE;
        }
        if entry.size == Size::Huge {
            raw |= LARGE;
        }
        raw
    }

    #[inline]
    fn table(phys: PhysAddr) -> u64 {
        phys.0 | PRESENT | WRITE
    }

    #[inline]
    fn decode(raw: u64, level: u8) -> Node {
        let phys = PhysAddr(raw & ADDRESS);
        if level > 1 && raw & LARGE == 0 {
            return Node::Table(phys);
        }
        let mut flags = Pte::empty();
        for (flag, bit) in FLAGS {
            if raw & bit != 0 {
                flags |= flag;
            }
        }
        if raw & NO_EXECUTE == 0 {
            flags |= Pte::EXEC;
        }
        let size = if level > 1 { Size::Huge } else { Size::Small };
        Node::Leaf(Entry { phys, size, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_decode_to_what_was_encoded() {
        for bits in 0..=Pte::all().bits() {
            for size in [Size::Small, Size::Huge] {
                let entry =
                    Entry { phys: PhysAddr(0x12_3460_0000), size, flags: Pte::from_bits_truncate(bits) };
                let raw = X86::leaf(entry);
                assert_ne!(raw, 0);
                assert_eq!(raw & PRESENT != 0, entry.flags.contains(Pte::READ));
                assert_eq!(X86::decode(raw, if size == Size::Huge { 2 } else { 1 }), Node::Leaf(entry));
            }
        }
    }

    #[test]
    fn tables_are_not_leaves() {
        assert_eq!(X86::decode(X86::table(PhysAddr(0x5000)), 2), Node::Table(PhysAddr(0x5000)));
    }
}
