//! ftw.h: calling a function for everything in a tree. musl's would do but for its numbers of the types, what it does
//! about folders that several links lead to, and the working folder.
//!
//! The names of a folder are read as a whole before any of them is looked at, so however deep the tree is, one
//! descriptor is open at a time (with FTW_CHDIR one for each level), and the caller's limit is always kept.

use crate::errno;
use crate::gate;
use crate::malloc::slots;
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use osv_abi::errno::Errno;
use syscalls::Sysno;

/// `struct FTW`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Where in the path the name begins.
    base: c_int,
    /// How deep it lies below the root.
    level: c_int,
}

/// The start of `struct stat`, and its size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    device: u64,
    inode: u64,
    links: u64,
    mode: u32,
    rest: [u32; 29],
}

const _: () = assert!(size_of::<Place>() == 8 && size_of::<Stat>() == 144);

/// What nftw(3) calls.
pub type Visit = unsafe extern "C" fn(*const c_char, *const Stat, c_int, *mut Place) -> c_int;
/// What ftw(3) calls.
pub type PlainVisit = unsafe extern "C" fn(*const c_char, *const Stat, c_int) -> c_int;

const PHYS: c_int = 1;
const MOUNT: c_int = 2;
const CHDIR: c_int = 4;
const DEPTH: c_int = 8;
const ACTIONRETVAL: c_int = 16;

const F: c_int = 0;
const D: c_int = 1;
const DNR: c_int = 2;
const NS: c_int = 3;
const SL: c_int = 4;
const DP: c_int = 5;
const SLN: c_int = 6;

const SKIP_SUBTREE: c_int = 2;
const SKIP_SIBLINGS: c_int = 3;

const S_IFMT: u32 = 0o170000;
const S_IFDIR: u32 = 0o040000;
const S_IFLNK: u32 = 0o120000;

/// O_RDONLY, O_DIRECTORY and O_CLOEXEC.
const OPEN_FOLDER: c_int = 0o200000 | 0o2000000;
/// Where `d_name` lies in a `struct dirent`.
const DIRENT_NAME_AT: usize = 19;

/// close(2)
fn close(fd: c_int) {
    // SAFETY: a descriptor of this walk, which nobody else knows.
    let _ = unsafe { gate::try_call(Sysno::close, [fd as usize]) };
}

unsafe extern "C" {
    fn strlen(text: *const c_char) -> usize;
    fn stat(path: *const c_char, to: *mut Stat) -> c_int;
    fn lstat(path: *const c_char, to: *mut Stat) -> c_int;
    fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    fn dup(fd: c_int) -> c_int;
    fn chdir(path: *const c_char) -> c_int;
    fn fchdir(fd: c_int) -> c_int;
    fn fdopendir(fd: c_int) -> *mut c_void;
    fn readdir(directory: *mut c_void) -> *mut u8;
    fn closedir(directory: *mut c_void) -> c_int;
}

#[derive(Clone, Copy)]
enum Calls {
    New(Visit),
    Old(PlainVisit),
}

/// Why a walk ends: what a function returned, or -1 with `errno` set.
type Ended = Result<(), c_int>;

/// Bytes that grow, in the memory that malloc(3) gives.
struct Bytes {
    at: *mut u8,
    len: usize,
    room: usize,
}

impl Bytes {
    const NONE: Bytes = Bytes { at: null_mut(), len: 0, room: 0 };

    fn grow(&mut self, more: usize) -> Ended {
        if self.room - self.len < more {
            let room = (self.len + more).next_power_of_two().max(256);
            // SAFETY: `at` is null or came from here.
            let at: *mut u8 = unsafe { slots::realloc(self.at.cast(), room).cast() };
            if at.is_null() {
                return fail(Errno::ENOMEM);
            }
            (self.at, self.room) = (at, room);
        }
        Ok(())
    }

    /// Appends `len` bytes from `from`.
    ///
    /// # Safety
    /// They can be read, and are not its own.
    unsafe fn push(&mut self, from: *const u8, len: usize) -> Ended {
        self.grow(len)?;
        // SAFETY: there is room now.
        unsafe { self.at.add(self.len).copy_from_nonoverlapping(from, len) };
        self.len += len;
        Ok(())
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: null, or its own.
        unsafe { slots::free(self.at.cast()) };
    }
}

