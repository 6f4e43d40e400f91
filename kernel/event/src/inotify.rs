//! inotify(7): what happened to files, in order, to be read.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::fmt::{self, Write};
use osv_abi::uapi::event::inotify as i;
use osv_abi::uapi::file::ioctl;
use osv_base::io::Sink;
use osv_base::{Errno, Res};
use osv_sync::{Events, Mutex, Readiness, Wait};
use osv_vfs::locks::FileId;
use osv_vfs::notify::{self, Mark, Watcher};
use osv_vfs::{At, Entry, File, Io, IoctlArg};

/// Events that wait at most (fs.inotify.max_queued_events); then one that says so, and no more.
const QUEUE_MAX: usize = 16_384;
/// Watches of one instance at most.
const WATCHES_MAX: usize = 65_536;
/// Bytes of an event without its name; names are padded to as many.
const HEADER: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    wd: i32,
    mask: u32,
    cookie: u32,
    name: Box<[u8]>,
}

impl Event {
    /// As read(2) gives it.
    fn bytes(&self) -> Vec<u8> {
        let padded = if self.name.is_empty() { 0 } else { (self.name.len() + 1).next_multiple_of(HEADER) };
        let mut bytes = Vec::with_capacity(HEADER + padded);
        bytes.extend(self.wd.to_ne_bytes());
        for word in [self.mask, self.cookie, padded as u32] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend_from_slice(&self.name);
        bytes.resize(HEADER + padded, 0);
        bytes
    }
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    file: FileId,
    mask: u32,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Event>,
    watches: BTreeMap<i32, Watch>,
    last: i32,
}

impl State {
    fn push(&mut self, event: Event) -> bool {
        // What only repeats the last one says nothing new.
        let repeats = |last: &Event| {
            last.mask & i::IGNORED == 0
                && (last.wd, last.mask, &last.name) == (event.wd, event.mask, &event.name)
        };
        if self.queue.back().is_some_and(repeats) || self.queue.len() > QUEUE_MAX {
            return false;
        }
        let full = self.queue.len() == QUEUE_MAX;
        let overflow = Event { wd: -1, mask: i::Q_OVERFLOW, cookie: 0, name: Box::default() };
        if self.queue.try_reserve(1).is_err() {
            return false;
        }
        self.queue.push_back(if full { overflow } else { event });
        true
    }
}

/// An instance.
pub struct Inotify {
    state: Mutex<State>,
    readiness: Readiness,
    me: Weak<Inotify>,
}

impl Inotify {
    /// One without watches.
    pub fn new() -> Arc<Inotify> {
        let new = |me: &Weak<Inotify>| Inotify {
            state: Mutex::default(),
            readiness: Readiness::new(),
            me: me.clone(),
        };
        Arc::new_cyclic(new)
    }

    fn watcher(&self) -> Weak<dyn Watcher> {
        self.me.clone()
    }

    /// inotify_add_watch(2), of a mask that was checked: EEXIST, ENOSPC.
    pub fn add(&self, entry: &Arc<Entry>, mask: u32) -> Result<i32, Errno> {
        let file = notify::id_of(entry.inode());
        let kept = mask & !(i::MASK_ADD | i::MASK_CREATE | i::ONLYDIR | i::DONT_FOLLOW);
        let mut state = self.state.lock();
        let existing = state.watches.iter_mut().find(|(_, watch)| watch.file == file);
        let (wd, mask) = match existing {
            Some(_) if mask & i::MASK_CREATE != 0 => return Err(Errno::EEXIST),
            Some((wd, watch)) => {
                watch.mask = if mask & i::MASK_ADD != 0 { watch.mask | kept } else { kept };
                (*wd, watch.mask)
            }
            None => {
                if state.watches.len() >= WATCHES_MAX {
                    return Err(Errno::ENOSPC);
                }
                let wd = (1..=i32::MAX).find_map(|step| {
                    let wd = state.last.wrapping_add(step).checked_rem(i32::MAX)?.max(1);
                    (!state.watches.contains_key(&wd)).then_some(wd)
                });
                let wd = wd.ok_or(Errno::ENOSPC)?;
                state.last = wd;
                state.watches.insert(wd, Watch { file, mask: kept });
                (wd, kept)
            }
        };
        // Marks and watches change together; nobody who has the marks waits for an instance.
        notify::mark(file, Mark { watcher: self.watcher(), wd, mask, entry: Arc::downgrade(entry) });
        Ok(wd)
    }

    /// inotify_rm_watch(2): EINVAL.
    pub fn remove(&self, wd: i32) -> Result<(), Errno> {
        {
            let mut state = self.state.lock();
            let watch = state.watches.remove(&wd).ok_or(Errno::EINVAL)?;
            notify::unmark(watch.file, &self.watcher(), wd);
            state.push(Event { wd, mask: i::IGNORED, cookie: 0, name: Box::default() });
        }
        self.readiness.changed(READABLE);
        Ok(())
    }
}

const READABLE: Events = Events::IN.union(Events::RDNORM);

impl Watcher for Inotify {
    fn event(&self, wd: i32, mask: u32, cookie: u32, name: &[u8]) {
        {
            let mut state = self.state.lock();
            let Some(watch) = state.watches.get(&wd).copied() else { return };
            // What happens to a directory itself is not said to have happened to a directory.
            let own = mask & (i::DELETE_SELF | i::MOVE_SELF) != 0;
            let mask = if own { mask & !i::ISDIR } else { mask };
            state.push(Event { wd, mask, cookie, name: name.into() });
            if mask & i::IGNORED != 0 {
                state.watches.remove(&wd);
            } else if watch.mask & i::ONESHOT != 0 {
                state.watches.remove(&wd);
                notify::unmark(watch.file, &self.watcher(), wd);
                state.push(Event { wd, mask: i::IGNORED, cookie: 0, name: Box::default() });
            }
        }
        self.readiness.changed(READABLE);
    }
}

