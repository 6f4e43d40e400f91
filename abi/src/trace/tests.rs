use super::*;
use crate::mem::{Fault, UserAddr};
use crate::table;
use crate::uapi::signal::{Siginfo, code, sig};
use std::format;
use std::string::String;
use std::vec::Vec;
use zerocopy::IntoBytes;

/// Memory of a few pieces; every other address is bad.
struct Pieces(Vec<(u64, Vec<u8>)>);

impl UserMemory for Pieces {
    fn read_bytes(&self, from: UserAddr, to: &mut [u8]) -> Result<(), Fault> {
        for (base, bytes) in &self.0 {
            if let Some(at) = from.0.checked_sub(*base)
                && let Some(piece) = bytes.get(at as usize..(at as usize).saturating_add(to.len()))
            {
                to.copy_from_slice(piece);
                return Ok(());
            }
        }
        Err(Fault)
    }
    fn write_bytes(&self, _: UserAddr, _: &[u8]) -> Result<(), Fault> {
        panic!("tracing writes nothing")
    }
}

fn row(name: &str) -> &'static Row {
    table::all().find(|row| row.name == name).expect(name)
}

fn line(memory: &Pieces, name: &str, regs: [u64; 6], ret: isize) -> String {
    let call = Call::new(row(name), regs, memory);
    format!("{}{}", call.entry(), call.exit(ret))
}

fn page(at: u64, bytes: &[u8]) -> (u64, Vec<u8>) {
    let mut page = bytes.to_vec();
    page.resize(4096, 0);
    (at, page)
}

#[test]
fn lines_are_those_of_strace() {
    let mem = Pieces(std::vec![page(0x1000, b"/etc/passwd\0"), page(0x3000, b"one\ntwo\"\x01")]);
    let cwd = (-100i32) as u32 as u64;
    assert_eq!(
        line(&mem, "openat", [cwd, 0x1000, 0o2000000, 0, 0, 0], 3),
        "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3"
    );
    assert_eq!(
        line(&mem, "openat", [cwd, 0x1000, 0o1101, 0o644, 0, 0], -13),
        "openat(AT_FDCWD, \"/etc/passwd\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = -1 EACCES (Permission denied)"
    );
    assert_eq!(line(&mem, "read", [3, 0x3000, 100, 0, 0, 0], 9), r#"read(3, "one\ntwo\"\1", 100) = 9"#);
    assert_eq!(
        line(&mem, "read", [3, 0x3000, 100, 0, 0, 0], -9),
        "read(3, 0x3000, 100) = -1 EBADF (Bad file descriptor)"
    );
    assert_eq!(
        line(&mem, "mmap", [0, 8192, 3, 0x22, u64::MAX, 0], 0x7f00_0000_0000),
        "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000"
    );
    assert_eq!(
        line(&mem, "socket", [2, 0o2000001, 0, 0, 0, 0], 4),
        "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = 4"
    );
    assert_eq!(line(&mem, "kill", [7, 15, 0, 0, 0, 0], 0), "kill(7, SIGTERM) = 0");
}

#[test]
fn structures_are_shown_once_the_call_has_filled_them() {
    let address = [2u8, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let mem = Pieces(std::vec![
        page(0x1000, &address),
        page(0x3000, &16u32.to_le_bytes()),
        page(0x5000, &0x8bu32.to_le_bytes())
    ]);
    assert_eq!(
        line(&mem, "bind", [3, 0x1000, 16, 0, 0, 0], 0),
        "bind(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0"
    );
    assert_eq!(
        line(&mem, "accept", [3, 0x1000, 0x3000, 0, 0, 0], 5),
        "accept(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"127.0.0.1\")}, [16]) = 5"
    );
    let wait = Call::new(row("wait4"), [u64::MAX, 0x5000, 1, 0, 0, 0], &mem);
    assert_eq!(format!("{}", wait.entry()), "wait4(-1");
    assert_eq!(
        format!("{}", wait.exit(9)),
        ", [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], WNOHANG, NULL) = 9"
    );
}

#[test]
fn bad_pointers_are_addresses() {
    let mem = Pieces(Vec::new());
    for row in table::all() {
        for ret in [-14, 0, 5, isize::MAX] {
            let call = Call::new(row, [0xdead_0000; 6], &mem);
            let text = format!("{}{}", call.entry(), call.exit(ret));
            assert!(text.starts_with(row.name) && !text.contains('"'), "{text}");
        }
    }
}

#[test]
fn no_registers_make_it_panic() {
    let mem = Pieces(std::vec![page(0, &[0xff; 4096]), page(0x7000, &[1; 64])]);
    let odd = [0, 1, 0x7000, 0x7ff8, u64::MAX, 1 << 63, 0xffff_ffff, 4096];
    for row in table::all() {
        for at in 0..odd.len() {
            let regs = core::array::from_fn(|register| odd[(at + register * 3) % odd.len()]);
            let call = Call::new(row, regs, &mem);
            let _: String = format!("{}{}{}", call.entry(), call.exit(-14), call.exit(odd[at] as isize));
        }
    }
}

#[test]
fn every_meaning_has_its_argument() {
    for (rows, arg) in names::places() {
        for name in rows.split_ascii_whitespace() {
            assert!(row(name).args.iter().any(|(known, _)| *known == arg), "{name} has no argument {arg}");
        }
    }
}

#[test]
fn filters_read_as_strace_reads_them() {
    let chosen = |text: &str, name: &str| Filter::parse(text).expect(text).has(usize::from(row(name).nr));
    assert!(chosen("open,read", "read") && !chosen("open,read", "write"));
    assert!(!chosen("!read", "read") && chosen("!read", "write"));
    assert!(chosen("%file", "stat") && chosen("file", "execve") && !chosen("file", "read"));
    assert!(chosen("trace=network", "connect") && !chosen("network", "read"));
    assert!(chosen("desc", "fstat") && !chosen("desc", "getpid"));
    assert!(chosen("all", "getpid") && !chosen("none", "getpid") && chosen("?nosuch,getpid", "getpid"));
    assert!(chosen("memory,signal", "mmap") && chosen("memory,signal", "rt_sigaction"));
    assert_eq!(Filter::parse("opne"), Err(BadFilter("opne".into())));
}

#[test]
fn signals_and_ends_are_shown() {
    let child = Siginfo::child(code::CLD_EXITED, 9, 0, 3, 0, 0);
    assert_eq!(
        format!("{}", Received(&child)),
        "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9, si_uid=0, si_status=3, si_utime=0, si_stime=0} ---"
    );
    let fault = Siginfo::fault(sig::SEGV, code::SEGV_MAPERR, 0);
    assert_eq!(
        format!("{}", Received(&fault)),
        "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---"
    );
    assert_eq!(format!("{}", Ending::Exited(0)), "+++ exited with 0 +++");
    assert_eq!(format!("{}", Ending::Killed(sig::KILL)), "+++ killed by SIGKILL +++");
    assert!(fault.as_bytes().len() == 128);
}
