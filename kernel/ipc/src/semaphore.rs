//! System V semaphores.
//!
//! A [`Set`] holds its values under a lock; [`State::attempt`] does all operations of one call or none. Whoever cannot
//! go on sleeps on the set's queue and tries again after each change. What SEM_UNDO is to take back is kept in the set
//! by process, and [`undo_all`] does so at a process's end.

use crate::ids::{self, Registry};
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use osv_abi::uapi::ipc::{Perm, Sembuf, SemidDs, sem};
use osv_abi::{Errno, uapi::ipc::sem::VMX};
use osv_base::{Fail, Res};
use osv_sync::{Mutex, Wait, WaitQueue};
use osv_vfs::Creds;

/// Largest adjustment that is kept for a process.
const AEM: i32 = VMX;

/// One semaphore.
#[derive(Clone, Copy, Debug, Default)]
struct Semaphore {
    value: i32,
    /// Who changed it last.
    pid: u32,
    /// How many wait for it to grow, and for zero.
    waiting: [u32; 2],
}

/// What waits: for which semaphore, and whether for zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocked {
    number: usize,
    for_zero: bool,
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// All operations were done.
    Done,
    /// None was; this one has to wait.
    Blocked(Blocked),
    /// None was: EAGAIN where IPC_NOWAIT says so, ERANGE, EFBIG, EIDRM.
    Failed(Errno),
}

/// The values of a set and what belongs to them.
#[derive(Debug)]
pub struct State {
    perm: Perm,
    semaphores: Vec<Semaphore>,
    /// Adjustments by process.
    undo: BTreeMap<u32, Vec<i32>>,
    otime: i64,
    ctime: i64,
    removed: bool,
}

impl State {
    fn new(perm: Perm, count: usize, now: i64) -> Result<State, Errno> {
        let mut semaphores = Vec::new();
        semaphores.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        semaphores.resize(count, Semaphore::default());
        Ok(State { perm, semaphores, undo: BTreeMap::new(), otime: 0, ctime: now, removed: false })
    }

    /// Tries all of `operations` for process `pid` at time `now`, in seconds.
    pub fn attempt(&mut self, operations: &[Sembuf], pid: u32, now: i64) -> Attempt {
        if self.removed {
            return Attempt::Failed(Errno::EIDRM);
        }
        for (at, operation) in operations.iter().enumerate() {
            if let Err(stop) = self.apply(operation, pid) {
                for done in operations[..at].iter().rev() {
                    self.take_back(done, pid);
                }
                return stop;
            }
        }
        for operation in operations {
            self.semaphores[usize::from(operation.num)].pid = pid;
        }
        self.otime = now;
        Attempt::Done
    }

    fn apply(&mut self, operation: &Sembuf, pid: u32) -> Result<(), Attempt> {
        let number = usize::from(operation.num);
        let count = self.semaphores.len();
        let semaphore = self.semaphores.get_mut(number).ok_or(Attempt::Failed(Errno::EFBIG))?;
        let value = semaphore.value + i32::from(operation.op);
        let for_zero = operation.op == 0;
        if for_zero && semaphore.value != 0 || value < 0 {
            return Err(if operation.flags & sem::NOWAIT != 0 {
                Attempt::Failed(Errno::EAGAIN)
            } else {
                Attempt::Blocked(Blocked { number, for_zero })
            });
        }
        if value > VMX {
            return Err(Attempt::Failed(Errno::ERANGE));
        }
        if operation.flags & sem::UNDO != 0 && !for_zero {
            let adjustments = self.undo.entry(pid).or_insert_with(|| alloc::vec![0; count]);
            let adjusted = adjustments[number] - i32::from(operation.op);
            if !(-AEM - 1..=AEM).contains(&adjusted) {
                return Err(Attempt::Failed(Errno::ERANGE));
            }
            adjustments[number] = adjusted;
        }
        semaphore.value = value;
        Ok(())
    }

    fn take_back(&mut self, operation: &Sembuf, pid: u32) {
        let number = usize::from(operation.num);
        self.semaphores[number].value -= i32::from(operation.op);
        if operation.flags & sem::UNDO != 0
            && let Some(adjustments) = self.undo.get_mut(&pid)
        {
            adjustments[number] += i32::from(operation.op);
        }
    }

