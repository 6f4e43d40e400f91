//! An open terminal: the near side as a file.

use crate::jobs::jobs;
use crate::terminal::{READABLE, State, Tty, WRITABLE};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::time::Duration;
use osv_abi::uapi::file::{mode, open};
use osv_abi::uapi::signal::sig;
use osv_abi::uapi::termios::{lflag, request};
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Instant, Res};
use osv_sync::{Events, Readiness, Wait, park};
use osv_vfs::{At, Attr, File, Io, IoctlArg};

/// A terminal that was opened. It dies when the terminal is hung up.
pub struct TtyFile {
    tty: Arc<Tty>,
    generation: u32,
    readable: bool,
}

impl TtyFile {
    /// Opens `tty` with the flags of open(2): EIO while a pseudo-terminal is locked, EBUSY while it is another's alone.
    pub fn open(tty: &Arc<Tty>, flags: u32) -> Res<Arc<TtyFile>> {
        let readable = flags & open::ACCMODE != open::WRONLY;
        let is_privileged = jobs().caller().is_privileged;
        let generation = tty.change(|state, after| {
            if state.locked || state.far_closed {
                return Err(Errno::EIO);
            }
            if state.exclusive && state.opens > 0 && !is_privileged {
                return Err(Errno::EBUSY);
            }
            state.opens += 1;
            state.near_closed = false;
            after.far |= WRITABLE;
            Ok(state.generation)
        })?;
        if flags & open::NOCTTY == 0 && readable {
            tty.offer();
        }
        Ok(Arc::new(TtyFile { tty: tty.clone(), generation, readable }))
    }

    /// The terminal.
    pub fn tty(&self) -> &Arc<Tty> {
        &self.tty
    }

    /// Whether it was hung up since it was opened.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead_in(&self.tty.state.lock())
    }

    fn is_dead_in(&self, state: &State) -> bool {
        state.generation != self.generation
    }

    /// Reads under the lock, and lets in what waited for the room.
    fn take(&self, to: &mut dyn Sink) -> (usize, bool) {
        self.tty.change(|state, after| {
            let (n, took) = state.line.read(to);
            if took {
                state.pump(after);
                after.far |= WRITABLE;
            }
            (n, took)
        })
    }
}

/// Sleeps until `look` gives something; EAGAIN when the time is over, or at once.
pub(crate) fn wait<R>(
    readiness: &Readiness,
    nonblock: bool,
    deadline: Option<Instant>,
    mut look: impl FnMut() -> Option<R>,
) -> Res<R> {
    if nonblock {
        return look().ok_or(Errno::EAGAIN.into());
    }
    let how = Wait { deadline, interruptible: true };
    readiness.waiters.wait_until(how, look).map_err(|error| error.or_timeout(Errno::EAGAIN))
}

/// Writes all of `from` by `piece`, which waits for room. What fails after something was written shows at the next write.
pub(crate) fn in_pieces(
    from: &mut dyn Source,
    mut piece: impl FnMut(&mut dyn Source) -> Res<usize>,
) -> Res<usize> {
    let mut done = 0;
    while from.remaining() > 0 {
        match piece(from) {
            Ok(n) => done += n,
            Err(_) if done > 0 => break,
            Err(fail) => return Err(fail),
        }
        if from.faulted() {
            break;
        }
    }
    Ok(done)
}

/// How one look at the input ended.
enum Look {
    Read(usize),
    /// More has come, and the time between bytes starts anew.
    More(usize),
}

