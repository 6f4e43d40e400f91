//! What entry code calls: see [`osv_hw::upcall`].

use crate::signal::deliver;
use crate::thread::current;
use osv_abi::uapi::signal::{code, sig};
use osv_hw::gate::InterruptFrame;
use osv_hw::percpu;
use osv_hw::upcall::{self, Access, Upcalls};
use osv_mm::space::{Access as Wanted, Outcome};

/// Registers this crate's functions with the entry code. Bring-up does so before the first thread runs.
pub fn register() {
    upcall::register(Upcalls {
        page_fault,
        app_fault: deliver::app_fault,
        timer: osv_sched::timer_fired,
        reschedule_ipi,
        preempt: osv_sched::preempt,
        before_return_to_app: deliver::before_return_to_app,
        exit_to_app: deliver::exit_to_app,
    });
}

fn page_fault(addr: u64, access: Access, _frame: &mut InterruptFrame) -> bool {
    if percpu::current().is_null() {
        return false;
    }
    let me = current();
    let Some(space) = me.space() else { return false };
    let wanted = if access.write {
        Wanted::Write
    } else if access.execute {
        Wanted::Execute
    } else {
        Wanted::Read
    };
    me.count_fault();
    let meaning = match space.fault(addr, wanted) {
        Outcome::Done => return true,
        Outcome::Unmapped => (sig::SEGV, code::SEGV_MAPERR),
        Outcome::Forbidden => (sig::SEGV, code::SEGV_ACCERR),
        Outcome::PastEnd | Outcome::Failed => (sig::BUS, code::BUS_ADRERR),
        Outcome::OutOfMemory => {
            crate::last_resort();
            (sig::BUS, code::BUS_ADRERR)
        }
    };
    me.own().page_fault.set(Some(meaning));
    false
}

fn reschedule_ipi() {
    let head = percpu::current();
    if head.is_null() {
        return;
    }
    crate::activation::on_reschedule();
}
