//! epoll(7).
//!
//! An [`Item`] watches one open file description. When the file says that something changed, the item goes on the
//! instance's ready list (once), and a waiter is woken; `wait` asks the files on that list, and no others, what
//! holds. So its cost grows with what is ready, never with what is watched. A level-triggered item that is reported
//! stays on the list, so that the next wait asks again; an edge-triggered one leaves it until the next change.
//!
//! Order matters in [`Epoll::wait`]: an item is marked as off the list *before* its file is asked, so a change that
//! comes in between puts it back.

use crate::before_wait;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use hashbrown::HashMap;
use osv_abi::uapi::event::{EpollEvent, epoll};
use osv_base::{Errno, Instant, Res};
use osv_sync::{Events, Mutex, Observer, Readiness, SpinLock, Wait, WaitError, WaitQueue};
use osv_vfs::file::{CloseWatcher, IoctlArg};
use osv_vfs::{File, OpenFile};

/// Events and flags that one may ask for.
const FLAGS: u32 = epoll::ET | epoll::ONESHOT | epoll::WAKEUP | epoll::EXCLUSIVE;
/// epoll instances in epoll instances at most.
const DEPTH_MAX: u32 = 5;

/// A watched description.
struct Item {
    this: Weak<Item>,
    epoll: Weak<Epoll>,
    open: Weak<OpenFile>,
    key: Key,
    asked: SpinLock<Asked>,
    /// On the ready list.
    queued: AtomicBool,
    removed: AtomicBool,
    /// The moment of the last change by time that was noticed: one moment is one edge.
    noticed: AtomicU64,
}

/// A description may be watched once under each descriptor.
type Key = (i32, usize);

#[derive(Clone, Copy)]
struct Asked {
    events: Events,
    flags: u32,
    data: u64,
    /// Reported once, and to be asked for again (EPOLLONESHOT).
    disabled: bool,
}

impl Asked {
    fn of(event: EpollEvent) -> Asked {
        let events = Events::from_bits_truncate(event.events) | Events::ERR | Events::HUP;
        Asked { events, flags: event.events & FLAGS, data: event.data, disabled: false }
    }
}

impl Item {
    /// Puts it on the ready list, and wakes somebody if it was not there.
    fn queue(&self) {
        if self.removed.load(Ordering::Acquire) || self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let (Some(this), Some(epoll)) = (self.this.upgrade(), self.epoll.upgrade()) else { return };
        epoll.ready.lock().push_back(this);
        epoll.waiters.wake_one();
        epoll.readiness.changed(Events::IN | Events::RDNORM);
    }
}

impl Observer for Item {
    fn notify(&self, events: Events) {
        let asked = *self.asked.lock();
        // No events at all means: ask again, and when it will change by itself.
        if !asked.disabled && (events.is_empty() || events.intersects(asked.events)) {
            self.queue();
        }
    }
}

impl CloseWatcher for Item {
    fn closed(&self) {
        if let Some(epoll) = self.epoll.upgrade() {
            epoll.remove(self.key);
        }
    }
}

/// An epoll instance.
pub struct Epoll {
    this: Weak<Epoll>,
    items: Mutex<HashMap<Key, Arc<Item>>>,
    ready: SpinLock<VecDeque<Arc<Item>>>,
    /// Items whose files change with time.
    timed: SpinLock<Vec<Weak<Item>>>,
    timed_count: AtomicUsize,
    /// Threads in `wait`: one is woken for each item that becomes ready.
    waiters: WaitQueue,
    /// Those who poll the instance itself.
    readiness: Readiness,
}

/// Instances become watched by others one at a time, so that no circle is closed by two at once.
static NESTING: Mutex<()> = Mutex::new(());

impl Epoll {
    /// An instance that watches nothing.
    pub fn new() -> Arc<Epoll> {
        Arc::new_cyclic(|this| Epoll {
            this: this.clone(),
            items: Mutex::new(HashMap::new()),
            ready: SpinLock::new(VecDeque::new()),
            timed: SpinLock::new(Vec::new()),
            timed_count: AtomicUsize::new(0),
            waiters: WaitQueue::new(),
            readiness: Readiness::new(),
        })
    }

    fn key(fd: i32, open: &Arc<OpenFile>) -> Key {
        (fd, Arc::as_ptr(open) as usize)
    }

