//! fts.h: walking trees. The working folder is never changed: `fts_accpath` is always `fts_path`, which is valid
//! wherever the program stands.

use crate::errno;
use crate::malloc::slots;
use core::ffi::{c_char, c_int, c_long, c_short, c_uint, c_ushort, c_void};
use core::mem::offset_of;
use core::ptr::null_mut;
use osv_abi::errno::Errno;

/// `FTS`.
#[repr(C)]
#[derive(Debug)]
pub struct Fts {
    current: *mut Entry,
    child: *mut Entry,
    array: *mut *mut Entry,
    device: u64,
    path: *mut c_char,
    rfd: c_int,
    path_length: c_int,
    items: c_int,
    compare: Option<Compare>,
    options: c_int,
}

/// `FTSENT`; the name is as long as it is.
#[repr(C)]
#[derive(Debug)]
pub struct Entry {
    cycle: *mut Entry,
    parent: *mut Entry,
    link: *mut Entry,
    number: c_long,
    pointer: *mut c_void,
    access_path: *mut c_char,
    path: *mut c_char,
    error: c_int,
    symlink: c_int,
    path_length: c_ushort,
    name_length: c_ushort,
    inode: u64,
    device: u64,
    links: u64,
    level: c_short,
    info: c_ushort,
    flags: c_ushort,
    instruction: c_ushort,
    stat: *mut Stat,
    name: [c_char; 1],
}

type Compare = unsafe extern "C" fn(*const *const Entry, *const *const Entry) -> c_int;

/// The start of `struct stat`, and its size.
#[repr(C)]
#[derive(Debug)]
pub struct Stat {
    device: u64,
    inode: u64,
    links: u64,
    mode: c_uint,
    rest: [u32; 29],
}

const _: () = assert!(size_of::<Fts>() == 72 && size_of::<Entry>() == 120 && size_of::<Stat>() == 144);

const COMFOLLOW: c_int = 1;
const LOGICAL: c_int = 2;
const NOSTAT: c_int = 8;
const PHYSICAL: c_int = 0x10;
const SEEDOT: c_int = 0x20;
const XDEV: c_int = 0x40;
const ALL_OPTIONS: c_int = 0xff;
const NAMEONLY: c_int = 0x100;
const STOP: c_int = 0x200;

const D: c_ushort = 1;
const DC: c_ushort = 2;
const DEFAULT: c_ushort = 3;
const DNR: c_ushort = 4;
const DOT: c_ushort = 5;
const DP: c_ushort = 6;
const F: c_ushort = 8;
const INIT: c_ushort = 9;
const NS: c_ushort = 10;
const NSOK: c_ushort = 11;
const SL: c_ushort = 12;
const SLNONE: c_ushort = 13;

const AGAIN: c_ushort = 1;
const FOLLOW: c_ushort = 2;
const NOINSTR: c_ushort = 3;
const SKIP: c_ushort = 4;

const NAME_AT: usize = offset_of!(Entry, name);
/// Where `d_name` and `d_type` lie in a `struct dirent`.
const DIRENT_NAME_AT: usize = 19;
const DIRENT_TYPE_AT: usize = 18;
const DT_DIR: u8 = 4;
const DT_UNKNOWN: u8 = 0;
const DT_LNK: u8 = 10;

unsafe extern "C" {
    fn strlen(text: *const c_char) -> usize;
    fn stat(path: *const c_char, to: *mut Stat) -> c_int;
    fn lstat(path: *const c_char, to: *mut Stat) -> c_int;
    fn opendir(path: *const c_char) -> *mut c_void;
    fn readdir(directory: *mut c_void) -> *mut u8;
    fn closedir(directory: *mut c_void) -> c_int;
}

/// An entry below `parent` with its path and room for its status, in one piece.
unsafe fn make(parent: *mut Entry, name: *const c_char, level: c_short) -> *mut Entry {
    // SAFETY: the piece is as large as name, status and path need together.
    unsafe {
        let length = strlen(name);
        let above = if level > 0 { (*parent).path_length as usize } else { 0 };
        // The root's own slash is enough.
        let slash = usize::from(level > 0 && *(*parent).path.add(above - 1) != b'/' as c_char);
        let stat_at = (NAME_AT + length + 1).next_multiple_of(8);
        let path_at = stat_at + size_of::<Stat>();
        let path_length = above + slash + length;
        let piece: *mut u8 = slots::calloc(1, path_at + path_length + 1).cast();
        if piece.is_null() {
            return null_mut();
        }
        let entry: *mut Entry = piece.cast();
        let path: *mut c_char = piece.add(path_at).cast();
        if above > 0 {
            path.copy_from_nonoverlapping((*parent).path, above);
            path.add(above).write(b'/' as c_char);
        }
        path.add(above + slash).copy_from_nonoverlapping(name, length);
        piece.add(NAME_AT).cast::<c_char>().copy_from_nonoverlapping(name, length);
        (*entry).parent = parent;
        (*entry).path = path;
        (*entry).access_path = path;
        (*entry).path_length = path_length as c_ushort;
        (*entry).name_length = length as c_ushort;
        (*entry).level = level;
        (*entry).instruction = NOINSTR;
        (*entry).stat = piece.add(stat_at).cast();
        entry
    }
}

