//! Where things go, at random.

use super::PAGE;
use super::area::STACK_GAP;
use osv_abi::mem::USER_END;

/// Addresses of an address space, as Linux lays them out on x86-64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// mmap goes down from here.
    pub mmap_top: u64,
    /// End of the first thread's stack.
    pub stack_top: u64,
    /// Where a position-independent program is loaded.
    pub pie_base: u64,
    /// Distance from the program's end to its heap.
    pub brk_gap: u64,
}

/// Two thirds of the lower half (ELF_ET_DYN_BASE).
const PIE_BASE: u64 = 0x5555_5555_4000;
/// Random pages: of the stack, of mmap and the program.
const STACK_BITS: u32 = 22;
const MMAP_BITS: u32 = 28;

impl Layout {
    /// Drawn at random, with room for a stack of `stack` bytes.
    pub fn random(stack: u64) -> Layout {
        let draw = |bits: u32| (osv_base::random::u64() >> (64 - bits)) * PAGE;
        let room =
            (stack.saturating_add(STACK_GAP) + (PAGE << STACK_BITS)).clamp(128 << 20, USER_END / 6 * 5);
        Layout {
            mmap_top: (USER_END - room - draw(MMAP_BITS)) & !(PAGE - 1),
            stack_top: USER_END - draw(STACK_BITS),
            pie_base: PIE_BASE + draw(MMAP_BITS),
            brk_gap: draw(13),
        }
    }

    /// The same every time, for tests and for ADDR_NO_RANDOMIZE.
    pub fn fixed() -> Layout {
        Layout { mmap_top: 0x7fff_f7ff_f000, stack_top: USER_END, pie_base: PIE_BASE, brk_gap: 0 }
    }
}
