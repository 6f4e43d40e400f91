//! Restartable sequences: rseq(2).
//!
//! A thread that registered an area finds the number of its CPU there, and code that it announces there is restarted
//! when it was interrupted in the middle: by a preemption, a migration or a signal. Threads that have registered none
//! pay for a look at a flag when they are switched to, and nothing else.
//!
//! Whoever switches to such a thread sets `exit_work::RSEQ`; on the way to the application [`resume`] brings the area
//! up to date and sends the thread to the abort handler if it was in the middle of something.

use crate::signal::send;
use crate::thread::current;
use core::sync::atomic::Ordering;
use osv_abi::uapi::process::{RseqArea, RseqCs};
use osv_abi::uapi::signal::{Siginfo, code, sig};
use osv_abi::{Errno, UserAddr};
use osv_base::percpu::exit_work;
use osv_hw::gate::UserRegs;
use osv_hw::usercopy;
use osv_sched::Entity;
use zerocopy::{FromZeros, IntoBytes};

/// Bit of `ThreadHead::flags`: the thread has registered an area.
const REGISTERED: u32 = 1;

/// What a thread registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Address of the area; 0: none.
    pub addr: u64,
    /// Its length.
    pub len: u32,
    /// What stands before every abort handler.
    pub signature: u32,
}

/// The thread behind `entity` is about to run: what it last read there may be wrong by then.
#[inline(always)]
pub(crate) fn switched_to(entity: &Entity) {
    if entity.head.flags.load(Ordering::Relaxed) & REGISTERED != 0 {
        entity.head.exit_work.fetch_or(exit_work::RSEQ, Ordering::Relaxed);
    }
}

/// A thread is made that takes its maker's area over, in memory of its own.
pub(crate) fn inherited(entity: &Entity) {
    entity.head.flags.fetch_or(REGISTERED, Ordering::Relaxed);
}

/// Makes `registration` that of the calling thread; none where its address is 0.
pub(crate) fn set(registration: Registration) {
    let me = current();
    me.own().rseq.set(registration);
    let head = &me.entity.head;
    if registration.addr == 0 {
        head.flags.fetch_and(!REGISTERED, Ordering::Relaxed);
        head.exit_work.fetch_and(!exit_work::RSEQ, Ordering::Relaxed);
    } else {
        head.flags.fetch_or(REGISTERED, Ordering::Relaxed);
        head.exit_work.fetch_or(exit_work::RSEQ, Ordering::Relaxed);
    }
}

/// Length of the area in its first version.
const FIRST_LEN: u32 = 32;
/// Alignment of every area: AT_RSEQ_ALIGN.
pub const ALIGN: u64 = 32;
/// Bytes of an area that mean something: AT_RSEQ_FEATURE_SIZE.
pub const FEATURES: u64 = 28;
/// What `cpu_id` says in an area that is not registered.
const UNINITIALIZED: u32 = u32::MAX;

fn cpu_id_fields(cpu: u32) -> [u32; 2] {
    [cpu, cpu]
}

/// Writes the CPU, the node and the concurrency id, for which the CPU's number serves: no two threads of a process
/// run on one CPU at once.
fn write_ids(addr: u64, ids: [u32; 2], concurrency: u32) -> Result<(), Errno> {
    usercopy::copy_out(UserAddr(addr), ids.as_bytes())?;
    usercopy::copy_out(UserAddr(addr).add(20), [0, concurrency].as_bytes())?;
    Ok(())
}

/// rseq(2), to register: EINVAL, EPERM, EBUSY, EFAULT.
pub fn register(wanted: Registration) -> Result<(), Errno> {
    let before = current().own().rseq.get();
    if before.addr != 0 {
        return Err(if before.addr != wanted.addr || before.len != wanted.len {
            Errno::EINVAL
        } else if before.signature != wanted.signature {
            Errno::EPERM
        } else {
            Errno::EBUSY
        });
    }
    if wanted.len < FIRST_LEN || !wanted.addr.is_multiple_of(ALIGN) || wanted.addr == 0 {
        return Err(Errno::EINVAL);
    }
    let area = UserAddr(wanted.addr);
    if !area.range_ok(wanted.len as usize) {
        return Err(Errno::EFAULT);
    }
    // Nothing is announced yet, whatever stood there.
    usercopy::copy_out(area.add(8), &[0; 8])?;
    set(wanted);
    Ok(())
}

/// rseq(2), to end it: EINVAL, EPERM, EFAULT.
pub fn unregister(given: Registration) -> Result<(), Errno> {
    let before = current().own().rseq.get();
    if before.addr == 0 || before.addr != given.addr || before.len != given.len {
        return Err(Errno::EINVAL);
    }
    if before.signature != given.signature {
        return Err(Errno::EPERM);
    }
    write_ids(before.addr, [0, UNINITIALIZED], 0)?;
    set(Registration::default());
    Ok(())
}

