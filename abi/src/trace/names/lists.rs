//! Names of flags and values, and where they stand.

use super::{ARCH_PRCTL, Meaning, Names};
use crate::uapi::event::{epoll, eventfd, memfd, timerfd};
use crate::uapi::file::{at, fcntl, ioctl, mode, open, xattr};
use crate::uapi::process::{clone, futex, membarrier, prctl, rlimit, sched, wait};
use crate::uapi::signal::{SS_AUTODISARM, SS_DISABLE, SS_ONSTACK, how, sa, sfd};
use crate::uapi::socket::{msg, sock};
use crate::uapi::system::{GRND_INSECURE, GRND_NONBLOCK, GRND_RANDOM};
use crate::uapi::time::clock;

/// The constants of a `uapi` module, each with the prefix that the manual gives it.
macro_rules! of {
    ($prefix:literal $module:ident: $($name:ident)*) => {
        &[$((concat!($prefix, stringify!($name)), $module::$name as u64)),*]
    };
}

pub(in super::super) const OPEN: &Names = of!("O_" open: CREAT EXCL NOCTTY TRUNC APPEND NONBLOCK TMPFILE SYNC DSYNC
    ASYNC DIRECT LARGEFILE DIRECTORY NOFOLLOW NOATIME CLOEXEC PATH);
pub(in super::super) const FILE_TYPE: &Names = of!("S_" mode: IFSOCK IFLNK IFREG IFBLK IFDIR IFCHR IFIFO);
pub(in super::super) const CLONE: &Names = of!("CLONE_" clone: VM FS FILES SIGHAND PIDFD PTRACE VFORK PARENT THREAD
    NEWNS SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID DETACHED UNTRACED CHILD_SETTID NEWCGROUP NEWUTS NEWIPC NEWUSER
    NEWPID NEWNET IO CLEAR_SIGHAND INTO_CGROUP);
pub(in super::super) const FUTEX: &Names = of!("FUTEX_" futex: WAIT WAKE FD REQUEUE CMP_REQUEUE WAKE_OP LOCK_PI
    UNLOCK_PI TRYLOCK_PI WAIT_BITSET WAKE_BITSET WAIT_REQUEUE_PI CMP_REQUEUE_PI LOCK_PI2);
pub(in super::super) const SIGACTION: &Names = of!("SA_" sa: NOCLDSTOP NOCLDWAIT SIGINFO UNSUPPORTED EXPOSE_TAGBITS
    RESTORER ONSTACK RESTART NODEFER RESETHAND);
