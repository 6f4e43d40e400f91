//! W^X of the kernel half, and the string functions.

use super::{check, test};
use osv_base::PhysAddr;
use osv_hw::layout::direct;
use osv_hw::paging;

const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const LARGE: u64 = 128;
const NO_EXECUTE: u64 = 1 << 63;

fn entry(table: u64, index: usize) -> u64 {
    let at = direct(PhysAddr(table)).0 as usize + index * 8;
    // SAFETY: the direct map shows all RAM, and tables lie in RAM.
    unsafe { core::ptr::with_exposed_provenance::<u64>(at).read_volatile() }
}

/// Visits each leaf below `table`: address, physical address, writable, executable.
fn walk(table: u64, level: u32, base: u64, flags: u64, visit: &mut dyn FnMut(u64, u64, bool, bool)) {
    for index in 0..512 {
        if level == 4 && index < 256 {
            continue;
        }
        let raw = entry(table, index);
        if raw & PRESENT == 0 {
            continue;
        }
        let mut at = base | (index as u64) << (12 + 9 * (level - 1));
        if level == 4 {
            at |= 0xffff << 48;
        }
        // Writable if all levels say so, executable unless one forbids it.
        let here = (flags & raw & WRITE) | ((flags | raw) & NO_EXECUTE);
        let phys = raw & 0x000f_ffff_ffff_f000;
        if level == 1 || raw & LARGE != 0 {
            visit(at, phys, here & WRITE != 0, here & NO_EXECUTE == 0);
        } else {
            walk(phys, level - 1, at, here, visit);
        }
    }
}

test!(NOTHING_IS_BOTH_WRITABLE_AND_EXECUTABLE, {
    let (mut bad, mut executable) = (0, 0);
    walk(paging::root().0, 4, 0, WRITE, &mut |at, _, write, execute| {
        bad += u32::from(write && execute);
        executable += u32::from(execute);
        if execute && at < osv_hw::layout::IMAGE {
            bad += 1;
        }
    });
    check(executable > 0, "the walk finds the kernel's text")?;
    check(bad == 0, "a page is writable and executable, or executable outside of the image")
});

test!(TEXT_IS_READ_ONLY_IN_EVERY_MAPPING, {
    let mut text = alloc::vec::Vec::new();
    walk(paging::root().0, 4, 0, WRITE, &mut |_, phys, _, execute| {
        if execute {
            text.push(phys);
        }
    });
    let mut writable = 0;
    walk(paging::root().0, 4, 0, WRITE, &mut |_, phys, write, _| {
        writable += u32::from(write && text.contains(&phys))
    });
    check(writable == 0, "a page of text is writable elsewhere")
});

test!(LOWER_HALF_OF_THE_KERNELS_TABLES_IS_EMPTY, {
    check((0..256).all(|index| entry(paging::root().0, index) == 0), "an identity mapping is left")
});

test!(STRING_FUNCTIONS_AGREE_WITH_LOOPS, {
    let source: alloc::vec::Vec<u8> = (0..4200u32).map(|i| (i * 31 % 251) as u8).collect();
    for len in (0..200).chain([255, 256, 1000, 1023, 1024, 1025, 4096]) {
        let mut copy = alloc::vec![0u8; len + 2];
        copy[1..=len].copy_from_slice(&source[3..3 + len]);
        check(copy[0] == 0 && copy[len + 1] == 0, "memcpy writes only its range")?;
        check((0..len).all(|i| copy[1 + i] == source[3 + i]), "memcpy")?;
        for (from, to) in [(0, 1), (1, 0), (0, 7), (7, 0), (0, 40), (40, 0), (0, 16)] {
            let mut moved = source.clone();
            moved.copy_within(from..from + len.min(4000), to);
            check((0..len.min(4000)).all(|i| moved[to + i] == source[from + i]), "memmove")?;
        }
        copy[1..=len].fill(0xa5);
        check(copy[0] == 0 && copy[len + 1] == 0 && copy[1..=len].iter().all(|&b| b == 0xa5), "memset")?;
        if len > 0 {
            let mut other = source[..len].to_vec();
            check(other[..] == source[..len], "memcmp of equals")?;
            other[len - 1] ^= 1;
            check(other[..] != source[..len], "memcmp of the last byte")?;
        }
    }
    check(b"abc"[..] < b"abd"[..] && b"b"[..] > b"a\xff"[..], "memcmp orders")
});