impl File for TtyFile {
    fn read(&self, _at: At, to: &mut dyn Sink, io: Io) -> Res<usize> {
        if self.is_dead() {
            return Ok(0);
        }
        self.tty.check(sig::TTIN)?;
        if to.remaining() == 0 {
            return Ok(0);
        }
        let tenths = |tenths: u8| Duration::from_millis(u64::from(tenths) * 100);
        let (minimum, time) = {
            let line = &self.tty.state.lock().line;
            (line.minimum(), line.tenths())
        };
        if minimum == 0 && time == 0 {
            return Ok(self.take(to).0);
        }
        let mut seen = 0;
        // Without a least number of bytes the time runs from the call on; else it runs between bytes.
        let mut deadline = (minimum == 0).then(|| park::now() + tenths(time));
        loop {
            let look = || {
                let (dead, have, goal) = {
                    let state = self.tty.state.lock();
                    let goal = state.line.minimum().clamp(1, to.remaining());
                    (self.is_dead_in(&state), state.line.available(), goal)
                };
                if dead {
                    return Some(Look::Read(0));
                }
                if have >= goal {
                    let (n, took) = self.take(&mut *to);
                    // Another reader may have been faster.
                    return (took || to.faulted()).then_some(Look::Read(n));
                }
                (have > seen && time > 0 && !io.nonblock).then_some(Look::More(have))
            };
            match wait(&self.tty.near, io.nonblock, deadline, look) {
                Ok(Look::Read(n)) => return Ok(n),
                Ok(Look::More(have)) => {
                    seen = have;
                    deadline = Some(park::now() + tenths(time));
                }
                Err(fail) => {
                    // What has come counts, though it is less than was asked for.
                    let (n, took) = self.take(to);
                    let is_over = minimum == 0 && !io.nonblock && fail == Errno::EAGAIN.into();
                    return if took || is_over { Ok(n) } else { Err(fail) };
                }
            }
        }
    }

    fn write(&self, _at: At, from: &mut dyn Source, io: Io) -> Res<usize> {
        if self.is_dead() {
            return Err(Errno::EIO.into());
        }
        if self.tty.state.lock().line.termios().lflag & lflag::TOSTOP != 0 {
            self.tty.check(sig::TTOU)?;
        }
        in_pieces(from, |from| {
            let step = || {
                self.tty.change(|state, _| {
                    if self.is_dead_in(state) {
                        return Some(Err(Errno::EIO));
                    }
                    let mut chunk = [0; 256];
                    let room = state.line.output_room().min(chunk.len());
                    if room == 0 {
                        return None;
                    }
                    let n = from.take(&mut chunk[..room]);
                    state.line.write(&chunk[..n]);
                    Some(Ok(n))
                })
            };
            Ok(wait(&self.tty.near, io.nonblock, None, step)??)
        })
    }

    fn poll(&self) -> Events {
        let state = self.tty.state.lock();
        if self.is_dead_in(&state) {
            return READABLE | WRITABLE | Events::ERR | Events::HUP;
        }
        let mut events = Events::empty();
        if state.line.is_readable() {
            events |= READABLE;
        }
        if state.line.output_room() > 0 {
            events |= WRITABLE;
        }
        events
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.tty.near)
    }

    fn ioctl(&self, number: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        if self.is_dead() {
            return Err(if number == request::TIOCSPGRP { Errno::ENOTTY } else { Errno::EIO }.into());
        }
        match number {
            request::TIOCSCTTY => self.tty.become_controlling(arg.value() == 1, self.readable).map(|()| 0),
            request::TIOCNOTTY => self.tty.give_up().map(|()| 0),
            _ => self.tty.ioctl(number, arg, false),
        }
    }

    fn attr(&self) -> Attr {
        let mode = mode::IFCHR | 0o620;
        Attr { mode, rdev: self.tty.number, nlink: 1, blksize: 1024, ..Attr::default() }
    }

    fn describe(&self) -> Vec<u8> {
        match &self.tty.pty {
            Some(node) => alloc::format!("/dev/pts/{}", node.index()).into_bytes(),
            None => b"/dev/console".to_vec(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for TtyFile {
    fn drop(&mut self) {
        self.tty.change(|state, after| {
            if self.is_dead_in(state) || state.opens == 0 {
                return;
            }
            state.opens -= 1;
            if state.opens == 0 {
                state.near_closed = true;
                state.exclusive = false;
                after.far |= READABLE | Events::HUP;
            }
        });
    }
}