pub(in super::super) const SIGSTACK: &Names = &[
    ("SS_ONSTACK", SS_ONSTACK as u64),
    ("SS_DISABLE", SS_DISABLE as u64),
    ("SS_AUTODISARM", SS_AUTODISARM as u64),
];
pub(in super::super) const EPOLL_EVENTS: &Names = &[
    ("EPOLLIN", 1),
    ("EPOLLPRI", 2),
    ("EPOLLOUT", 4),
    ("EPOLLERR", 8),
    ("EPOLLHUP", 0x10),
    ("EPOLLRDNORM", 0x40),
    ("EPOLLRDBAND", 0x80),
    ("EPOLLWRNORM", 0x100),
    ("EPOLLWRBAND", 0x200),
    ("EPOLLMSG", 0x400),
    ("EPOLLRDHUP", 0x2000),
    ("EPOLLEXCLUSIVE", epoll::EXCLUSIVE as u64),
    ("EPOLLWAKEUP", epoll::WAKEUP as u64),
    ("EPOLLONESHOT", epoll::ONESHOT as u64),
    ("EPOLLET", epoll::ET as u64),
];
pub(in super::super) const POLL: &Names = &[
    ("POLLIN", 1),
    ("POLLPRI", 2),
    ("POLLOUT", 4),
    ("POLLERR", 8),
    ("POLLHUP", 0x10),
    ("POLLNVAL", 0x20),
    ("POLLRDNORM", 0x40),
    ("POLLRDBAND", 0x80),
    ("POLLWRNORM", 0x100),
    ("POLLWRBAND", 0x200),
    ("POLLRDHUP", 0x2000),
];
pub(in super::super) const FD_FLAGS: &Names = &[("FD_CLOEXEC", fcntl::FD_CLOEXEC as u64)];
pub(in super::super) const FAMILY: &Names = &[
    ("AF_UNSPEC", 0),
    ("AF_UNIX", 1),
    ("AF_INET", 2),
    ("AF_INET6", 10),
    ("AF_NETLINK", 16),
    ("AF_PACKET", 17),
];
pub(in super::super) const SOCKET_OPTION: &Names = &[
    ("SO_DEBUG", 1),
    ("SO_REUSEADDR", 2),
    ("SO_TYPE", 3),
    ("SO_ERROR", 4),
    ("SO_DONTROUTE", 5),
    ("SO_BROADCAST", 6),
    ("SO_SNDBUF", 7),
    ("SO_RCVBUF", 8),
    ("SO_KEEPALIVE", 9),
    ("SO_OOBINLINE", 10),
    ("SO_PRIORITY", 12),
    ("SO_LINGER", 13),
    ("SO_REUSEPORT", 15),
    ("SO_PASSCRED", 16),
    ("SO_PEERCRED", 17),
    ("SO_RCVLOWAT", 18),
    ("SO_SNDLOWAT", 19),
    ("SO_RCVTIMEO", 20),
    ("SO_SNDTIMEO", 21),
    ("SO_BINDTODEVICE", 25),
    ("SO_TIMESTAMP", 29),
    ("SO_ACCEPTCONN", 30),
    ("SO_SNDBUFFORCE", 32),
    ("SO_RCVBUFFORCE", 33),
    ("SO_PROTOCOL", 38),
    ("SO_DOMAIN", 39),
    ("SO_INCOMING_CPU", 49),
];
pub(in super::super) const TCP_OPTION: &Names = &[
    ("TCP_NODELAY", 1),
    ("TCP_MAXSEG", 2),
    ("TCP_CORK", 3),
    ("TCP_KEEPIDLE", 4),
    ("TCP_KEEPINTVL", 5),
    ("TCP_KEEPCNT", 6),
    ("TCP_SYNCNT", 7),
    ("TCP_LINGER2", 8),
    ("TCP_DEFER_ACCEPT", 9),
    ("TCP_INFO", 11),
    ("TCP_QUICKACK", 12),
    ("TCP_CONGESTION", 13),
    ("TCP_USER_TIMEOUT", 18),
    ("TCP_FASTOPEN", 23),
];

const AT: &Names = of!("AT_" at: SYMLINK_NOFOLLOW SYMLINK_FOLLOW NO_AUTOMOUNT EMPTY_PATH);
const UNLINK: &Names = of!("AT_" at: REMOVEDIR);
const ACCESS_AT: &Names = of!("AT_" at: EACCESS SYMLINK_NOFOLLOW EMPTY_PATH);
const ACCESS: &Names = &[("R_OK", 4), ("W_OK", 2), ("X_OK", 1)];
const WHENCE: &Names =
    &[("SEEK_SET", 0), ("SEEK_CUR", 1), ("SEEK_END", 2), ("SEEK_DATA", 3), ("SEEK_HOLE", 4)];
const FCNTL: &Names = of!("F_" fcntl: DUPFD GETFD SETFD GETFL SETFL GETLK SETLK SETLKW SETOWN GETOWN SETSIG GETSIG
    SETOWN_EX GETOWN_EX OFD_GETLK OFD_SETLK OFD_SETLKW SETLEASE GETLEASE NOTIFY DUPFD_CLOEXEC SETPIPE_SZ GETPIPE_SZ
    ADD_SEALS GET_SEALS);
const IOCTL: &Names = of!("" ioctl: TCGETS TCSETS TCSETSW TCSETSF TCGETA TCSETA TCSETAW TCSETAF TCSBRK
    TCXONC TCFLSH TIOCEXCL TIOCNXCL TIOCSCTTY TIOCGPGRP TIOCSPGRP TIOCOUTQ TIOCSTI TIOCGWINSZ TIOCSWINSZ
    TIOCPKT TIOCNOTTY TIOCSETD TIOCGETD TCSBRKP TIOCSBRK TIOCCBRK TIOCGSID TCGETS2 TCSETS2 TCSETSW2
    TCSETSF2 TIOCGPTN TIOCSPTLCK TIOCGDEV TIOCSIG TIOCVHANGUP TIOCGPKT TIOCGPTLCK TIOCGEXCL TIOCGPTPEER
    TIOCGLCKTRMIOS TIOCSLCKTRMIOS     FIONREAD FIONBIO FIONCLEX FIOCLEX FIOASYNC);
