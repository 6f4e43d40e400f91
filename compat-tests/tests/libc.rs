//! libc against glibc: programs that print what libc's functions give, once with the system's ld.so and once under
//! ld-osv.so, on this Linux. Output and exit status are equal.
//!
//! A line that begins with `ulp` holds a number that both may round differently, as the bits of a double; the last units
//! may differ as [`ULP`] says, for glibc itself promises no more. Everything else is compared byte by byte.

use osv_compat_tests::programs::{output, repository};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How far apart numbers on `ulp` lines may be. Nearly all are within 3: gamma functions near their zeros lose up to 8
/// units here.
const ULP: u64 = 8;

fn ld_osv() -> PathBuf {
    let home = std::env::var_os("OSV_HOME").map(PathBuf::from);
    let path = home.unwrap_or_else(|| repository().join("target/osv")).join("ld-osv.so");
    assert!(path.exists(), "{} is not there: run make", path.display());
    path.canonicalize().expect("a path")
}

fn build(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("programs/libc/{name}.c"));
    let folder = output().join("libc");
    std::fs::create_dir_all(&folder).expect("the target directory");
    let program = folder.canonicalize().expect("a path").join(name);
    let built = Command::new("gcc")
        .args(["-O1", "-w", "-pthread", "-o"])
        .arg(&program)
        .arg(&source)
        .args(["-lm", "-lresolv"])
        .output()
        .expect("gcc starts");
    assert!(built.status.success(), "{name}: {}", String::from_utf8_lossy(&built.stderr));
    program
}

/// Runs in a folder of its own, with an environment that both runs share.
fn run(mut command: Command, name: &str) -> Output {
    let folder = std::env::temp_dir().join(format!("osv-libc-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let output = command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/root")
        .current_dir(&folder)
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the program starts");
    std::fs::remove_dir_all(&folder).expect("the temporary folder");
    output
}

/// Whether two lines are equal, but for the last units of a number where the line says that it is one.
fn agree(glibc: &str, ours: &str) -> bool {
    if glibc == ours {
        return true;
    }
    let number = |line: &str| {
        let mut words = line.split(' ');
        let (kind, what, bits) = (words.next()?, words.next()?, words.next()?);
        let rest: Vec<String> = words.map(str::to_owned).collect();
        let bits = u64::from_str_radix(bits, 16).ok()?;
        matches!(kind, "ulp" | "ulpf").then(|| (kind.to_owned(), what.to_owned(), bits, rest))
    };
    match (number(glibc), number(ours)) {
        (Some(a), Some(b)) => (&a.0, &a.1, &a.3) == (&b.0, &b.1, &b.3) && a.2.abs_diff(b.2) <= ULP,
        _ => false,
    }
}

fn compare(name: &str) {
    let program = build(name);
    let glibc = run(Command::new(&program), name);
    let mut command = Command::new(ld_osv());
    command.arg(&program);
    let ours = run(command, name);
    let text = |bytes: &[u8], path: &Path| {
        // A program is named by its own path in both runs.
        String::from_utf8_lossy(bytes).replace(path.to_str().expect("a plain path"), "PROGRAM")
    };
    let (expected, got) = (text(&glibc.stdout, &program), text(&ours.stdout, &program));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (expected, got) = (lines(&expected), lines(&got));
    let differing: Vec<String> = expected
        .iter()
        .zip(&got)
        .enumerate()
        .filter(|(_, (a, b))| !agree(a, b))
        .take(20)
        .map(|(line, (a, b))| format!("line {}\n  glibc {a}\n  ours  {b}\n", line + 1))
        .collect();
    assert!(differing.is_empty(), "{name}:\n{}", differing.concat());
    assert_eq!(expected.len(), got.len(), "{name}: lines; {}", String::from_utf8_lossy(&ours.stderr));
    assert_eq!(glibc.status, ours.status, "{name}: {}", String::from_utf8_lossy(&ours.stderr));
}

macro_rules! areas {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            compare(stringify!($name));
        }
    )* };
}

areas! {
    ctype iconv linux locale matching mathematics messages names printf scanf search spawn stdio string system texts
    threads trees
}

/// glibc itself does not pass: it leaves the locks of random, syslog and others as another thread held them.
#[test]
fn children_of_threads_find_every_lock_free() {
    let program = build("forks");
    let mut command = Command::new(ld_osv());
    command.arg(&program);
    let ours = run(command, "forks");
    let text = String::from_utf8_lossy(&ours.stdout);
    let told = "0 of 60 children failed; handlers ran 60 and 60 times\n";
    assert_eq!(text, told, "{}", String::from_utf8_lossy(&ours.stderr));
}
