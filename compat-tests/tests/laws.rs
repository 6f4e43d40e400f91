//! The laws of docs/architecture.md, section by section, as tests in the guest: programs of `programs/laws`, each run
//! with its calls by trap and by the call vector, and the kernel's own tests in ring 0, one result each. What each test
//! says when its law is broken was seen; `programs/laws/README.md` has how.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::diff::host;
use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::{self, Build};
use osv_compat_tests::ring0::{self, Report};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

/// Program, how many CPUs it is to run on, and what it says at its end.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("entry", "1", "law 1 holds"),
    ("entry", "2", "law 1 holds"),
    ("stacks", "1", "law 2 holds"),
    ("stacks", "2", "law 2 holds"),
    ("flags", "1", "law 3 holds for flags"),
    ("restart", "1", "law 3 holds for restarts"),
    ("restart", "2", "law 3 holds for restarts"),
    ("vectors", "1", "law 4 holds"),
    ("vectors", "2", "law 4 holds"),
    ("copies", "1", "law 6 holds"),
    ("copies", "2", "law 6 holds"),
    ("return", "1", "law 7 holds"),
    ("shootdown", "2", "law 8 holds"),
    ("futexes", "1", "law 9 holds"),
    ("futexes", "2", "law 9 holds"),
];

fn main() {
    let mut trials: Vec<Trial> = PROGRAMS.iter().map(program).collect();
    // Linux keeps these laws, as far as they concern an application: a program that fails there is wrong itself.
    let mut names: Vec<_> = PROGRAMS.iter().map(|(name, ..)| *name).collect();
    names.dedup();
    for name in names {
        trials.push(Trial::test(format!("{name}.linux"), move || {
            let built = programs::build(&format!("laws/{name}.c"), Build::GlibcStatic)?;
            Ok(host::run(&built, &[], None, LIMIT)?.expect(0, "holds")?)
        }));
    }
    for cpus in ["1", "2"] {
        trials.extend(in_ring_0(cpus));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn program(&(name, cpus, end): &(&'static str, &'static str, &'static str)) -> Trial {
    Trial::test(format!("{name}.c{cpus}"), move || {
        let built = programs::build(&format!("laws/{name}.c"), Build::GlibcStatic)?;
        let flags = ["-c", cpus, "--net", "none"];
        Ok(Guest::new(built).flags(&flags).timeout(LIMIT).run()?.expect(0, end)?)
    })
}

/// A test for each that the kernel's file lists. The first to run boots the kernel, which runs them all.
fn in_ring_0(cpus: &'static str) -> Vec<Trial> {
    let names = match ring0::names() {
        Ok(names) => names,
        Err(why) => {
            return vec![Trial::test(format!("ring0.c{cpus}"), move || Err(Failed::from(why)))];
        }
    };
    let report: Arc<OnceLock<Report>> = Arc::default();
    let test = |name: String| {
        let report = report.clone();
        Trial::test(format!("ring0.c{cpus}.{}", name.to_lowercase()), move || {
            let report = report.get_or_init(|| ring0::run(cpus, LIMIT));
            Ok(report.of(&name)?)
        })
    };
    names.into_iter().map(test).collect()
}