    /// Watches `open`, known as `fd`: EEXIST when it does already, EPERM for files that are always ready, ELOOP for
    /// instances in a circle.
    pub fn add(&self, fd: i32, open: &Arc<OpenFile>, event: EpollEvent) -> Res<()> {
        let file = open.file();
        let readiness = file.readiness().ok_or(Errno::EPERM)?;
        let flags = event.events;
        let inner = file.as_any().downcast_ref::<Epoll>();
        if flags & epoll::EXCLUSIVE != 0 {
            let allowed = Events::IN | Events::OUT | Events::ERR | Events::HUP;
            let allowed = allowed.bits() | epoll::WAKEUP | epoll::ET | epoll::EXCLUSIVE;
            if inner.is_some() || flags & !allowed != 0 {
                return Err(Errno::EINVAL.into());
            }
        }
        let _nesting = match inner {
            None => None,
            Some(inner) => {
                let nesting = NESTING.lock();
                if core::ptr::eq(inner, self) {
                    return Err(Errno::EINVAL.into());
                }
                let below = inner.depth(self, DEPTH_MAX)?;
                if below >= DEPTH_MAX {
                    return Err(Errno::EINVAL.into());
                }
                Some(nesting)
            }
        };
        let key = Self::key(fd, open);
        let item = Arc::new_cyclic(|this| Item {
            this: this.clone(),
            epoll: self.this.clone(),
            open: Arc::downgrade(open),
            key,
            asked: SpinLock::new(Asked::of(event)),
            queued: AtomicBool::new(false),
            removed: AtomicBool::new(false),
            noticed: AtomicU64::new(u64::MAX),
        });
        {
            let mut items = self.items.lock();
            if items.contains_key(&key) {
                return Err(Errno::EEXIST.into());
            }
            items.insert(key, item.clone());
        }
        if file.is_timed() {
            let mut timed = self.timed.lock();
            timed.retain(|item| item.strong_count() > 0);
            timed.push(Arc::downgrade(&item));
            self.timed_count.store(timed.len(), Ordering::Release);
        }
        let observer: Weak<Item> = Arc::downgrade(&item);
        readiness.observe(observer.clone());
        open.watch_close(observer);
        item.notify(file.poll());
        Ok(())
    }

    /// Changes what is asked: ENOENT when it is not watched.
    pub fn modify(&self, fd: i32, open: &Arc<OpenFile>, event: EpollEvent) -> Res<()> {
        let item = self.items.lock().get(&Self::key(fd, open)).cloned().ok_or(Errno::ENOENT)?;
        {
            let mut asked = item.asked.lock();
            if event.events & epoll::EXCLUSIVE != 0 || asked.flags & epoll::EXCLUSIVE != 0 {
                return Err(Errno::EINVAL.into());
            }
            *asked = Asked::of(event);
        }
        let found = open.file().poll();
        if !found.is_empty() {
            item.notify(found);
        }
        Ok(())
    }

    /// Watches it no longer: ENOENT when it was not.
    pub fn delete(&self, fd: i32, open: &Arc<OpenFile>) -> Res<()> {
        let item = self.remove(Self::key(fd, open)).ok_or(Errno::ENOENT)?;
        if let Some(readiness) = open.file().readiness() {
            let observer: Weak<dyn Observer> = Arc::<Item>::downgrade(&item);
            readiness.forget(&observer);
        }
        Ok(())
    }

    fn remove(&self, key: Key) -> Option<Arc<Item>> {
        let item = self.items.lock().remove(&key)?;
        item.removed.store(true, Ordering::Release);
        Some(item)
    }

    /// How many instances are nested below this one, itself included: ELOOP when `outer` is among them, or when
    /// there are too many.
    fn depth(&self, outer: &Epoll, left: u32) -> Res<u32> {
        if left == 0 || core::ptr::eq(self, outer) {
            return Err(Errno::ELOOP.into());
        }
        let items: Vec<Arc<Item>> = self.items.lock().values().cloned().collect();
        let mut deepest = 0;
        for open in items.iter().filter_map(|item| item.open.upgrade()) {
            if let Some(inner) = open.file().as_any().downcast_ref::<Epoll>() {
                deepest = deepest.max(inner.depth(outer, left - 1)?);
            }
        }
        Ok(deepest + 1)
    }

    /// Waits until something is ready, until `deadline` ([`Instant::ZERO`] for not at all) or a signal; appends at
    /// most `max` events. None at the deadline.
    pub fn wait(&self, max: usize, deadline: Option<Instant>, to: &mut Vec<EpollEvent>) -> Res<()> {
        before_wait();
        if self.collect(max, to) || deadline == Some(Instant::ZERO) {
            return Ok(());
        }
        loop {
            let timed = self.next_change();
            let until = [deadline, timed].into_iter().flatten().min();
            let waited = self.waiters.wait_until(Wait::until(until), || {
                before_wait();
                // A timer was set anew: back to compute how long to sleep.
                (self.collect(max, to) || self.next_change() != timed).then_some(())
            });
            match waited {
                Ok(()) if to.is_empty() => {}
                Ok(()) => return Ok(()),
                Err(WaitError::TimedOut) if until != deadline => {}
                Err(WaitError::TimedOut) => return Ok(()),
                Err(error) => return Err(error.or_timeout(Errno::EAGAIN)),
            }
        }
    }

