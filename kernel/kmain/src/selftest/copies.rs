//! Law 6: copies recover from any address.

use super::app::{self, CODE, HOLE, READ_ONLY, STACK};
use super::{check, test};
use osv_abi::UserAddr;
use osv_hw::usercopy::{self, NoFault};

const BAD: [u64; 8] = [
    0,
    0x10_0000,
    0x7fff_ffff_f000,
    0x7fff_ffff_ffff,
    0x8000_0000_0000,
    0xffff_8000_0010_0000,
    0xffff_ffff_8010_0000,
    u64::MAX - 4,
];

test!(BAD_ADDRESSES_ARE_FAULTS, {
    for addr in BAD.map(UserAddr) {
        for len in [1, 8, 64, 5000] {
            let mut buf = [0u8; 5000];
            check(usercopy::copy_in(&mut buf[..len], addr).is_err(), "copy in")?;
            check(usercopy::copy_out(addr, &buf[..len]).is_err(), "copy out")?;
            check(usercopy::clear(addr, len).is_err(), "clear")?;
        }
        let word = UserAddr(addr.0 & !3);
        check(usercopy::load_u32(word).is_err(), "load")?;
        check(usercopy::store_u32(word, 1).is_err(), "store")?;
        check(usercopy::swap_u32(word, 1).is_err(), "swap")?;
        check(usercopy::compare_exchange_u32(word, 0, 1).is_err(), "compare and exchange")?;
        check(usercopy::strnlen(addr, 10).is_err(), "string")?;
    }
    check(usercopy::copy_in(&mut [0; 64], UserAddr(u64::MAX - 10)).is_err(), "a range that wraps")
});

test!(READ_ONLY_MEMORY_IS_NOT_WRITTEN, {
    check(usercopy::copy_in(&mut [1; 100], UserAddr(READ_ONLY)).is_ok(), "reading")?;
    check(usercopy::copy_out(UserAddr(READ_ONLY), &[1; 100]).is_err(), "copy out")?;
    check(usercopy::compare_exchange_u32(UserAddr(READ_ONLY), 0, 1).is_err(), "compare and exchange")
});

test!(COPIES_STOP_AT_THE_EXACT_BYTE, {
    let end = STACK + 0x2000;
    for len in [1usize, 7, 8, 31, 32, 33, 100, 600, 4096] {
        for over in [1usize, 5, 8, 40] {
            let start = UserAddr(end - len as u64);
            let bytes = alloc::vec![0x5a; len + over];
            // SAFETY: the vector has as many bytes.
            let left = unsafe { usercopy::copy_out_partial(start, bytes.as_ptr(), len + over) };
            check(left == over, "copy out stops at the end of the page")?;
            let mut back = alloc::vec![0; len + over];
            // SAFETY: as above.
            let left = unsafe { usercopy::copy_in_partial(back.as_mut_ptr(), start, len + over) };
            check(left == over && back[..len] == bytes[..len], "copy in gives what was written")?;
            check(usercopy::clear_partial(start, len + over) == over, "clear stops at the end of the page")?;
        }
    }
    Ok(())
});

test!(WORDS_ARE_READ_AND_WRITTEN, {
    let at = UserAddr(STACK + 64);
    usercopy::store_u32(at, 5).map_err(|_| "store")?;
    check(usercopy::load_u32(at).ok() == Some(5), "load")?;
    check(usercopy::compare_exchange_u32(at, 4, 9).ok() == Some(5), "a mismatch gives the value")?;
    check(usercopy::compare_exchange_u32(at, 5, 9).ok() == Some(5), "a match gives the old value")?;
    check(usercopy::swap_u32(at, 1).ok() == Some(9), "the exchange took place")
});

test!(COPIES_FAULT_PAGES_IN_UNLESS_TOLD_NOT_TO, {
    let section = NoFault::enter();
    check(usercopy::copy_out(UserAddr(HOLE), &[1]).is_err(), "not under NoFault")?;
    drop(section);
    check(usercopy::copy_out_nofault(UserAddr(HOLE), &[1]) == 0, "not without faulting")?;
    let copied = usercopy::copy_out(UserAddr(HOLE), &[1]);
    app::unmap_hole();
    check(copied.is_ok() && CODE != 0, "faulted in")
});
