//! signalfd(2): signals as something to read.

use crate::cx::Cx;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicU64, Ordering};
use osv_abi::Errno;
use osv_abi::arg::{Fd, Flags, In, Size};
use osv_abi::uapi::file::open as o;
use osv_abi::uapi::signal::{SignalfdSiginfo, sfd};
use osv_base::Res;
use osv_base::io::{Sink, Source};
use osv_sync::readiness::Observer;
use osv_sync::{Events, Readiness, SpinLock, Wait};
use osv_task::Process;
use osv_task::signal::SigSet;
use osv_vfs::{At, File, Io};
use zerocopy::IntoBytes;

/// Takes the signals of whoever reads: of the calling thread first, then of its process.
pub struct SignalFd {
    me: Weak<SignalFd>,
    mask: AtomicU64,
    readiness: Readiness,
    /// Processes whose arrivals it hears of: the one that made it, and those that inherited it and used it.
    heard: SpinLock<Vec<Weak<Process>>>,
}

const READABLE: Events = Events::IN.union(Events::RDNORM);
const ENTRY: usize = size_of::<SignalfdSiginfo>();

impl SignalFd {
    fn new(mask: SigSet) -> Arc<Self> {
        Arc::new_cyclic(|me| SignalFd {
            me: me.clone(),
            mask: AtomicU64::new(mask.0),
            readiness: Readiness::new(),
            heard: SpinLock::new(Vec::new()),
        })
    }

    fn mask(&self) -> SigSet {
        SigSet(self.mask.load(Ordering::Relaxed))
    }

    fn hear(&self, process: &Arc<Process>) {
        let mut heard = self.heard.lock();
        if heard.iter().any(|known| core::ptr::eq(known.as_ptr(), Arc::as_ptr(process))) {
            return;
        }
        heard.retain(|known| known.strong_count() > 0);
        heard.push(Arc::downgrade(process));
        let me: Weak<dyn Observer> = self.me.clone();
        process.arrivals.observe(me);
    }

    fn take(&self, to: &mut dyn Sink) -> Option<Res<usize>> {
        let current = osv_task::current();
        let (thread, process) = (&current.pending, &current.process().pending);
        for queue in [thread, process] {
            let Some(info) = queue.lock().take(self.mask()) else { continue };
            if to.put(SignalfdSiginfo::from(&info).as_bytes()) == ENTRY {
                return Some(Ok(ENTRY));
            }
            // The page was not there: nothing was taken.
            queue.lock().put_back(info);
            return Some(Ok(0));
        }
        None
    }
}

impl Observer for SignalFd {
    fn notify(&self, _: Events) {
        self.readiness.changed(READABLE);
    }
}

impl File for SignalFd {
    fn read(&self, at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if at != At::Stream {
            return Err(Errno::ESPIPE.into());
        }
        if to.remaining() < ENTRY {
            return Err(Errno::EINVAL.into());
        }
        self.hear(osv_task::current().process());
        let mut done = match self.take(to) {
            Some(first) => first?,
            None if io.nonblock => return Err(Errno::EAGAIN.into()),
            None => {
                let waiters = &self.readiness.waiters;
                let first = waiters.wait_until(Wait::INTERRUPTIBLE, || self.take(to));
                first.map_err(|error| error.or_timeout(Errno::EAGAIN))??
            }
        };
        while done > 0 && to.remaining() >= ENTRY && !to.faulted() {
            match self.take(to) {
                Some(Ok(ENTRY)) => done += ENTRY,
                _ => break,
            }
        }
        Ok(done)
    }

    fn write(&self, _: At, _: &mut dyn Source, _: Io) -> Res<usize> {
        Err(Errno::EINVAL.into())
    }

    /// What a fault stopped begins anew, so that no signal is given in parts.
    fn whole(&self) -> bool {
        true
    }

    fn ignores_offset(&self) -> bool {
        true
    }

    fn poll(&self) -> Events {
        let current = osv_task::current();
        self.hear(current.process());
        if current.pending_set().and(self.mask()).is_empty() { Events::empty() } else { READABLE }
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.readiness)
    }

    fn describe(&self) -> Vec<u8> {
        b"anon_inode:[signalfd]".to_vec()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// signalfd(2), the call without flags.
pub fn signalfd(cx: &mut Cx<'_>, fd: Fd, mask: In<u64>, size: Size) -> Res<Fd> {
    signalfd4(cx, fd, mask, size, Flags(0))
}

/// signalfd4(2)
pub fn signalfd4(cx: &mut Cx<'_>, fd: Fd, mask: In<u64>, size: Size, flags: Flags) -> Res<Fd> {
    if flags.0 & !(sfd::CLOEXEC | sfd::NONBLOCK) != 0 || size.0 != 8 {
        return Err(Errno::EINVAL.into());
    }
    let mask = SigSet(mask.read(cx)?).minus(SigSet::UNBLOCKABLE);
    if fd.0 != -1 {
        let open = cx.file(fd)?;
        let file = open.file().as_any().downcast_ref::<SignalFd>().ok_or(Errno::EINVAL)?;
        file.mask.store(mask.0, Ordering::Relaxed);
        // What waits may be wanted now.
        file.readiness.changed(READABLE);
        return Ok(fd);
    }
    let file = SignalFd::new(mask);
    file.hear(osv_task::current().process());
    let status = o::RDWR | if flags.0 & sfd::NONBLOCK != 0 { o::NONBLOCK } else { 0 };
    cx.install_new(file, status, flags.0 & sfd::CLOEXEC != 0)
}
