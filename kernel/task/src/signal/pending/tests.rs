use super::*;
use osv_abi::uapi::signal::code;

fn info(signo: u32, value: u64) -> Siginfo {
    Siginfo::sent(signo, code::SI_QUEUE, 1, 0, value)
}

const ALL: SigSet = SigSet(u64::MAX);

#[test]
fn a_standard_signal_waits_once_and_a_real_time_one_as_often_as_sent() {
    let mut pending = Pending::new();
    assert_eq!(pending.push(info(sig::USR1, 1), 10), Some(true));
    assert_eq!(pending.push(info(sig::USR1, 2), 10), Some(false));
    assert_eq!(pending.push(info(40, 3), 10), Some(true));
    assert_eq!(pending.push(info(40, 4), 10), Some(true));
    let order: std::vec::Vec<_> =
        core::iter::from_fn(|| pending.take(ALL)).map(|i| (i.signo, i.fields[1])).collect();
    assert_eq!(order, [(10, 1), (40, 3), (40, 4)]);
    assert!(pending.set().is_empty());
}

#[test]
fn a_fault_goes_before_lower_numbers() {
    let mut pending = Pending::new();
    pending.push(info(sig::HUP, 0), 10);
    pending.push(info(sig::SEGV, 0), 10);
    assert_eq!(pending.take(ALL).map(|i| i.signo), Some(11));
}

#[test]
fn what_is_blocked_stays() {
    let mut pending = Pending::new();
    pending.push(info(sig::USR1, 0), 10);
    assert!(pending.take(ALL.without(sig::USR1)).is_none());
    assert!(pending.set().has(sig::USR1));
}

#[test]
fn a_full_queue_refuses_real_time_signals_only() {
    let mut pending = Pending::new();
    assert_eq!(pending.push(info(40, 0), 1), Some(true));
    assert_eq!(pending.push(info(40, 0), 1), None);
    assert_eq!(pending.push(info(sig::TERM, 0), 1), Some(true));
}
