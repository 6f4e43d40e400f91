//! Signals.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_signal {
    ($callback:ident) => {
        $callback! {
            13 rt_sigaction [] () [stub(ENOSYS)] call;
            14 rt_sigprocmask [] () [stub(ENOSYS)] call;
            15 rt_sigreturn [] () [stub(ENOSYS)] call;
            34 pause [] () [stub(ENOSYS)] call;
            62 kill [] () [stub(ENOSYS)] call;
            127 rt_sigpending [] () [stub(ENOSYS)] call;
            128 rt_sigtimedwait [] () [stub(ENOSYS)] call;
            129 rt_sigqueueinfo [] () [stub(ENOSYS)] call;
            130 rt_sigsuspend [] () [stub(ENOSYS)] call;
            131 sigaltstack [] () [stub(ENOSYS)] call;
            200 tkill [] () [stub(ENOSYS)] call;
            219 restart_syscall [] () [stub(ENOSYS)] call;
            234 tgkill [] () [stub(ENOSYS)] call;
            282 signalfd [] () [stub(ENOSYS)] call;
            289 signalfd4 [] () [stub(ENOSYS)] call;
            297 rt_tgsigqueueinfo [] () [stub(ENOSYS)] call;
            424 pidfd_send_signal [] () [stub(ENOSYS)] call;
        }
    };
}

pub(super) const AREA: &str = "signal";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_signal!(rows);
