//! Bytes of an address space by address, whichever one is active; and the names of futexes.

use super::area::Backing;
use super::{Access, AddressSpace, Outcome};
use crate::frame;
use crate::mmu::Pte;
use crate::pager::ObjectId;
use osv_abi::{Errno, Fault};
use osv_base::{PAGE_SIZE, Res};

/// What a futex is known by (law 9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FutexKey {
    /// An address of one address space.
    Private {
        /// The address space's id.
        space: u64,
        /// The address.
        addr: u64,
    },
    /// A byte of an object.
    Shared {
        /// The object.
        object: ObjectId,
        /// The byte.
        offset: u64,
    },
}

impl AddressSpace {
    /// The name of the futex at `addr`. `shared`: FUTEX_PRIVATE_FLAG was not given. EINVAL when `addr` is not a
    /// multiple of 4, EFAULT when it is shared and nothing is mapped there.
    pub fn futex_key(&self, addr: u64, shared: bool) -> Res<FutexKey> {
        if !addr.is_multiple_of(4) {
            return Err(Errno::EINVAL.into());
        }
        let private = FutexKey::Private { space: self.id, addr };
        if !shared {
            return Ok(private);
        }
        let inner = self.inner.read();
        let area = inner.areas.find(addr).ok_or(Errno::EFAULT)?;
        match &area.backing {
            Backing::Object { pager, offset } if area.is_shared() => {
                Ok(FutexKey::Shared { object: pager.object(), offset: offset + (addr - area.range.start) })
            }
            _ => Ok(private),
        }
    }

    /// Copies out of this address space, active or not, faulting in what is needed. Stops at what cannot be read;
    /// returns how much was copied.
    pub fn read(&self, addr: u64, to: &mut [u8]) -> usize {
        self.exchange(addr, to.len(), Access::Read, &mut |page, offset, range| {
            page.copy_out(offset, &mut to[range]);
        })
    }

    /// Copies into this address space, active or not. Stops at what may not be written; returns how much was copied.
    pub fn write(&self, addr: u64, from: &[u8]) -> usize {
        self.exchange(addr, from.len(), Access::Write, &mut |page, offset, range| {
            page.copy_in(offset, &from[range]);
        })
    }

    /// As [`AddressSpace::write`], all or a fault.
    pub fn write_all(&self, addr: u64, from: &[u8]) -> Result<(), Fault> {
        if self.write(addr, from) == from.len() { Ok(()) } else { Err(Fault) }
    }

    /// As [`AddressSpace::read`], all or a fault.
    pub fn read_all(&self, addr: u64, to: &mut [u8]) -> Result<(), Fault> {
        if self.read(addr, to) == to.len() { Ok(()) } else { Err(Fault) }
    }

    fn exchange(
        &self,
        addr: u64,
        len: usize,
        access: Access,
        copy: &mut dyn FnMut(&frame::Frame, usize, core::ops::Range<usize>),
    ) -> usize {
        let need = if access == Access::Write { Pte::READ | Pte::WRITE } else { Pte::READ };
        let mut done = 0;
        while done < len {
            let Some(here) = addr.checked_add(done as u64) else { break };
            let offset = here as usize % PAGE_SIZE;
            let n = (PAGE_SIZE - offset).min(len - done);
            let page = {
                let inner = self.inner.read();
                let pages = inner.pages.lock();
                pages.table.query(here & !(PAGE_SIZE as u64 - 1)).filter(|e| e.flags.contains(need)).map(
                    |entry| {
                        let within = (here & (entry.size.bytes() - 1)) & !(PAGE_SIZE as u64 - 1);
                        // Held, so that it may be copied without the lock.
                        frame::hold(entry.phys.offset(within))
                    },
                )
            };
            match page {
                Some(page) => {
                    copy(&page, offset, done..done + n);
                    done += n;
                }
                None if self.fault(here, access) == Outcome::Done => {}
                None => break,
            }
        }
        done
    }
}
