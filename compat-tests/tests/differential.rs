//! Programs that must print the same on this Linux and in the guest, each linked statically (its calls trap) and
//! dynamically (they go through ld-osv's call vector). What differs for a reason stands in
//! `programs/diff/NAME.expected`. Both outputs are kept in the target directory, under `compat/diff`.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::diff::{arguments, expected, host};
use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::{self, Build};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

/// How a program comes to the kernel: by `syscall` instructions, or through the call vector.
const FORMS: [(&str, Build); 2] = [("trap", Build::GlibcStatic), ("call", Build::Glibc)];

/// Programs of `programs/diff`, and on how many CPUs the guest runs them.
const PROGRAMS: &[(&str, &str)] = &[
    ("asynchronous", "1"),
    ("attributes", "1"),
    ("clocks", "1"),
    ("connections", "1"),
    ("corks", "1"),
    ("corners", "1"),
    ("cputime", "2"),
    ("descriptors", "1"),
    ("files", "1"),
    ("ipc", "2"),
    ("jobs", "2"),
    ("memory", "2"),
    ("neighbours", "2"),
    ("messages", "1"),
    ("options", "1"),
    ("pipes", "1"),
    ("processes", "2"),
    ("questions", "1"),
    ("restartable", "2"),
    ("segments", "2"),
    ("signals", "1"),
    ("sigio", "1"),
    ("sockets", "1"),
    ("terminals", "1"),
    ("threads", "2"),
    ("watches", "1"),
];

fn main() {
    let mut trials = Vec::new();
    for (form, build) in FORMS {
        for &(name, cpus) in PROGRAMS {
            trials.push(Trial::test(format!("{name}.{form}"), move || {
                let program = programs::build(&format!("diff/{name}.c"), build)?;
                both(name, form, &program, &[], None, cpus)
            }));
        }
        trials.push(Trial::test(format!("arguments.{form}"), move || hostile_arguments(form, build)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Where the outputs of `name` go.
fn kept(name: &str) -> PathBuf {
    programs::output().join("diff").join(name)
}

fn keep(name: &str, text: &str) -> Result<PathBuf, Failed> {
    let path = kept(name);
    std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
    std::fs::write(&path, text)?;
    Ok(path)
}

/// The lists of the program and of the way in which it was linked. No list: nothing is expected to differ.
fn expectations(name: &str, form: &str) -> String {
    let folder = programs::repository().join("compat-tests/programs/diff");
    let list = |name: String| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    list(format!("{name}.expected")) + "\n" + &list(format!("{name}.{form}.expected"))
}

fn hostile_arguments(form: &str, build: Build) -> Result<(), Failed> {
    let list = keep(&format!("cases.{form}"), &arguments::list(&arguments::cases()))?;
    let program = programs::build("diff/arguments.c", build)?;
    both("arguments", form, &program, &[host::GIVEN, "/tmp/case"], Some(&list), "1")
}

fn both(
    name: &str,
    form: &str,
    program: &Path,
    words: &[&str],
    given: Option<&Path>,
    cpus: &str,
) -> Result<(), Failed> {
    let here = host::run(program, words, given, LIMIT)?;
    keep(&format!("{name}.{form}.linux"), &here.stdout)?;
    if here.status != Some(0) {
        return Err(format!("on Linux: {:?}\n{}\n{}", here.status, here.stdout, here.stderr).into());
    }
    let add = given.map(|path| format!("{}:{}", path.display(), host::GIVEN));
    let mut flags = vec!["-c", cpus, "--net", "none"];
    flags.extend(add.iter().flat_map(|add| ["--add", add]));
    let there = Guest::new(program).flags(&flags).args(words).timeout(LIMIT).run()?;
    keep(&format!("{name}.{form}.guest"), &there.stdout)?;
    keep(&format!("{name}.{form}.guest.stderr"), &there.stderr)?;
    let compared = expected::compare(
        &arguments::comparable(&here.stdout),
        &arguments::comparable(&there.stdout),
        &expectations(name, form),
    );
    // The guest must have lived to the end, whatever it printed.
    match (there.status, compared) {
        (Some(0), Ok(())) => Ok(()),
        (status, compared) => {
            let why = compared.err().unwrap_or_default();
            Err(format!("in the guest: status {status:?}\n{why}\n-- stderr\n{}", there.stderr).into())
        }
    }
}
