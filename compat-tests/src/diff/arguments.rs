//! Cases for `programs/diff/arguments.c`, made from the table of system calls: every row that looks at its arguments, with
//! arguments that mean something, then with each argument in turn replaced by hostile ones of its type.

use osv_abi::table::{self, Row};
use std::fmt::Write;

/// Rows that are not called, and why.
pub const EXCLUDED: &[(&str, &str)] = &[
    ("clone", "a second program that goes on reading the list"),
    ("clone3", "a second program that goes on reading the list"),
    ("adjtimex", "shows and sets the clock of the machine under test; see adjustment.c"),
    ("clock_adjtime", "shows and sets the clock of the machine under test; see adjustment.c"),
    ("clock_settime", "sets the clock of the machine under test"),
    ("exit", "ends the case before it can say anything"),
    ("exit_group", "ends the case before it can say anything"),
    ("ioperm", "is there or not as the kernel of the machine under test was configured"),
    ("iopl", "is there or not as the kernel of the machine under test was configured"),
    ("fork", "a second program that goes on reading the list"),
    ("pause", "takes no argument and waits for ever"),
    ("reboot", "ends the machine under test"),
    ("rt_sigreturn", "takes its argument from the stack; see laws"),
    ("settimeofday", "sets the clock of the machine under test"),
    ("sync", "takes no argument and flushes every disk of the machine under test"),
    ("setns", "enters namespaces, which the machine under test may have"),
    ("syslog", "reads and clears the messages of the machine under test"),
    ("unshare", "makes namespaces, which the machine under test may have"),
    ("vfork", "a second program that goes on reading the list"),
];

/// Rows whose result is an address, an identity, a time or a matter of the machine, so that only success and failure compare.
const RESULT_IS_ITS_OWN: &[&str] = &[
    "alarm",
    "brk",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getsid",
    "gettid",
    "kcmp",
    "membarrier",
    "mmap",
    "mremap",
    "sched_getaffinity",
    "set_tid_address",
    "setsid",
    "shmat",
    "shmctl",
    "shmget",
    "time",
    "times",
];

