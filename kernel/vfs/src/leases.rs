//! Leases: F_SETLEASE of fcntl(2). Who holds one on a file is told before somebody else opens it in a way that does not
//! go with the lease, and has some time to let go of it; then it is taken away.

use crate::locks::FileId;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use osv_base::{Errno, Instant, Res};
use osv_sync::{Mutex, Wait, WaitError, WaitQueue, park};

/// What a lease is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lease {
    /// Nobody writes (F_RDLCK).
    Read,
    /// Nobody else has it open (F_WRLCK).
    Write,
}

/// Is told that it should let go of its lease.
pub trait Holder: Send + Sync {
    /// Somebody waits.
    fn told(&self);
}

/// How long a holder has (/proc/sys/fs/lease-break-time).
const BREAK_TIME: Duration = Duration::from_secs(45);

struct Held {
    file: FileId,
    /// The open file description, by its address.
    by: usize,
    lease: Lease,
    /// What it is to become, and until when it may stay.
    breaking: Option<(Option<Lease>, Instant)>,
    holder: Arc<dyn Holder>,
}

impl Held {
    fn conflicts(&self, file: FileId, writes: bool) -> bool {
        self.file == file && (writes || self.lease == Lease::Write)
    }
}

static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Where those wait who open a file that is leased.
static CHANGED: WaitQueue = WaitQueue::new();

/// Whether there is a lease anywhere.
#[inline]
pub fn any() -> bool {
    COUNT.load(Ordering::Relaxed) != 0
}

/// F_SETLEASE with F_RDLCK or F_WRLCK, of a file that the caller found to be open by nobody else who would mind: EAGAIN.
pub fn set(file: FileId, by: usize, lease: Lease, holder: Arc<dyn Holder>) -> Result<(), Errno> {
    {
        let mut held = HELD.lock();
        let minds = |other: &Held| other.breaking.is_some() || lease == Lease::Write;
        if held.iter().any(|other| other.file == file && other.by != by && minds(other)) {
            return Err(Errno::EAGAIN);
        }
        match held.iter_mut().find(|mine| mine.by == by) {
            Some(mine) => (mine.lease, mine.breaking) = (lease, None),
            None => {
                held.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
                held.push(Held { file, by, lease, breaking: None, holder });
            }
        }
        COUNT.store(held.len(), Ordering::Relaxed);
    }
    CHANGED.wake_all();
    Ok(())
}

/// F_SETLEASE with F_UNLCK, and the description's end: EAGAIN where there is none.
pub fn remove(by: usize) -> Result<(), Errno> {
    let gone = {
        let mut held = HELD.lock();
        let at = held.iter().position(|mine| mine.by == by).ok_or(Errno::EAGAIN)?;
        let gone = held.swap_remove(at);
        COUNT.store(held.len(), Ordering::Relaxed);
        gone
    };
    drop(gone);
    CHANGED.wake_all();
    Ok(())
}

/// F_GETLEASE: the lease, or what it is to become.
pub fn get(by: usize) -> Option<Lease> {
    let held = HELD.lock();
    let mine = held.iter().find(|mine| mine.by == by)?;
    match mine.breaking {
        Some((becomes, _)) => becomes,
        None => Some(mine.lease),
    }
}

/// Tells the holders of leases that do not go with an open of `file`, to write or not, and waits for them to let go:
/// EAGAIN instead of waiting.
pub fn give_way(file: FileId, writes: bool, nonblock: bool) -> Res<()> {
    loop {
        let Some(until) = break_all(file, writes, park::now()) else { return Ok(()) };
        if nonblock {
            return Err(Errno::EAGAIN.into());
        }
        let free = || !HELD.lock().iter().any(|held| held.conflicts(file, writes));
        match CHANGED.wait_until(Wait::until(Some(until)), || free().then_some(())) {
            // Somebody else may have been faster with a lease of his own.
            Ok(()) | Err(WaitError::TimedOut) => {}
            Err(error) => return Err(error.or_timeout(Errno::EAGAIN)),
        }
    }
}

