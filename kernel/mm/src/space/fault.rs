//! Page faults: from an access to an entry.

use super::area::{Area, AreaFlags, Backing, STACK_GAP};
use super::areas::Areas;
use super::gather::Gather;
use super::{AddressSpace, HUGE, Inner, MIN_ADDR, Mapped, PAGE, is_exclusive};
use crate::frame::{self, Frame, Run, Use};
use crate::mmu::{self, Entry, Pte, Size};
use crate::pager::{ObjectId, Pager};
use crate::{OutOfMemory, pressure};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::Prot;
use osv_base::{Fail, Pages};

/// What was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Try again: it works now.
    Done,
    /// Nothing is mapped there: SIGSEGV, SEGV_MAPERR.
    Unmapped,
    /// The mapping forbids it: SIGSEGV, SEGV_ACCERR.
    Forbidden,
    /// Past the end of the object: SIGBUS, BUS_ADRERR.
    PastEnd,
    /// The object could not be read: SIGBUS, BUS_ADRERR.
    Failed,
    /// No memory: the last resort of design section 6.
    OutOfMemory,
}

/// A page that a pager gave while the lock was not held.
struct Fetched {
    object: ObjectId,
    index: u64,
    write: bool,
    frame: Frame,
}

enum Step {
    Done(Outcome),
    /// Asks the pager for this page of its, then tries again.
    Fetch(Arc<dyn Pager>, u64, bool),
    /// Has to be done alone: an area grows, or an entry gives way to another.
    Alone(Option<Fetched>),
    /// Done, and the last of 512 small pages is there: they may become one.
    Filled,
}

impl From<OutOfMemory> for Step {
    fn from(_: OutOfMemory) -> Step {
        Step::Done(Outcome::OutOfMemory)
    }
}

/// Pages that are mapped with the one that faulted when the object has them at hand.
const AROUND: u64 = 16;

impl AddressSpace {
    /// Makes `access` at `addr` possible, or says why it is not. May sleep; no lock may be held.
    pub fn fault(&self, addr: u64, access: Access) -> Outcome {
        if !(MIN_ADDR..USER_END).contains(&addr) {
            return Outcome::Unmapped;
        }
        let mut fetched = None;
        loop {
            let at = addr & !(PAGE - 1);
            let (Ok(mut step) | Err(mut step)) = self.inner.read().fault(at, access, fetched.take());
            if let Step::Alone(page) = step {
                let (Ok(alone) | Err(alone)) = self.inner.write().fault_alone(self, at, access, page);
                step = alone;
            }
            match step {
                // Alone, nothing has to be done alone.
                Step::Alone(_) => {}
                Step::Done(Outcome::OutOfMemory) if pressure::wait_for_memory() => {}
                Step::Done(outcome) => return outcome,
                Step::Filled => {
                    self.inner.write().join_pages(self, at);
                    return Outcome::Done;
                }
                Step::Fetch(pager, index, write) => match pager.page(index, write) {
                    Ok(frame) => fetched = Some(Fetched { object: pager.object(), index, write, frame }),
                    Err(Fail::Errno(Errno::ENXIO)) => return Outcome::PastEnd,
                    Err(Fail::Errno(Errno::ENOMEM)) if pressure::wait_for_memory() => {}
                    Err(Fail::Errno(Errno::ENOMEM)) => return Outcome::OutOfMemory,
                    Err(_) => return Outcome::Failed,
                },
            }
        }
    }

    /// Faults all of `start..end` in; stops at what cannot be.
    pub fn populate(&self, start: u64, end: u64, access: Access) -> Outcome {
        let mut at = start;
        while at < end {
            match self.fault(at, access) {
                Outcome::Done => at += PAGE,
                other => return other,
            }
        }
        Outcome::Done
    }
}

