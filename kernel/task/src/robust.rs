//! Robust locks: at a thread's end, the locks that it holds say so. The list is the application's and may be
//! anything; it is followed for a bounded number of steps.

use crate::futex;
use crate::thread::Current;
use osv_abi::UserAddr;
use osv_abi::uapi::process::{RobustListHead, futex as word};
use osv_hw::usercopy;
use zerocopy::{FromZeros, IntoBytes};

/// Most entries that are looked at (ROBUST_LIST_LIMIT).
const LIMIT: usize = 2048;

/// Marks every lock on the calling thread's list whose owner it is, and wakes a waiter of each.
pub(crate) fn release(me: &Current) {
    let head_addr = me.own().robust_list.get();
    if head_addr == 0 {
        return;
    }
    let mut head = RobustListHead::new_zeroed();
    if usercopy::copy_in(head.as_mut_bytes(), UserAddr(head_addr)).is_err() {
        return;
    }
    // Bit 0 of an entry marks a PI lock, of which there are none here.
    let lock_of = |entry: u64| UserAddr((entry & !1).wrapping_add_signed(head.futex_offset));
    let pending = head.list_op_pending;
    let mut entry = head.list;
    for _ in 0..LIMIT {
        if entry & !1 == head_addr || entry == 0 {
            break;
        }
        let mut next = 0u64;
        let readable = usercopy::copy_in(next.as_mut_bytes(), UserAddr(entry & !1)).is_ok();
        if entry & !1 != pending & !1 && mark(me, lock_of(entry), false).is_none() || !readable {
            return;
        }
        entry = next;
    }
    if pending != 0 {
        mark(me, lock_of(pending), true);
    }
}

fn mark(me: &Current, lock: UserAddr, pending: bool) -> Option<()> {
    let mut value = usercopy::load_u32(lock).ok()?;
    loop {
        if pending && value == 0 {
            // Unlocked, but perhaps died before the wake.
            wake(me, lock);
            return Some(());
        }
        if value & word::TID_MASK != me.tid() {
            return Some(());
        }
        let dead = value & word::WAITERS | word::OWNER_DIED;
        let seen = usercopy::compare_exchange_u32(lock, value, dead).ok()?;
        if seen == value {
            if value & word::WAITERS != 0 {
                wake(me, lock);
            }
            return Some(());
        }
        value = seen;
    }
}

fn wake(me: &Current, lock: UserAddr) {
    if let Some(space) = me.space()
        && let Ok(key) = space.futex_key(lock.0, true)
    {
        let _ = futex::wake(key, 1, u32::MAX);
    }
}
