//! Rows of fork, exec, wait, spawn, scheduling.

/// Calls `callback! { process; rows }` with the rows of fork, exec, wait, spawn, scheduling.
#[macro_export]
macro_rules! symbols_process {
    ($($callback:tt)+) => {
        $($callback)+! {
            process;
            __clone: func, musl, ["GLIBC_2.2.5"], full;
            __fork: func, rust(fork), ["GLIBC_2.2.5"], full;
            __libc_fork: func, rust(fork), [], full;
            __sched_cpucount: func, musl, ["GLIBC_2.6"], full;
            __sched_yield: func, musl(sched_yield), ["GLIBC_2.2.5"], full;
            __vfork: func, rust(vfork), ["GLIBC_2.2.5"], full;
            __waitpid: func, musl(waitpid), ["GLIBC_2.2.5"], full;
            clone: func, rust(clone_gnu), ["GLIBC_2.2.5"], full;
            execl: func, musl, ["GLIBC_2.2.5"], full;
            execle: func, musl, ["GLIBC_2.2.5"], full;
            execlp: func, musl, ["GLIBC_2.2.5"], full;
            execv: func, musl, ["GLIBC_2.2.5"], full;
            execve: func, musl, ["GLIBC_2.2.5"], full;
            execvp: func, rust, ["GLIBC_2.2.5"], full;
            execvpe: func, rust, ["GLIBC_2.11"], full;
            fexecve: func, rust, ["GLIBC_2.2.5"], full;
            posix_spawn: func, rust, ["GLIBC_2.2.5", "GLIBC_2.15"], full;
            posix_spawn_file_actions_addchdir_np: func, musl, ["GLIBC_2.29"], full;
            posix_spawn_file_actions_addclose: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawn_file_actions_addclosefrom_np: func, rust, ["GLIBC_2.34"], full;
            posix_spawn_file_actions_adddup2: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawn_file_actions_addfchdir_np: func, musl, ["GLIBC_2.29"], full;
            posix_spawn_file_actions_addopen: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawn_file_actions_addtcsetpgrp_np: func, rust, ["GLIBC_2.35"], full;
            posix_spawn_file_actions_destroy: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawn_file_actions_init: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_destroy: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_getflags: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_getpgroup: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_getschedparam: func, rust, ["GLIBC_2.2.5"], full;
            posix_spawnattr_getschedpolicy: func, rust, ["GLIBC_2.2.5"], full;
            posix_spawnattr_getsigdefault: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_getsigmask: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_init: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_setflags: func, rust, ["GLIBC_2.2.5"], full;
            posix_spawnattr_setpgroup: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_setschedparam: func, rust, ["GLIBC_2.2.5"], full;
            posix_spawnattr_setschedpolicy: func, rust, ["GLIBC_2.2.5"], full;
            posix_spawnattr_setsigdefault: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnattr_setsigmask: func, musl, ["GLIBC_2.2.5"], full;
            posix_spawnp: func, rust, ["GLIBC_2.2.5", "GLIBC_2.15"], full;
            sched_get_priority_max: func, musl, ["GLIBC_2.2.5"], full;
            sched_get_priority_min: func, musl, ["GLIBC_2.2.5"], full;
            sched_getcpu: func, musl, ["GLIBC_2.6"], full;
            sched_getparam: func, rust, ["GLIBC_2.2.5"], full;
            sched_getscheduler: func, rust, ["GLIBC_2.2.5"], full;
            sched_rr_get_interval: func, musl, ["GLIBC_2.2.5"], full;
            sched_setparam: func, rust, ["GLIBC_2.2.5"], full;
            sched_setscheduler: func, rust, ["GLIBC_2.2.5"], full;
            sched_yield: func, musl, ["GLIBC_2.2.5"], full;
            system: func, musl, ["GLIBC_2.2.5"], full;
            wait: func, musl, ["GLIBC_2.2.5"], full;
            waitid: func, musl, ["GLIBC_2.2.5"], full;
            waitpid: func, musl, ["GLIBC_2.2.5"], full;
        }
    };
}
