//! execvp and posix_spawn: a program is looked for in PATH, and its process is made without a copy of this one's memory.
//!
//! The child of [`spawn`] runs in the caller's memory while the caller waits (CLONE_VM, CLONE_VFORK): it touches nothing
//! but its own stack and the [`Order`], enters the kernel without errno, and says there what failed. Signals are blocked
//! from before it exists until it has none of the program's handlers left.
//!
//! The layouts of attributes and actions are musl's, whose functions fill in most of them.

use crate::errno;
use crate::gate::{self, Sysno};
use crate::malloc::slots;
use crate::musl;
use crate::signal;
use core::ffi::{CStr, c_char, c_int, c_short, c_void};
use core::ptr::null_mut;
use osv_abi::errno::Errno;

type Strings = *const *const c_char;

const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4096;
const DEFAULT_PATH: &CStr = c"/bin:/usr/bin";

unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn __clone(
        child: unsafe extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        argument: *mut c_void,
    ) -> c_int;
}

/// Executes one file; comes back with what was wrong. A file that is no program is taken for a shell's text if `text`.
unsafe fn execute(path: *const c_char, arguments: Strings, environment: Strings, text: bool) -> Errno {
    // SAFETY: the caller's strings; the kernel reads them.
    unsafe {
        let execve = |path: *const c_char, arguments: Strings| {
            let words = [path.addr(), arguments.addr(), environment.addr()];
            Errno::from_ret(gate::trap(Sysno::execve as usize, words)).err().unwrap_or(Errno::EINVAL)
        };
        let error = execve(path, arguments);
        if error != Errno::ENOEXEC || !text {
            return error;
        }
        let count = (0..).take_while(|&index| !(*arguments.add(index)).is_null()).count();
        // The shell, the file, the arguments behind its name, and the end.
        let size = (count + 3) * size_of::<*const c_char>();
        let Some(list) = map(size) else { return Errno::ENOMEM };
        let list: *mut *const c_char = list.cast();
        list.write(c"/bin/sh".as_ptr());
        list.add(1).write(path);
        for index in 1..count {
            list.add(index + 1).write(*arguments.add(index));
        }
        let error = execve(c"/bin/sh".as_ptr(), list);
        unmap(list.cast(), size);
        error
    }
}

/// Looks for a file without a slash in PATH and executes the first that can be.
unsafe fn search(file: *const c_char, arguments: Strings, environment: Strings, text: bool) -> Errno {
    // SAFETY: the caller's strings.
    unsafe {
        let name = CStr::from_ptr(file).to_bytes_with_nul();
        if name.len() == 1 {
            return Errno::ENOENT;
        }
        if name.contains(&b'/') {
            return execute(file, arguments, environment, text);
        }
        if name.len() - 1 > NAME_MAX {
            return Errno::ENAMETOOLONG;
        }
        let path = getenv(c"PATH".as_ptr());
        let path = if path.is_null() { DEFAULT_PATH } else { CStr::from_ptr(path) };
        let mut buffer = [0u8; PATH_MAX];
        let (mut denied, mut last) = (false, Errno::ENOENT);
        for folder in path.to_bytes().split(|&byte| byte == b':') {
            let slash = usize::from(!folder.is_empty());
            let length = folder.len() + slash + name.len();
            if length > buffer.len() {
                continue;
            }
            buffer[..folder.len()].copy_from_slice(folder);
            buffer[folder.len()..folder.len() + slash].fill(b'/');
            buffer[folder.len() + slash..length].copy_from_slice(name);
            last = execute(buffer.as_ptr().cast(), arguments, environment, text);
            match last {
                Errno::EACCES => denied = true,
                Errno::ENOENT | Errno::ESTALE | Errno::ENOTDIR | Errno::ENODEV | Errno::ETIMEDOUT => {}
                other => return other,
            }
        }
        if denied { Errno::EACCES } else { last }
    }
}

fn map(size: usize) -> Option<*mut u8> {
    const READ_WRITE: usize = 3;
    const PRIVATE_ANONYMOUS: usize = 0x22;
    // SAFETY: new memory.
    let at = unsafe { gate::try_call(Sysno::mmap, [0, size, READ_WRITE, PRIVATE_ANONYMOUS, usize::MAX, 0]) };
    at.ok().map(core::ptr::with_exposed_provenance_mut)
}

