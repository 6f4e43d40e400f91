//! poll(2) and select(2).

use super::{deadline, deadline_ms, masked, not_restarted};
use crate::cx::Cx;
use alloc::vec::Vec;
use core::time::Duration;
use osv_abi::arg::{In, InOut, Int, SigsetArg, Size, Timespec, Timeval, UInt, UserAddr};
use osv_abi::uapi::event::PollFd;
use osv_abi::{Errno, UserMemory};
use osv_base::{Instant, Res};
use osv_event::poll::{self as waiting, Entry};
use osv_sync::{Events, park};
use zerocopy::IntoBytes;

fn poll_files(cx: &Cx<'_>, at: UserAddr, count: u32, deadline: Option<Instant>) -> Res<usize> {
    if u64::from(count) > cx.nofile_limit() {
        return Err(Errno::EINVAL.into());
    }
    let mut fds = Vec::new();
    fds.try_reserve_exact(count as usize).map_err(|_| Errno::ENOMEM)?;
    fds.resize(count as usize, PollFd::default());
    cx.read_bytes(at, fds.as_mut_slice().as_mut_bytes())?;
    let mut entries: Vec<Entry> = fds
        .iter()
        .map(|poll| {
            let asked = Events::from_bits_truncate(u32::from(poll.events as u16));
            let wanted = asked | Events::ERR | Events::HUP;
            let none = Entry { file: None, wanted, found: Events::empty() };
            if poll.fd < 0 {
                return none;
            }
            match cx.process().fds().get(poll.fd) {
                Ok(open) if !open.is_path() => Entry { file: Some(open), ..none },
                _ => Entry { found: Events::NVAL, ..none },
            }
        })
        .collect();
    let ready = waiting::poll(&mut entries, deadline)?;
    for (poll, entry) in fds.iter_mut().zip(&entries) {
        poll.revents = entry.found.bits() as i16;
    }
    cx.write_bytes(at, fds.as_slice().as_bytes())?;
    Ok(ready)
}

/// poll(2)
pub fn poll(cx: &mut Cx<'_>, fds: UserAddr, count: UInt, timeout: Int) -> Res<usize> {
    let result = poll_files(cx, fds, count.0, deadline_ms(timeout.0));
    if result.is_ok() && !fds.range_ok(0) {
        // Linux looks at the address before it writes, even when there is nothing to write.
        return Err(Errno::EFAULT.into());
    }
    not_restarted(result)
}

/// Stores what is left until `deadline`, as Linux does; a failure to store does not spoil the result.
fn store_left(deadline: Option<Instant>, store: impl FnOnce(Duration) -> Result<(), Errno>) {
    let _ = deadline.map(|deadline| store(deadline.since(park::now())));
}

/// ppoll(2)
pub fn ppoll(
    cx: &mut Cx<'_>,
    fds: UserAddr,
    count: UInt,
    timeout: InOut<Timespec>,
    mask: In<u64>,
    size: Size,
) -> Res<usize> {
    let given = if timeout.is_null() { None } else { Some(timeout.read(cx)?.duration()?) };
    let deadline = deadline(given);
    let result = masked(cx, mask, size, |cx| poll_files(cx, fds, count.0, deadline));
    store_left(deadline, |left| timeout.write(cx, &left.into()));
    result
}

/// The bits of a set: bit n is descriptor n.
struct Set {
    at: UserAddr,
    words: Vec<u64>,
}

impl Set {
    fn read(cx: &Cx<'_>, at: UserAddr, count: usize) -> Res<Set> {
        let mut words = Vec::new();
        if !at.is_null() {
            words.try_reserve_exact(count.div_ceil(64)).map_err(|_| Errno::ENOMEM)?;
            words.resize(count.div_ceil(64), 0);
            cx.read_bytes(at, words.as_mut_slice().as_mut_bytes())?;
        }
        Ok(Set { at, words })
    }
    fn has(&self, fd: usize) -> bool {
        self.words.get(fd / 64).is_some_and(|word| word >> (fd % 64) & 1 == 1)
    }
    fn add(&mut self, fd: usize) {
        if let Some(word) = self.words.get_mut(fd / 64) {
            *word |= 1 << (fd % 64);
        }
    }
    fn write(&self, cx: &Cx<'_>) -> Res<()> {
        Ok(cx.write_bytes(self.at, self.words.as_slice().as_bytes())?)
    }
}