    /// Process `pid` ends: what it asked to undo is undone.
    pub fn undo(&mut self, pid: u32, now: i64) {
        let Some(adjustments) = self.undo.remove(&pid) else { return };
        for (semaphore, adjustment) in self.semaphores.iter_mut().zip(adjustments) {
            if adjustment != 0 {
                semaphore.value = (semaphore.value + adjustment).clamp(0, VMX);
                semaphore.pid = pid;
            }
        }
        self.otime = now;
    }

    fn semaphore(&mut self, number: i32) -> Result<&mut Semaphore, Errno> {
        usize::try_from(number).ok().and_then(|at| self.semaphores.get_mut(at)).ok_or(Errno::EINVAL)
    }

    fn count_waiting(&mut self, blocked: Option<Blocked>, add: bool) {
        if let Some(Blocked { number, for_zero }) = blocked {
            let waiting = &mut self.semaphores[number].waiting[usize::from(for_zero)];
            *waiting = if add { *waiting + 1 } else { waiting.saturating_sub(1) };
        }
    }
}

/// What semctl(2) asks of one semaphore.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as the commands of semctl(2)")]
pub enum Query {
    GetVal,
    GetPid,
    GetNcnt,
    GetZcnt,
}

/// A set of semaphores.
#[derive(Debug)]
pub struct Set {
    id: i32,
    state: Mutex<State>,
    changed: WaitQueue,
}

impl Set {
    /// Its number.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// How many semaphores it has.
    pub fn len(&self) -> usize {
        self.state.lock().semaphores.len()
    }

    /// Never: a set has at least one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its permissions.
    pub fn perm(&self) -> Perm {
        self.state.lock().perm
    }

    /// What IPC_STAT shows.
    pub fn ds(&self) -> SemidDs {
        let state = self.state.lock();
        SemidDs {
            perm: state.perm,
            otime: state.otime,
            ctime: state.ctime,
            nsems: state.semaphores.len() as u64,
            ..SemidDs::default()
        }
    }

    /// semop(2) and semtimedop(2): sleeps as `how` says until all can be done. `now` tells the time in seconds.
    pub fn operate(
        self: &Arc<Self>,
        operations: &[Sembuf],
        pid: u32,
        how: Wait,
        now: impl Fn() -> i64,
    ) -> Res<()> {
        if operations.iter().any(|operation| operation.flags & sem::UNDO != 0) {
            remember(pid, self);
        }
        let mut blocked = None;
        let waited = self.changed.wait_until(how, || {
            let mut state = self.state.lock();
            state.count_waiting(blocked.take(), false);
            match state.attempt(operations, pid, now()) {
                Attempt::Done => Some(Ok(())),
                Attempt::Failed(errno) => Some(Err(Fail::Errno(errno))),
                Attempt::Blocked(on) => {
                    blocked = Some(on);
                    state.count_waiting(blocked, true);
                    None
                }
            }
        });
        match waited {
            Ok(result) => {
                if result.is_ok() && operations.iter().any(|operation| operation.op != 0) {
                    self.changed.wake_all();
                }
                result
            }
            Err(error) => {
                self.state.lock().count_waiting(blocked, false);
                Err(error.or_timeout(Errno::EAGAIN))
            }
        }
    }

    /// GETVAL and kin: EINVAL.
    pub fn query(&self, number: i32, query: Query) -> Result<i32, Errno> {
        let mut state = self.state.lock();
        let semaphore = state.semaphore(number)?;
        Ok(match query {
            Query::GetVal => semaphore.value,
            Query::GetPid => semaphore.pid.cast_signed(),
            Query::GetNcnt => semaphore.waiting[0].cast_signed(),
            Query::GetZcnt => semaphore.waiting[1].cast_signed(),
        })
    }

    /// GETALL.
    pub fn values(&self) -> Vec<u16> {
        self.state.lock().semaphores.iter().map(|semaphore| semaphore.value as u16).collect()
    }

    /// SETVAL, of a value that is in range: EINVAL, EACCES. Nobody's adjustment of it is left.
    pub fn set_value(&self, number: i32, value: i32, pid: u32, creds: &Creds, now: i64) -> Result<(), Errno> {
        let mut state = self.state.lock();
        state.semaphore(number)?;
        ids::may(&state.perm, creds, 2)?;
        let semaphore = state.semaphore(number)?;
        (semaphore.value, semaphore.pid) = (value, pid);
        for adjustments in state.undo.values_mut() {
            adjustments[number as usize] = 0;
        }
        state.ctime = now;
        drop(state);
        self.changed.wake_all();
        Ok(())
    }