impl File for Inotify {
    fn read(&self, at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if at != At::Stream {
            return Err(Errno::ESPIPE.into());
        }
        let mut attempt = || {
            let mut state = self.state.lock();
            let mut done = 0;
            while let Some(event) = state.queue.front() {
                let bytes = event.bytes();
                if bytes.len() > to.remaining() {
                    return Some(if done == 0 { Err(Errno::EINVAL.into()) } else { Ok(done) });
                }
                let put = to.put(&bytes);
                done += put;
                if put < bytes.len() {
                    // Half of an event is none: it stays, and is put again as a whole.
                    return Some(if put == 0 { Ok(done) } else { Err(Errno::EFAULT.into()) });
                }
                state.queue.pop_front();
            }
            (done > 0).then_some(Ok(done))
        };
        if io.nonblock {
            return attempt().ok_or(Errno::EAGAIN)?;
        }
        let waited = self.readiness.waiters.wait_until(Wait::INTERRUPTIBLE, attempt);
        waited.map_err(|error| error.or_timeout(Errno::EAGAIN))?
    }

    fn can_write(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        if self.state.lock().queue.is_empty() { Events::empty() } else { READABLE }
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        if request != ioctl::FIONREAD {
            return Err(Errno::ENOTTY.into());
        }
        let waiting: usize = self.state.lock().queue.iter().map(|event| event.bytes().len()).sum();
        arg.write(&(waiting as i32).to_ne_bytes())?;
        Ok(0)
    }

    fn describe(&self) -> Vec<u8> {
        b"anon_inode:inotify".to_vec()
    }

    fn details(&self, to: &mut dyn Write) -> fmt::Result {
        for (wd, Watch { file: (dev, ino), mask }) in &self.state.lock().watches {
            let mask = mask & (i::ALL_EVENTS | i::EXCL_UNLINK | i::ONESHOT);
            writeln!(to, "inotify wd:{wd:x} ino:{ino:x} sdev:{dev:x} mask:{mask:x} ignored_mask:0 ")?;
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Inotify {
    fn drop(&mut self) {
        let watcher = self.watcher();
        for (wd, watch) in &self.state.lock().watches {
            notify::unmark(watch.file, &watcher, *wd);
        }
    }
}

impl fmt::Debug for Inotify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inotify({:?})", self.state.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use osv_base::io::SliceSink;

    fn read(instance: &Inotify, room: usize) -> Res<Vec<u8>> {
        let mut buf = alloc::vec![0; room];
        let io = Io { nonblock: true, ..Io::default() };
        let n = instance.read(At::Stream, &mut SliceSink::new(&mut buf), io)?;
        buf.truncate(n);
        Ok(buf)
    }

    fn watching(mask: u32) -> Arc<Inotify> {
        let instance = Inotify::new();
        instance.state.lock().watches.insert(7, Watch { file: (1, 1), mask });
        instance
    }

    #[test]
    fn events_are_read_whole_and_names_are_padded() {
        let instance = watching(i::ALL_EVENTS);
        assert_eq!(read(&instance, 100), Err(Errno::EAGAIN.into()));
        instance.event(7, i::CREATE | i::ISDIR, 0, b"name");
        instance.event(7, i::MODIFY, 0, b"");
        assert_eq!(read(&instance, 31), Err(Errno::EINVAL.into()));
        let first = read(&instance, 47).expect("fits");
        assert_eq!(first.len(), 32);
        assert_eq!(first[..4], 7i32.to_ne_bytes());
        assert_eq!(first[4..8], (i::CREATE | i::ISDIR).to_ne_bytes());
        assert_eq!(first[12..16], 16u32.to_ne_bytes());
        assert_eq!(&first[16..], b"name\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(read(&instance, 100).expect("second").len(), 16);
    }

    #[test]
    fn what_repeats_is_told_once_and_a_full_queue_says_so() {
        let instance = watching(i::ALL_EVENTS);
        for _ in 0..3 {
            instance.event(7, i::MODIFY, 0, b"a");
        }
        assert_eq!(instance.state.lock().queue.len(), 1);
        for at in 0..QUEUE_MAX {
            instance.event(7, if at % 2 == 0 { i::OPEN } else { i::ACCESS }, 0, b"a");
        }
        let queue = &instance.state.lock().queue;
        assert_eq!(queue.len(), QUEUE_MAX + 1);
        assert_eq!(queue.back().map(|event| (event.wd, event.mask)), Some((-1, i::Q_OVERFLOW)));
    }

    #[test]
    fn an_instance_tells_its_watches() {
        let instance = watching(i::ALL_EVENTS | i::ONESHOT);
        let mut text = alloc::string::String::new();
        instance.details(&mut text).expect("a string takes all");
        assert_eq!(text, "inotify wd:7 ino:1 sdev:1 mask:80000fff ignored_mask:0 \n");
    }

    #[test]
    fn one_shot_ends_the_watch() {
        let instance = watching(i::OPEN | i::ONESHOT);
        instance.event(7, i::OPEN, 0, b"");
        instance.event(7, i::OPEN, 0, b"");
        let masks: Vec<u32> = instance.state.lock().queue.iter().map(|event| event.mask).collect();
        assert_eq!(masks, [i::OPEN, i::IGNORED]);
        assert_eq!(instance.remove(7), Err(Errno::EINVAL));
    }
}
