//! Descriptors. A lookup is one short lock and one reference count; the lowest free descriptor is found through a
//! bit map and a hint.

use crate::file::OpenFile;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use osv_base::{Errno, PAGE_SIZE, Res, door};
use osv_sync::SpinLock;

/// Flags of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FdFlags {
    /// Closed by execve(2).
    pub cloexec: bool,
}

/// The descriptors of a process; threads and CLONE_FILES share one.
#[derive(Debug, Default)]
pub struct FdTable {
    slots: SpinLock<Slots>,
}

#[derive(Clone, Debug, Default)]
struct Slots {
    files: Vec<Option<Arc<OpenFile>>>,
    /// Bit n: descriptor n is taken. As long as `files` needs.
    taken: Vec<u64>,
    cloexec: Vec<u64>,
    /// All words of `taken` before this one are full.
    hint: usize,
}

/// Descriptors that no table exceeds (fs.nr_open of Linux).
pub const NR_OPEN: u32 = 1 << 20;

impl Slots {
    fn lowest_free(&self, from: usize) -> usize {
        let first = self.hint.max(from / 64);
        for (at, &word) in self.taken.iter().enumerate().skip(first) {
            let below = if at == from / 64 { (1u64 << (from % 64)) - 1 } else { 0 };
            let free = !(word | below);
            if free != 0 {
                return at * 64 + free.trailing_zeros() as usize;
            }
        }
        (self.taken.len() * 64).max(from)
    }

    fn set(bits: &mut [u64], at: usize, value: bool) {
        if let Some(word) = bits.get_mut(at / 64) {
            *word = (*word & !(1 << (at % 64))) | u64::from(value) << (at % 64);
        }
    }

    fn grow(&mut self, fd: usize) -> Res<()> {
        let words = fd / 64 + 1;
        if words > self.taken.len() {
            // Doubling, so that opening many descriptors one by one stays linear.
            let words = words.next_power_of_two();
            let slots = words * 64;
            let oom = |_| Errno::ENOMEM;
            self.taken.try_reserve(words - self.taken.len()).map_err(oom)?;
            self.cloexec.try_reserve(words - self.cloexec.len()).map_err(oom)?;
            self.files.try_reserve(slots - self.files.len()).map_err(oom)?;
            self.taken.resize(words, 0);
            self.cloexec.resize(words, 0);
            self.files.resize(slots, None);
        }
        Ok(())
    }

    fn put(&mut self, fd: usize, file: Arc<OpenFile>, flags: FdFlags) -> Res<Option<Arc<OpenFile>>> {
        self.grow(fd)?;
        self.mark(fd, flags);
        Ok(self.files[fd].replace(file))
    }

    fn mark(&mut self, fd: usize, flags: FdFlags) {
        Self::set(&mut self.taken, fd, true);
        Self::set(&mut self.cloexec, fd, flags.cloexec);
        while self.taken.get(self.hint) == Some(&u64::MAX) {
            self.hint += 1;
        }
    }

    fn free(&mut self, fd: usize) {
        Self::set(&mut self.taken, fd, false);
        self.hint = self.hint.min(fd / 64);
    }

    fn take(&mut self, fd: usize) -> Option<Arc<OpenFile>> {
        let file = self.files.get_mut(fd)?.take()?;
        self.free(fd);
        Some(file)
    }
}

const EBADF: Errno = Errno::EBADF;

/// A descriptor without a file; given back unless [`Reserved::fill`] is called.
#[derive(Debug)]
pub struct Reserved<'t> {
    table: &'t FdTable,
    fd: usize,
    flags: FdFlags,
}

impl Reserved<'_> {
    /// The descriptor.
    pub fn fd(&self) -> i32 {
        self.fd as i32
    }

    /// Makes it refer to `file`; returns its number.
    pub fn fill(self, file: Arc<OpenFile>) -> i32 {
        let (fd, flags) = (self.fd, self.flags);
        // The later of two wins, should another thread have put a file there with dup2(2) or closed that again.
        let displaced = self.table.slots.lock().put(fd, file, flags);
        drop(displaced);
        // There is nothing left to give back.
        mem::forget(self);
        fd as i32
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut slots = self.table.slots.lock();
        if slots.files.get(self.fd).is_some_and(Option::is_none) {
            slots.free(self.fd);
        }
    }
}

impl FdTable {
    /// A table without descriptors.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy, as fork(2) makes: the descriptions are shared.
    pub fn fork(&self) -> Self {
        let mut slots = self.slots.lock().clone();
        // What a thread of the parent's has reserved is free here.
        for fd in 0..slots.files.len() {
            if slots.files[fd].is_none() {
                slots.free(fd);
            }
        }
        FdTable { slots: SpinLock::new(slots) }
    }

    /// The description behind `fd`: EBADF.
    #[inline]
    pub fn get(&self, fd: i32) -> Result<Arc<OpenFile>, Errno> {
        if fd < 0 {
            return Err(EBADF);
        }
        match self.slots.lock().files.get(fd as usize) {
            Some(Some(file)) => Ok(file.clone()),
            _ => Err(EBADF),
        }
    }

