//! eventfd(2): a counter that can be waited for.

use alloc::vec::Vec;
use core::any::Any;
use core::fmt::{self, Write};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_sync::{Events, Readiness, SpinLock, Wait};
use osv_vfs::{At, File, Io};

/// The counter. Writes take it to one less than `u64::MAX` at most; `u64::MAX` says that the kernel's counting went past
/// that ([`EventFd::signal`]).
#[derive(Debug)]
pub struct EventFd {
    count: SpinLock<u64>,
    semaphore: bool,
    readiness: Readiness,
}

const READABLE: Events = Events::IN.union(Events::RDNORM);
const WRITABLE: Events = Events::OUT.union(Events::WRNORM);

impl EventFd {
    /// Starts at `initial`; with `semaphore` a read takes one.
    pub fn new(initial: u32, semaphore: bool) -> Self {
        EventFd { count: SpinLock::new(initial.into()), semaphore, readiness: Readiness::new() }
    }

    /// Counts one on the kernel's behalf, which does not wait: what is too much shows as POLLERR.
    pub fn signal(&self) {
        {
            let mut count = self.count.lock();
            *count = count.saturating_add(1);
        }
        self.readiness.changed(READABLE);
    }

    fn attempt<R>(&self, nonblock: bool, mut attempt: impl FnMut(&mut u64) -> Option<R>) -> Res<R> {
        if let Some(value) = attempt(&mut self.count.lock()) {
            return Ok(value);
        }
        if nonblock {
            return Err(Errno::EAGAIN.into());
        }
        let waiters = &self.readiness.waiters;
        waiters
            .wait_until(Wait::INTERRUPTIBLE, || attempt(&mut self.count.lock()))
            .map_err(|error| error.or_timeout(Errno::EAGAIN))
    }
}

impl File for EventFd {
    fn read(&self, at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if at != At::Stream {
            return Err(Errno::ESPIPE.into());
        }
        if to.remaining() < 8 {
            return Err(Errno::EINVAL.into());
        }
        let n = self.attempt(io.nonblock, |count| {
            let value = match *count {
                0 => return None,
                _ if self.semaphore => 1,
                all => all,
            };
            // Copies don't fault: under the lock, the count changes only when the bytes arrived.
            let n = to.put(&value.to_ne_bytes());
            if n == 8 {
                *count -= value;
            }
            Some(n)
        })?;
        match n {
            8 => self.readiness.changed(WRITABLE),
            0 => {}
            // Half of the count is no count; it was not taken.
            _ => return Err(Errno::EFAULT.into()),
        }
        Ok(n)
    }

    fn write(&self, at: At, from: &mut dyn Source, io: Io) -> Res<usize> {
        if at != At::Stream {
            return Err(Errno::ESPIPE.into());
        }
        // Not a byte more either, since Linux 6.9.
        if from.remaining() != 8 {
            return Err(Errno::EINVAL.into());
        }
        let mut bytes = [0; 8];
        match from.take(&mut bytes) {
            8 => {}
            0 => return Ok(0),
            _ => return Err(Errno::EFAULT.into()),
        }
        let value = u64::from_ne_bytes(bytes);
        if value == u64::MAX {
            return Err(Errno::EINVAL.into());
        }
        self.attempt(io.nonblock, |count| {
            let sum = count.checked_add(value).filter(|&sum| sum < u64::MAX)?;
            *count = sum;
            Some(())
        })?;
        if value > 0 {
            self.readiness.changed(READABLE);
        }
        Ok(8)
    }

    fn poll(&self) -> Events {
        let count = *self.count.lock();
        let mut events = Events::empty();
        if count > 0 {
            events |= READABLE;
        }
        if count < u64::MAX - 1 {
            events |= WRITABLE;
        }
        if count == u64::MAX {
            events |= Events::ERR;
        }
        events
    }

    fn ignores_offset(&self) -> bool {
        true
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn describe(&self) -> Vec<u8> {
        b"anon_inode:[eventfd]".to_vec()
    }

    fn details(&self, to: &mut dyn Write) -> fmt::Result {
        writeln!(to, "eventfd-count: {:16x}", *self.count.lock())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