/// What an argument is when another one is under test: by row and name, where its type is not enough.
const MEANT: &[(&str, &str, &str)] = &[
    ("*", "epfd", "@epoll"),
    ("*", "dir", "=ffffff9c"),
    ("*", "old_dir", "=ffffff9c"),
    ("*", "new_dir", "=ffffff9c"),
    ("*", "size", "=8"),
    ("accept", "fd", "@tcp"),
    ("accept4", "fd", "@tcp"),
    ("arch_prctl", "code", "=1003"),
    ("bind", "fd", "@udp"),
    ("capget", "header", "good"),
    ("chdir", "path", "$d"),
    ("chroot", "path", "$d"),
    ("connect", "fd", "@udp"),
    ("close_range", "first", "=64"),
    ("close_range", "last", "=c8"),
    ("copy_file_range", "out_fd", "@other"),
    ("copy_file_range", "in_offset", "null"),
    ("copy_file_range", "out_offset", "null"),
    ("epoll_create", "size", "=1"),
    ("epoll_ctl", "fd", "@event"),
    ("epoll_ctl", "operation", "=1"),
    ("epoll_pwait", "max", "=4"),
    ("epoll_pwait2", "max", "=4"),
    ("epoll_wait", "max", "=4"),
    ("execve", "path", "$x"),
    ("execveat", "path", "$x"),
    ("fchdir", "fd", "@directory"),
    ("fallocate", "len", "=64"),
    ("fcntl", "command", "=1"),
    ("futex", "op", "=81"),
    ("futex", "timeout", "null"),
    ("getdents", "fd", "@directory"),
    ("getdents64", "fd", "@directory"),
    ("getpeername", "fd", "@stream"),
    ("getsockname", "fd", "@udp"),
    ("getsockopt", "fd", "@udp"),
    ("getsockopt", "level", "=1"),
    ("getsockopt", "name", "=3"),
    ("ioctl", "fd", "@pipe_read"),
    ("ioctl", "request", "=541b"),
    ("ioctl", "arg", "good"),
    ("kill", "pid", "self"),
    ("link", "new", "$new"),
    ("linkat", "new", "$new"),
    ("listen", "fd", "@tcp"),
    ("madvise", "advice", "=4"),
    ("mincore", "len", "=1000"),
    ("mincore", "vec", "out"),
    ("mkdir", "path", "$new"),
    ("mkdirat", "path", "$new"),
    ("mknod", "path", "$new"),
    ("mknodat", "path", "$new"),
    ("mmap", "addr", "null"),
    ("mmap", "flags", "=22"),
    ("mmap", "prot", "=3"),
    ("mprotect", "prot", "=3"),
    ("mremap", "new", "null"),
    ("mremap", "new_len", "=1000"),
    ("mremap", "old_len", "=1000"),
    ("msync", "flags", "=4"),
    ("openat2", "how", "good"),
    ("poll", "count", "=1"),
    ("ppoll", "count", "=1"),
    ("prctl", "option", "=3"),
    ("preadv", "count", "=1"),
    ("preadv2", "count", "=1"),
    ("prlimit64", "resource", "=7"),
    // A limit of no processor time, set for the program that reads the list, would end it.
    ("prlimit64", "new", "null"),
    ("pwritev", "count", "=1"),
    ("pwritev2", "count", "=1"),
    ("readlink", "path", "$l"),
    ("readlinkat", "path", "$l"),
    ("readv", "count", "=1"),
    ("recvfrom", "fd", "@stream"),
    ("recvmmsg", "fd", "@stream"),
    ("recvmsg", "fd", "@stream"),
    ("rename", "new", "$new"),
    ("renameat", "new", "$new"),
    ("renameat2", "new", "$new"),
    ("rmdir", "path", "$d"),
    ("rt_sigqueueinfo", "pid", "self"),
    ("rt_tgsigqueueinfo", "group", "self"),
    ("rt_tgsigqueueinfo", "tid", "self"),
    ("sched_getaffinity", "len", "=80"),
    ("sched_getaffinity", "mask", "out"),
    ("sched_setaffinity", "len", "=80"),
    ("sendfile", "out_fd", "@memory"),
    ("sendmmsg", "fd", "@stream"),
    ("sendmsg", "fd", "@stream"),
    ("sendto", "address", "null"),
    ("sendto", "fd", "@stream"),
    ("set_robust_list", "len", "=18"),
    ("setsockopt", "fd", "@udp"),
    ("setsockopt", "level", "=1"),
    ("setsockopt", "name", "=2"),
    ("shutdown", "fd", "@stream"),
    ("socket", "family", "=2"),
    ("socket", "kind", "=1"),
    ("socketpair", "family", "=1"),
    ("socketpair", "kind", "=1"),
    ("splice", "count", "=10"),
    ("splice", "in_fd", "@pipe_read"),
    ("splice", "in_offset", "null"),
    ("splice", "out_fd", "@memory"),
    ("splice", "out_offset", "null"),
    ("symlink", "path", "$new"),
    ("symlinkat", "path", "$new"),
    ("tgkill", "group", "self"),
    ("tgkill", "tid", "self"),
    ("timer_create", "event", "null"),
    ("timerfd_gettime", "fd", "@timer"),
    ("timerfd_settime", "fd", "@timer"),
    ("tkill", "tid", "self"),
    ("unlinkat", "flags", "=0"),
    ("wait4", "pid", "=ffffffff"),
    ("fgetxattr", "name", "$user.x"),
    ("fremovexattr", "name", "$user.x"),
    ("fsetxattr", "name", "$user.x"),
    ("getxattr", "name", "$user.x"),
    ("lgetxattr", "name", "$user.x"),
    ("lremovexattr", "name", "$user.x"),
    ("lsetxattr", "name", "$user.x"),
    ("removexattr", "name", "$user.x"),
    ("setxattr", "name", "$user.x"),
    ("writev", "count", "=1"),
    ("io_setup", "count", "=1"),
    ("io_getevents", "timeout", "null"),
    ("io_pgetevents", "timeout", "null"),
    ("inotify_add_watch", "fd", "@watcher"),
    ("inotify_add_watch", "mask", "=2"),
    ("inotify_rm_watch", "fd", "@watcher"),
    ("futex_wait", "clock", "=1"),
    ("futex_wait", "expected", "=1"),
    ("futex_wait", "flags", "=82"),
    ("futex_wait", "mask", "=ffffffff"),
    ("futex_wait", "timeout", "null"),
    ("futex_waitv", "clock", "=1"),
    ("futex_waitv", "count", "=1"),
    ("futex_waitv", "timeout", "null"),
    ("futex_wake", "count", "=1"),
    ("futex_wake", "flags", "=82"),
    ("futex_wake", "mask", "=ffffffff"),
    ("get_mempolicy", "addr", "null"),
    ("get_mempolicy", "mask", "null"),
    ("get_mempolicy", "mode", "out"),
    ("getxattrat", "name", "$user.x"),
    ("getxattrat", "size", "=10"),
    ("ioprio_get", "which", "=1"),
    ("ioprio_set", "which", "=1"),
    ("kcmp", "first", "self"),
    ("kcmp", "second", "self"),
    ("listxattrat", "list", "out"),
    ("mbind", "len", "=1000"),
    ("move_pages", "count", "=1"),
    ("move_pages", "nodes", "null"),
    ("move_pages", "status", "out"),
    ("mq_getsetattr", "fd", "@queue"),
    ("mq_getsetattr", "new", "null"),
    ("mq_notify", "event", "null"),
    ("mq_notify", "fd", "@queue"),
    ("mq_open", "attr", "null"),
    ("mq_open", "flags", "=42"),
    ("mq_open", "mode", "=180"),
    ("mq_timedreceive", "fd", "@queue"),
    ("mq_timedreceive", "text", "out"),
    ("mq_timedreceive", "timeout", "null"),
    ("mq_timedsend", "fd", "@queue"),
    ("mq_timedsend", "timeout", "null"),
    ("msgctl", "command", "=2"),
    ("msgrcv", "flags", "=800"),
    ("open_by_handle_at", "mount", "@directory"),
    ("pkey_mprotect", "key", "=ffffffff"),
    ("pkey_mprotect", "prot", "=3"),
    ("process_madvise", "advice", "=4"),
    ("process_madvise", "count", "=1"),
    ("process_madvise", "fd", "@pidfd"),
    ("process_mrelease", "fd", "@pidfd"),
    ("process_vm_readv", "local_count", "=1"),
    ("process_vm_readv", "pid", "self"),
    ("process_vm_readv", "remote_count", "=1"),
    ("process_vm_writev", "local_count", "=1"),
    ("process_vm_writev", "pid", "self"),
    ("process_vm_writev", "remote_count", "=1"),
    ("removexattrat", "name", "$user.x"),
    ("sched_getattr", "attr", "out"),
    ("sched_getattr", "size", "=38"),
    ("semctl", "command", "=c"),
    ("semget", "count", "=1"),
    ("semop", "count", "=1"),
    ("semtimedop", "count", "=1"),
    ("semtimedop", "timeout", "null"),
    ("set_mempolicy_home_node", "len", "=1000"),
    ("setxattrat", "name", "$user.x"),
    ("setxattrat", "size", "=10"),
    ("tee", "count", "=10"),
    ("tee", "in_fd", "@pipe_read"),
    ("tee", "out_fd", "@pipe_write"),
    ("vmsplice", "count", "=1"),
    ("vmsplice", "fd", "@pipe_write"),
];