/// What each of the three sets of select(2) means (`POLLIN_SET` and kin of Linux).
const READS: Events =
    Events::IN.union(Events::RDNORM).union(Events::RDBAND).union(Events::HUP).union(Events::ERR);
const WRITES: Events = Events::OUT.union(Events::WRNORM).union(Events::WRBAND).union(Events::ERR);
const EXCEPTIONS: Events = Events::PRI;

fn select_files(cx: &Cx<'_>, count: Int, sets: [UserAddr; 3], deadline: Option<Instant>) -> Res<usize> {
    let count = usize::try_from(count.0).map_err(|_| Errno::EINVAL)?.min(cx.process().fds().capacity());
    let [reads, writes, exceptions] = sets;
    let sets = [
        (Set::read(cx, reads, count)?, READS),
        (Set::read(cx, writes, count)?, WRITES),
        (Set::read(cx, exceptions, count)?, EXCEPTIONS),
    ];
    let (mut fds, mut entries) = (Vec::new(), Vec::new());
    for fd in 0..count {
        let asked = sets.iter().filter(|(set, _)| set.has(fd));
        let wanted = asked.fold(Events::empty(), |all, (_, events)| all | *events);
        if !wanted.is_empty() {
            fds.push(fd);
            entries.push(Entry {
                file: Some(cx.process().fds().get(fd as i32)?),
                wanted,
                found: Events::empty(),
            });
        }
    }
    waiting::poll(&mut entries, deadline)?;
    let mut found = 0;
    for (asked, events) in sets {
        if asked.at.is_null() {
            continue;
        }
        let mut holds = Set { at: asked.at, words: alloc::vec![0; asked.words.len()] };
        for (&fd, entry) in fds.iter().zip(&entries) {
            if asked.has(fd) && entry.found.intersects(events) {
                holds.add(fd);
                found += 1;
            }
        }
        holds.write(cx)?;
    }
    Ok(found)
}

/// select(2)
pub fn select(
    cx: &mut Cx<'_>,
    count: Int,
    reads: UserAddr,
    writes: UserAddr,
    exceptions: UserAddr,
    timeout: InOut<Timeval>,
) -> Res<usize> {
    let given = if timeout.is_null() {
        None
    } else {
        let Timeval { sec, usec } = timeout.read(cx)?;
        let (sec, usec) = (u64::try_from(sec), u64::try_from(usec));
        let whole = Duration::from_secs(sec.map_err(|_| Errno::EINVAL)?);
        Some(whole.saturating_add(Duration::from_micros(usec.map_err(|_| Errno::EINVAL)?)))
    };
    let deadline = deadline(given);
    let result = not_restarted(select_files(cx, count, [reads, writes, exceptions], deadline));
    store_left(deadline, |left| {
        let left = Timeval { sec: left.as_secs() as i64, usec: left.subsec_micros().into() };
        timeout.write(cx, &left)
    });
    result
}

/// pselect6(2)
pub fn pselect6(
    cx: &mut Cx<'_>,
    count: Int,
    reads: UserAddr,
    writes: UserAddr,
    exceptions: UserAddr,
    timeout: InOut<Timespec>,
    mask: In<SigsetArg>,
) -> Res<usize> {
    let given = if timeout.is_null() { None } else { Some(timeout.read(cx)?.duration()?) };
    let deadline = deadline(given);
    let SigsetArg { addr, len } = mask.read_opt(cx)?.unwrap_or_default();
    let result = masked(cx, In::at(UserAddr(addr)), Size(len as usize), |cx| {
        select_files(cx, count, [reads, writes, exceptions], deadline)
    });
    store_left(deadline, |left| timeout.write(cx, &left.into()));
    result
}