impl Inner {
    /// What can be done about a fault together with others: entries and rights are only added.
    #[inline]
    fn fault(&self, at: u64, access: Access, fetched: Option<Fetched>) -> Result<Step, Step> {
        // Perhaps a stack is to grow.
        let Some(area) = self.areas.find(at) else { return Ok(Step::Alone(fetched)) };
        let allowed = area.pte();
        let need = match access {
            Access::Read => Pte::READ,
            Access::Write => Pte::READ | Pte::WRITE,
            Access::Execute => Pte::READ | Pte::EXEC,
        };
        if !allowed.contains(need) {
            return Ok(Step::Done(Outcome::Forbidden));
        }
        let mut pages = self.pages.lock();
        match pages.table.query(at) {
            Some(entry) if entry.flags.contains(need) => {
                drop(pages);
                // Another thread was here first, or this CPU remembers what was narrower.
                mmu::mmu().flush_here(at);
                Ok(Step::Done(Outcome::Done))
            }
            Some(entry) => Ok(pages.widen(area, at, entry, need, fetched)),
            None => {
                drop(pages);
                let write = need.contains(Pte::WRITE);
                if area.is_anonymous() {
                    self.fill_anonymous(area, at, write)
                } else {
                    self.fill_object(area, at, write, fetched)
                }
            }
        }
    }

    /// What has to be done alone. The entry may have changed since that was found out.
    #[cold]
    fn fault_alone(
        &mut self,
        space: &AddressSpace,
        at: u64,
        access: Access,
        fetched: Option<Fetched>,
    ) -> Result<Step, Step> {
        if self.areas.find(at).is_none() {
            self.grow(space, at)?;
        }
        match self.fault(at, access, fetched)? {
            Step::Alone(fetched) => self.exchange_page(space, at, fetched),
            other => Ok(other),
        }
    }

    /// First touch of private memory.
    fn fill_anonymous(&self, area: &Area, at: u64, write: bool) -> Result<Step, Step> {
        let flags = area.pte() | Pte::ANON;
        let start = at & !(HUGE - 1);
        let is_covered = area.range.start <= start && start + HUGE <= area.range.end;
        if is_covered
            && (write || area.flags.contains(AreaFlags::HUGE))
            && pressure::is_plenty()
            && self.pages.lock().table.is_vacant(start)
            && may_be_huge(&self.areas, area)
            && let Ok(run) = Run::zeroed(Pages(Size::Huge.frames()), HUGE as usize, Use::User)
        {
            let entry = Entry { phys: run.phys(), size: Size::Huge, flags };
            let mut pages = self.pages.lock();
            // Unless another thread was faster; then this is a fault about a page like any other.
            if pages.table.map_if_vacant(start, entry) == Ok(true) {
                run.into_phys();
                pages.counts.enters(&entry);
                return Ok(Step::Done(Outcome::Done));
            }
        }
        if !write {
            // Reading what was never written: the one page of zeros, until a write.
            let zero = frame::zero()?;
            let flags = area.pte() - Pte::WRITE;
            let mut pages = self.pages.lock();
            pages.table.map_if_vacant(at, Entry { phys: zero.phys(), size: Size::Small, flags })?;
            return Ok(Step::Done(Outcome::Done));
        }
        let step = self.put(at, Frame::zeroed(Use::User)?, flags)?;
        // A heap that grows by little at a time is filled upwards. Only its last page is looked at, so that a page that
        // comes and goes does not copy all the others each time.
        let is_last = is_covered && at + PAGE == start + HUGE;
        if is_last && may_be_huge(&self.areas, area) && self.pages.lock().table.is_full(start) {
            return Ok(Step::Filled);
        }
        Ok(step)
    }

    /// First touch of an object's page.
    fn fill_object(&self, area: &Area, at: u64, write: bool, fetched: Option<Fetched>) -> Result<Step, Step> {
        let Backing::Object { pager, .. } = &area.backing else { return Ok(Step::Done(Outcome::Unmapped)) };
        let index = area.index_of(at);
        let tell = write && area.is_shared();
        let frame = match fetched {
            // The object may have changed since: revoke() waits for our lock, and finds what we map.
            Some(f) if f.object == pager.object() && f.index == index && f.write == tell => {
                match pager.cached(index) {
                    Some(frame) => frame,
                    None if index >= pager.len().div_ceil(PAGE) => return Ok(Step::Done(Outcome::PastEnd)),
                    None => f.frame,
                }
            }
            _ if tell => return Ok(Step::Fetch(pager.clone(), index, true)),
            _ => match pager.cached(index) {
                Some(frame) => frame,
                None => return Ok(Step::Fetch(pager.clone(), index, false)),
            },
        };
        let allowed = area.pte();
        if write && area.is_shared() {
            return self.put(at, frame, allowed);
        }
        if write {
            return self.put(at, frame.duplicate(Use::User)?, allowed | Pte::ANON);
        }
        let step = self.put(at, frame, allowed - Pte::WRITE)?;
        self.fill_around(area, at);
        Ok(step)
    }

