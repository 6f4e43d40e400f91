//! utmp.h: who is logged in, and the log of it. Files that are not there are not made, as in glibc.

use crate::gate::{self, Sysno};
use core::ffi::{CStr, c_char, c_int, c_void};
use osv_abi::errno::Errno;

/// `struct utmp`, as its file holds it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Login {
    kind: i16,
    process: i32,
    line: [u8; 32],
    id: [u8; 4],
    user: [u8; 32],
    host: [u8; 256],
    exit: [i16; 2],
    session: i32,
    seconds: i32,
    microseconds: i32,
    address: [i32; 4],
    unused: [u8; 20],
}

const SIZE: usize = size_of::<Login>();
const _: () = assert!(SIZE == 384);

const INIT_PROCESS: i16 = 5;
const LOGIN_PROCESS: i16 = 6;
const USER_PROCESS: i16 = 7;
const DEAD_PROCESS: i16 = 8;

const UTMP: &CStr = c"/var/run/utmp";
const WTMP: &CStr = c"/var/log/wtmp";

impl Login {
    fn new(kind: i16) -> Login {
        // SAFETY: numbers and bytes alone, of which zero is one.
        let mut record: Login = unsafe { core::mem::zeroed() };
        record.kind = kind;
        record.stamp();
        record
    }

    /// Now, by this process.
    fn stamp(&mut self) {
        let mut now = [0i64; 2];
        // SAFETY: the kernel writes two words.
        unsafe {
            gate::call(Sysno::gettimeofday, [(&raw mut now).addr(), 0]);
            self.process = gate::call(Sysno::getpid, []) as i32;
        }
        self.seconds = now[0] as i32;
        self.microseconds = now[1] as i32;
    }
}

fn set(field: &mut [u8], text: &[u8]) {
    let length = text.len().min(field.len());
    field.fill(0);
    field[..length].copy_from_slice(&text[..length]);
}

/// An open file, locked; both end with it.
struct File(usize);

impl File {
    fn open(path: *const c_char, flags: c_int) -> Result<File, Errno> {
        const CURRENT: usize = -100isize as usize;
        const O_CLOEXEC: c_int = 0o2000000;
        const LOCK_EX: usize = 2;
        let arguments = [CURRENT, path.addr(), (flags | O_CLOEXEC) as usize, 0];
        // SAFETY: the path ends with a zero.
        let file = File(unsafe { gate::try_call(Sysno::openat, arguments)? });
        // SAFETY: our own descriptor.
        unsafe { gate::try_call(Sysno::flock, [file.0, LOCK_EX])? };
        Ok(file)
    }

    fn read(&self, at: usize) -> Option<Login> {
        let mut record = Login::new(0);
        let to = (&raw mut record).addr();
        // SAFETY: the kernel writes at most a record.
        let count = unsafe { gate::try_call(Sysno::pread64, [self.0, to, SIZE, at * SIZE]) };
        (count == Ok(SIZE)).then_some(record)
    }

    fn write(&self, at: usize, record: &Login) -> Result<(), Errno> {
        let from = core::ptr::from_ref(record).addr();
        // SAFETY: a whole record is read.
        match unsafe { gate::try_call(Sysno::pwrite64, [self.0, from, SIZE, at * SIZE])? } {
            SIZE => Ok(()),
            _ => Err(Errno::ENOSPC),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: our own descriptor.
        unsafe { gate::call(Sysno::close, [self.0]) };
    }
}

const O_WRONLY: c_int = 1;
const O_RDWR: c_int = 2;
const O_APPEND: c_int = 0o2000;

fn append(path: *const c_char, record: &Login) -> Result<(), Errno> {
    File::open(path, O_WRONLY | O_APPEND)?.write(0, record)
}

/// Puts a record in place of the one of the same terminal, or at the end.
fn put(record: &Login) -> Result<(), Errno> {
    let file = File::open(UTMP.as_ptr(), O_RDWR)?;
    let is_process = |kind: i16| (INIT_PROCESS..=DEAD_PROCESS).contains(&kind);
    let mut at = 0;
    while let Some(old) = file.read(at) {
        let named = old.id != [0; 4] && record.id != [0; 4];
        let same = if named { old.id == record.id } else { old.line == record.line };
        if is_process(old.kind) && same {
            break;
        }
        at += 1;
    }
    file.write(at, record)
}

posix! {
    fn login(entry: *const Login) {
        unsafe extern "C" {
            fn ttyname_r(file: c_int, to: *mut c_char, n: usize) -> c_int;
        }
        let mut record = *entry;
        record.kind = USER_PROCESS;
        record.process = gate::call(Sysno::getpid, []) as i32;
        let mut name = [0u8; 64];
        let found = (0..3).any(|file| ttyname_r(file, name.as_mut_ptr().cast(), name.len()) == 0);
        if found {
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            let text = &name[..end];
            set(&mut record.line, text.strip_prefix(b"/dev/").unwrap_or(text));
            let _ = put(&record);
        } else {
            set(&mut record.line, b"???");
        }
        let _ = append(WTMP.as_ptr(), &record);
    }
    fn logout(line: *const c_char) -> c_int {
        let mut wanted = [0; 32];
        set(&mut wanted, CStr::from_ptr(line).to_bytes());
        let Ok(file) = File::open(UTMP.as_ptr(), O_RDWR) else { return 0 };
        let mut at = 0;
        while let Some(mut record) = file.read(at) {
            if matches!(record.kind, LOGIN_PROCESS | USER_PROCESS) && record.line == wanted {
                let process = record.process;
                record.stamp();
                record.process = process;
                record.kind = DEAD_PROCESS;
                record.user.fill(0);
                record.host.fill(0);
                return c_int::from(file.write(at, &record).is_ok());
            }
            at += 1;
        }
        0
    }
    fn logwtmp(line: *const c_char, user: *const c_char, host: *const c_char) {
        let user = CStr::from_ptr(user).to_bytes();
        let mut record = Login::new(if user.is_empty() { DEAD_PROCESS } else { USER_PROCESS });
        set(&mut record.line, CStr::from_ptr(line).to_bytes());
        set(&mut record.user, user);
        set(&mut record.host, CStr::from_ptr(host).to_bytes());
        let _ = append(WTMP.as_ptr(), &record);
    }
    fn append_utmp(path: *const c_char, entry: *const Login) {
        let _ = append(path, &*entry);
    }
}

posix! {
    fn getutent_r(_entry: *mut c_void, result: *mut *mut c_void) -> c_int {
        result.write(core::ptr::null_mut());
        -1
    }
    fn getutid_r(_id: *const c_void, entry: *mut c_void, result: *mut *mut c_void) -> c_int {
        getutent_r(entry, result)
    }
    fn getutline_r(_line: *const c_void, entry: *mut c_void, result: *mut *mut c_void) -> c_int {
        getutent_r(entry, result)
    }
}
