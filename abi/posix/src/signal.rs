//! signal.h: actions, masks, sets, sending.

use crate::errno;
use crate::gate::{self, Sysno};
use crate::tcb;
use core::arch::global_asm;
use core::ffi::{c_int, c_void};
use core::mem::zeroed;
use core::ptr::{null, null_mut};
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use osv_abi::errno::Errno;

/// Signals there are.
const LAST: c_int = 64;
/// The first real-time signal that programs may use; 32 and 33 are libc's own.
const FIRST_REAL_TIME: c_int = 34;
const SET_SIZE: usize = 8;
const SIG_IGN: usize = 1;
/// Signals that ever had a handler: what posix_spawn resets.
static HANDLED: AtomicU64 = AtomicU64::new(0);
const BLOCK: usize = 0;
const UNBLOCK: usize = 1;
const SET_MASK: usize = 2;
/// The signals that libc keeps for itself.
const OWN: u64 = 0b11 << 31;

const SA_SIGINFO: u64 = 4;
const SA_RESTORER: u64 = 0x0400_0000;
const SA_RESTART: u64 = 0x1000_0000;

// libgcc and gdb know a signal frame by these very bytes: mov $15,%rax; syscall. They must have no unwind entry.
global_asm!(
    ".text",
    ".balign 16",
    "nop",
    ".hidden __osv_restore",
    ".globl __osv_restore",
    ".type __osv_restore, @function",
    "__osv_restore:",
    ".byte 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05",
    ".size __osv_restore, . - __osv_restore",
);

unsafe extern "C" {
    fn __osv_restore();
}

/// `sigset_t`: 128 bytes, of which the kernel knows the first 8.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SigSet {
    words: [u64; 16],
}

/// `struct sigaction`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SigAction {
    handler: usize,
    mask: SigSet,
    flags: c_int,
    restorer: usize,
}

/// The kernel's `struct sigaction`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Action {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

impl Action {
    /// A handler that gets siginfo and context, with `mask` blocked while it runs.
    pub fn with_info(handler: unsafe extern "C" fn(c_int, *mut c_void, *mut c_void), mask: u64) -> Action {
        Action {
            handler: handler as *const () as usize,
            flags: SA_SIGINFO | SA_RESTORER,
            restorer: __osv_restore as *const () as usize,
            mask,
        }
    }
}

/// The kernel's `ucontext`, as far as it is used here.
#[repr(C)]
#[derive(Debug)]
pub struct UContext {
    flags: u64,
    link: usize,
    stack: [u64; 3],
    registers: [u64; 23],
    floating: usize,
    reserved: [u64; 8],
    /// Signals blocked when the handler returns.
    pub mask: u64,
}

const RSP: usize = 15;
const RIP: usize = 16;

impl UContext {
    /// The interrupted thread's stack pointer.
    pub fn rsp(&self) -> usize {
        self.registers[RSP] as usize
    }

    /// Gives it another stack pointer.
    pub fn set_rsp(&mut self, rsp: usize) {
        self.registers[RSP] = rsp as u64;
    }

    /// Where the interrupted thread goes on.
    pub fn rip(&self) -> usize {
        self.registers[RIP] as usize
    }

    /// Lets it go on elsewhere.
    pub fn set_rip(&mut self, rip: usize) {
        self.registers[RIP] = rip as u64;
    }
}

/// Installs a handler of libc's own.
///
/// # Safety
/// The handler is one.
pub unsafe fn install(signal: c_int, action: Action) {
    // SAFETY: the action is a whole one; the kernel reads it.
    unsafe {
        gate::call(Sysno::rt_sigaction, [signal as usize, (&raw const action).addr(), 0, SET_SIZE]);
    }
}

/// Blocks every signal, libc's own included, and says what was blocked before.
pub fn block_all() -> u64 {
    change_mask(BLOCK, u64::MAX)
}

/// Blocks the program's signals and says what was blocked before.
pub fn block_program() -> u64 {
    change_mask(BLOCK, !OWN)
}

/// Sets the mask to what [`block_all`] said.
pub fn restore_mask(mask: u64) {
    change_mask(SET_MASK, mask);
}

fn change_mask(how: usize, mask: u64) -> u64 {
    let mut before = 0u64;
    // SAFETY: both masks are ours.
    unsafe {
        let masks = [how, (&raw const mask).addr(), (&raw mut before).addr(), SET_SIZE];
        gate::call(Sysno::rt_sigprocmask, masks);
    }
    before
}