fn fail(error: Errno) -> Ended {
    errno::set(error);
    Err(-1)
}

/// Folders that were seen, by device and inode: a table with open addresses, half of it empty.
struct Seen {
    table: Bytes,
    count: usize,
}

impl Seen {
    const SLOT: usize = 16;

    fn slot(&self, slots: usize, key: (u64, u64)) -> (*mut (u64, u64), bool) {
        let mut at = (key.0.wrapping_mul(31) ^ key.1).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 20;
        loop {
            // SAFETY: within the table, whose size is a power of two.
            let slot = unsafe { self.table.at.add(at % slots * Self::SLOT).cast::<(u64, u64)>() };
            // SAFETY: as above; all of it was written.
            match unsafe { slot.read_unaligned() } {
                (0, 0) => return (slot, false),
                found if found == key => return (slot, true),
                _ => at += 1,
            }
        }
    }

    /// Adds one; whether it was new.
    fn add(&mut self, stat: &Stat) -> Result<bool, c_int> {
        // No folder has inode 0.
        let key = (stat.device, stat.inode.max(1));
        let slots = self.table.len / Self::SLOT;
        if (self.count + 1) * 2 > slots {
            let more = (slots * 2).max(64);
            let mut table = Bytes::NONE;
            table.grow(more * Self::SLOT)?;
            // SAFETY: there is room for so many.
            unsafe { table.at.write_bytes(0, more * Self::SLOT) };
            table.len = more * Self::SLOT;
            let old = core::mem::replace(&mut self.table, table);
            for at in 0..slots {
                // SAFETY: within the old table.
                let found = unsafe { old.at.add(at * Self::SLOT).cast::<(u64, u64)>().read_unaligned() };
                if found != (0, 0) {
                    let (slot, _) = self.slot(more, found);
                    // SAFETY: a slot of the new one.
                    unsafe { slot.write_unaligned(found) };
                }
            }
        }
        let (slot, known) = self.slot(self.table.len / Self::SLOT, key);
        if !known {
            // SAFETY: a slot of the table.
            unsafe { slot.write_unaligned(key) };
            self.count += 1;
        }
        Ok(!known)
    }
}

struct Walk {
    calls: Calls,
    flags: c_int,
    /// The path of what is being looked at, with its zero.
    path: Bytes,
    device: u64,
    seen: Seen,
}

impl Walk {
    fn has(&self, flag: c_int) -> bool {
        self.flags & flag != 0
    }

    /// How the file is named from where the process stands.
    fn access(&self, place: Place) -> *const c_char {
        let skip = if self.has(CHDIR) { place.base as usize } else { 0 };
        // SAFETY: within the path.
        let name: *const c_char = unsafe { self.path.at.add(skip).cast() };
        // SAFETY: it ends with a zero. Only the root of all has no name of its own.
        if skip > 0 && unsafe { *name } == 0 { c".".as_ptr() } else { name }
    }

    fn call(&mut self, stat: &Stat, kind: c_int, mut place: Place) -> Ended {
        let path = self.path.at.cast_const().cast();
        // SAFETY: the program's own function, called as it expects.
        let result = unsafe {
            match self.calls {
                Calls::New(visit) => visit(path, stat, kind, &raw mut place),
                // It knows no links, and nothing of the order.
                Calls::Old(visit) => visit(
                    path,
                    stat,
                    match kind {
                        SL => F,
                        DP => D,
                        SLN => NS,
                        other => other,
                    },
                ),
            }
        };
        if result == 0 { Ok(()) } else { Err(result) }
    }