const FLOCK: &Names = &[("LOCK_SH", 1), ("LOCK_EX", 2), ("LOCK_NB", 4), ("LOCK_UN", 8)];
const XATTR: &Names = of!("XATTR_" xattr: CREATE REPLACE);
const FADVICE: &Names = &[
    ("POSIX_FADV_NORMAL", 0),
    ("POSIX_FADV_RANDOM", 1),
    ("POSIX_FADV_SEQUENTIAL", 2),
    ("POSIX_FADV_WILLNEED", 3),
    ("POSIX_FADV_DONTNEED", 4),
    ("POSIX_FADV_NOREUSE", 5),
];
const FALLOCATE: &Names = &[
    ("FALLOC_FL_KEEP_SIZE", 1),
    ("FALLOC_FL_PUNCH_HOLE", 2),
    ("FALLOC_FL_COLLAPSE_RANGE", 8),
    ("FALLOC_FL_ZERO_RANGE", 16),
    ("FALLOC_FL_INSERT_RANGE", 32),
    ("FALLOC_FL_UNSHARE_RANGE", 64),
];
const SPLICE: &Names =
    &[("SPLICE_F_MOVE", 1), ("SPLICE_F_NONBLOCK", 2), ("SPLICE_F_MORE", 4), ("SPLICE_F_GIFT", 8)];
const RENAME: &Names = &[("RENAME_NOREPLACE", 1), ("RENAME_EXCHANGE", 2), ("RENAME_WHITEOUT", 4)];
const MEMFD: &Names = of!("MFD_" memfd: CLOEXEC ALLOW_SEALING HUGETLB NOEXEC_SEAL EXEC);
const STATX: &Names = &[("STATX_BASIC_STATS", 0x7ff), ("STATX_BTIME", 0x800), ("STATX_MNT_ID", 0x1000)];
const RW: &Names =
    &[("RWF_HIPRI", 1), ("RWF_DSYNC", 2), ("RWF_SYNC", 4), ("RWF_NOWAIT", 8), ("RWF_APPEND", 16)];
const CLOSE_RANGE: &Names = &[("CLOSE_RANGE_UNSHARE", 2), ("CLOSE_RANGE_CLOEXEC", 4)];
const FAMILIES_OF_PIPES: &Names = of!("O_" open: CLOEXEC NONBLOCK DIRECT);
const EVENTFD: &Names = of!("EFD_" eventfd: SEMAPHORE NONBLOCK CLOEXEC);
const TIMERFD: &Names = of!("TFD_" timerfd: NONBLOCK CLOEXEC);
const TIMERFD_SET: &Names = &[
    ("TFD_TIMER_ABSTIME", timerfd::TIMER_ABSTIME as u64),
    ("TFD_TIMER_CANCEL_ON_SET", timerfd::TIMER_CANCEL_ON_SET as u64),
];
const SIGNALFD: &Names = of!("SFD_" sfd: CLOEXEC NONBLOCK);
const EPOLL: &Names = of!("EPOLL_" epoll: CLOEXEC);
const EPOLL_CTL: &Names = of!("EPOLL_" epoll: CTL_ADD CTL_DEL CTL_MOD);
const SOCKET_TYPE: &Names = of!("SOCK_" sock: STREAM DGRAM RAW SEQPACKET);
const SOCKET_FLAGS: &Names = of!("SOCK_" sock: NONBLOCK CLOEXEC);
const MSG: &Names =
    of!("MSG_" msg: OOB PEEK CTRUNC TRUNC DONTWAIT WAITALL NOSIGNAL MORE WAITFORONE CMSG_CLOEXEC);