    /// Gives `file` the lowest free descriptor that is at least `from` and below `limit` (RLIMIT_NOFILE): EMFILE; ENOMEM
    /// when memory is short.
    pub fn insert(&self, file: Arc<OpenFile>, flags: FdFlags, from: u32, limit: u64) -> Res<i32> {
        // What a descriptor keeps alive is small, but there may be many: refused here, it goes again at once.
        door::admit(PAGE_SIZE)?;
        let mut slots = self.slots.lock();
        let fd = slots.lowest_free(from as usize);
        if fd as u64 >= limit.min(u64::from(NR_OPEN)) {
            return Err(Errno::EMFILE.into());
        }
        slots.put(fd, file, flags)?;
        Ok(fd as i32)
    }

    /// Takes the lowest free descriptor below `limit` without a file yet: until it has one it is not open for anybody.
    /// EMFILE before a call does what cannot be undone.
    pub fn reserve(&self, flags: FdFlags, limit: u64) -> Res<Reserved<'_>> {
        door::admit(PAGE_SIZE)?;
        let mut slots = self.slots.lock();
        let fd = slots.lowest_free(0);
        if fd as u64 >= limit.min(u64::from(NR_OPEN)) {
            return Err(Errno::EMFILE.into());
        }
        slots.grow(fd)?;
        slots.mark(fd, flags);
        Ok(Reserved { table: self, fd, flags })
    }

    /// As [`FdTable::insert`] from 0 on, for two files at once (pipe, socketpair): both or none.
    pub fn insert_pair(&self, files: [Arc<OpenFile>; 2], flags: FdFlags, limit: u64) -> Res<[i32; 2]> {
        let [first, second] = files;
        let a = self.insert(first, flags, 0, limit)?;
        match self.insert(second, flags, 0, limit) {
            Ok(b) => Ok([a, b]),
            Err(fail) => {
                drop(self.slots.lock().take(a as usize));
                Err(fail)
            }
        }
    }

    /// Makes `fd` refer to `file` and returns what it referred to, to be dropped by the caller: EBADF when `fd`
    /// is not below `limit`.
    pub fn replace(
        &self,
        fd: i32,
        file: Arc<OpenFile>,
        flags: FdFlags,
        limit: u64,
    ) -> Res<Option<Arc<OpenFile>>> {
        if fd < 0 || fd as u64 >= limit.min(u64::from(NR_OPEN)) {
            return Err(EBADF.into());
        }
        self.slots.lock().put(fd as usize, file, flags)
    }

    /// Closes `fd`: returns the description, which the caller drops without locks: EBADF.
    #[inline]
    pub fn close(&self, fd: i32) -> Result<Arc<OpenFile>, Errno> {
        if fd < 0 {
            return Err(EBADF);
        }
        self.slots.lock().take(fd as usize).ok_or(EBADF)
    }

    /// The flags of `fd`: EBADF.
    pub fn flags(&self, fd: i32) -> Result<FdFlags, Errno> {
        let fd = usize::try_from(fd).map_err(|_| EBADF)?;
        let slots = self.slots.lock();
        match slots.files.get(fd) {
            Some(Some(_)) => Ok(FdFlags { cloexec: slots.cloexec[fd / 64] >> (fd % 64) & 1 == 1 }),
            _ => Err(EBADF),
        }
    }

    /// Changes the flags of `fd`: EBADF.
    pub fn set_flags(&self, fd: i32, flags: FdFlags) -> Result<(), Errno> {
        let fd = usize::try_from(fd).map_err(|_| EBADF)?;
        let mut slots = self.slots.lock();
        match slots.files.get(fd) {
            Some(Some(_)) => {
                Slots::set(&mut slots.cloexec, fd, flags.cloexec);
                Ok(())
            }
            _ => Err(EBADF),
        }
    }

    /// Descriptors from here on were never in use: select(2) does not look at them.
    pub fn capacity(&self) -> usize {
        self.slots.lock().files.len().max(64)
    }

    /// The descriptors in use, in order, from `from` on, at most `max`.
    pub fn list(&self, from: u32, max: usize) -> Vec<i32> {
        let slots = self.slots.lock();
        let in_use = slots.files.iter().enumerate().skip(from as usize).filter(|(_, file)| file.is_some());
        in_use.take(max).map(|(fd, _)| fd as i32).collect()
    }

    /// Sets close-on-exec for all of `first..=last` (close_range with CLOSE_RANGE_CLOEXEC).
    pub fn set_cloexec_range(&self, first: u32, last: u32) {
        let mut slots = self.slots.lock();
        let end = slots.files.len().min((last as usize).saturating_add(1));
        for fd in first as usize..end {
            if slots.files[fd].is_some() {
                Slots::set(&mut slots.cloexec, fd, true);
            }
        }
    }

    /// Removes all of `first..=last`; the caller drops them without locks.
    pub fn close_range(&self, first: u32, last: u32) -> Vec<Arc<OpenFile>> {
        let mut slots = self.slots.lock();
        let end = slots.files.len().min((last as usize).saturating_add(1));
        (first as usize..end).filter_map(|fd| slots.take(fd)).collect()
    }

    /// Removes those with close-on-exec; the caller drops them without locks.
    pub fn close_on_exec(&self) -> Vec<Arc<OpenFile>> {
        let mut slots = self.slots.lock();
        let marked: Vec<usize> =
            (0..slots.files.len()).filter(|&fd| slots.cloexec[fd / 64] >> (fd % 64) & 1 == 1).collect();
        marked.into_iter().filter_map(|fd| slots.take(fd)).collect()
    }

    /// Removes all: the process ends. The caller drops them without locks.
    pub fn close_all(&self) -> Vec<Arc<OpenFile>> {
        let slots = mem::take(&mut *self.slots.lock());
        slots.files.into_iter().flatten().collect()
    }
}
