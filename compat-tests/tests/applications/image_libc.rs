//! The same programs on the libc of their own image: its real ld.so and libc.so, which trap for each system call.

use crate::service::Service;
use crate::{run, servers, trial};
use libtest_mimic::Trial;
use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::{self, Build};
use osv_compat_tests::stock;
use std::time::Duration;

const IMAGE: [&str; 2] = ["--libc", "image"];
const PYTHON: &str = "import math,threading,time; r=[]; \
                      t=[threading.Thread(target=lambda i=i:r.append(i*i)) for i in range(4)]; \
                      [x.start() for x in t]; [x.join() for x in t]; \
                      print(sorted(r), round(math.pi, 6), time.strftime('%Y', time.gmtime(0)))";
/// What `import threading` and the start need of Debian's library.
const MODULES: &[&str] = &[
    "abc.py",
    "codecs.py",
    "collections",
    "encodings",
    "functools.py",
    "io.py",
    "keyword.py",
    "operator.py",
    "reprlib.py",
    "threading.py",
    "types.py",
    "_collections_abc.py",
    "_weakrefset.py",
];
const SCRIPT: &str = "echo a | cat; (exit 3); echo $?; x=$(echo sub); echo $x; /bin/echo -n 'dyn '; cat /w/abc | cat; \
                      for i in 1 2 3; do echo $i; done | wc -l";

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, source, build, fragment) in [
        ("image.hello.glibc", "hello.c", Build::Glibc, "thread t=42"),
        ("image.hello.musl", "hello.c", Build::Musl, "thread t=42"),
        ("image.cancel", "cancel.c", Build::Glibc, "cancel ok"),
    ] {
        trials.push(trial(name, move || {
            let program = programs::build(source, build)?;
            run(program.as_os_str(), &IMAGE.map(str::to_owned), &[], fragment)
        }));
    }
    for row in stock::all().into_iter().filter(|row| ["lua5.4", "sqlite3"].contains(&row.name)) {
        trials.push(trial(&format!("image.{}", row.name), move || {
            let arguments: Vec<String> = row.arguments.iter().map(|&argument| argument.to_owned()).collect();
            run(row.program().as_os_str(), &IMAGE.map(str::to_owned), &arguments, row.fragment)
        }));
    }
    trials.push(trial("image.bash", || {
        // Dynamic programs by execve: each gets the interpreter that it names.
        let file = programs::output().join("abc");
        std::fs::create_dir_all(programs::output())?;
        std::fs::write(&file, "abc")?;
        let added = format!("{}:/w/abc", file.display());
        let mut guest = Guest::new("/usr/bin/bash").flags(&IMAGE).flags(&["--add", &added]);
        for tool in ["cat", "echo", "wc"] {
            guest = guest.flags(&["--add", &format!("/usr/bin/{tool}:/bin/{tool}")]);
        }
        Ok(guest.args(&["-c", SCRIPT]).run()?.expect(0, "a\n3\nsub\ndyn abc3\n")?)
    }));
    trials.push(trial("image.python3.11", || {
        let added: Vec<_> = MODULES.iter().map(|module| format!("/usr/lib/python3.11/{module}")).collect();
        let flags: Vec<_> = added.iter().flat_map(|path| ["--add", path]).collect();
        let guest =
            Guest::new("/usr/bin/python3.11").flags(&IMAGE).flags(&flags).args(&["-S", "-I", "-c", PYTHON]);
        Ok(guest.timeout(Duration::from_secs(120)).run()?.expect(0, "[0, 1, 4, 9] 3.141593 1970")?)
    }));
    trials.push(trial("image.redis-server", || {
        servers::redis(Service::new("redis-server", 6379, b"PING\r\n").flags(&IMAGE), &["--save", ""])
    }));
    trials.push(trial("image.auto", || {
        let program = programs::build("lacking.c", Build::Glibc)?;
        let outcome = Guest::new(program).run()?;
        outcome.expect(0, "frequency ")?;
        let told = outcome.stderr.contains("the table lacks __profile_frequency@GLIBC_2.2.5");
        if told { Ok(()) } else { Err(outcome.stderr.into()) }
    }));
    trials
}