const SHUTDOWN: &Names = &[("SHUT_RD", 0), ("SHUT_WR", 1), ("SHUT_RDWR", 2)];
const LEVEL: &Names = &[("SOL_SOCKET", 1), ("SOL_IP", 0), ("SOL_TCP", 6), ("SOL_UDP", 17), ("SOL_IPV6", 41)];
const HOW: &Names = of!("SIG_" how: BLOCK UNBLOCK SETMASK);
const CLOCK: &Names = of!("CLOCK_" clock: REALTIME MONOTONIC PROCESS_CPUTIME_ID THREAD_CPUTIME_ID MONOTONIC_RAW
    REALTIME_COARSE MONOTONIC_COARSE BOOTTIME REALTIME_ALARM BOOTTIME_ALARM TAI);
const TIMER: &Names = &[("TIMER_ABSTIME", 1)];
const ITIMER: &Names = &[("ITIMER_REAL", 0), ("ITIMER_VIRTUAL", 1), ("ITIMER_PROF", 2)];
const WAIT: &Names = of!("" wait: WNOHANG WUNTRACED WCONTINUED WNOWAIT);
const WAITID: &Names = of!("" wait: WNOHANG WUNTRACED WEXITED WCONTINUED WNOWAIT);
const WAIT_KIND: &Names = of!("" wait: P_ALL P_PID P_PGID P_PIDFD);
const RLIMIT: &Names = of!("RLIMIT_" rlimit: CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING
    MSGQUEUE NICE RTPRIO RTTIME);
const PRCTL: &Names = of!("PR_" prctl: SET_PDEATHSIG GET_PDEATHSIG GET_DUMPABLE SET_DUMPABLE GET_KEEPCAPS SET_KEEPCAPS
    SET_NAME GET_NAME GET_SECCOMP CAPBSET_READ CAPBSET_DROP SET_TIMERSLACK GET_TIMERSLACK SET_CHILD_SUBREAPER
    GET_CHILD_SUBREAPER SET_NO_NEW_PRIVS GET_NO_NEW_PRIVS SET_THP_DISABLE GET_THP_DISABLE CAP_AMBIENT SET_VMA);
const RUSAGE: &Names = &[("RUSAGE_SELF", 0), ("RUSAGE_CHILDREN", 0xffff_ffff), ("RUSAGE_THREAD", 1)];
const SCHED: &Names = of!("SCHED_" sched: OTHER FIFO RR BATCH IDLE DEADLINE);
const MEMBARRIER: &Names = of!("MEMBARRIER_CMD_" membarrier: QUERY GLOBAL GLOBAL_EXPEDITED REGISTER_GLOBAL_EXPEDITED
    PRIVATE_EXPEDITED REGISTER_PRIVATE_EXPEDITED);
const GRND: &Names = &[
    ("GRND_NONBLOCK", GRND_NONBLOCK as u64),
    ("GRND_RANDOM", GRND_RANDOM as u64),
    ("GRND_INSECURE", GRND_INSECURE as u64),
];

const fn bits(names: &'static Names) -> Meaning {
    Meaning::Bits(names, "0")
}