/// Looks at the file and says what it is.
unsafe fn look(fts: *mut Fts, entry: *mut Entry, follow: bool) -> c_ushort {
    // SAFETY: entries of this walk.
    unsafe {
        let status = (*entry).stat;
        if (*fts).options & LOGICAL != 0 || follow {
            if stat((*entry).access_path, status) != 0 {
                let error = errno::get();
                if lstat((*entry).access_path, status) == 0 {
                    errno::set_raw(0);
                    return SLNONE;
                }
                (*entry).error = error;
                status.write_bytes(0, 1);
                return NS;
            }
        } else if lstat((*entry).access_path, status) != 0 {
            (*entry).error = errno::get();
            status.write_bytes(0, 1);
            return NS;
        }
        (*entry).device = (*status).device;
        (*entry).inode = (*status).inode;
        (*entry).links = (*status).links;
        match (*status).mode & 0o170_000 {
            0o040_000 => {
                let name = &raw const (*entry).name;
                if (*entry).level > 0 && is_dot(name.cast()) {
                    return DOT;
                }
                let mut above = (*entry).parent;
                while (*above).level >= 0 {
                    if (*above).inode == (*entry).inode && (*above).device == (*entry).device {
                        (*entry).cycle = above;
                        return DC;
                    }
                    above = (*above).parent;
                }
                D
            }
            0o120_000 => SL,
            0o100_000 => F,
            _ => DEFAULT,
        }
    }
}

unsafe fn is_dot(name: *const c_char) -> bool {
    // SAFETY: a string of at least a zero.
    unsafe {
        const DOT: c_char = b'.' as c_char;
        *name == DOT && (*name.add(1) == 0 || (*name.add(1) == DOT && *name.add(2) == 0))
    }
}

/// Brings a list into the program's order.
unsafe fn sort(fts: *mut Fts, head: *mut Entry) -> *mut Entry {
    // SAFETY: a list of this walk; the array holds exactly its entries.
    unsafe {
        let Some(compare) = (*fts).compare else { return head };
        let mut count = 0;
        let mut at = head;
        while !at.is_null() {
            count += 1;
            at = (*at).link;
        }
        let array: *mut *mut Entry = slots::malloc(count * 8).cast();
        if count < 2 || array.is_null() {
            slots::free(array.cast());
            return head;
        }
        at = head;
        for index in 0..count {
            array.add(index).write(at);
            at = (*at).link;
        }
        crate::sort::qsort(array.cast(), count, 8, compare as *mut c_void);
        for index in 0..count {
            (**array.add(index)).link = if index + 1 < count { *array.add(index + 1) } else { null_mut() };
        }
        let head = *array;
        slots::free(array.cast());
        head
    }
}

unsafe fn release(mut list: *mut Entry) {
    // SAFETY: a list of this walk that nobody refers to any more.
    unsafe {
        while !list.is_null() {
            let next = (*list).link;
            slots::free(list.cast());
            list = next;
        }
    }
}

/// What lies in a folder; the error when it cannot be read.
unsafe fn children(fts: *mut Fts, of: *mut Entry, names_only: bool) -> Result<*mut Entry, c_int> {
    // SAFETY: entries of this walk.
    unsafe {
        let directory = opendir((*of).access_path);
        if directory.is_null() {
            return Err(errno::get());
        }
        let (mut head, mut last): (*mut Entry, *mut Entry) = (null_mut(), null_mut());
        loop {
            let found = readdir(directory);
            if found.is_null() {
                break;
            }
            let name: *const c_char = found.add(DIRENT_NAME_AT).cast();
            if is_dot(name) && (*fts).options & SEEDOT == 0 {
                continue;
            }
            let entry = make(of, name, (*of).level + 1);
            if entry.is_null() {
                closedir(directory);
                release(head);
                return Err(Errno::ENOMEM.get());
            }
            let kind = *found.add(DIRENT_TYPE_AT);
            let maybe_folder =
                matches!(kind, DT_DIR | DT_UNKNOWN) || (kind == DT_LNK && (*fts).options & LOGICAL != 0);
            (*entry).info = if names_only || ((*fts).options & NOSTAT != 0 && !maybe_folder) {
                NSOK
            } else {
                look(fts, entry, false)
            };
            if last.is_null() {
                head = entry;
            } else {
                (*last).link = entry;
            }
            last = entry;
        }
        closedir(directory);
        Ok(sort(fts, head))
    }
}

/// What the program asked to happen to an entry that is about to be given out.
unsafe fn obey(fts: *mut Fts, entry: *mut Entry) {
    // SAFETY: an entry of this walk.
    unsafe {
        if (*entry).instruction == FOLLOW {
            (*entry).info = look(fts, entry, true);
            (*entry).instruction = NOINSTR;
        }
        if (*entry).level == 0 {
            (*fts).device = (*entry).device;
        }
    }
}

