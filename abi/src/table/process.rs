//! Processes, threads, credentials, scheduling and futexes.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_process {
    ($callback:ident) => {
        $callback! {
            24 sched_yield [] () [stub(ENOSYS)] call;
            39 getpid [] () [stub(ENOSYS)] call;
            56 clone [] () [stub(ENOSYS)] call;
            57 fork [] () [stub(ENOSYS)] call;
            58 vfork [] () [stub(ENOSYS)] call;
            59 execve [] () [stub(ENOSYS)] call;
            60 exit [] () [stub(ENOSYS)] call;
            61 wait4 [] () [stub(ENOSYS)] call;
            97 getrlimit [] () [stub(ENOSYS)] call;
            98 getrusage [] () [stub(ENOSYS)] call;
            101 ptrace [] () [stub(ENOSYS)] call;
            102 getuid [] () [stub(ENOSYS)] call;
            104 getgid [] () [stub(ENOSYS)] call;
            105 setuid [] () [stub(ENOSYS)] call;
            106 setgid [] () [stub(ENOSYS)] call;
            107 geteuid [] () [stub(ENOSYS)] call;
            108 getegid [] () [stub(ENOSYS)] call;
            109 setpgid [] () [stub(ENOSYS)] call;
            110 getppid [] () [stub(ENOSYS)] call;
            111 getpgrp [] () [stub(ENOSYS)] call;
            112 setsid [] () [stub(ENOSYS)] call;
            113 setreuid [] () [stub(ENOSYS)] call;
            114 setregid [] () [stub(ENOSYS)] call;
            115 getgroups [] () [stub(ENOSYS)] call;
            116 setgroups [] () [stub(ENOSYS)] call;
            117 setresuid [] () [stub(ENOSYS)] call;
            118 getresuid [] () [stub(ENOSYS)] call;
            119 setresgid [] () [stub(ENOSYS)] call;
            120 getresgid [] () [stub(ENOSYS)] call;
            121 getpgid [] () [stub(ENOSYS)] call;
            122 setfsuid [] () [stub(ENOSYS)] call;
            123 setfsgid [] () [stub(ENOSYS)] call;
            124 getsid [] () [stub(ENOSYS)] call;
            125 capget [] () [stub(ENOSYS)] call;
            126 capset [] () [stub(ENOSYS)] call;
            134 uselib [] () [stub(ENOSYS)] call;
            135 personality [] () [stub(ENOSYS)] call;
            140 getpriority [] () [stub(ENOSYS)] call;
            141 setpriority [] () [stub(ENOSYS)] call;
            142 sched_setparam [] () [stub(ENOSYS)] call;
            143 sched_getparam [] () [stub(ENOSYS)] call;
            144 sched_setscheduler [] () [stub(ENOSYS)] call;
            145 sched_getscheduler [] () [stub(ENOSYS)] call;
            146 sched_get_priority_max [] () [stub(ENOSYS)] call;
            147 sched_get_priority_min [] () [stub(ENOSYS)] call;
            148 sched_rr_get_interval [] () [stub(ENOSYS)] call;
            154 modify_ldt [] () [stub(ENOSYS)] call;
            157 prctl [] () [stub(ENOSYS)] call;
            158 arch_prctl [] () [stub(ENOSYS)] call;
            160 setrlimit [] () [stub(ENOSYS)] call;
            163 acct [] () [stub(ENOSYS)] call;
            186 gettid [] () [stub(ENOSYS)] call;
            202 futex [] () [stub(ENOSYS)] call;
            203 sched_setaffinity [] () [stub(ENOSYS)] call;
            204 sched_getaffinity [] () [stub(ENOSYS)] call;
            205 set_thread_area [] () [stub(ENOSYS)] call;
            211 get_thread_area [] () [stub(ENOSYS)] call;
            218 set_tid_address [] () [stub(ENOSYS)] call;
            231 exit_group [] () [stub(ENOSYS)] call;
            247 waitid [] () [stub(ENOSYS)] call;
            251 ioprio_set [] () [stub(ENOSYS)] call;
            252 ioprio_get [] () [stub(ENOSYS)] call;
            272 unshare [] () [stub(ENOSYS)] call;
            273 set_robust_list [] () [stub(ENOSYS)] call;
            274 get_robust_list [] () [stub(ENOSYS)] call;
            302 prlimit64 [] () [stub(ENOSYS)] call;
            308 setns [] () [stub(ENOSYS)] call;
            309 getcpu [] () [stub(ENOSYS)] call;
            312 kcmp [] () [stub(ENOSYS)] call;
            314 sched_setattr [] () [stub(ENOSYS)] call;
            315 sched_getattr [] () [stub(ENOSYS)] call;
            322 execveat [] () [stub(ENOSYS)] call;
            324 membarrier [] () [stub(ENOSYS)] call;
            334 rseq [] () [stub(ENOSYS)] call;
            434 pidfd_open [] () [stub(ENOSYS)] call;
            435 clone3 [] () [stub(ENOSYS)] call;
            438 pidfd_getfd [] () [stub(ENOSYS)] call;
            449 futex_waitv [] () [stub(ENOSYS)] call;
            454 futex_wake [] () [stub(ENOSYS)] call;
            455 futex_wait [] () [stub(ENOSYS)] call;
            456 futex_requeue [] () [stub(ENOSYS)] call;
        }
    };
}

pub(super) const AREA: &str = "process";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_process!(rows);