/// Cases that cannot be compared, as `row argument=value` with `*` for any run of characters, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("getpriority who=*", "who is a process: others than the caller have numbers of their own"),
    ("ioprio_get who=*", "who is a process: others than the caller have numbers of their own"),
    ("ioprio_set who=*", "who is a process: others than the caller have numbers of their own"),
    ("madvise len=*ffff*", "reaches what else is mapped, which each system lays out itself"),
    ("madvise len=0x*0000000*", "reaches what else is mapped, which each system lays out itself"),
    ("mincore len=*ffff*", "reaches what else is mapped, which each system lays out itself"),
    ("mincore len=0x*0000000*", "reaches what else is mapped, which each system lays out itself"),
    ("mmap len=0x*fff*", "how much is too much depends on the memory there is"),
    ("mmap len=0x*0000000", "how much is too much depends on the memory there is"),
    ("mprotect len=*ffff*", "reaches what else is mapped, which each system lays out itself"),
    ("mprotect len=0x*0000000*", "reaches what else is mapped, which each system lays out itself"),
    ("mremap old_len=0x*ffff*", "reaches what else is mapped, which each system lays out itself"),
    ("mremap old_len=0x*00000000", "reaches what else is mapped, which each system lays out itself"),
    ("munmap len=*ffff*", "reaches what else is mapped, which each system lays out itself"),
    ("munmap len=0x*0000000*", "reaches what else is mapped, which each system lays out itself"),
    ("pipe2 flags=0x80", "O_NOTIFICATION_PIPE is there or not as the kernel was configured"),
    ("setpgid group=*", "which groups there are in the session depends on who started the program"),
    ("setpriority who=*", "who is a process: others than the caller have numbers of their own"),
    ("umount2 target=path:/", "takes the root away where that is a mount which nothing uses: see mounts.c"),
];

