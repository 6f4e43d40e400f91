//! The context of a system call.

use crate::cursor::{Segments, UserSink, UserSource};
use crate::transfer;
use alloc::vec::Vec;
use osv_abi::uapi::{IoVec, UIO_MAXIOV};
use osv_abi::{Errno, Fault, UserAddr, UserMemory};
use osv_base::Res;
use osv_hw::gate::Frame;
use osv_hw::usercopy;
use osv_mm::space::AddressSpace;
use osv_task::{Process, Thread};
use zerocopy::IntoBytes;

/// Most bytes that one read or write moves (MAX_RW_COUNT of Linux).
pub const MAX_RW_COUNT: usize = 0x7fff_f000;

/// The context of a system call: its frame, and through it the thread that called. Copies that fault pages in go
/// through it, so it must not be used while a lock is held.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The entry's frame.
    pub frame: &'a mut Frame,
    current: osv_task::Current,
}

impl<'a> Cx<'a> {
    /// Of the call that `frame` belongs to, on its own thread.
    #[inline(always)]
    pub fn new(frame: &'a mut Frame) -> Self {
        Cx { frame, current: osv_task::current() }
    }

    /// The calling thread.
    #[inline(always)]
    pub fn thread(&self) -> &Thread {
        &self.current
    }

    /// The calling process.
    #[inline(always)]
    pub fn process(&self) -> &Process {
        self.thread().process()
    }

    /// The calling process's memory.
    #[inline]
    pub fn space(&self) -> Result<&AddressSpace, Errno> {
        // Only kernel threads have none, and they make no system calls.
        self.current.space().ok_or(Errno::ENOMEM)
    }

    /// Makes one byte at `addr` accessible as a copy would: EFAULT when it cannot be.
    pub fn fault_in(&self, addr: UserAddr, write: bool) -> Result<(), Errno> {
        if write {
            // A locked exchange of nothing for nothing: takes the write fault, changes nothing.
            usercopy::compare_exchange_u32(UserAddr(addr.0 & !3), 0, 0)?;
        } else {
            usercopy::copy_in(&mut [0], addr)?;
        }
        Ok(())
    }

    /// Runs `io`, which puts bytes into `to`, until it stops for another reason than a page that is not there; after
    /// each such stop the page is faulted in and `io` runs again. `io` is told how many bytes went before: from then
    /// on it must not wait for more. A failure counts only when nothing went before.
    #[inline]
    pub fn transfer_out(
        &self,
        to: &mut UserSink<'_>,
        io: impl FnMut(&mut UserSink<'_>, usize) -> Res<usize>,
    ) -> Res<usize> {
        transfer::continued(to, io, |addr| self.fault_in(addr, true))
    }

    /// As [`Cx::transfer_out`], for an `io` that takes bytes from `from`. A call that waits for room waits for all.
    #[inline]
    pub fn transfer_in(
        &self,
        from: &mut UserSource<'_>,
        io: impl FnMut(&mut UserSource<'_>, usize) -> Res<usize>,
    ) -> Res<usize> {
        transfer::continued(from, io, |addr| self.fault_in(addr, false))
    }

    /// Runs `io`, which puts one whole into `to`: where a page was not there it took nothing, and runs again from the
    /// first byte once the page is in.
    #[inline]
    pub fn whole_out<R>(&self, to: &Segments<'_>, io: impl FnMut(&mut UserSink<'_>) -> Res<R>) -> Res<R> {
        transfer::repeated(|| UserSink::new(to.clone()), io, |addr| self.fault_in(addr, true))
    }

    /// As [`Cx::whole_out`], for an `io` that takes one whole from `from`.
    #[inline]
    pub fn whole_in<R>(&self, from: &Segments<'_>, io: impl FnMut(&mut UserSource<'_>) -> Res<R>) -> Res<R> {
        transfer::repeated(|| UserSource::new(from.clone()), io, |addr| self.fault_in(addr, false))
    }

    /// Copies in the `count` buffers of readv(2) and kin, cut to [`MAX_RW_COUNT`] bytes in all: EINVAL when there are
    /// too many or a length is negative, EFAULT when a buffer lies outside the application's half.
    pub fn read_iovecs(&self, addr: UserAddr, count: usize) -> Result<Vec<IoVec>, Errno> {
        if count > UIO_MAXIOV {
            return Err(Errno::EINVAL);
        }
        let mut vectors = Vec::new();
        vectors.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        vectors.resize(count, IoVec::default());
        self.read_bytes(addr, vectors.as_mut_slice().as_mut_bytes())?;
        let mut room = MAX_RW_COUNT as u64;
        for vector in &mut vectors {
            if vector.len.cast_signed() < 0 {
                return Err(Errno::EINVAL);
            }
            if !UserAddr(vector.base).range_ok(vector.len as usize) {
                return Err(Errno::EFAULT);
            }
            vector.len = vector.len.min(room);
            room -= vector.len;
        }
        Ok(vectors)
    }
}

impl UserMemory for Cx<'_> {
    #[inline]
    fn read_bytes(&self, from: UserAddr, to: &mut [u8]) -> Result<(), Fault> {
        usercopy::copy_in(to, from)
    }

    #[inline]
    fn write_bytes(&self, to: UserAddr, from: &[u8]) -> Result<(), Fault> {
        usercopy::copy_out(to, from)
    }
}