    /// Takes what is ready off the list; whether there was something.
    fn collect(&self, max: usize, to: &mut Vec<EpollEvent>) -> bool {
        if self.timed_count.load(Ordering::Acquire) > 0 {
            self.queue_due();
        }
        let mut left = self.ready.lock().len();
        while left > 0 && to.len() < max {
            left -= 1;
            let Some(item) = self.ready.lock().pop_front() else { break };
            item.queued.store(false, Ordering::SeqCst);
            if let Some(event) = self.ask(&item) {
                to.push(event);
            }
        }
        // Others may sleep while there is more.
        if left > 0 {
            self.waiters.wake_one();
        }
        !to.is_empty()
    }

    /// What holds of what `item` asks; puts a level-triggered one back on the list.
    fn ask(&self, item: &Arc<Item>) -> Option<EpollEvent> {
        if item.removed.load(Ordering::Acquire) {
            return None;
        }
        let open = item.open.upgrade()?;
        let found = open.file().poll();
        let mut asked = item.asked.lock();
        let found = found & asked.events;
        if found.is_empty() || asked.disabled {
            return None;
        }
        let event = EpollEvent { events: found.bits(), data: asked.data };
        if asked.flags & epoll::ONESHOT != 0 {
            asked.disabled = true;
        } else if asked.flags & epoll::ET == 0 && !item.queued.swap(true, Ordering::AcqRel) {
            drop(asked);
            self.ready.lock().push_back(item.clone());
        }
        Some(event)
    }

    fn timed_items(&self) -> Vec<(Arc<Item>, Arc<OpenFile>)> {
        let items: Vec<Arc<Item>> = self.timed.lock().iter().filter_map(Weak::upgrade).collect();
        let alive = items.into_iter().filter(|item| !item.removed.load(Ordering::Acquire));
        alive.filter_map(|item| Some((item.clone(), item.open.upgrade()?))).collect()
    }

    /// Puts the items on the list whose time has come.
    fn queue_due(&self) {
        let now = osv_sync::park::now();
        for (item, open) in self.timed_items() {
            if let Some(at) = open.file().next_change()
                && at <= now
                && item.noticed.swap(at.0, Ordering::AcqRel) != at.0
            {
                item.notify(Events::empty());
            }
        }
    }
}

impl File for Epoll {
    fn poll(&self) -> Events {
        if self.timed_count.load(Ordering::Acquire) > 0 {
            self.queue_due();
        }
        // Asks each item that is said to be ready; one that holds nothing any more leaves the list.
        let mut left = self.ready.lock().len();
        while left > 0 {
            left -= 1;
            let Some(item) = self.ready.lock().pop_front() else { break };
            item.queued.store(false, Ordering::SeqCst);
            let asked = *item.asked.lock();
            let holds = !item.removed.load(Ordering::Acquire)
                && !asked.disabled
                && item.open.upgrade().is_some_and(|open| open.file().poll().intersects(asked.events));
            if holds {
                if !item.queued.swap(true, Ordering::AcqRel) {
                    self.ready.lock().push_front(item);
                }
                return Events::IN | Events::RDNORM;
            }
        }
        Events::empty()
    }

    fn can_read(&self) -> bool {
        false
    }

    fn can_write(&self) -> bool {
        false
    }

    fn ioctl(&self, _request: u32, _arg: &mut dyn IoctlArg) -> Res<usize> {
        Err(Errno::EINVAL.into())
    }

    fn ignores_offset(&self) -> bool {
        true
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn next_change(&self) -> Option<Instant> {
        if self.timed_count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let now = osv_sync::park::now();
        let items = self.timed_items();
        // What is due and was noticed is on the list, or was reported and waits for its next edge. What is due and was
        // not noticed yet is for an instance that watches this one.
        let next = items.iter().filter_map(|(item, open)| {
            let at = open.file().next_change()?;
            (at > now || item.noticed.load(Ordering::Acquire) != at.0).then_some(at)
        });
        next.min()
    }

    fn describe(&self) -> Vec<u8> {
        b"anon_inode:[eventpoll]".to_vec()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        for item in self.items.get_mut().values() {
            if let Some(open) = item.open.upgrade()
                && let Some(readiness) = open.file().readiness()
            {
                let observer: Weak<dyn Observer> = Arc::<Item>::downgrade(item);
                readiness.forget(&observer);
            }
        }
    }
}

impl core::fmt::Debug for Epoll {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Epoll({} watched, {} ready)", self.items.lock().len(), self.ready.lock().len())
    }
}