unsafe fn unmap(at: *mut u8, size: usize) {
    // SAFETY: what `map` gave, not used any more.
    unsafe { gate::call(Sysno::munmap, [at.addr(), size]) };
}

/// posix_spawnattr_t.
#[repr(C)]
#[derive(Debug)]
pub struct Attributes {
    flags: c_int,
    group: c_int,
    defaults: [u64; 16],
    mask: [u64; 16],
    priority: c_int,
    policy: c_int,
    reserved: [u64; 8],
}

const _: () = assert!(size_of::<Attributes>() == 336);

/// posix_spawn_file_actions_t.
#[repr(C)]
#[derive(Debug)]
pub struct Actions {
    unused: [c_int; 2],
    newest: *mut Step,
    reserved: [c_int; 16],
}

/// One action, in the order in which they were added; a path follows.
#[repr(C)]
#[derive(Debug)]
pub struct Step {
    older: *mut Step,
    newer: *mut Step,
    what: c_int,
    fd: c_int,
    from: c_int,
    flags: c_int,
    mode: u32,
    path: [c_char; 0],
}

const CLOSE: c_int = 1;
const DUP2: c_int = 2;
const OPEN: c_int = 3;
const CHDIR: c_int = 4;
const FCHDIR: c_int = 5;
// Ours; musl has no such actions.
const CLOSE_FROM: c_int = 6;
const FOREGROUND: c_int = 7;

const RESETIDS: c_int = 0x01;
const SETPGROUP: c_int = 0x02;
const SETSIGDEF: c_int = 0x04;
const SETSIGMASK: c_int = 0x08;
const SETSCHEDPARAM: c_int = 0x10;
const SETSCHEDULER: c_int = 0x20;
const SETSID: c_int = 0x80;

/// What the child does, and what came of it.
struct Order {
    file: *const c_char,
    in_path: bool,
    arguments: Strings,
    environment: Strings,
    actions: *const Actions,
    attributes: *const Attributes,
    mask: u64,
    error: Option<Errno>,
}