/// Breaks what conflicts, and takes away what had its time; says until when to wait for the rest.
fn break_all(file: FileId, writes: bool, now: Instant) -> Option<Instant> {
    let (mut told, mut gone): (Vec<Arc<dyn Holder>>, Vec<Held>) = (Vec::new(), Vec::new());
    let until = {
        let mut held = HELD.lock();
        let mut at = 0;
        while at < held.len() {
            match held[at].breaking {
                Some((None, end)) if end <= now => gone.push(held.swap_remove(at)),
                Some((Some(becomes), end)) if end <= now => {
                    (held[at].lease, held[at].breaking) = (becomes, None);
                    at += 1;
                }
                _ => at += 1,
            }
        }
        COUNT.store(held.len(), Ordering::Relaxed);
        for lease in held.iter_mut().filter(|lease| lease.conflicts(file, writes)) {
            let becomes = if writes { None } else { Some(Lease::Read) };
            let broken = matches!(lease.breaking, Some((before, _)) if before.is_none() || before == becomes);
            if !broken {
                lease.breaking = Some((becomes, now + BREAK_TIME));
                told.push(lease.holder.clone());
            }
        }
        let conflicting = held.iter().filter(|lease| lease.conflicts(file, writes));
        conflicting.filter_map(|lease| lease.breaking).map(|(_, end)| end).min()
    };
    told.iter().for_each(|holder| holder.told());
    if !gone.is_empty() {
        CHANGED.wake_all();
    }
    until
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[derive(Default)]
    struct Told(AtomicU32);

    impl Holder for Told {
        fn told(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn held(file: FileId, by: usize, lease: Lease) -> Arc<Told> {
        let told = Arc::new(Told::default());
        set(file, by, lease, told.clone()).expect("nobody minds");
        told
    }

    fn count(told: &Told) -> u32 {
        told.0.load(Ordering::Relaxed)
    }

    #[test]
    fn readers_share_and_a_writer_does_not() {
        let file = (90, 1);
        held(file, 901, Lease::Read);
        held(file, 902, Lease::Read);
        assert_eq!(set(file, 903, Lease::Write, Arc::new(Told::default())), Err(Errno::EAGAIN));
        assert_eq!(set(file, 902, Lease::Write, Arc::new(Told::default())), Err(Errno::EAGAIN));
        remove(901).expect("held");
        assert_eq!(remove(901), Err(Errno::EAGAIN));
        held(file, 902, Lease::Write);
        assert_eq!(get(902), Some(Lease::Write));
        remove(902).expect("held");
        assert_eq!(get(902), None);
    }

    #[test]
    fn a_conflicting_open_tells_the_holder_once() {
        let file = (90, 2);
        let told = held(file, 911, Lease::Write);
        let again = Err(Errno::EAGAIN.into());
        assert_eq!(give_way((90, 3), true, true), Ok(()), "another file");
        assert_eq!(give_way(file, false, true), again);
        assert_eq!((count(&told), get(911)), (1, Some(Lease::Read)));
        assert_eq!(give_way(file, false, true), again);
        assert_eq!(count(&told), 1);
        // To write takes more than that.
        assert_eq!(give_way(file, true, true), again);
        assert_eq!((count(&told), get(911)), (2, None));
        remove(911).expect("held");
        assert_eq!(give_way(file, true, true), Ok(()));
    }

    #[test]
    fn who_does_not_let_go_loses_it() {
        let file = (90, 4);
        held(file, 921, Lease::Write);
        let now = park::now();
        let until = break_all(file, false, now).expect("it is held");
        assert_eq!(break_all(file, false, until), None);
        assert_eq!(get(921), Some(Lease::Read));
        let until = break_all(file, true, now).expect("it is held");
        assert_eq!(break_all(file, true, until), None);
        assert_eq!(get(921), None);
    }

    #[test]
    fn who_waits_goes_on_when_the_holder_lets_go() {
        let file = (90, 5);
        held(file, 931, Lease::Read);
        let opener = std::thread::spawn(move || give_way(file, true, false));
        while get(931).is_some() {
            std::thread::yield_now();
        }
        remove(931).expect("held");
        assert_eq!(opener.join().expect("ends"), Ok(()));
    }
}
