//! Processes, threads, credentials, scheduling and futexes.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_process {
    ($callback:ident) => {
        $callback! {
            24 sched_yield [process::sched_yield] () [full] call;
            39 getpid [process::getpid] () [full] call;
            56 clone [process::clone] (flags: ULong, stack: UserAddr, parent_tid: UserAddr, child_tid: UserAddr, tls: UserAddr) [partial("no namespaces")] trap;
            57 fork [process::fork] () [full] trap;
            58 vfork [process::vfork] () [full] trap;
            59 execve [process::execve] (path: CStrPtr, args: In<u64>, env: In<u64>) [partial("set-user-ID bits are not honoured")] trap;
            60 exit [process::exit] (code: Int) [full] call;
            61 wait4 [process::wait4] (pid: Pid, status: Out<i32>, options: Flags, usage: Out<Rusage>) [full] call;
            97 getrlimit [process::getrlimit] (resource: UInt, limit: Out<Rlimit>) [full] call;
            98 getrusage [process::getrusage] (who: Int, usage: Out<Rusage>) [partial("all time is user time")] call;
            101 ptrace [] () [stub(ENOSYS)] call;
            102 getuid [process::getuid] () [full] call;
            104 getgid [process::getgid] () [full] call;
            105 setuid [process::setuid] (uid: UInt) [full] call;
            106 setgid [process::setgid] (gid: UInt) [full] call;
            107 geteuid [process::geteuid] () [full] call;
            108 getegid [process::getegid] () [full] call;
            109 setpgid [process::setpgid] (pid: Pid, group: Pid) [full] call;
            110 getppid [process::getppid] () [full] call;
            111 getpgrp [process::getpgrp] () [full] call;
            112 setsid [process::setsid] () [full] call;
            113 setreuid [process::setreuid] (real: UInt, effective: UInt) [full] call;
            114 setregid [process::setregid] (real: UInt, effective: UInt) [full] call;
            115 getgroups [process::getgroups] (size: Int, list: UserAddr) [full] call;
            116 setgroups [process::setgroups] (size: UInt, list: UserAddr) [full] call;
            117 setresuid [process::setresuid] (real: UInt, effective: UInt, saved: UInt) [full] call;
            118 getresuid [process::getresuid] (real: Out<u32>, effective: Out<u32>, saved: Out<u32>) [full] call;
            119 setresgid [process::setresgid] (real: UInt, effective: UInt, saved: UInt) [full] call;
            120 getresgid [process::getresgid] (real: Out<u32>, effective: Out<u32>, saved: Out<u32>) [full] call;
            121 getpgid [process::getpgid] (pid: Pid) [full] call;
            122 setfsuid [process::setfsuid] (uid: UInt) [full] call;
            123 setfsgid [process::setfsgid] (gid: UInt) [full] call;
            124 getsid [process::getsid] (pid: Pid) [full] call;
            125 capget [process::capget] (header: InOut<CapHeader>, data: Out<CapData>) [partial("user 0 has all capabilities, others none")] call;
            126 capset [process::capset] (header: InOut<CapHeader>, data: In<CapData>) [partial("giving capabilities up takes nothing away")] call;
            134 uselib [] () [stub(ENOSYS)] call;
            135 personality [process::personality] (persona: ULong) [partial("remembered only")] call;
            140 getpriority [process::getpriority] (which: Int, who: Int) [full] call;
            141 setpriority [process::setpriority] (which: Int, who: Int, nice: Int) [full] call;
            142 sched_setparam [process::sched_setparam] (pid: Pid, param: In<i32>) [full] call;
            143 sched_getparam [process::sched_getparam] (pid: Pid, param: Out<i32>) [full] call;
            144 sched_setscheduler [process::sched_setscheduler] (pid: Pid, policy: Int, param: In<i32>) [partial("no real-time policies: EPERM")] call;
            145 sched_getscheduler [process::sched_getscheduler] (pid: Pid) [full] call;
            146 sched_get_priority_max [process::sched_get_priority_max] (policy: Int) [full] call;
            147 sched_get_priority_min [process::sched_get_priority_min] (policy: Int) [full] call;
            148 sched_rr_get_interval [process::sched_rr_get_interval] (pid: Pid, interval: Out<Timespec>) [full] call;
            154 modify_ldt [] () [stub(ENOSYS)] call;
            157 prctl [process::prctl] (option: Int, arg2: ULong, arg3: ULong, arg4: ULong, arg5: ULong) [partial("names, dumpable, capabilities and others are remembered; no seccomp, no PR_SET_VMA")] call;
            158 arch_prctl [process::arch_prctl] (code: Int, addr: UserAddr) [partial("gs is the kernel's: EPERM")] call;
            160 setrlimit [process::setrlimit] (resource: UInt, limit: In<Rlimit>) [partial("FSIZE, RSS, LOCKS, RT limits are not enforced")] call;
            163 acct [] () [stub(ENOSYS)] call;
            186 gettid [process::gettid] () [full] call;
            202 futex [process::futex] (word: UserAddr, op: UInt, value: UInt, timeout: UserAddr, other: UserAddr, value3: UInt) [partial("priority inheritance is ENOSYS; a wall-clock deadline does not follow a clock that is set")] call;
            203 sched_setaffinity [process::sched_setaffinity] (pid: Pid, len: Size, mask: UserAddr) [full] call;
            204 sched_getaffinity [process::sched_getaffinity] (pid: Pid, len: Size, mask: UserAddr) [full] call;
            205 set_thread_area [] () [stub(ENOSYS)] call;
            211 get_thread_area [] () [stub(ENOSYS)] call;
            218 set_tid_address [process::set_tid_address] (addr: UserAddr) [full] call;
            231 exit_group [process::exit_group] (code: Int) [full] call;
            247 waitid [process::waitid] (kind: UInt, id: Pid, info: UserAddr, options: Flags, usage: Out<Rusage>) [full] call;
            251 ioprio_set [process::ioprio_set] (which: Int, who: Int, priority: Int) [full] call;
            252 ioprio_get [process::ioprio_get] (which: Int, who: Int) [full] call;
            272 unshare [process::unshare] (flags: ULong) [partial("one namespace of each kind: EINVAL; what is shared with other threads or processes stays so: EINVAL")] call;
            273 set_robust_list [process::set_robust_list] (head: UserAddr, len: Size) [full] call;
            274 get_robust_list [process::get_robust_list] (tid: Int, head: Out<u64>, len: Out<u64>) [partial("the caller's own only")] call;
            302 prlimit64 [process::prlimit64] (pid: Pid, resource: UInt, new: In<Rlimit>, old: Out<Rlimit>) [partial("FSIZE, RSS, LOCKS, RT limits are not enforced")] call;
            308 setns [process::setns] (fd: Fd, kinds: Flags) [stub(EINVAL)] call;
            309 getcpu [process::getcpu] (cpu: Out<u32>, node: Out<u32>) [full] call;
            312 kcmp [process::kcmp] (first: Pid, second: Pid, kind: Int, a: ULong, b: ULong) [partial("no KCMP_EPOLL_TFD")] call;
            314 sched_setattr [process::sched_setattr] (pid: Pid, attr: UserAddr, flags: Flags) [partial("no real-time policies and no deadlines: EPERM; no bounds of utilisation: EOPNOTSUPP")] call;
            315 sched_getattr [process::sched_getattr] (pid: Pid, attr: UserAddr, size: UInt, flags: Flags) [full] call;
            322 execveat [process::execveat] (dir: Fd, path: CStrPtr, args: In<u64>, env: In<u64>, flags: Flags) [partial("set-user-ID bits are not honoured")] trap;
            324 membarrier [process::membarrier] (command: Int, flags: Flags, cpu: UInt) [partial("no SYNC_CORE, no RSEQ")] call;
            334 rseq [process::rseq] (area: UserAddr, len: UInt, flags: Flags, signature: UInt) [full] call;
            434 pidfd_open [process::pidfd_open] (pid: Pid, flags: Flags) [full] call;
            435 clone3 [process::clone3] (args: UserAddr, size: Size) [partial("no namespaces, no set_tid, no cgroup")] trap;
            438 pidfd_getfd [process::pidfd_getfd] (fd: Fd, target: Int, flags: Flags) [full] call;
            449 futex_waitv [process::futex_waitv] (waiters: UserAddr, count: UInt, flags: Flags, timeout: In<Timespec>, clock: Int) [partial("a wall-clock deadline does not follow a clock that is set")] call;
            454 futex_wake [process::futex_wake] (word: UserAddr, mask: ULong, count: Int, flags: Flags) [full] call;
            455 futex_wait [process::futex_wait] (word: UserAddr, expected: ULong, mask: ULong, flags: Flags, timeout: In<Timespec>, clock: Int) [partial("a wall-clock deadline does not follow a clock that is set")] call;
            456 futex_requeue [process::futex_requeue] (waiters: UserAddr, flags: Flags, wake: Int, requeue: Int) [full] call;
        }
    };
}

pub(super) const AREA: &str = "process";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_process!(rows);