const POINTERS: &[&str] = &[
    "null",
    "one",
    "unmapped",
    "readonly",
    "forbidden",
    "edge",
    "misaligned",
    "last_page",
    "noncanonical",
    "wild",
    "upper",
    "kernel",
    "minus_one",
];
/// Those that are the same numbers in every run, for all arguments at once.
const EVERYWHERE: &[&str] =
    &["null", "one", "last_page", "noncanonical", "wild", "upper", "kernel", "minus_one"];
const STRINGS: &[&str] = &[
    "$",
    "$.",
    "$..",
    "$d",
    "$l",
    "$loop",
    "$missing",
    "$a/b",
    "$a/",
    "$d/",
    "$missing/",
    "$/",
    "$null",
    "$n*255",
    "$n*256",
    "$./*2047",
    "$./*2048",
];
const DESCRIPTORS: &[&str] = &[
    "=ffffffff",
    "=3e7",
    "=7fffffff",
    "=80000000",
    "=ffffff9c",
    "@file!",
    "@readonly",
    "@writeonly",
    "@directory",
    "@path",
    "@null",
    "@event",
    "@timer",
    "@memory",
    "@pipe_read",
    "@pipe_write",
    "@epoll",
    "@stream",
    "@tcp",
    "@udp",
];
const NUMBERS: &[&str] = &[
    "=0",
    "=1",
    "=2",
    "=3",
    "=7",
    "=ffffffff",
    "=ffffffffffffffff",
    "=7fffffff",
    "=80000000",
    "=0!",
    "=1!",
    "=3e8",
    "=64",
];
/// Others than these have numbers that each system gives as it likes.
const PROCESSES: &[&str] =
    &["=0", "self", "parent", "=fffff", "=ffffffff", "=ffffffffffffffff", "=7fffffff", "=80000000", "=0!"];
const LONGS: &[&str] = &[
    "=0",
    "=1",
    "=7",
    "=1001",
    "=7fffffff",
    "=80000000",
    "=ffffffff",
    "=100000000",
    "=7ffff000",
    "=7fffffffffffffff",
    "=8000000000000000",
    "=ffffffffffffffff",
    "=fffffffffffff000",
];

/// One system call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// `row argument=value`.
    pub key: String,
    /// The row's number.
    pub number: u16,
    /// The six registers, as words that the program knows.
    pub registers: [String; 6],
}

/// What the program printed, with `ok` in place of results that are an address, an identity or a time.
pub fn comparable(output: &str) -> String {
    let own = |line: &str| RESULT_IS_ITS_OWN.iter().any(|row| line.split(' ').next() == Some(*row));
    let mut text = String::new();
    for line in output.lines() {
        let Some((key, value)) = line.rsplit_once(": ") else {
            text += line;
            text.push('\n');
            continue;
        };
        // How far random bytes reach cannot be told where the last ones are what was there before.
        let value =
            if line.starts_with("getrandom ") { value.split(',').next().unwrap_or(value) } else { value };
        let succeeded = value.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        text += &if own(line) && succeeded { format!("{key}: ok") } else { format!("{key}: {value}") };
        text.push('\n');
    }
    text
}

/// Registers that an argument of this type takes, each with its own kind of hostile values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pointer,
    Path,
    Descriptor,
    Number,
    Process,
    Bits,
    Long,
}

fn kinds(type_name: &str) -> &'static [Kind] {
    match type_name {
        "InBuf" | "OutBuf" => &[Kind::Pointer, Kind::Long],
        "CStrPtr" => &[Kind::Path],
        "Fd" => &[Kind::Descriptor],
        "Size" | "Long" | "ULong" => &[Kind::Long],
        "Flags" | "Mode" | "Prot" | "MapFlags" | "RemapFlags" | "SyncFlags" | "LockFlags"
        | "LockAllFlags" => &[Kind::Bits],
        "Pid" => &[Kind::Process],
        "Int" | "UInt" | "Sig" | "Advice" => &[Kind::Number],
        name if name == "UserAddr"
            || name.contains("Out <")
            || name.contains("In <")
            || name.contains("Out<")
            || name.contains("In<") =>
        {
            &[Kind::Pointer]
        }
        other => panic!("an argument type that the differential test does not know: {other}"),
    }
}