    /// What lies at the path, and what kind of file it is. -1 for errors that say nothing about one file.
    fn look(&self, place: Place, stat_of: &mut Stat) -> Result<c_int, c_int> {
        let name = self.access(place);
        let to = &raw mut *stat_of;
        // SAFETY: a path that ends with a zero, and room for the answer.
        unsafe {
            if (if self.has(PHYS) { lstat(name, to) } else { stat(name, to) }) == 0 {
                return Ok(match stat_of.mode & S_IFMT {
                    S_IFDIR => D,
                    S_IFLNK => SL,
                    _ => F,
                });
            }
            let error = errno::get();
            if error != Errno::ENOENT.get() && error != Errno::EACCES.get() {
                return Err(-1);
            }
            let dangles = !self.has(PHYS) && lstat(name, to) == 0 && stat_of.mode & S_IFMT == S_IFLNK;
            Ok(if dangles { SLN } else { NS })
        }
    }

    /// The names in the folder that `fd` refers to, each with its zero; closes it.
    fn names(fd: c_int) -> Result<Bytes, c_int> {
        let mut names = Bytes::NONE;
        // SAFETY: the descriptor is given over; entries are valid until the next is read.
        unsafe {
            let directory = fdopendir(fd);
            if directory.is_null() {
                close(fd);
                return Err(-1);
            }
            let mut result = Ok(());
            while result.is_ok() {
                let found = readdir(directory);
                if found.is_null() {
                    break;
                }
                let name = found.add(DIRENT_NAME_AT);
                let dots = *name == b'.' && (*name.add(1) == 0 || *name.add(1) == b'.' && *name.add(2) == 0);
                if !dots {
                    result = names.push(name, strlen(name.cast()) + 1);
                }
            }
            closedir(directory);
            result.map(|()| names)
        }
    }

    /// A folder and what is in it. `back`: where the process stands, with FTW_CHDIR.
    fn folder(&mut self, stat: &Stat, place: Place, back: c_int) -> Ended {
        // SAFETY: a path that ends with a zero.
        let fd = unsafe { open(self.access(place), OPEN_FOLDER, 0) };
        if fd < 0 {
            return if errno::get() == Errno::EACCES.get() { self.call(stat, DNR, place) } else { Err(-1) };
        }
        let here = if self.has(CHDIR) {
            // SAFETY: the descriptor was opened above.
            unsafe { dup(fd) }
        } else {
            -1
        };
        let mut result = self.inside(stat, place, fd, here);
        if result.is_ok() && self.has(DEPTH) {
            // From inside, as glibc does.
            result = self.call(stat, DP, place);
        }
        if here >= 0 {
            // SAFETY: descriptors of this walk.
            unsafe {
                if fchdir(back) < 0 && result.is_ok() {
                    close(here);
                    return Err(-1);
                }
                close(here);
            }
        }
        result
    }

    fn inside(&mut self, stat: &Stat, place: Place, fd: c_int, here: c_int) -> Ended {
        if !self.has(DEPTH)
            && let Err(result) = self.call(stat, D, place)
        {
            // SAFETY: opened by the caller, and not given on.
            unsafe { close(fd) };
            return Err(result);
        }
        let names = Self::names(fd)?;
        // SAFETY: a descriptor of this walk.
        if self.has(CHDIR) && unsafe { fchdir(here) } < 0 {
            return Err(-1);
        }
        // Without the zero; the root's own slash is enough.
        let end = self.path.len - 1;
        // SAFETY: within the path.
        let slash = end == 0 || unsafe { *self.path.at.add(end - 1) } != b'/';
        let mut at = 0;
        let mut result = Ok(());
        while at < names.len && result.is_ok() {
            // SAFETY: names that end with zeros, one behind the other.
            let (name, len) = unsafe {
                let name = names.at.add(at);
                (name, strlen(name.cast()) + 1)
            };
            at += len;
            self.path.len = end;
            // SAFETY: of the names, which are not the path.
            unsafe {
                if slash {
                    self.path.push(b"/".as_ptr(), 1)?;
                }
                self.path.push(name, len)?;
            }
            let below = Place { base: (self.path.len - len) as c_int, level: place.level + 1 };
            result = self.entry(below, here);
        }
        self.path.len = end;
        // SAFETY: one byte.
        unsafe { self.path.push(c"".as_ptr().cast(), 1)? };
        match result {
            Err(SKIP_SIBLINGS) if self.has(ACTIONRETVAL) => Ok(()),
            other => other,
        }
    }

