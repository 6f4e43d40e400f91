//! Advisory locks: flock(2), and record locks of fcntl(2) by process or by open file description.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use osv_base::{Errno, Res};
use osv_sync::{Mutex, Wait, WaitQueue};

/// Which file: device and inode number.
pub type FileId = (u64, u64);

/// Who holds a lock. Locks of different families don't meet, but record locks of processes and of descriptions do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// fcntl(F_SETLK): the process.
    Process(u32),
    /// fcntl(F_OFD_SETLK): the open file description, by its address.
    Description(usize),
    /// flock(2): the open file description, by its address.
    Flock(usize),
}

impl Owner {
    fn meets(self, other: Owner) -> bool {
        matches!(self, Owner::Flock(_)) == matches!(other, Owner::Flock(_)) && self != other
    }
}

/// A lock on the bytes `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lock {
    /// Who.
    pub owner: Owner,
    /// Excludes all others; else only other exclusive ones.
    pub exclusive: bool,
    /// First byte.
    pub start: u64,
    /// Byte behind the last; `u64::MAX` for no end.
    pub end: u64,
}

impl Lock {
    fn conflicts(&self, other: &Lock) -> bool {
        self.owner.meets(other.owner)
            && (self.exclusive || other.exclusive)
            && self.start < other.end
            && other.start < self.end
    }
}

static TABLE: Mutex<BTreeMap<FileId, Vec<Lock>>> = Mutex::new(BTreeMap::new());
/// What processes sleep for. Taken before [`TABLE`] where both are.
static WANTED: Mutex<Vec<(FileId, Lock)>> = Mutex::new(Vec::new());
static RELEASED: WaitQueue = WaitQueue::new();

/// A lock that keeps `wanted` from being had, if there is one.
pub fn conflict(file: FileId, wanted: &Lock) -> Option<Lock> {
    TABLE.lock().get(&file)?.iter().find(|held| held.conflicts(wanted)).copied()
}

/// Removes the owner's locks from `start..end`; what sticks out on either side stays.
fn carve(held: &mut Vec<Lock>, owner: Owner, start: u64, end: u64) {
    let mut kept = Vec::with_capacity(held.len() + 1);
    for lock in held.drain(..) {
        if lock.owner != owner || lock.end <= start || end <= lock.start {
            kept.push(lock);
            continue;
        }
        if lock.start < start {
            kept.push(Lock { end: start, ..lock });
        }
        if end < lock.end {
            kept.push(Lock { start: end, ..lock });
        }
    }
    *held = kept;
}

fn try_set(file: FileId, wanted: &Lock) -> bool {
    let mut table = TABLE.lock();
    let held = table.entry(file).or_default();
    if held.iter().any(|lock| lock.conflicts(wanted)) {
        return false;
    }
    carve(held, wanted.owner, wanted.start, wanted.end);
    held.push(*wanted);
    drop(table);
    // A change from exclusive to shared lets others in.
    RELEASED.wake_all();
    true
}

/// Takes a lock, replacing what the owner has there; `wait` sleeps until it is free, else EAGAIN. EDEADLK: it never
/// would be, since others sleep for what the owner holds.
pub fn set(file: FileId, wanted: &Lock, wait: bool) -> Res<()> {
    if try_set(file, wanted) {
        return Ok(());
    }
    if !wait {
        return Err(Errno::EAGAIN.into());
    }
    let waiting = Waiting::new(file, wanted)?;
    let set = RELEASED.wait_until(Wait::INTERRUPTIBLE, || try_set(file, wanted).then_some(()));
    drop(waiting);
    set.map_err(|error| error.or_timeout(Errno::EAGAIN))
}

/// A process's wish in [`WANTED`], as long as it sleeps for it.
struct Waiting(Option<(FileId, Lock)>);

impl Waiting {
    /// EDEADLK when those in the way sleep, each for the next, for what the caller holds. Only processes' locks are
    /// looked at: a description belongs to nobody who could be said to sleep.
    fn new(file: FileId, wanted: &Lock) -> Res<Waiting> {
        let Owner::Process(me) = wanted.owner else { return Ok(Waiting(None)) };
        let mut wishes = WANTED.lock();
        let mut ahead: Vec<u32> = holders(file, wanted);
        let mut at = 0;
        while let Some(&pid) = ahead.get(at) {
            at += 1;
            for (file, wish) in wishes.iter().filter(|(_, wish)| wish.owner == Owner::Process(pid)) {
                for next in holders(*file, wish) {
                    if next == me {
                        return Err(Errno::EDEADLK.into());
                    }
                    if !ahead.contains(&next) {
                        ahead.push(next);
                    }
                }
            }
        }
        wishes.push((file, *wanted));
        Ok(Waiting(Some((file, *wanted))))
    }
}

/// How many processes sleep for a lock on `file`.
#[cfg(test)]
pub(crate) fn waiting(file: FileId) -> usize {
    WANTED.lock().iter().filter(|(wanted, _)| *wanted == file).count()
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(mine) = self.0.take() else { return };
        let mut wishes = WANTED.lock();
        if let Some(at) = wishes.iter().position(|wish| *wish == mine) {
            wishes.swap_remove(at);
        }
    }
}

/// The processes whose locks keep `wanted` from being had.
fn holders(file: FileId, wanted: &Lock) -> Vec<u32> {
    let table = TABLE.lock();
    let held = table.get(&file).map_or(&[][..], Vec::as_slice);
    let process = |lock: &Lock| match lock.owner {
        Owner::Process(pid) if lock.conflicts(wanted) => Some(pid),
        _ => None,
    };
    held.iter().filter_map(process).collect()
}

/// Gives up all that `owner` holds on any file: it ended.
pub fn forget(owner: Owner) {
    if !any() {
        return;
    }
    TABLE.lock().retain(|_, held| {
        held.retain(|lock| lock.owner != owner);
        !held.is_empty()
    });
    RELEASED.wake_all();
}

/// Gives up the owner's locks on `start..end`.
pub fn clear(file: FileId, owner: Owner, start: u64, end: u64) {
    let mut table = TABLE.lock();
    if let Some(held) = table.get_mut(&file) {
        carve(held, owner, start, end);
        if held.is_empty() {
            table.remove(&file);
        }
        drop(table);
        RELEASED.wake_all();
    }
}

/// Whether anybody holds any lock: lets close(2) skip the table.
pub fn any() -> bool {
    TABLE.try_lock().is_none_or(|table| !table.is_empty())
}