/// Ends the process with SIGABRT, whatever its handlers say.
pub fn die() -> ! {
    const SIGABRT: usize = 6;
    // SAFETY: the process ends; nothing is left to be broken.
    unsafe {
        block_all();
        install(SIGABRT as c_int, Action { handler: 0, flags: 0, restorer: 0, mask: 0 });
        let me = gate::call(Sysno::gettid, []) as usize;
        gate::call(Sysno::tkill, [me, SIGABRT]);
        restore_mask(0);
        loop {
            core::arch::asm!("ud2");
        }
    }
}

/// The action's kernel form.
unsafe fn to_kernel(action: *const SigAction) -> Action {
    // SAFETY: the caller's action is readable.
    unsafe {
        Action {
            handler: (*action).handler,
            flags: (*action).flags as u32 as u64 | SA_RESTORER,
            restorer: __osv_restore as *const () as usize,
            mask: (*action).mask.words[0] & !OWN,
        }
    }
}

unsafe fn change_action(signal: c_int, new: *const SigAction, old: *mut SigAction) -> c_int {
    if !(1..=LAST).contains(&signal) || is_own(signal) {
        return errno::fail(Errno::EINVAL) as c_int;
    }
    // SAFETY: the caller's actions are readable and writable; the kernel gets copies.
    unsafe {
        let mut before: Action = zeroed();
        let kernel = if new.is_null() { None } else { Some(to_kernel(new)) };
        let new = kernel.as_ref().map_or(null(), |action| &raw const *action);
        let arguments = [signal as usize, new.addr(), (&raw mut before).addr(), SET_SIZE];
        let result = errno::ret(gate::call(Sysno::rt_sigaction, arguments)) as c_int;
        if result == 0 && kernel.is_some_and(|action| action.handler > SIG_IGN) {
            HANDLED.fetch_or(1 << (signal - 1), Relaxed);
        }
        if result == 0 && !old.is_null() {
            (*old).handler = before.handler;
            (*old).flags = (before.flags & !SA_RESTORER) as c_int;
            (*old).restorer = before.restorer;
            (*old).mask.words = [0; 16];
            (*old).mask.words[0] = before.mask;
        }
        result
    }
}

fn is_own(signal: c_int) -> bool {
    (32..FIRST_REAL_TIME).contains(&signal)
}

/// The bit of a signal that programs may name.
fn bit(signal: c_int) -> Option<u64> {
    ((1..=LAST).contains(&signal) && !is_own(signal)).then(|| 1 << (signal - 1))
}

unsafe fn with_bit(set: *mut SigSet, signal: c_int, change: impl FnOnce(u64, u64) -> u64) -> c_int {
    match bit(signal) {
        // SAFETY: the caller's set.
        Some(bit) => unsafe {
            (*set).words[0] = change((*set).words[0], bit);
            0
        },
        None => errno::fail(Errno::EINVAL) as c_int,
    }
}

unsafe fn simple_handler(signal: c_int, handler: usize, flags: u64) -> usize {
    const SIG_ERR: usize = usize::MAX;
    // SAFETY: handler as the caller of signal(2) gives it.
    unsafe {
        let mut old: SigAction = zeroed();
        let new = SigAction { handler, mask: SigSet { words: [0; 16] }, flags: flags as c_int, restorer: 0 };
        if change_action(signal, &raw const new, &raw mut old) < 0 { SIG_ERR } else { old.handler }
    }
}

unsafe fn thread_mask(how: c_int, set: *const SigSet, old: *mut SigSet) -> Result<(), Errno> {
    // SAFETY: the caller's sets; the kernel gets a copy without libc's own signals, and looks at `old` first.
    unsafe {
        let wanted = if set.is_null() { 0 } else { (*set).words[0] & !OWN };
        let new: *const u64 = if set.is_null() { null() } else { &raw const wanted };
        // Setting the mask must leave libc's own signals as they are.
        gate::try_call(Sysno::rt_sigprocmask, [how as usize, new.addr(), old.addr(), SET_SIZE])?;
        if !old.is_null() {
            (&mut (*old).words)[1..].fill(0);
            (*old).words[0] &= !OWN;
        }
        Ok(())
    }
}