/// Rows with spaces between them, the argument's name, its meaning. A test sees to it that each is there.
pub(super) const MEANINGS: &[(&str, &str, Meaning)] = &[
    ("open openat", "flags", Meaning::Open),
    ("lseek", "whence", Meaning::Value(WHENCE)),
    ("ioctl", "request", Meaning::Value(IOCTL)),
    ("ioctl", "arg", Meaning::Hex),
    ("fcntl", "command", Meaning::Value(FCNTL)),
    ("fcntl", "arg", Meaning::FcntlArgument),
    ("flock", "operation", bits(FLOCK)),
    ("access faccessat faccessat2", "mode", Meaning::Bits(ACCESS, "F_OK")),
    ("faccessat2", "flags", bits(ACCESS_AT)),
    ("newfstatat linkat fchownat utimensat statx fchmodat2", "flags", bits(AT)),
    ("execveat", "flags", bits(AT)),
    ("unlinkat", "flags", bits(UNLINK)),
    ("statx", "mask", bits(STATX)),
    ("readv preadv preadv2", "vectors", Meaning::VectorsOut),
    ("writev pwritev pwritev2", "vectors", Meaning::Vectors),
    ("preadv2 pwritev2", "flags", bits(RW)),
    ("getcwd", "buf", Meaning::Text),
    ("setxattr lsetxattr fsetxattr", "flags", bits(XATTR)),
    ("fadvise64", "advice", Meaning::Value(FADVICE)),
    ("fallocate", "mode", bits(FALLOCATE)),
    ("splice", "flags", bits(SPLICE)),
    ("renameat2", "flags", bits(RENAME)),
    ("memfd_create", "flags", bits(MEMFD)),
    ("dup3 pipe2", "flags", bits(FAMILIES_OF_PIPES)),
    ("close_range", "flags", bits(CLOSE_RANGE)),
    ("mmap", "offset", Meaning::Hex),
    ("execve execveat", "args", Meaning::Strings),
    ("execve execveat", "env", Meaning::Environment),
    ("clone", "flags", Meaning::Clone),
    ("clone3", "args", Meaning::CloneArgs),
    ("wait4", "status", Meaning::Status),
    ("wait4", "options", bits(WAIT)),
    ("waitid", "kind", Meaning::Value(WAIT_KIND)),
    ("waitid", "options", bits(WAITID)),
    ("waitid rt_sigtimedwait", "info", Meaning::InfoOut),
    ("getrlimit setrlimit prlimit64", "resource", Meaning::Value(RLIMIT)),
    ("getrusage", "who", Meaning::Value(RUSAGE)),
    ("prctl", "option", Meaning::Value(PRCTL)),
    ("prctl", "arg2", Meaning::PrctlArgument),
    ("arch_prctl", "code", Meaning::Value(ARCH_PRCTL)),
    ("futex", "op", Meaning::Futex),
    ("futex", "timeout", Meaning::FutexTimeout),
    ("sched_setscheduler", "policy", Meaning::Value(SCHED)),
    ("sched_get_priority_max sched_get_priority_min", "policy", Meaning::Value(SCHED)),
    ("membarrier", "command", Meaning::Value(MEMBARRIER)),
    ("rt_sigprocmask", "how", Meaning::Value(HOW)),
    ("rt_sigprocmask", "new", Meaning::Mask),
    ("rt_sigprocmask", "old", Meaning::MaskOut),
    ("rt_sigpending", "set", Meaning::MaskOut),
    ("rt_sigtimedwait", "set", Meaning::Mask),
    ("rt_sigsuspend ppoll epoll_pwait epoll_pwait2 signalfd signalfd4", "mask", Meaning::Mask),
    ("signalfd4", "flags", bits(SIGNALFD)),
    ("getitimer setitimer", "which", Meaning::Value(ITIMER)),
    ("timer_create clock_settime clock_gettime clock_getres", "clock", Meaning::Value(CLOCK)),
    ("clock_nanosleep timerfd_create", "clock", Meaning::Value(CLOCK)),
    ("timer_settime clock_nanosleep", "flags", bits(TIMER)),
    ("timerfd_create", "flags", bits(TIMERFD)),
    ("timerfd_settime", "flags", bits(TIMERFD_SET)),
    ("poll ppoll", "fds", Meaning::Poll),
    ("epoll_wait epoll_pwait epoll_pwait2", "events", Meaning::Events),
    ("epoll_ctl", "operation", Meaning::Value(EPOLL_CTL)),
    ("epoll_create1", "flags", bits(EPOLL)),
    ("eventfd2", "flags", bits(EVENTFD)),
    ("socket socketpair", "family", Meaning::Value(FAMILY)),
    ("socket socketpair", "kind", Meaning::Mixed(0xf, SOCKET_TYPE, SOCKET_FLAGS)),
    ("accept4", "flags", bits(SOCKET_FLAGS)),
    ("connect bind sendto", "address", Meaning::Address),
    ("accept accept4 recvfrom getsockname getpeername", "address", Meaning::AddressOut),
    ("sendto recvfrom sendmsg recvmsg recvmmsg sendmmsg", "flags", bits(MSG)),
    ("shutdown", "how", Meaning::Value(SHUTDOWN)),
    ("setsockopt getsockopt", "level", Meaning::Value(LEVEL)),
    ("setsockopt getsockopt", "name", Meaning::SocketOption),
    ("setsockopt", "value", Meaning::OptionIn),
    ("getsockopt", "value", Meaning::OptionOut),
    ("getrandom", "flags", bits(GRND)),
];