    /// Maps the neighbours of a page that are at hand, for reading: programs touch code and constants page after page.
    fn fill_around(&self, area: &Area, at: u64) {
        let Backing::Object { pager, .. } = &area.backing else { return };
        let flags = area.pte() - Pte::WRITE;
        let window = at & !(AROUND * PAGE - 1);
        let range = window.max(area.range.start)..(window + AROUND * PAGE).min(area.range.end);
        let first = area.index_of(range.start);
        let places = || range.clone().step_by(PAGE as usize).enumerate();
        let mut vacant = [false; AROUND as usize];
        {
            let pages = self.pages.lock();
            for (i, here) in places() {
                vacant[i] = pages.table.query(here).is_none();
            }
        }
        // The object is asked without the lock that spins.
        let mut frames = [const { None }; AROUND as usize];
        for (i, frame) in frames.iter_mut().enumerate().filter(|(i, _)| vacant[*i]) {
            *frame = pager.cached(first + i as u64);
        }
        let mut pages = self.pages.lock();
        for (i, here) in places() {
            if let Some(frame) = frames[i].take()
                && pages.put(here, frame, flags).is_err()
            {
                return;
            }
        }
    }

    /// Maps `frame` where nothing is; whatever is there by now stays.
    #[inline]
    fn put(&self, at: u64, frame: Frame, flags: Pte) -> Result<Step, Step> {
        let unused = self.pages.lock().put(at, frame, flags)?;
        drop(unused);
        Ok(Step::Done(Outcome::Done))
    }

    /// Puts another frame in place of the one at `at`: the object's, which it gave for writing, or a private copy.
    fn exchange_page(
        &mut self,
        space: &AddressSpace,
        at: u64,
        fetched: Option<Fetched>,
    ) -> Result<Step, Step> {
        let Some(area) = self.areas.find(at) else { return Ok(Step::Done(Outcome::Unmapped)) };
        let (allowed, shared) = (area.pte(), area.is_shared());
        if shared {
            if let Some(fetched) = fetched {
                self.replace(space, at, fetched.frame, allowed);
            }
            return Ok(Step::Done(Outcome::Done));
        }
        // Copy on write.
        if self.table().query(at).is_some_and(|entry| entry.size == Size::Huge) {
            self.table().split(at)?;
        }
        let Some(entry) = self.table().query(at) else { return Ok(Step::Done(Outcome::Done)) };
        let copy = if entry.phys == frame::zero()?.phys() {
            Frame::zeroed(Use::User)?
        } else {
            let shared = frame::hold(entry.phys);
            shared.duplicate(Use::User)?
        };
        self.replace(space, at, copy, allowed | Pte::ANON);
        Ok(Step::Done(Outcome::Done))
    }

    /// Puts `frame` in place of the small entry at `at`, everywhere, before it returns. Nobody may write it while
    /// another CPU still reads the old one.
    fn replace(&mut self, space: &AddressSpace, at: u64, frame: Frame, flags: Pte) {
        let mut gather = Gather::new(&space.cpus);
        let entry = Entry { phys: frame.into_phys(), size: Size::Small, flags: flags - Pte::WRITE };
        let Mapped { table, counts } = self.pages.get_mut();
        table.update(at..at + PAGE, &mut |at, old| {
            counts.leaves(&old);
            gather.removed(at, old);
            Some(entry)
        });
        counts.enters(&entry);
        self.settle(&mut gather, at);
        self.table().update(at..at + PAGE, &mut |_, entry| Some(Entry { flags, ..entry }));
    }

