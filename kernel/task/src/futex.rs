//! Futexes: threads that sleep on a word of application memory.
//!
//! A table of buckets, each a list of waiting threads under a spin lock. The nodes lie on the waiters' stacks. The
//! word is looked at under the bucket's lock by a copy that does not fault; when its page is not there, the lock is
//! dropped, the page faulted in, and all is tried again (law 6).
//!
//! A waiter that was woken sees so without the lock: the waker's last access to the node is the store of `woken`.

mod list;

use crate::thread::current;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use list::{List, Waiter};
use osv_abi::{Errno, UserAddr};
use osv_base::{Fail, Instant, Res};
use osv_hw::usercopy::{self, NoFault};
pub use osv_mm::space::FutexKey as Key;
use osv_sync::SpinLock;
use osv_sync::park::{self, Woken};

const BUCKETS: usize = 256;
static TABLE: [SpinLock<List>; BUCKETS] = [const { SpinLock::new(List::new()) }; BUCKETS];

fn bucket_of(key: &Key) -> usize {
    let (a, b) = match *key {
        Key::Private { space, addr } => (space, addr),
        Key::Shared { object, offset } => (object.0, offset),
    };
    // Fibonacci hashing of both words; the low bits of an aligned address say nothing.
    let mixed = (a << 32 ^ b >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % BUCKETS
}

fn fault_in(addr: UserAddr, write: bool) -> Result<(), Errno> {
    // With faulting allowed; a locked exchange of nothing for nothing takes the write fault.
    if write {
        usercopy::compare_exchange_u32(addr, 0, 0)?;
    } else {
        usercopy::load_u32(addr)?;
    }
    Ok(())
}

fn load_nofault(addr: UserAddr) -> Option<u32> {
    let _section = NoFault::enter();
    usercopy::load_u32(addr).ok()
}

/// FUTEX_WAIT_BITSET: sleeps while the word at `addr`, whose key is `key`, is `expected`, until a wake whose bits
/// meet `bits`. EAGAIN when it is something else, ETIMEDOUT after `deadline`.
pub fn wait(key: Key, addr: UserAddr, expected: u32, bits: u32, deadline: Option<Instant>) -> Res<()> {
    if bits == 0 {
        return Err(Errno::EINVAL.into());
    }
    let me = current();
    let waiter = Waiter::new(key, bits, &me.entity);
    loop {
        let mut list = TABLE[bucket_of(&key)].lock();
        match load_nofault(addr) {
            Some(value) if value == expected => {
                // SAFETY: the waiter stays in place until `leave` has seen it off the list, below.
                unsafe { list.push_back(&waiter) };
                break;
            }
            Some(_) => return Err(Errno::EAGAIN.into()),
            None => {
                drop(list);
                fault_in(addr, false)?;
            }
        }
    }
    loop {
        let woken = park::scheduler().park(deadline, true);
        if waiter.woken.load(Ordering::Acquire) {
            return Ok(());
        }
        let fail = match woken {
            // The waker may be between unparking and saying so; its lock tells.
            Woken::Unparked if is_queued(&waiter) => continue,
            Woken::Unparked => return Ok(()),
            Woken::TimedOut => Fail::Errno(Errno::ETIMEDOUT),
            Woken::Interrupted => Fail::Interrupted,
        };
        return if leave(&waiter) { Err(fail) } else { Ok(()) };
    }
}

/// One of the words of [`wait_any`].
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// What it is known by.
    pub key: Key,
    /// Where it is.
    pub addr: UserAddr,
    /// What it holds for as long as is to be waited.
    pub expected: u32,
}

/// Waits for several words at once, queued from the first on. Goes from the lists before it goes away.
struct Waits<'w> {
    words: &'w [Word],
    // Never grows once something is queued: the lists hold addresses of what is in it.
    waiters: Vec<Waiter>,
    queued: usize,
}

impl<'w> Waits<'w> {
    fn new(words: &'w [Word]) -> Res<Self> {
        let me = current();
        let mut waiters = Vec::new();
        waiters.try_reserve_exact(words.len()).map_err(|_| Errno::ENOMEM)?;
        waiters.extend(words.iter().map(|word| Waiter::new(word.key, u32::MAX, &me.entity)));
        Ok(Waits { words, waiters, queued: 0 })
    }