posix! {
    fn sigaction(signal: c_int, new: *const SigAction, old: *mut SigAction) -> c_int {
        change_action(signal, new, old)
    }
    fn __sigaction(signal: c_int, new: *const SigAction, old: *mut SigAction) -> c_int {
        change_action(signal, new, old)
    }
    // musl's C code asks for actions without the check of the signal's range.
    fn __libc_sigaction(signal: c_int, new: *const SigAction, old: *mut SigAction) -> c_int {
        change_action(signal, new, old)
    }
    fn signal(number: c_int, handler: usize) -> usize {
        simple_handler(number, handler, SA_RESTART)
    }
    fn bsd_signal(number: c_int, handler: usize) -> usize {
        simple_handler(number, handler, SA_RESTART)
    }
    fn ssignal(number: c_int, handler: usize) -> usize {
        simple_handler(number, handler, SA_RESTART)
    }
    fn __sysv_signal(number: c_int, handler: usize) -> usize {
        const SA_RESETHAND_NODEFER: u64 = 0xc000_0000;
        simple_handler(number, handler, SA_RESETHAND_NODEFER)
    }
    fn sysv_signal(number: c_int, handler: usize) -> usize {
        __sysv_signal(number, handler)
    }
    fn sigprocmask(how: c_int, set: *const SigSet, old: *mut SigSet) -> c_int {
        match thread_mask(how, set, old) {
            Ok(()) => 0,
            Err(error) => errno::fail(error) as c_int,
        }
    }
    fn pthread_sigmask(how: c_int, set: *const SigSet, old: *mut SigSet) -> c_int {
        errno::code(thread_mask(how, set, old))
    }
    fn sigaltstack(new: *const c_void, old: *mut c_void) -> c_int {
        errno::ret(gate::call(Sysno::sigaltstack, [new.addr(), old.addr()])) as c_int
    }
    fn sigpending(set: *mut SigSet) -> c_int {
        // The kernel looks at the pointer first: EFAULT is its to say.
        let result = errno::ret(gate::call(Sysno::rt_sigpending, [set.addr(), SET_SIZE])) as c_int;
        if result == 0 {
            (&mut (*set).words)[1..].fill(0);
        }
        result
    }
    fn sigsuspend(set: *const SigSet) -> c_int {
        errno::ret(crate::cancel::call(Sysno::rt_sigsuspend, [set.addr(), SET_SIZE])) as c_int
    }
    fn sigtimedwait(set: *const SigSet, info: *mut c_void, timeout: *const c_void) -> c_int {
        let arguments = [set.addr(), info.addr(), timeout.addr(), SET_SIZE];
        errno::ret(crate::cancel::call(Sysno::rt_sigtimedwait, arguments)) as c_int
    }
    fn sigwaitinfo(set: *const SigSet, info: *mut c_void) -> c_int {
        sigtimedwait(set, info, null())
    }
    fn sigwait(set: *const SigSet, signal: *mut c_int) -> c_int {
        // POSIX has no EINTR here: a handler that ran is no reason to return.
        loop {
            let arguments = [set.addr(), 0, 0, SET_SIZE];
            match Errno::from_ret(crate::cancel::call(Sysno::rt_sigtimedwait, arguments)) {
                Ok(taken) => {
                    signal.write(taken as c_int);
                    return 0;
                }
                Err(Errno::EINTR) => {}
                Err(error) => return error.get(),
            }
        }
    }
    fn sigqueue(pid: c_int, signal: c_int, value: usize) -> c_int {
        const SI_QUEUE: i32 = -1;
        let mut info = [0u64; 16];
        info[0] = signal as u32 as u64;
        info[1] = SI_QUEUE as u32 as u64;
        let uid = gate::call(Sysno::getuid, []) as u64;
        info[2] = (gate::call(Sysno::getpid, []) as u64) | (uid << 32);
        info[3] = value as u64;
        errno::ret(gate::call(Sysno::rt_sigqueueinfo, [pid as usize, signal as usize, info.as_ptr().addr()])) as c_int
    }
    fn pthread_sigqueue(thread: *mut tcb::Tcb, signal: c_int, value: usize) -> c_int {
        const SI_QUEUE: u32 = -1i32 as u32;
        let process = gate::call(Sysno::getpid, []) as usize;
        let user = gate::call(Sysno::getuid, []) as u64;
        let mut info = [0u64; 16];
        info[0] = u64::from(signal as u32);
        info[1] = u64::from(SI_QUEUE);
        info[2] = process as u64 | user << 32;
        info[3] = value as u64;
        let tid = (*thread).tid.load(Relaxed);
        if tid == 0 {
            return Errno::ESRCH.get();
        }
        let arguments = [process, tid as usize, signal as usize, info.as_ptr().addr()];
        errno::code(gate::try_call(Sysno::rt_tgsigqueueinfo, arguments).map(drop))
    }
    fn raise(signal: c_int) -> c_int {
        let mask = block_program();
        let process = gate::call(Sysno::getpid, []) as usize;
        let thread = gate::call(Sysno::gettid, []) as usize;
        let result = errno::ret(gate::call(Sysno::tgkill, [process, thread, signal as usize])) as c_int;
        restore_mask(mask);
        result
    }
    fn abort() -> ! {
        const SIGABRT: c_int = 6;
        change_mask(UNBLOCK, 1 << (SIGABRT - 1));
        raise(SIGABRT);
        die()
    }
    fn sigemptyset(set: *mut SigSet) -> c_int {
        (*set).words = [0; 16];
        0
    }
    fn sigfillset(set: *mut SigSet) -> c_int {
        (*set).words = [u64::MAX; 16];
        (*set).words[0] = !OWN;
        0
    }
    fn sigaddset(set: *mut SigSet, signal: c_int) -> c_int {
        with_bit(set, signal, |word, bit| word | bit)
    }
    fn sigdelset(set: *mut SigSet, signal: c_int) -> c_int {
        with_bit(set, signal, |word, bit| word & !bit)
    }
    fn sigismember(set: *const SigSet, signal: c_int) -> c_int {
        // libc's own signals may be asked about, though not be added.
        if !(1..=LAST).contains(&signal) {
            return errno::fail(Errno::EINVAL) as c_int;
        }
        c_int::from((*set).words[0] >> (signal - 1) & 1 != 0)
    }
    fn sigisemptyset(set: *const SigSet) -> c_int {
        c_int::from((*set).words[0] == 0)
    }
    fn sigandset(to: *mut SigSet, left: *const SigSet, right: *const SigSet) -> c_int {
        (*to).words[0] = (*left).words[0] & (*right).words[0];
        0
    }
    fn sigorset(to: *mut SigSet, left: *const SigSet, right: *const SigSet) -> c_int {
        (*to).words[0] = (*left).words[0] | (*right).words[0];
        0
    }
    fn sighold(signal: c_int) -> c_int {
        let Some(bit) = bit(signal) else { return errno::fail(Errno::EINVAL) as c_int };
        change_mask(BLOCK, bit);
        0
    }
    fn sigrelse(signal: c_int) -> c_int {
        let Some(bit) = bit(signal) else { return errno::fail(Errno::EINVAL) as c_int };
        change_mask(UNBLOCK, bit);
        0
    }
    fn sigsetmask(mask: c_int) -> c_int {
        change_mask(SET_MASK, mask as u32 as u64) as c_int
    }
    fn sigblock(mask: c_int) -> c_int {
        change_mask(BLOCK, mask as u32 as u64) as c_int
    }
    fn siginterrupt(signal: c_int, interrupts: c_int) -> c_int {
        let mut action: SigAction = zeroed();
        if change_action(signal, null(), &raw mut action) < 0 {
            return -1;
        }
        if interrupts != 0 {
            action.flags &= !(SA_RESTART as c_int);
        } else {
            action.flags |= SA_RESTART as c_int;
        }
        change_action(signal, &raw const action, null_mut())
    }
    fn sigignore(signal: c_int) -> c_int {
        if simple_handler(signal, 1, 0) == usize::MAX { -1 } else { 0 }
    }
    fn __libc_current_sigrtmin() -> c_int {
        FIRST_REAL_TIME
    }
    fn __libc_current_sigrtmax() -> c_int {
        LAST
    }
    fn tgkill(process: c_int, thread: c_int, signal: c_int) -> c_int {
        errno::ret(gate::call(Sysno::tgkill, [process as usize, thread as usize, signal as usize])) as c_int
    }
    // musl's C code: block signals around what must not be interrupted.
    fn __block_all_sigs(old: *mut u64) {
        let mask = block_all();
        if !old.is_null() {
            old.write(mask);
        }
    }
    fn __block_app_sigs(old: *mut u64) {
        let mask = block_program();
        if !old.is_null() {
            old.write(mask);
        }
    }
    fn __get_handler_set(set: *mut u64) {
        set.write(HANDLED.load(Relaxed));
    }
    fn __restore_sigs(old: *const u64) {
        restore_mask(*old);
    }
}

/// The tid that a signal to this thread goes to.
pub fn own_tid() -> i32 {
    // SAFETY: the thread's own block.
    unsafe { (*tcb::current()).tid.load(Relaxed) }
}
