//! Processes in the guest: the programs of `programs/processes`, whose cases all pass on Linux, and shells. Filter by
//! name as with any test; `OSV_REPEATS` asks for more rounds than one (`make soak`).

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::Guest;
use osv_compat_tests::programs::{self, Build};
use osv_compat_tests::stock;
use std::time::Duration;

/// Static programs bring no dynamic linker to the image, so what they run is static too.
const STATIC_SHELL: &[&str] = &["--add", "/usr/bin/busybox:/bin/sh", "--add", "/usr/bin/busybox:/bin/cat"];
/// The tools of the pipeline, from one static file.
const TOOLS: &[&str] = &[
    "--add",
    "/usr/bin/busybox:/bin/cat",
    "--add",
    "/usr/bin/busybox:/bin/ls",
    "--add",
    "/usr/bin/busybox:/bin/grep",
    "--add",
    "/usr/bin/busybox:/bin/wc",
];
const SHELL: &[&str] = &["--add", "/usr/bin/dash:/bin/sh", "--add", "/usr/bin/busybox:/bin/cat"];

fn main() {
    let mut trials = Vec::new();
    for program in ["families", "exec", "copies"] {
        for (kind, build) in [("", Build::Glibc), (".static", Build::GlibcStatic)] {
            for cpus in ["1", "2"] {
                trials.push(trial(format!("{program}{kind}.c{cpus}"), move || cases(program, build, cpus)));
            }
        }
        trials.push(trial(format!("{program}.linux"), move || on_linux(program)));
    }
    trials.push(trial("copies.gigabyte", || {
        let program = programs::build("processes/copies.c", Build::Glibc)?;
        let guest = Guest::new(program).flags(&["-m", "1600M"]).args(&["1", "a_gigabyte"]);
        Ok(guest.timeout(Duration::from_secs(240)).run()?.expect(0, "1 passed, 0 failed")?)
    }));
    let pipeline = "echo a | cat; ls / | grep -c etc; (exit 3); echo $?; x=$(echo sub); echo $x; \
                    for i in 1 2 3; do echo $i; done | wc -l";
    for (shell, flags) in [("busybox", &[][..]), ("dash", TOOLS), ("bash", TOOLS)] {
        trials.push(trial(format!("shell.{shell}"), move || {
            let arguments: &[&str] =
                if shell == "busybox" { &["sh", "-c", pipeline] } else { &["-c", pipeline] };
            let guest = Guest::new(shell).flags(flags).flags(&["-e", "PATH=/usr/bin:/bin"]).args(arguments);
            Ok(guest.run()?.expect(0, "a\n1\n3\nsub\n3\n")?)
        }));
    }
    for cpus in ["1", "2"] {
        trials.push(trial(format!("python.c{cpus}"), move || python(cpus)));
        trials.push(trial(format!("bash.c{cpus}"), move || script("bash", &[], cpus)));
        trials.push(trial(format!("redis.c{cpus}"), move || {
            script("redis", &["/usr/bin/redis-server", "/usr/bin/redis-cli"], cpus)
        }));
        trials.push(trial(format!("nginx.c{cpus}"), move || {
            script("nginx", &["/usr/sbin/nginx", "/var/lib/nginx", "/var/log/nginx"], cpus)
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: impl Into<String>, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, test)
}

fn repeats() -> String {
    std::env::var("OSV_REPEATS").unwrap_or_else(|_| "1".to_owned())
}

/// Runs every case of a program in one guest.
fn cases(program: &str, build: Build, cpus: &str) -> Result<(), Failed> {
    let binary = programs::build(&format!("processes/{program}.c"), build)?;
    let shell = if build == Build::GlibcStatic { STATIC_SHELL } else { SHELL };
    let repeats = repeats();
    let guest = Guest::new(binary).flags(shell).flags(&["-c", cpus]).args(&[&repeats]);
    Ok(guest.timeout(Duration::from_secs(600)).run()?.expect(0, " passed, 0 failed")?)
}

/// Runs a script of `programs/processes` by bash, with the small tools that it may call, and what it is about.
fn script(name: &str, about: &[&str], cpus: &str) -> Result<(), Failed> {
    const TOOLS: &[&str] = &[
        "basename", "cat", "chmod", "dirname", "echo", "find", "grep", "head", "ls", "mkdir", "rm", "sed",
        "seq", "sleep", "sort", "tail", "test", "touch", "tr", "uniq", "wc", "wget", "xargs", "yes",
    ];
    let script = programs::repository().join(format!("compat-tests/programs/processes/{name}.sh"));
    let mut adds: Vec<String> =
        TOOLS.iter().map(|tool| format!("/usr/bin/busybox:/usr/bin/{tool}")).collect();
    adds.push("/usr/bin/dash:/bin/sh".to_owned());
    adds.push(format!("{}:/w/{name}.sh", script.display()));
    adds.extend(about.iter().map(|&path| path.to_owned()));
    let flags: Vec<&str> = adds.iter().flat_map(|add| ["--add", add]).collect();
    let guest = Guest::new("bash").flags(&flags).flags(&["-c", cpus]).args(&[&format!("/w/{name}.sh")]);
    Ok(guest.timeout(Duration::from_secs(240)).run()?.expect(0, "processes work")?)
}

/// Debian's Python, with what of its library fits a root in memory.
fn python(cpus: &str) -> Result<(), Failed> {
    let mut flags = stock::python_library();
    let program =
        programs::repository().join("compat-tests/programs/processes/subprocess_multiprocessing.py");
    for tool in ["cat", "sleep", "echo"] {
        flags.extend(["--add".to_owned(), format!("/usr/bin/busybox:/bin/{tool}")]);
    }
    flags.extend(["--add".to_owned(), "/usr/bin/dash:/bin/sh".to_owned()]);
    // For ctypes, which multiprocessing's shared values are made of.
    flags.extend(["--add".to_owned(), "/usr/lib/x86_64-linux-gnu/libffi.so.8".to_owned()]);
    flags.extend(["--add".to_owned(), format!("{}:/w/processes.py", program.display())]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let guest = Guest::new("/usr/bin/python3.11").flags(&flags).flags(&["-m", "512M", "-c", cpus]);
    let guest = guest.args(&["/w/processes.py"]).timeout(Duration::from_secs(240));
    Ok(guest.run()?.expect(0, "python's processes work")?)
}

/// The cases are about Linux: it must pass them.
fn on_linux(program: &str) -> Result<(), Failed> {
    let binary = programs::build(&format!("processes/{program}.c"), Build::Glibc)?;
    // Signals as a shell has them: under nohup SIGHUP would be ignored. To a file, since an orphan that a failed case left
    // behind would hold a pipe open.
    let said = programs::output().join(format!("{program}.linux.txt"));
    let out = std::fs::File::create(&said)?;
    let mut command = std::process::Command::new("env");
    command.arg("--default-signal").arg(binary).stdout(out.try_clone()?).stderr(out);
    let status = command.status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{status}\n{}", String::from_utf8_lossy(&std::fs::read(&said)?)).into())
}