    /// Queues for every word that holds what is expected; says at which one that ended otherwise, and how.
    fn enter(&mut self) -> Result<(), (usize, Attempt)> {
        for (at, (word, waiter)) in self.words.iter().zip(&self.waiters).enumerate() {
            let mut list = TABLE[bucket_of(&word.key)].lock();
            match load_nofault(word.addr) {
                Some(value) if value == word.expected => {
                    // SAFETY: the vector does not change, and `leave` sees the waiter off the list before it goes.
                    unsafe { list.push_back(waiter) };
                    self.queued = at + 1;
                }
                Some(_) => return Err((at, Attempt::Differs)),
                None => return Err((at, Attempt::Absent)),
            }
        }
        Ok(())
    }

    /// Leaves all lists; gives the last one that was woken.
    fn leave(&mut self) -> Option<usize> {
        let mut woken = None;
        for (at, waiter) in self.waiters[..self.queued].iter().enumerate() {
            if !leave(waiter) {
                woken = Some(at);
            }
        }
        self.queued = 0;
        woken
    }

    fn is_woken(&self) -> bool {
        self.waiters.iter().any(|waiter| waiter.woken.load(Ordering::Acquire) || !is_queued(waiter))
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// futex_waitv(2): sleeps while every word holds what is expected, until one of them is woken: gives which. EAGAIN
/// when one holds something else, ETIMEDOUT after `deadline`.
pub fn wait_any(words: &[Word], deadline: Option<Instant>) -> Res<usize> {
    let mut waits = loop {
        let mut waits = Waits::new(words)?;
        let Err((at, stopped)) = waits.enter() else { break waits };
        if let Some(woken) = waits.leave() {
            return Ok(woken);
        }
        match stopped {
            Attempt::Absent => fault_in(words[at].addr, false)?,
            Attempt::Differs | Attempt::Done(_) => return Err(Errno::EAGAIN.into()),
        }
    };
    loop {
        let fail = match park::scheduler().park(deadline, true) {
            Woken::Unparked if !waits.is_woken() => continue,
            Woken::Unparked => Fail::Errno(Errno::EAGAIN),
            Woken::TimedOut => Fail::Errno(Errno::ETIMEDOUT),
            Woken::Interrupted => Fail::Interrupted,
        };
        return waits.leave().ok_or(fail);
    }
}

/// Takes a waiter off whatever list it is on; `false` when it was woken.
fn leave(waiter: &Waiter) -> bool {
    loop {
        let bucket = waiter.bucket();
        let mut list = TABLE[bucket].lock();
        // A requeue may have moved it in between.
        if waiter.bucket() == bucket {
            return list.remove(waiter);
        }
    }
}

fn is_queued(waiter: &Waiter) -> bool {
    loop {
        let bucket = waiter.bucket();
        let mut list = TABLE[bucket].lock();
        if waiter.bucket() == bucket {
            return list.contains(waiter);
        }
    }
}

/// FUTEX_WAKE_BITSET: wakes at most `count` of those who wait for `key` with bits that meet `bits`.
pub fn wake(key: Key, count: u32, bits: u32) -> Res<u32> {
    if bits == 0 {
        return Err(Errno::EINVAL.into());
    }
    let mut list = TABLE[bucket_of(&key)].lock();
    Ok(list.wake(&key, count, bits))
}

/// Runs `action` with the lists of two keys, which may be one.
fn with_both<R>(a: &Key, b: &Key, action: impl FnOnce(&mut List, Option<&mut List>) -> R) -> R {
    let (at_a, at_b) = (bucket_of(a), bucket_of(b));
    // In order of their place, so that two that take both do not wait for each other.
    match at_a.cmp(&at_b) {
        core::cmp::Ordering::Equal => action(&mut TABLE[at_a].lock(), None),
        core::cmp::Ordering::Less => {
            let mut first = TABLE[at_a].lock();
            let mut second = TABLE[at_b].lock();
            action(&mut first, Some(&mut second))
        }
        core::cmp::Ordering::Greater => {
            let mut second = TABLE[at_b].lock();
            let mut first = TABLE[at_a].lock();
            action(&mut first, Some(&mut second))
        }
    }
}

/// What came of an attempt under the locks.
enum Attempt {
    Done(u32),
    /// The page is not there.
    Absent,
    /// The word has another value.
    Differs,
}

/// FUTEX_REQUEUE and FUTEX_CMP_REQUEUE: wakes `wake` waiters of `from` and lets `requeue` more wait for `to`, if the
/// word at `addr` is still `expected`. Gives how many were woken or moved (woken only, for FUTEX_REQUEUE).
pub fn requeue(
    from: Key,
    to: Key,
    wake: u32,
    requeue: u32,
    addr: UserAddr,
    expected: Option<u32>,
) -> Res<u32> {
    loop {
        let attempt = with_both(&from, &to, |source, target| {
            if let Some(expected) = expected {
                match load_nofault(addr) {
                    None => return Attempt::Absent,
                    Some(value) if value != expected => return Attempt::Differs,
                    Some(_) => {}
                }
            }
            let woken = source.wake(&from, wake, u32::MAX);
            let moved = match target {
                Some(target) => source.move_to(target, &from, &to, bucket_of(&to), requeue),
                None => source.rename(&from, &to, requeue),
            };
            Attempt::Done(if expected.is_some() { woken + moved } else { woken })
        });
        match attempt {
            Attempt::Done(count) => return Ok(count),
            Attempt::Differs => return Err(Errno::EAGAIN.into()),
            Attempt::Absent => fault_in(addr, false)?,
        }
    }
}

/// FUTEX_WAKE_OP: changes the word at `addr` as `op` says, wakes `wake` waiters of `key`, and `wake_other` of
/// `other` (the key of `addr`) if the old value compares as `op` says.
pub fn wake_op(key: Key, other: Key, addr: UserAddr, wake: u32, wake_other: u32, op: WakeOp) -> Res<u32> {
    loop {
        let attempt = with_both(&key, &other, |list, second| {
            let Some(old) = op.apply_nofault(addr) else { return Attempt::Absent };
            let mut woken = list.wake(&key, wake, u32::MAX);
            if op.holds(old) {
                woken += second.unwrap_or(list).wake(&other, wake_other, u32::MAX);
            }
            Attempt::Done(woken)
        });
        match attempt {
            Attempt::Done(count) => return Ok(count),
            Attempt::Differs | Attempt::Absent => fault_in(addr, true)?,
        }
    }
}

/// The encoded third value of FUTEX_WAKE_OP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WakeOp {
    op: u32,
    cmp: u32,
    operand: i32,
    compared: i32,
}

impl WakeOp {
    /// Decodes it: ENOSYS for an operation or comparison that does not exist.
    pub fn decode(encoded: u32) -> Result<WakeOp, Errno> {
        let sign_extend_12 = |v: u32| ((v << 20).cast_signed()) >> 20;
        let (op, cmp) = (encoded >> 28 & 7, encoded >> 24 & 15);
        let mut operand = sign_extend_12(encoded >> 12 & 0xfff);
        if encoded >> 28 & 8 != 0 {
            // FUTEX_OP_OPARG_SHIFT; Linux masks what is out of range.
            operand = 1i32.wrapping_shl((operand & 31).cast_unsigned());
        }
        if op > 4 || cmp > 5 {
            return Err(Errno::ENOSYS);
        }
        Ok(WakeOp { op, cmp, operand, compared: sign_extend_12(encoded & 0xfff) })
    }

    fn changed(self, old: u32) -> u32 {
        let operand = self.operand.cast_unsigned();
        match self.op {
            0 => operand,
            1 => old.wrapping_add(operand),
            2 => old | operand,
            3 => old & !operand,
            _ => old ^ operand,
        }
    }

    fn apply_nofault(self, addr: UserAddr) -> Option<u32> {
        let _section = NoFault::enter();
        let mut old = usercopy::load_u32(addr).ok()?;
        loop {
            let seen = usercopy::compare_exchange_u32(addr, old, self.changed(old)).ok()?;
            if seen == old {
                return Some(old);
            }
            old = seen;
        }
    }

    fn holds(self, old: u32) -> bool {
        let (old, compared) = (old.cast_signed(), self.compared);
        match self.cmp {
            0 => old == compared,
            1 => old != compared,
            2 => old < compared,
            3 => old <= compared,
            4 => old > compared,
            _ => old >= compared,
        }
    }
}

#[cfg(test)]
mod tests;