posix! {
    fn fts_open(paths: *const *const c_char, options: c_int, compare: Option<Compare>) -> *mut Fts {
        if options & !ALL_OPTIONS != 0 || options & (LOGICAL | PHYSICAL) == 0 || (*paths).is_null() {
            errno::set(Errno::EINVAL);
            return null_mut();
        }
        let fts: *mut Fts = slots::calloc(1, size_of::<Fts>()).cast();
        let parent = make(null_mut(), c"".as_ptr(), -1);
        let first = make(parent, c"".as_ptr(), 0);
        if fts.is_null() || parent.is_null() || first.is_null() {
            slots::free(fts.cast());
            slots::free(parent.cast());
            slots::free(first.cast());
            errno::set(Errno::ENOMEM);
            return null_mut();
        }
        (*fts).options = options;
        (*fts).compare = compare;
        (*fts).rfd = -1;
        let (mut head, mut last): (*mut Entry, *mut Entry) = (null_mut(), null_mut());
        let mut at = paths;
        while !(*at).is_null() {
            let entry = make(parent, *at, 0);
            if entry.is_null() {
                break;
            }
            (*entry).info = look(fts, entry, options & COMFOLLOW != 0);
            if (*entry).info == DOT {
                (*entry).info = D;
            }
            if last.is_null() { head = entry } else { (*last).link = entry }
            last = entry;
            at = at.add(1);
        }
        (*first).link = sort(fts, head);
        (*first).info = INIT;
        (*fts).current = first;
        fts
    }
    fn fts_read(fts: *mut Fts) -> *mut Entry {
        let entry = (*fts).current;
        if entry.is_null() || (*fts).options & STOP != 0 {
            return null_mut();
        }
        let instruction = (*entry).instruction;
        (*entry).instruction = NOINSTR;
        if instruction == AGAIN {
            (*entry).info = look(fts, entry, false);
            return entry;
        }
        if instruction == FOLLOW && matches!((*entry).info, SL | SLNONE) {
            (*entry).info = look(fts, entry, true);
            return entry;
        }
        if (*entry).info == D {
            if instruction == SKIP || ((*fts).options & XDEV != 0 && (*entry).device != (*fts).device) {
                release((*fts).child);
                (*fts).child = null_mut();
                (*entry).info = DP;
                return entry;
            }
            if !(*fts).child.is_null() && (*fts).options & NAMEONLY != 0 {
                (*fts).options &= !NAMEONLY;
                release((*fts).child);
                (*fts).child = null_mut();
            }
            let list = if (*fts).child.is_null() { children(fts, entry, false) } else { Ok((*fts).child) };
            (*fts).child = null_mut();
            match list {
                Err(error) => {
                    (*entry).error = error;
                    (*entry).info = DNR;
                    return entry;
                }
                Ok(list) if list.is_null() => {
                    (*entry).info = DP;
                    return entry;
                }
                Ok(list) => {
                    (*fts).current = list;
                    obey(fts, list);
                    return list;
                }
            }
        }
        let mut entry = entry;
        loop {
            let done = entry;
            if !(*done).link.is_null() {
                entry = (*done).link;
                slots::free(done.cast());
                (*fts).current = entry;
                if (*entry).instruction == SKIP {
                    continue;
                }
                obey(fts, entry);
                return entry;
            }
            entry = (*done).parent;
            slots::free(done.cast());
            (*fts).current = entry;
            if (*entry).level < 0 {
                slots::free(entry.cast());
                (*fts).current = null_mut();
                errno::set_raw(0);
                return null_mut();
            }
            (*entry).info = DP;
            return entry;
        }
    }
    fn fts_children(fts: *mut Fts, names: c_int) -> *mut Entry {
        if names != 0 && names != NAMEONLY {
            errno::set(Errno::EINVAL);
            return null_mut();
        }
        errno::set_raw(0);
        let entry = (*fts).current;
        if entry.is_null() || (*fts).options & STOP != 0 {
            return null_mut();
        }
        if (*entry).info == INIT {
            return (*entry).link;
        }
        if (*entry).info != D {
            return null_mut();
        }
        release((*fts).child);
        if names == NAMEONLY {
            (*fts).options |= NAMEONLY;
        }
        (*fts).child = match children(fts, entry, names == NAMEONLY) {
            Ok(list) => list,
            Err(error) => {
                errno::set_raw(error);
                null_mut()
            }
        };
        (*fts).child
    }
    fn fts_set(_fts: *mut Fts, entry: *mut Entry, instruction: c_int) -> c_int {
        match c_ushort::try_from(instruction) {
            Ok(instruction) if instruction <= SKIP => {
                (*entry).instruction = instruction;
                0
            }
            _ => {
                errno::set(Errno::EINVAL);
                1
            }
        }
    }
    fn fts_close(fts: *mut Fts) -> c_int {
        let mut entry = (*fts).current;
        while !entry.is_null() {
            let next = if !(*entry).link.is_null() { (*entry).link } else { (*entry).parent };
            slots::free(entry.cast());
            entry = next;
        }
        release((*fts).child);
        slots::free(fts.cast());
        0
    }
}
