//! netdb.h, pwd.h, grp.h: the reentrant forms that musl lacks, over the ones that it has.

use crate::lock::Lock;
use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use core::ptr::null_mut;
use osv_abi::errno::Errno;

/// `struct protoent` and, with its fourth field, `struct servent`.
#[repr(C)]
#[derive(Debug)]
pub struct Entry {
    name: *mut c_char,
    aliases: *mut *mut c_char,
    number: c_int,
    protocol: *mut c_char,
}

/// `struct passwd`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Passwd {
    name: *mut c_char,
    password: *mut c_char,
    user: c_uint,
    group: c_uint,
    comment: *mut c_char,
    home: *mut c_char,
    shell: *mut c_char,
}

/// `struct group`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Group {
    name: *mut c_char,
    password: *mut c_char,
    group: c_uint,
    members: *mut *mut c_char,
}

unsafe extern "C" {
    fn getprotobyname(name: *const c_char) -> *const Entry;
    fn getprotobynumber(number: c_int) -> *const Entry;
    fn getprotoent() -> *const Entry;
    fn getservent() -> *const Entry;
    fn getpwent() -> *const Passwd;
    fn getgrent() -> *const Group;
    fn fgetpwent(file: *mut c_void) -> *const Passwd;
    fn fgetgrent(file: *mut c_void) -> *const Group;
    fn getgroups(n: c_int, to: *mut c_uint) -> c_int;
    fn getegid() -> c_uint;
}

pub(crate) static LOCK: Lock = Lock::new();

/// The caller's buffer, filled from its start.
struct Room {
    at: *mut u8,
    left: usize,
}

impl Room {
    fn take(&mut self, size: usize, align: usize) -> Option<*mut u8> {
        let skip = self.at.align_offset(align);
        self.left = self.left.checked_sub(skip.checked_add(size)?)?;
        let taken = self.at.wrapping_add(skip);
        self.at = taken.wrapping_add(size);
        Some(taken)
    }

    unsafe fn string(&mut self, text: *const c_char) -> Option<*mut c_char> {
        if text.is_null() {
            return Some(null_mut());
        }
        // SAFETY: a string of libc's own, and as much room.
        unsafe {
            let bytes = CStr::from_ptr(text).to_bytes_with_nul();
            let to = self.take(bytes.len(), 1)?;
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Some(to.cast())
        }
    }

    unsafe fn strings(&mut self, from: *const *mut c_char) -> Option<*mut *mut c_char> {
        // SAFETY: a list of libc's own that ends with null, and as much room.
        unsafe {
            let mut count = 0;
            while !from.is_null() && !(*from.add(count)).is_null() {
                count += 1;
            }
            let to: *mut *mut c_char = self.take((count + 1) * 8, 8)?.cast();
            for index in 0..count {
                to.add(index).write(self.string(*from.add(index))?);
            }
            to.add(count).write(null_mut());
            Some(to)
        }
    }
}

/// Copies what was found into the caller's struct; absence is `absent`, too little room ERANGE.
unsafe fn give<T>(
    found: *const T,
    to: *mut T,
    result: *mut *mut T,
    room: (*mut c_char, usize),
    absent: c_int,
    copy: impl FnOnce(&T, *mut T, &mut Room) -> Option<()>,
) -> c_int {
    // SAFETY: the caller's struct, buffer and result.
    unsafe {
        result.write(null_mut());
        if found.is_null() {
            return absent;
        }
        let mut room = Room { at: room.0.cast(), left: room.1 };
        if copy(&*found, to, &mut room).is_none() {
            return Errno::ERANGE.get();
        }
        result.write(to);
        0
    }
}

fn entry(from: &Entry, to: *mut Entry, room: &mut Room) -> Option<()> {
    // SAFETY: libc's own entry and the caller's struct.
    unsafe {
        (*to).name = room.string(from.name)?;
        (*to).aliases = room.strings(from.aliases)?;
        (*to).number = from.number;
    }
    Some(())
}

fn service(from: &Entry, to: *mut Entry, room: &mut Room) -> Option<()> {
    entry(from, to, room)?;
    // SAFETY: as above; a service has the fourth field.
    unsafe { (*to).protocol = room.string(from.protocol)? };
    Some(())
}

fn passwd(from: &Passwd, to: *mut Passwd, room: &mut Room) -> Option<()> {
    // SAFETY: libc's own entry and the caller's struct.
    unsafe {
        to.write(Passwd {
            name: room.string(from.name)?,
            password: room.string(from.password)?,
            comment: room.string(from.comment)?,
            home: room.string(from.home)?,
            shell: room.string(from.shell)?,
            ..*from
        });
    }
    Some(())
}

fn group(from: &Group, to: *mut Group, room: &mut Room) -> Option<()> {
    // SAFETY: libc's own entry and the caller's struct.
    unsafe {
        to.write(Group {
            name: room.string(from.name)?,
            password: room.string(from.password)?,
            members: room.strings(from.members)?,
            ..*from
        });
    }
    Some(())
}

const ENOENT: c_int = Errno::ENOENT.get();