/// What to do with a thread that is at `ip`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// It is not in the section that it announced.
    Outside,
    /// It goes to the abort handler.
    Abort(u64),
    /// The announcement is wrong.
    Wrong,
}

/// Looks at an announced section. `signature` is what stands before the abort handler, and `expected` what should.
fn judge(ip: u64, cs: &RseqCs, flags: u32, signature: u32, expected: u32) -> Verdict {
    let in_range = |address: u64| address < osv_abi::mem::USER_END;
    let Some(end) = cs.start_ip.checked_add(cs.post_commit_offset) else { return Verdict::Wrong };
    let bounds = in_range(cs.start_ip) && in_range(end) && in_range(cs.abort_ip);
    if !bounds || cs.version != 0 || (cs.start_ip..end).contains(&cs.abort_ip) || signature != expected {
        return Verdict::Wrong;
    }
    if !(cs.start_ip..end).contains(&ip) {
        return Verdict::Outside;
    }
    // Flags that forbade restarts are no longer known.
    if cs.flags | flags != 0 { Verdict::Wrong } else { Verdict::Abort(cs.abort_ip) }
}

/// Ends a section that `regs` is in the middle of.
fn fix(registration: Registration, regs: &mut UserRegs) -> Result<(), Errno> {
    let mut area = RseqArea::new_zeroed();
    let addr = UserAddr(registration.addr);
    usercopy::copy_in(area.as_mut_bytes(), addr)?;
    if area.rseq_cs == 0 {
        return Ok(());
    }
    let mut cs = RseqCs::new_zeroed();
    usercopy::copy_in(cs.as_mut_bytes(), UserAddr(area.rseq_cs))?;
    let signature = {
        let mut bytes = [0; 4];
        usercopy::copy_in(&mut bytes, UserAddr(cs.abort_ip.wrapping_sub(4)))?;
        u32::from_ne_bytes(bytes)
    };
    match judge(regs.rip, &cs, area.flags, signature, registration.signature) {
        Verdict::Wrong => return Err(Errno::EINVAL),
        Verdict::Outside => {}
        Verdict::Abort(to) => regs.rip = to,
    }
    Ok(usercopy::copy_out(addr.add(8), &[0; 8])?)
}

fn failed() {
    let me = current();
    // It cannot go on without: what it reads there would be wrong.
    set(Registration::default());
    osv_base::warn!("process {}, thread {}: its rseq area is gone or wrong", me.process().pid(), me.tid());
    send::force(Siginfo::new(sig::SEGV, code::SI_KERNEL));
}

/// The calling thread goes back to the application, with `regs` where it was interrupted and not in a system call.
pub(crate) fn resume(regs: Option<&mut UserRegs>) {
    let me = current();
    me.entity.head.exit_work.fetch_and(!exit_work::RSEQ, Ordering::SeqCst);
    let registration = me.own().rseq.get();
    if registration.addr == 0 {
        return;
    }
    // Read after the flag is cleared: a switch in between sets it again.
    let cpu = osv_hw::percpu::cpu_index() as u32;
    let section = regs.map_or(Ok(()), |regs| fix(registration, regs));
    if section.and_then(|()| write_ids(registration.addr, cpu_id_fields(cpu), cpu)).is_err() {
        failed();
    }
}

/// A handler is about to be entered from `regs`.
pub(crate) fn before_signal(regs: &mut UserRegs) {
    let registration = current().own().rseq.get();
    if registration.addr != 0 && fix(registration, regs).is_err() {
        failed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CS: RseqCs =
        RseqCs { version: 0, flags: 0, start_ip: 0x1000, post_commit_offset: 0x20, abort_ip: 0x2000 };

    #[test]
    fn only_who_is_in_the_middle_is_aborted() {
        for (ip, verdict) in [
            (0xfff, Verdict::Outside),
            (0x1000, Verdict::Abort(0x2000)),
            (0x101f, Verdict::Abort(0x2000)),
            (0x1020, Verdict::Outside),
        ] {
            assert_eq!(judge(ip, &CS, 0, 7, 7), verdict);
        }
    }

    #[test]
    fn a_wrong_announcement_is_found_wherever_the_thread_is() {
        let end = osv_abi::mem::USER_END;
        for wrong in [
            RseqCs { version: 1, ..CS },
            RseqCs { abort_ip: 0x1010, ..CS },
            RseqCs { abort_ip: end, ..CS },
            RseqCs { start_ip: end, ..CS },
            RseqCs { post_commit_offset: u64::MAX, ..CS },
            RseqCs { post_commit_offset: end, ..CS },
        ] {
            assert_eq!(judge(0, &wrong, 0, 7, 7), Verdict::Wrong);
        }
        assert_eq!(judge(0, &CS, 0, 8, 7), Verdict::Wrong);
        assert_eq!(judge(0x1000, &RseqCs { flags: 1, ..CS }, 0, 7, 7), Verdict::Wrong);
        assert_eq!(judge(0x1000, &CS, 1, 7, 7), Verdict::Wrong);
    }
}
