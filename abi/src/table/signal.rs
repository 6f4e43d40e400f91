//! Signals.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_signal {
    ($callback:ident) => {
        $callback! {
            13 rt_sigaction [signal::rt_sigaction] (signo: Sig, new: In<Sigaction>, old: Out<Sigaction>, size: Size) [full] call;
            14 rt_sigprocmask [signal::rt_sigprocmask] (how: Int, new: In<u64>, old: Out<u64>, size: Size) [full] call;
            15 rt_sigreturn [signal::rt_sigreturn] () [full] trap;
            34 pause [signal::pause] () [full] call;
            62 kill [signal::kill] (pid: Pid, signo: Sig) [full] call;
            127 rt_sigpending [signal::rt_sigpending] (set: UserAddr, size: Size) [full] call;
            128 rt_sigtimedwait [signal::rt_sigtimedwait] (set: In<u64>, info: UserAddr, timeout: In<Timespec>, size: Size) [full] call;
            129 rt_sigqueueinfo [signal::rt_sigqueueinfo] (pid: Pid, signo: Sig, info: UserAddr) [full] call;
            130 rt_sigsuspend [signal::rt_sigsuspend] (mask: In<u64>, size: Size) [full] call;
            131 sigaltstack [signal::sigaltstack] (new: In<SigStack>, old: Out<SigStack>) [full] call;
            200 tkill [signal::tkill] (tid: Pid, signo: Sig) [full] call;
            219 restart_syscall [signal::restart_syscall] () [partial("always EINTR; calls are restarted as they were")] call;
            234 tgkill [signal::tgkill] (group: Pid, tid: Pid, signo: Sig) [full] call;
            282 signalfd [event::signalfd] (fd: Fd, mask: In<u64>, size: Size) [full] call;
            289 signalfd4 [event::signalfd4] (fd: Fd, mask: In<u64>, size: Size, flags: Flags) [full] call;
            297 rt_tgsigqueueinfo [signal::rt_tgsigqueueinfo] (group: Pid, tid: Pid, signo: Sig, info: UserAddr) [full] call;
            424 pidfd_send_signal [process::pidfd_send_signal] (fd: Fd, signo: Sig, info: UserAddr, flags: Flags) [full] call;
        }
    };
}

pub(super) const AREA: &str = "signal";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_signal!(rows);