fn meant(row: &Row, name: &str, type_name: &str) -> Vec<String> {
    let found =
        |row_name: &str| MEANT.iter().find(|(row, argument, _)| *row == row_name && *argument == name);
    if let Some((_, _, word)) = found(row.name).or_else(|| found("*")) {
        let mut words = vec![(*word).to_owned()];
        if kinds(type_name).len() == 2 {
            words.push("=40".into());
        }
        return words;
    }
    let words: &[&str] = match type_name {
        "OutBuf" => &["out", "=40"],
        "InBuf" => &["good", "=40"],
        "CStrPtr" => &["$a"],
        "Fd" => &["@file"],
        "Size" => &["=1000"],
        name if name.starts_with("Out") => &["out"],
        name if kinds(name)[0] == Kind::Pointer => &["good"],
        _ => &["=0"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn hostile(kind: Kind, meant: &str) -> Vec<String> {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match kind {
        Kind::Pointer => words(POINTERS),
        Kind::Path => [words(POINTERS), words(STRINGS)].concat(),
        Kind::Descriptor => words(DESCRIPTORS),
        Kind::Number => words(NUMBERS),
        Kind::Process => words(PROCESSES),
        Kind::Long => words(LONGS),
        Kind::Bits => {
            let base = meant.strip_prefix('=').and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0);
            let mut all: Vec<String> = (0..32).map(|bit| format!("={:x}", base ^ (1 << bit))).collect();
            all.push(format!("={base:x}!"));
            all
        }
    }
}

/// Whether `text` is what `pattern` says, where `*` stands for any run of characters.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(rest, &text[at..]))
}

/// The cases of one row.
fn of_row(row: &Row) -> Vec<Case> {
    // For each register: the argument's name, its kind and what is meant.
    let mut registers: Vec<(String, Kind, String)> = Vec::new();
    for (name, type_name) in row.args {
        let words = meant(row, name, type_name);
        let kinds = if *name == "tid" { &[Kind::Process] } else { kinds(type_name) };
        for (at, (kind, word)) in kinds.iter().zip(words).enumerate() {
            let name = if at == 0 { (*name).to_owned() } else { format!("{name}.len") };
            registers.push((name, *kind, word));
        }
    }
    let case = |key: String, changed: &[(usize, String)]| {
        let mut words: [String; 6] = std::array::from_fn(|at| {
            registers.get(at).map_or_else(|| "=0".to_owned(), |(_, _, word)| word.clone())
        });
        for (at, word) in changed {
            words[*at].clone_from(word);
        }
        Case { key, number: row.nr, registers: words }
    };
    let mut cases = vec![case(format!("{} as meant", row.name), &[])];
    for (at, (name, kind, word)) in registers.iter().enumerate() {
        for value in hostile(*kind, word) {
            if value != *word {
                cases.push(case(format!("{} {name}={}", row.name, shown(&value)), &[(at, value)]));
            }
        }
    }
    // Signals are only sent where they are meant.
    if registers.len() > 1
        && !["kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"].contains(&row.name)
    {
        for value in EVERYWHERE {
            let all: Vec<_> = (0..registers.len()).map(|at| (at, (*value).to_owned())).collect();
            cases.push(case(format!("{} all={value}", row.name), &all));
        }
    }
    cases
}

fn shown(word: &str) -> String {
    word.replace('$', "path:").replace('@', "fd:").replace('=', "0x").replace('!', "+high")
}

/// All cases, row by row.
pub fn cases() -> Vec<Case> {
    let handled = table::all().filter(|row| row.is_handled);
    let called = handled.filter(|row| !EXCLUDED.iter().any(|(name, _)| *name == row.name));
    let all = called.flat_map(of_row);
    all.filter(|case| !LEFT_OUT.iter().any(|(pattern, _)| matches(pattern, &case.key))).collect()
}

/// The list that the program reads.
pub fn list(cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\t{}\t{}", case.key, case.number, case.registers.join("\t"));
    }
    text
}

#[cfg(test)]
mod tests;