    /// What lies at the path, below the root.
    fn entry(&mut self, place: Place, back: c_int) -> Ended {
        // SAFETY: all zeros are a `struct stat`.
        let mut stat: Stat = unsafe { MaybeUninit::zeroed().assume_init() };
        let kind = self.look(place, &mut stat)?;
        if kind != NS && self.has(MOUNT) && stat.device != self.device {
            return Ok(());
        }
        let result = if kind != D {
            self.call(&stat, kind, place)
        } else if self.has(PHYS) || self.seen.add(&stat)? {
            self.folder(&stat, place, back)
        } else {
            Ok(())
        };
        match result {
            Err(SKIP_SUBTREE) if self.has(ACTIONRETVAL) => Ok(()),
            other => other,
        }
    }

    /// All of it.
    fn root(&mut self) -> Ended {
        // SAFETY: within the path.
        let byte = |at: usize| unsafe { *self.path.at.add(at) };
        // Slashes at the end are not passed on.
        let mut end = self.path.len - 1;
        while end > 1 && byte(end - 1) == b'/' {
            end -= 1;
        }
        let mut base = end;
        while base > 0 && byte(base - 1) != b'/' {
            base -= 1;
        }
        // The root of all is its own name.
        let base = if end == 1 && byte(0) == b'/' { 0 } else { base };
        // SAFETY: within the path.
        unsafe { self.path.at.add(end).write(0) };
        self.path.len = end + 1;
        let place = Place { base: base as c_int, level: 0 };
        if !self.has(CHDIR) {
            return self.top(place, -1);
        }
        // SAFETY: the path is cut where its name begins, for as long as it takes to go there.
        unsafe {
            let stood = open(c".".as_ptr(), OPEN_FOLDER, 0);
            if stood < 0 {
                return Err(-1);
            }
            let mut result = Ok(());
            if base > 0 {
                let cut = self.path.at.add(base);
                let first = cut.replace(0);
                if chdir(self.path.at.cast()) < 0 {
                    result = Err(-1);
                }
                cut.write(first);
            }
            let above = if result.is_ok() { open(c".".as_ptr(), OPEN_FOLDER, 0) } else { -1 };
            if above >= 0 {
                result = self.top(place, above);
                close(above);
            } else {
                result = Err(-1);
            }
            let error = errno::get();
            fchdir(stood);
            close(stood);
            errno::set_raw(error);
            result
        }
    }

    fn top(&mut self, place: Place, back: c_int) -> Ended {
        // SAFETY: all zeros are a `struct stat`.
        let mut stat: Stat = unsafe { MaybeUninit::zeroed().assume_init() };
        let result = match self.look(place, &mut stat)? {
            // What is not there is no tree.
            NS => return Err(-1),
            D => {
                self.device = stat.device;
                if !self.has(PHYS) {
                    self.seen.add(&stat)?;
                }
                self.folder(&stat, place, back)
            }
            kind => self.call(&stat, kind, place),
        };
        match result {
            Err(SKIP_SUBTREE | SKIP_SIBLINGS) if self.has(ACTIONRETVAL) => Ok(()),
            other => other,
        }
    }
}

unsafe fn walk(path: *const c_char, calls: Calls, flags: c_int) -> c_int {
    // SAFETY: the caller's path ends with a zero.
    let result = unsafe {
        if *path == 0 {
            fail(Errno::ENOENT)
        } else {
            let seen = Seen { table: Bytes::NONE, count: 0 };
            let mut walk = Walk { calls, flags, path: Bytes::NONE, device: 0, seen };
            walk.path.push(path.cast(), strlen(path) + 1).and_then(|()| walk.root())
        }
    };
    result.err().unwrap_or(0)
}

posix! {
    fn nftw_gnu(path: *const c_char, visit: Visit, _descriptors: c_int, flags: c_int) -> c_int {
        if flags & !(PHYS | MOUNT | CHDIR | DEPTH | ACTIONRETVAL) != 0 {
            errno::set(Errno::EINVAL);
            return -1;
        }
        walk(path, Calls::New(visit), flags)
    }
    fn ftw_gnu(path: *const c_char, visit: PlainVisit, _descriptors: c_int) -> c_int {
        walk(path, Calls::Old(visit), 0)
    }
}