    /// SETALL: ERANGE.
    pub fn set_values(&self, values: &[u16], pid: u32, now: i64) -> Result<(), Errno> {
        if values.iter().any(|&value| i32::from(value) > VMX) {
            return Err(Errno::ERANGE);
        }
        let mut state = self.state.lock();
        if state.removed {
            return Err(Errno::EIDRM);
        }
        for (semaphore, &value) in state.semaphores.iter_mut().zip(values) {
            (semaphore.value, semaphore.pid) = (value.into(), pid);
        }
        for adjustments in state.undo.values_mut() {
            adjustments.fill(0);
        }
        state.ctime = now;
        drop(state);
        self.changed.wake_all();
        Ok(())
    }

    /// IPC_SET: EPERM.
    pub fn change(&self, given: &Perm, creds: &Creds, now: i64) -> Result<(), Errno> {
        let mut state = self.state.lock();
        ids::owns(&state.perm, creds)?;
        ids::set_perm(&mut state.perm, given);
        state.ctime = now;
        Ok(())
    }
}

/// The sets.
pub static SETS: Mutex<Registry<Set>> = Mutex::new(Registry::new(sem::MNI as usize));

/// The set with number `id`: EINVAL.
pub fn find(id: i32) -> Result<Arc<Set>, Errno> {
    SETS.lock().find(id, Set::id)
}

/// semget(2): EINVAL, ENOENT, EEXIST, EACCES, ENOSPC.
pub fn get(key: i32, count: i32, flags: u32, creds: &Creds, now: i64) -> Result<i32, Errno> {
    if !(0..=sem::MSL).contains(&count) {
        return Err(Errno::EINVAL);
    }
    let mut sets = SETS.lock();
    if let ids::Found::Existing(set) = sets.look_up(key, flags)? {
        if count as usize > set.len() {
            return Err(Errno::EINVAL);
        }
        ids::may_get(&set.perm(), creds, flags)?;
        return Ok(set.id);
    }
    if count == 0 {
        return Err(Errno::EINVAL);
    }
    // Made first, so that no number is taken when there is no memory.
    let state = State::new(Perm::default(), count as usize, now)?;
    sets.add(key, |id, seq| {
        let state = State { perm: ids::new_perm(key, flags, seq, creds), ..state };
        Arc::new(Set { id, state: Mutex::new(state), changed: WaitQueue::new() })
    })
}

/// IPC_RMID: EINVAL, EPERM. Who waits gets EIDRM.
pub fn remove(id: i32, creds: &Creds) -> Result<(), Errno> {
    let mut sets = SETS.lock();
    let set = sets.find(id, Set::id)?;
    {
        let mut state = set.state.lock();
        ids::owns(&state.perm, creds)?;
        state.removed = true;
    }
    sets.remove(id, false);
    drop(sets);
    set.changed.wake_all();
    Ok(())
}

/// Which sets have something to undo for a process.
static UNDO: Mutex<BTreeMap<u32, Vec<Weak<Set>>>> = Mutex::new(BTreeMap::new());
/// How many processes are in there: most machines have none.
static UNDOERS: AtomicUsize = AtomicUsize::new(0);

fn remember(pid: u32, set: &Arc<Set>) {
    let mut undo = UNDO.lock();
    let sets = undo.entry(pid).or_default();
    sets.retain(|other| other.strong_count() > 0);
    if !sets.iter().any(|other| core::ptr::eq(other.as_ptr(), Arc::as_ptr(set))) {
        sets.push(Arc::downgrade(set));
    }
    UNDOERS.store(undo.len(), Ordering::Release);
}

/// Whether process `pid` ever asked for something to be undone at its end.
pub fn has_undo(pid: u32) -> bool {
    UNDOERS.load(Ordering::Acquire) > 0 && UNDO.lock().contains_key(&pid)
}

/// Process `pid` ended.
pub fn undo_all(pid: u32, now: impl Fn() -> i64) {
    if UNDOERS.load(Ordering::Acquire) == 0 {
        return;
    }
    let sets = {
        let mut undo = UNDO.lock();
        let sets = undo.remove(&pid).unwrap_or_default();
        UNDOERS.store(undo.len(), Ordering::Release);
        sets
    };
    for set in sets.iter().filter_map(Weak::upgrade) {
        set.state.lock().undo(pid, now());
        set.changed.wake_all();
    }
}

#[cfg(test)]
mod tests;
