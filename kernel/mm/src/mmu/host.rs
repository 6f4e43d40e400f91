//! A simulated MMU for host tests: real tables in the arena, and TLBs that never forget by themselves, so that a
//! forgotten shootdown shows.

use super::radix::{Encoding, Node, Tree};
use super::{Entry, Mmu, PageTable, Pte, Size};
use crate::OutOfMemory;
use crate::cpu::CpuSet;
use alloc::boxed::Box;
use core::ops::Range;
use osv_base::{PhysAddr, VirtAddr};

/// Entries as x86-64 has them, nearly.
#[derive(Debug)]
pub struct HostEncoding;

const PRESENT: u64 = 1;
const TABLE: u64 = 1 << 6;
const FLAGS_AT: u32 = 52;

impl Encoding for HostEncoding {
    fn leaf(entry: Entry) -> u64 {
        let present = if entry.flags.contains(Pte::READ) { PRESENT } else { 2 };
        entry.phys.0 | present | u64::from(entry.flags.bits()) << FLAGS_AT
    }
    fn table(phys: PhysAddr) -> u64 {
        phys.0 | PRESENT | TABLE
    }
    fn decode(raw: u64, level: u8) -> Node {
        let phys = PhysAddr(raw & 0x000f_ffff_ffff_f000);
        if raw & TABLE != 0 {
            return Node::Table(phys);
        }
        let size = if level == 2 { Size::Huge } else { Size::Small };
        Node::Leaf(Entry { phys, size, flags: Pte::from_bits_truncate((raw >> FLAGS_AT) as u8) })
    }
}

/// The simulated machine.
#[derive(Debug)]
pub struct HostMmu;

type Tlb = alloc::collections::BTreeMap<(usize, u64), Entry>;

std::thread_local! {
    static TLB: core::cell::RefCell<Tlb> = const { core::cell::RefCell::new(Tlb::new()) };
}

/// Remembers a translation of the address space with these `cpus`, as a CPU would.
pub fn remember(cpus: &CpuSet, at: u64, entry: Entry) {
    TLB.with(|tlb| tlb.borrow_mut().insert((core::ptr::from_ref(cpus).addr(), at), entry));
}

/// What is remembered of that address space.
pub fn remembered(cpus: &CpuSet) -> alloc::vec::Vec<(u64, Entry)> {
    let space = core::ptr::from_ref(cpus).addr();
    TLB.with(|tlb| tlb.borrow().range((space, 0)..(space, u64::MAX)).map(|((_, at), e)| (*at, *e)).collect())
}

impl Mmu for HostMmu {
    fn new_table(&self) -> Result<Box<dyn PageTable>, OutOfMemory> {
        Ok(Box::new(Tree::<HostEncoding>::new(core::iter::empty())?))
    }
    fn flush_here(&self, _at: u64) {}
    fn shoot_down(&self, cpus: &CpuSet, range: Range<u64>) {
        let space = core::ptr::from_ref(cpus).addr();
        TLB.with(|tlb| {
            tlb.borrow_mut().retain(|(s, at), entry| {
                let goes = *s == space && range.contains(at);
                // Until now a CPU may have used it.
                assert!(!goes || crate::frame::holders(entry.phys) != Some(0), "freed before the shootdown");
                !goes
            });
        });
    }
    fn map_kernel(&self, _at: VirtAddr, _entry: Option<Entry>) -> Result<(), OutOfMemory> {
        Ok(())
    }
    fn shoot_down_kernel(&self, _range: Range<u64>) {}
    fn kernel_area(&self) -> Range<u64> {
        0xffff_c000_0000_0000..0xffff_c100_0000_0000
    }
}