/// `struct sigaction` as the kernel has it.
#[repr(C)]
#[derive(Default)]
struct Disposition {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

const DEFAULT: usize = 0;
const IGNORE: usize = 1;
const SET_BYTES: usize = 8;

/// No handler of the program's runs in its memory on the child's behalf.
unsafe fn reset_signals(order: &Order, flags: c_int) {
    // SAFETY: structures of ours; the child's dispositions are its own.
    unsafe {
        for number in 1..=64usize {
            let mut action = Disposition::default();
            let wanted = flags & SETSIGDEF != 0 && (*order.attributes).defaults[0] >> (number - 1) & 1 != 0;
            if !wanted {
                let old = (&raw mut action).addr();
                gate::call(Sysno::rt_sigaction, [number, 0, old, SET_BYTES]);
                if action.handler <= IGNORE {
                    continue;
                }
            }
            // libc's own may be on their way to this thread.
            let own = (32..=34).contains(&number) && !wanted;
            let new = Disposition { handler: if own { IGNORE } else { DEFAULT }, ..Disposition::default() };
            gate::call(Sysno::rt_sigaction, [number, (&raw const new).addr(), 0, SET_BYTES]);
        }
    }
}

unsafe fn set_attributes(attributes: &Attributes) -> Result<(), Errno> {
    let flags = attributes.flags;
    let parameter = attributes.priority;
    let at = (&raw const parameter).addr();
    // SAFETY: the kernel reads one word.
    unsafe {
        if flags & SETSCHEDULER != 0 {
            gate::try_call(Sysno::sched_setscheduler, [0, attributes.policy as usize, at])?;
        } else if flags & SETSCHEDPARAM != 0 {
            gate::try_call(Sysno::sched_setparam, [0, at])?;
        }
        if flags & SETSID != 0 {
            gate::try_call(Sysno::setsid, [])?;
        }
        if flags & SETPGROUP != 0 {
            gate::try_call(Sysno::setpgid, [0, attributes.group as usize])?;
        }
        if flags & RESETIDS != 0 {
            const SAME: usize = usize::MAX;
            let (user, group) = (gate::call(Sysno::getuid, []), gate::call(Sysno::getgid, []));
            gate::try_call(Sysno::setresgid, [SAME, group as usize, SAME])?;
            gate::try_call(Sysno::setresuid, [SAME, user as usize, SAME])?;
        }
    }
    Ok(())
}

unsafe fn act(action: &Step) -> Result<(), Errno> {
    const GET_FLAGS: usize = 1;
    const SET_FLAGS: usize = 2;
    const TIOCSPGRP: usize = 0x5410;
    let path = (&raw const action.path).addr();
    let fd = action.fd as usize;
    // SAFETY: descriptors and paths that the program named.
    unsafe {
        match action.what {
            CLOSE => {
                // One that is closed already is as it should be.
                gate::call(Sysno::close, [fd]);
            }
            DUP2 if action.from == action.fd => {
                let flags = gate::try_call(Sysno::fcntl, [fd, GET_FLAGS])?;
                gate::try_call(Sysno::fcntl, [fd, SET_FLAGS, flags & !1])?;
            }
            DUP2 => {
                gate::try_call(Sysno::dup2, [action.from as usize, fd])?;
            }
            OPEN => {
                gate::call(Sysno::close, [fd]);
                let got = gate::try_call(Sysno::open, [path, action.flags as usize, action.mode as usize])?;
                if got != fd {
                    gate::try_call(Sysno::dup2, [got, fd])?;
                    gate::call(Sysno::close, [got]);
                }
            }
            CHDIR => {
                gate::try_call(Sysno::chdir, [path])?;
            }
            FCHDIR => {
                gate::try_call(Sysno::fchdir, [fd])?;
            }
            CLOSE_FROM => {
                gate::try_call(Sysno::close_range, [fd, u32::MAX as usize, 0])?;
            }
            FOREGROUND => {
                let group = gate::call(Sysno::getpgid, [0]) as c_int;
                gate::try_call(Sysno::ioctl, [fd, TIOCSPGRP, (&raw const group).addr()])?;
            }
            _ => return Err(Errno::EINVAL),
        }
    }
    Ok(())
}

/// All that the child does; comes back only with an error.
unsafe fn carry_out(order: &Order) -> Result<(), Errno> {
    // SAFETY: the parent waits, so that what it named is as it was.
    unsafe {
        let flags = order.attributes.as_ref().map_or(0, |attributes| attributes.flags);
        reset_signals(order, flags);
        if let Some(attributes) = order.attributes.as_ref() {
            set_attributes(attributes)?;
        }
        if let Some(actions) = order.actions.as_ref() {
            let mut at = actions.newest;
            while !at.is_null() && !(*at).older.is_null() {
                at = (*at).older;
            }
            while let Some(action) = at.as_ref() {
                act(action)?;
                at = action.newer;
            }
        }
        let mask = if flags & SETSIGMASK != 0 { (*order.attributes).mask[0] } else { order.mask };
        signal::restore_mask(mask);
        let run = if order.in_path { search } else { execute };
        Err(run(order.file, order.arguments, order.environment, false))
    }
}

unsafe extern "C" fn child(order: *mut c_void) -> c_int {
    let order: *mut Order = order.cast();
    // SAFETY: the parent's, which waits.
    unsafe {
        (*order).error = carry_out(&*order).err();
        loop {
            gate::call(Sysno::exit, [127]);
        }
    }
}

unsafe fn spawn(result: *mut c_int, mut order: Order) -> c_int {
    const STACK: usize = 64 << 10;
    const VM: c_int = 0x100;
    const VFORK: c_int = 0x4000;
    const SIGCHLD: c_int = 17;
    let Some(stack) = map(STACK) else { return Errno::ENOMEM.get() };
    order.mask = signal::block_all();
    // SAFETY: the child has its own stack, and ends or executes before this goes on.
    let pid = unsafe {
        let top = stack.add(STACK).cast();
        __clone(child, top, VM | VFORK | SIGCHLD, (&raw mut order).cast())
    };
    // SAFETY: the child wrote it, if anybody; the stack is nobody's now.
    let error = unsafe {
        let error = match Errno::from_ret(pid as isize) {
            Err(error) => Some(error),
            Ok(_) => (&raw const order.error).read_volatile(),
        };
        if pid > 0 && error.is_some() {
            let mut status = 0;
            let wait = [pid as usize, (&raw mut status).addr(), 0, 0];
            while gate::call(Sysno::wait4, wait) == Errno::EINTR.to_ret() {}
        }
        unmap(stack, STACK);
        error
    };
    signal::restore_mask(order.mask);
    if let Some(error) = error {
        return error.get();
    }
    if !result.is_null() {
        // SAFETY: the caller's.
        unsafe { result.write(pid) };
    }
    0
}

unsafe fn add(actions: *mut Actions, what: c_int, fd: c_int) -> c_int {
    if fd < 0 {
        return Errno::EBADF.get();
    }
    // SAFETY: the caller's list; musl's functions free the entry.
    unsafe {
        let action: *mut Step = slots::malloc(size_of::<Step>()).cast();
        if action.is_null() {
            return Errno::ENOMEM.get();
        }
        let older = (*actions).newest;
        action.write(Step { older, newer: null_mut(), what, fd, from: 0, flags: 0, mode: 0, path: [] });
        if !older.is_null() {
            (*older).newer = action;
        }
        (*actions).newest = action;
    }
    0
}

posix! {
    fn execvpe(file: *const c_char, arguments: Strings, environment: Strings) -> c_int {
        errno::fail(search(file, arguments, environment, true)) as c_int
    }
    fn execvp(file: *const c_char, arguments: Strings) -> c_int {
        execvpe(file, arguments, (*musl::environ()).cast_const().cast())
    }
    fn posix_spawn(result: *mut c_int, path: *const c_char, actions: *const Actions, attributes: *const Attributes, arguments: Strings, environment: Strings) -> c_int {
        spawn(result, Order { file: path, in_path: false, arguments, environment, actions, attributes, mask: 0, error: None })
    }
    fn posix_spawnp(result: *mut c_int, file: *const c_char, actions: *const Actions, attributes: *const Attributes, arguments: Strings, environment: Strings) -> c_int {
        spawn(result, Order { file, in_path: true, arguments, environment, actions, attributes, mask: 0, error: None })
    }
    fn posix_spawn_file_actions_addclosefrom_np(actions: *mut Actions, from: c_int) -> c_int {
        add(actions, CLOSE_FROM, from)
    }
    fn posix_spawn_file_actions_addtcsetpgrp_np(actions: *mut Actions, fd: c_int) -> c_int {
        add(actions, FOREGROUND, fd)
    }
    fn posix_spawnattr_getschedparam(attributes: *const Attributes, parameter: *mut c_int) -> c_int {
        parameter.write((*attributes).priority);
        0
    }
    fn posix_spawnattr_setschedparam(attributes: *mut Attributes, parameter: *const c_int) -> c_int {
        (*attributes).priority = *parameter;
        0
    }
    fn posix_spawnattr_getschedpolicy(attributes: *const Attributes, policy: *mut c_int) -> c_int {
        policy.write((*attributes).policy);
        0
    }
    fn posix_spawnattr_setschedpolicy(attributes: *mut Attributes, policy: c_int) -> c_int {
        const HIGHEST: c_int = 2;
        if !(0..=HIGHEST).contains(&policy) {
            return Errno::EINVAL.get();
        }
        (*attributes).policy = policy;
        0
    }
    fn posix_spawnattr_setflags(attributes: *mut Attributes, flags: c_short) -> c_int {
        const KNOWN: c_int = 0xff;
        if c_int::from(flags) & !KNOWN != 0 {
            return Errno::EINVAL.get();
        }
        (*attributes).flags = c_int::from(flags);
        0
    }
    fn fexecve(fd: c_int, arguments: Strings, environment: Strings) -> c_int {
        const AT_EMPTY_PATH: usize = 0x1000;
        if fd < 0 || arguments.is_null() || environment.is_null() {
            return errno::fail(Errno::EINVAL) as c_int;
        }
        let words = [fd as usize, c"".as_ptr().addr(), arguments.addr(), environment.addr(), AT_EMPTY_PATH];
        errno::fail(Errno::from_ret(gate::trap(Sysno::execveat as usize, words)).err().unwrap_or(Errno::EINVAL)) as c_int
    }
}