    /// Lets an area that grows down reach `at`.
    #[cold]
    fn grow(&mut self, space: &AddressSpace, at: u64) -> Result<(), Step> {
        let unmapped = Step::Done(Outcome::Unmapped);
        let Some(area) = self.areas.at_or_after(at) else { return Err(unmapped) };
        let (start, end) = (area.range.start, area.range.end);
        if !area.flags.contains(AreaFlags::GROWSDOWN)
            || end - at > space.limits.stack.load(Ordering::Relaxed)
            || at < MIN_ADDR
        {
            return Err(unmapped);
        }
        if let Some(below) = self.areas.before(at)
            && !below.flags.contains(AreaFlags::GROWSDOWN)
            && below.prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC)
            && below.range.end + STACK_GAP > at
        {
            return Err(unmapped);
        }
        self.alter(start, |area| {
            if let Backing::Object { offset, .. } = &mut area.backing {
                *offset = offset.saturating_sub(start - at);
            }
            area.range.start = at;
        });
        Ok(())
    }
}

impl Mapped {
    /// An entry is there but allows less than the area does.
    fn widen(&mut self, area: &Area, at: u64, entry: Entry, need: Pte, fetched: Option<Fetched>) -> Step {
        let allowed = area.pte();
        let keep = entry.flags & Pte::ANON;
        let flags = if !need.contains(Pte::WRITE) {
            (allowed - Pte::WRITE) | keep | (entry.flags & Pte::WRITE)
        } else if area.is_shared() {
            // The first write: the pager hears of it, and may put another frame there.
            let Backing::Object { pager, .. } = &area.backing else { return Step::Done(Outcome::Unmapped) };
            let index = area.index_of(at);
            match fetched {
                Some(f) if f.object == pager.object() && f.index == index && f.write => {
                    if f.frame.phys() != entry.phys {
                        return Step::Alone(Some(f));
                    }
                    allowed
                }
                _ => return Step::Fetch(pager.clone(), index, true),
            }
        } else if is_exclusive(&entry) {
            allowed | Pte::ANON
        } else {
            return Step::Alone(None);
        };
        self.table.update(at..at + PAGE, &mut |_, entry| Some(Entry { flags, ..entry }));
        mmu::mmu().flush_here(at);
        Step::Done(Outcome::Done)
    }

    /// Maps `frame` where nothing is; gives it back where something is. It is to be dropped without the lock.
    #[inline]
    fn put(&mut self, at: u64, frame: Frame, flags: Pte) -> Result<Option<Frame>, OutOfMemory> {
        let entry = Entry { phys: frame.phys(), size: Size::Small, flags };
        if !self.table.map_if_vacant(at, entry)? {
            return Ok(Some(frame));
        }
        frame.into_phys();
        self.counts.enters(&entry);
        Ok(None)
    }
}

/// Areas of this size get huge pages without advice.
const LARGE: u64 = 16 << 20;

/// Whether huge pages come to private memory by themselves: where it is large, or the part in use of a reservation
/// that is. Heaps of virtual machines are committed out of such, piece by piece.
pub(super) fn may_be_huge(areas: &Areas, area: &Area) -> bool {
    if !area.is_anonymous()
        || area.is_shared()
        || area.flags.intersects(AreaFlags::NOHUGE | AreaFlags::STACK | AreaFlags::GROWSDOWN)
    {
        return false;
    }
    // Code that is made at run time begins small, in several such reservations.
    let is_data = area.prot.contains(Prot::WRITE) && !area.prot.contains(Prot::EXEC);
    area.flags.contains(AreaFlags::HUGE)
        || area.bytes() >= LARGE
        || is_data && area.bytes() + reserved_beside(areas, area) >= LARGE
}

/// Bytes of the areas without access that touch `area` on both sides.
fn reserved_beside(areas: &Areas, area: &Area) -> u64 {
    let below = areas.before(area.range.start).filter(|below| below.range.end == area.range.start);
    let above = areas.find(area.range.end);
    let reserved = below.into_iter().chain(above).filter(|beside| beside.is_reservation());
    reserved.map(Area::bytes).sum()
}
