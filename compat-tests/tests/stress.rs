//! stress-ng in the guest, with `--verify`: a bounded selection of its stressors, a guest for each group, all of a
//! group at the same time. Each stops after some operations; what it then says about itself counts.
//!
//! Each was compared with the same on Linux. Left out, because
//! * on Linux they do not end after so few operations either, or not always: chdir, cyclic, fpunch, inode-flags,
//!   mcontend, misaligned, pipeherd, sem, sigio (its child may fill the pipe before anybody asks for SIGIO), symlink,
//!   syscall, vforkmany, yield;
//! * they take what this kernel has not, and says so: ptrace (also vm-segv), seccomp, netlink-proc, netlink-task,
//!   rawsock, rawudp, dnotify (stress-ng calls it unsupported), userfaultfd, usersyscall, secretmem, vdso;
//! * it reads below the first break, where glibc has its heap: brk, which passes with the image's own libc;
//! * their least file has 128 MiB: copy-file;
//! * they compute, or fill memory, for as long as emulation is slow: matrix, tree, memrate, lsearch, forkheavy (4,000
//!   processes for an operation), madvise (each of its threads reads /proc/self/smaps at each step);
//! * they fail or do nothing on the Linux of a container as well: exec (as root), mlockmany, sysfs, io-uring.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::Guest;
use std::time::Duration;

/// A group's stressors, each with its operations and, where it would take a gigabyte else, with the size of its files
/// or of its memory.
const GROUPS: &[(&str, &str)] = &[
    (
        "processes",
        "fork=20 vfork=100 wait=5 kill=500 clone=3 zombie=5 daemon=20 exit-group=10 session=4 pidfd=20 kcmp=500 \
         personality=200 prctl=10 rlimit=20 set=100 unshare=1 nice=1 schedpolicy=1 affinity=500",
    ),
    (
        "signals",
        "signal=500 sigq=500 sigfd=500 sigpending=500 sigsuspend=500 timer=50 timerfd=50 itimer=2 nanosleep=50 \
         sigabrt=30 sigchld=50 sigfpe=500 sigpipe=200 sigrt=500 sigsegv=500 sigtrap=500 signest=500 alarm=100 clock=50 \
         hrtimers=200 sleep=100",
    ),
    (
        "memory",
        "mmap=2/1m mremap=2/1m mprotect=500 malloc=500 memfd=1 fault=20 mincore=20 mlock=50 mmapaddr=200 mmapfixed=1 \
         mmapmany=500 munmap=500 msync=20/1m shm=2/1m shm-sysv=2/1m stack=1 stackmmap=1 vm=1/1m vm-addr=1 vm-rw=1/1m \
         tlb-shootdown=20 pagemove=1/1m numa=1 membarrier=1 bad-altstack=10 seal=200 remap=1",
    ),
    (
        "files",
        "open=500 close=200 dir=100 dirdeep=10 dirmany=50 dentry=100 rename=200 flock=500 fstat=100 seek=20 sendfile=20 \
         splice=50 fallocate=2/1m sync-file=2/1m access=50 chmod=20 chown=20 dup=4 fcntl=500 fiemap=100/1m \
         filename=4 fsize=2 full=500 getdent=200 handle=200 hdd=100/1m inotify=1 io=2 iomix=200/1m locka=500 lockf=200 \
         lockofd=500 lease=500 mknod=10 readahead=10/1m touch=100 utime=100 xattr=1",
    ),
    (
        "communication",
        "pipe=500 fifo=500 eventfd=500 epoll=20 sock=20 sockpair=20 sem-sysv=500 futex=300 poll=100 msg=500 mq=500 \
         sockfd=200 sockmany=50 sockdiag=200 tee=50 ring-pipe=100 vm-splice=50 udp=200 pty=1",
    ),
    (
        "threads",
        "cpu=2 memcpy=2 qsort=1 str=200 context=20 switch=300 mutex=500 pthread=50 race-sched=2 resched=300 atomic=2 fp=1 \
         longjmp=50 funccall=2 hash=50 regs=20 vecmath=2 get=50 getrandom=500 sysinfo=20 procfs=2 env=1 enosys=4 \
         sysbadaddr=5",
    ),
];

fn main() {
    let trial =
        |&(name, stressors): &(&'static str, &'static str)| Trial::test(name, move || stress(stressors));
    libtest_mimic::run(&Arguments::from_args(), GROUPS.iter().map(trial).collect()).exit();
}

fn stress(stressors: &str) -> Result<(), Failed> {
    let mut args = vec!["--verify".to_owned(), "--temp-path".to_owned(), "/tmp".to_owned()];
    for stressor in stressors.split_whitespace() {
        let (name, amount) = stressor.split_once('=').ok_or("a stressor without operations")?;
        let (operations, bytes) =
            amount.split_once('/').map_or((amount, None), |(n, bytes)| (n, Some(bytes)));
        args.extend([format!("--{name}"), "1".to_owned(), format!("--{name}-ops"), operations.to_owned()]);
        if let Some(bytes) = bytes {
            args.extend([format!("--{name}-bytes"), bytes.to_owned()]);
        }
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let guest = Guest::new("stress-ng").flags(&["--net", "none", "-m", "1G", "-c", "2"]).args(&args);
    let outcome = guest.timeout(Duration::from_secs(240)).run()?;
    // It reports on standard output or standard error, as its version likes.
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let failed = |line: &&str| line.contains("stress-ng: fail:") || line.contains("stress-ng: error:");
    if outcome.status == Some(0)
        && said.contains("successful run completed")
        && said.lines().find(failed).is_none()
    {
        return Ok(());
    }
    Err(format!("status {:?}\n{said}", outcome.status).into())
}
