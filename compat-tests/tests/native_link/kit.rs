//! Builds the small programs of `programs/link` and runs them twice: under the host's ld.so, and under ld-osv.so.

use osv_compat_tests::programs::output;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer no program here may take, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(60);

/// The object under test.
pub fn ld_osv() -> PathBuf {
    let home = std::env::var_os("OSV_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/osv"));
    let path = home.join("ld-osv.so");
    assert!(path.exists(), "{} is not there: run make", path.display());
    path.canonicalize().expect("a path")
}

/// A folder of a test's own, where its programs and libraries are built.
pub struct Place {
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Place {
    /// An empty folder.
    pub fn new(name: &str) -> Self {
        let folder = output().join("link").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        Place { folder: folder.canonicalize().expect("a path"), variables: Vec::new() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Sets a variable for the programs that run.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.push((name, value.into()));
    }

    /// Compiles a source of `programs/link` to `to`. `@` at the start of an argument stands for the folder.
    pub fn build(&self, to: &str, source: &str, arguments: &[&str]) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/link").join(source);
        let to = self.path(to);
        std::fs::create_dir_all(to.parent().expect("inside")).expect("a folder");
        let compiler = if source.ends_with(".cpp") { "g++" } else { "gcc" };
        let mut command = Command::new(compiler);
        command.args(["-O1", "-g", "-w", "-pthread", "-o"]).arg(&to).arg(from);
        command.args(arguments.iter().map(|argument| match argument.strip_prefix('@') {
            Some(rest) => format!("{}/{rest}", self.folder.display()),
            None => (*argument).to_owned(),
        }));
        let output = command.arg("-ldl").output().expect("gcc is installed: run make setup");
        assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Compiles a source in Rust.
    pub fn rust(&self, to: &str, source: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/link").join(source);
        let mut rustc = Command::new("rustc");
        rustc.args(["-O", "--edition", "2024", "-o"]).arg(self.path(to)).arg(from);
        let output = rustc.output().expect("rustc starts");
        assert!(output.status.success(), "{source}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Compiles a shared object.
    pub fn library(&self, to: &str, source: &str, arguments: &[&str]) {
        self.build(to, source, &[&["-fPIC", "-shared"], arguments].concat());
    }

    fn command(&self, loader: Option<&Path>, program: &str, arguments: &[&str]) -> Command {
        let program = if program.starts_with('/') { program.into() } else { self.path(program) };
        let mut command = match loader {
            Some(loader) => {
                let mut command = Command::new(loader);
                command.arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// The folder.
    pub fn folder(&self) -> &str {
        self.folder.to_str().expect("a plain path")
    }

    /// Runs a program, which is passed the folder's path, under ld-osv.so, where the host is no oracle.
    pub fn expect(&self, program: &str, expected: &str) {
        let output = self.run(program, &[self.folder()]);
        assert_eq!(text(&output), expected, "{} {}", output.status, errors(&output));
    }

    /// Runs a program under ld-osv.so.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        bounded(self.command(Some(&ld_osv()), program, arguments))
    }

    /// Runs a program, which is passed the folder's path, both ways: output and status are to be the same.
    pub fn compare(&self, program: &str) {
        let told = |output: &Output| {
            format!("{}{:?}", String::from_utf8_lossy(&output.stdout), output.status.code())
        };
        let host = bounded(self.command(None, program, &[self.folder()]));
        let ours = self.run(program, &[self.folder()]);
        assert!(host.status.code().is_some(), "{program} under the host's ld.so: {}", host.status);
        let errors = String::from_utf8_lossy(&ours.stderr);
        assert_eq!(told(&ours), told(&host), "{program} under ld-osv.so and the host's; {errors}");
    }
}

/// Standard error as text.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output as text.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command that must end by itself.
pub fn bounded(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let id = child.id();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let begun = Instant::now();
    let guard = std::thread::spawn(move || {
        if is_done.recv_timeout(PATIENCE).is_err() {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        }
    });
    let output = child.wait_with_output().expect("the program ends");
    let _ = done.send(());
    guard.join().expect("the guard ends");
    assert!(begun.elapsed() < PATIENCE, "{command:?} did not end");
    output
}
