//! brk(2): the heap behind the program.

use super::area::{Area, AreaFlags, Backing};
use super::map::{ACCESS, admit};
use super::{AddressSpace, MIN_ADDR, PAGE};
use core::sync::atomic::Ordering;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::Prot;

impl AddressSpace {
    /// Where the heap begins; exec says so, the program's end plus [`super::Layout::brk_gap`].
    pub fn set_brk_start(&self, start: u64) {
        let start = start.next_multiple_of(PAGE);
        self.inner.write().brk = start..start;
    }

    /// Moves the end of the heap to `end` if that can be; returns where it is afterwards.
    pub fn brk(&self, end: u64) -> u64 {
        let mut inner = self.inner.write();
        let (start, old) = (inner.brk.start, inner.brk.end);
        if end < start.max(MIN_ADDR) || end >= USER_END || start == 0 {
            return old;
        }
        let data = self.limits.data.load(Ordering::Relaxed);
        if data != u64::MAX && end - start > data {
            return old;
        }
        let (old_page, new_page) = (old.next_multiple_of(PAGE), end.next_multiple_of(PAGE));
        if new_page < old_page {
            let range = new_page..old_page;
            if inner.check_unsealed(&range).is_err() || inner.remove(self, range).is_err() {
                return old;
            }
        } else if new_page > old_page {
            let area = Area {
                range: old_page..new_page,
                prot: Prot::READ | Prot::WRITE,
                max_prot: ACCESS,
                flags: if inner.lock_future { AreaFlags::BRK | AreaFlags::LOCKED } else { AreaFlags::BRK },
                backing: Backing::Anonymous,
            };
            // As Linux: a page stays free between the heap and what lies above.
            if !inner.is_hole(&(old_page..new_page + PAGE))
                || admit(area.bytes(), true).is_err()
                || self.check_limits(&inner, area.bytes(), &area).is_err()
                || inner.add(area).is_err()
            {
                return old;
            }
        }
        inner.brk.end = end;
        end
    }
}