posix! {
    fn getprotobyname_r(name: *const c_char, to: *mut Entry, room: *mut c_char, size: usize, result: *mut *mut Entry) -> c_int {
        let _guard = LOCK.guard();
        give(getprotobyname(name), to, result, (room, size), 0, entry)
    }
    fn getprotobynumber_r(number: c_int, to: *mut Entry, room: *mut c_char, size: usize, result: *mut *mut Entry) -> c_int {
        let _guard = LOCK.guard();
        give(getprotobynumber(number), to, result, (room, size), 0, entry)
    }
    fn getprotoent_r(to: *mut Entry, room: *mut c_char, size: usize, result: *mut *mut Entry) -> c_int {
        let _guard = LOCK.guard();
        give(getprotoent(), to, result, (room, size), ENOENT, entry)
    }
    fn getservent_r(to: *mut Entry, room: *mut c_char, size: usize, result: *mut *mut Entry) -> c_int {
        let _guard = LOCK.guard();
        give(getservent(), to, result, (room, size), ENOENT, service)
    }
    fn getpwent_r(to: *mut Passwd, room: *mut c_char, size: usize, result: *mut *mut Passwd) -> c_int {
        let _guard = LOCK.guard();
        give(getpwent(), to, result, (room, size), ENOENT, passwd)
    }
    fn getgrent_r(to: *mut Group, room: *mut c_char, size: usize, result: *mut *mut Group) -> c_int {
        let _guard = LOCK.guard();
        give(getgrent(), to, result, (room, size), ENOENT, group)
    }
    fn fgetpwent_r(file: *mut c_void, to: *mut Passwd, room: *mut c_char, size: usize, result: *mut *mut Passwd) -> c_int {
        let _guard = LOCK.guard();
        give(fgetpwent(file), to, result, (room, size), ENOENT, passwd)
    }
    fn fgetgrent_r(file: *mut c_void, to: *mut Group, room: *mut c_char, size: usize, result: *mut *mut Group) -> c_int {
        let _guard = LOCK.guard();
        give(fgetgrent(file), to, result, (room, size), ENOENT, group)
    }
    fn group_member(wanted: c_uint) -> c_int {
        const MOST: usize = 65536;
        if getegid() == wanted {
            return 1;
        }
        let count = getgroups(0, null_mut());
        let Some(count) = usize::try_from(count).ok().filter(|count| (1..=MOST).contains(count)) else { return 0 };
        let list: *mut c_uint = crate::malloc::slots::malloc(count * 4).cast();
        if list.is_null() {
            return 0;
        }
        let filled = getgroups(count as c_int, list).max(0) as usize;
        let found = core::slice::from_raw_parts(list, filled).contains(&wanted);
        crate::malloc::slots::free(list.cast());
        c_int::from(found)
    }
    // There is no source of netgroups: nobody is in one.
    fn innetgr(_group: *const c_char, _host: *const c_char, _user: *const c_char, _domain: *const c_char) -> c_int {
        0
    }
    fn setnetgrent(_group: *const c_char) -> c_int {
        0
    }
    fn getnetgrent(_host: *mut *mut c_char, _user: *mut *mut c_char, _domain: *mut *mut c_char) -> c_int {
        0
    }
    fn endnetgrent() {}
}

/// `struct spwd`.
#[repr(C)]
#[derive(Debug)]
pub struct Shadow {
    name: *mut c_char,
    password: *mut c_char,
    days: [c_long; 6],
    reserved: c_ulong,
}

unsafe extern "C" {
    /// musl's: cuts the line up and points into it; negative for one that is none.
    fn __parsespent(line: *mut c_char, to: *mut Shadow) -> c_int;
}

posix! {
    fn sgetspent_r(line: *const c_char, to: *mut Shadow, room: *mut c_char, size: usize, result: *mut *mut Shadow) -> c_int {
        result.write(null_mut());
        let text = CStr::from_ptr(line).to_bytes_with_nul();
        if text.len() > size {
            return Errno::ERANGE.get();
        }
        room.copy_from_nonoverlapping(line, text.len());
        if __parsespent(room, to) < 0 {
            return Errno::EINVAL.get();
        }
        result.write(to);
        0
    }
    fn sgetspent(line: *const c_char) -> *mut Shadow {
        static mut ENTRY: core::mem::MaybeUninit<Shadow> = core::mem::MaybeUninit::uninit();
        static mut ROOM: [c_char; 1024] = [0; 1024];
        let mut found = null_mut();
        let (entry, room): (*mut Shadow, *mut c_char) = ((&raw mut ENTRY).cast(), (&raw mut ROOM).cast());
        sgetspent_r(line, entry, room, 1024, &raw mut found);
        found
    }
    fn gethostent_r(_to: *mut c_void, _room: *mut c_char, _size: usize, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        const HOST_NOT_FOUND: c_int = 1;
        result.write(null_mut());
        error.write(HOST_NOT_FOUND);
        ENOENT
    }
    fn getnetent_r(to: *mut c_void, room: *mut c_char, size: usize, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        gethostent_r(to, room, size, result, error)
    }
    fn getnetbyname_r(_name: *const c_char, to: *mut c_void, room: *mut c_char, size: usize, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        gethostent_r(to, room, size, result, error);
        0
    }
    fn getnetbyaddr_r(_net: c_uint, _family: c_int, to: *mut c_void, room: *mut c_char, size: usize, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        gethostent_r(to, room, size, result, error);
        0
    }
}
