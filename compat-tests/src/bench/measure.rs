//! Goes through the rows.

use super::linux::{Linux, initramfs};
use super::machine::{Boot, Machine, Output};
use super::ours;
use super::rows::{Source, Spec};
use super::table::{Row, parse};
use crate::programs::{self, Build};
use crate::specjvm::run::{Machine as JavaMachine, Side as Kernel, cpu_seconds_until};
use crate::specjvm::suite::Suite;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where memory is looked for, in MiB.
const MEMORY: std::ops::Range<u32> = 4..256;
/// The same for Java.
const JAVA_MEMORY: std::ops::Range<u32> = 16..1024;
/// In this order.
const SOURCES: [Source; 7] = [
    Source::Program,
    Source::Memcached,
    Source::Hello,
    Source::Memory,
    Source::Size,
    Source::Java,
    Source::JavaMemory,
];
/// What hello prints.
const HELLO: &str = "thread t=42";

/// One program on one of the two sides.
struct Side<'a> {
    name: &'static str,
    boot: &'a dyn Fn(&str) -> Boot,
}

/// What is measured with.
pub struct Bench {
    folder: PathBuf,
    linux: Option<Linux>,
    /// What could not be measured, and why.
    pub failures: Vec<String>,
}

/// Processor seconds to the line of Java's hello, in a machine with so many MiB.
fn java_hello(suite: &Suite, side: Kernel, memory: u32) -> Result<f64, String> {
    let limit = Duration::from_secs(180);
    let machine = JavaMachine { memory, cpus: 1, flags: Vec::new(), percent: 100, limit };
    let arguments = ["-cp", "/app/java-hello", "Hello"].map(str::to_owned);
    cpu_seconds_until(suite, side, &arguments, &machine, "Hello from Java")
}

impl Bench {
    /// Keeps its files in `folder`.
    pub fn new(folder: &Path, linux: Option<Linux>) -> Result<Bench, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Bench { folder: folder.into(), linux, failures: Vec::new() })
    }

    /// Measures `specs` on both sides.
    pub fn run(&mut self, specs: &[Spec]) -> Result<Vec<Row>, String> {
        let mut rows: Vec<Row> = specs.iter().map(Spec::row).collect();
        for source in SOURCES {
            let of_source =
                |row: &Row| specs.iter().any(|spec| spec.name == row.name && spec.source == source);
            let names: Vec<&str> = rows.iter().filter(|row| of_source(row)).map(|row| row.name).collect();
            if names.is_empty() {
                continue;
            }
            eprintln!("bench: {}", names.join(" "));
            let (ours, linux) = match source {
                Source::Program => self.program(&names)?,
                Source::Memcached => self.memcached()?,
                Source::Hello => self.hello()?,
                Source::Memory => self.memory()?,
                Source::Size => self.sizes()?,
                Source::Java => self.java()?,
                Source::JavaMemory => self.java_memory()?,
            };
            for row in rows.iter_mut().filter(|row| of_source(row)) {
                row.ours = ours.get(row.name).copied();
                row.linux = linux.get(row.name).copied();
            }
        }
        Ok(rows)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Notes what failed on one side; that leaves its rows without figures and the others alone.
    fn side(&mut self, name: &str, measured: Measured) -> Figures {
        let (figures, failure) = measured.unwrap_or_else(|error| (Figures::new(), Some(error)));
        self.failures.extend(failure.map(|failure| format!("{name}: {failure}")));
        figures
    }

    fn program(&mut self, names: &[&str]) -> Result<(Figures, Figures), String> {
        let program = programs::build("bench.c", Build::Glibc)?;
        let image = self.file("bench.img");
        ours::pack(program.as_os_str(), &image, &[])?;
        let words = names.join(" ");
        let ours = self.side("osv-rs", figures(&ours::boot(&image, &format!("-- {words}")), names));
        let linux = self.on_linux(&[(&program, "/bench")], |linux, initrd| {
            figures(&linux.boot(initrd, "", &format!("/bench {words}")), names)
        });
        Ok((ours, linux))
    }

    fn memcached(&mut self) -> Result<(Figures, Figures), String> {
        const CLIENT: &str = "/lib/memcached_get.so";
        const PRELOAD: &str = "LD_PRELOAD=/lib/memcached_get.so";
        const ARGUMENTS: &str = "-u root -U 0 -l 127.0.0.1";
        let client = programs::build("memcached_get.c", Build::GlibcLibrary)?;
        let image = self.file("memcached.img");
        let added = format!("{}:{CLIENT}", client.display());
        ours::pack(OsStr::new("memcached"), &image, &["--add", &added, "-e", PRELOAD])?;
        const NAME: &[&str] = &["memcached.get"];
        let ours = self.side("osv-rs", figures(&ours::boot(&image, &format!("-- {ARGUMENTS}")), NAME));
        let server = programs::find("memcached")?;
        let linux = self.on_linux(&[(&server, "/memcached"), (&client, CLIENT)], |linux, initrd| {
            figures(&linux.boot(initrd, PRELOAD, &format!("/memcached {ARGUMENTS}")), NAME)
        });
        Ok((ours, linux))
    }

    fn hello(&mut self) -> Result<(Figures, Figures), String> {
        let folder = self.folder.clone();
        self.both_hellos(|side| {
            let (output, count) = Machine::default().count(&(side.boot)(""), &folder)?;
            if said_hello(&output) {
                Ok(figure("hello.reset.exit", count as f64))
            } else {
                Err(output.account())
            }
        })
    }

    fn memory(&mut self) -> Result<(Figures, Figures), String> {
        self.both_hellos(|side| {
            let runs = |memory: u32| {
                let timeout = Duration::from_secs(30);
                let machine = Machine { memory, counted: false, timeout, ..Machine::default() };
                Ok(said_hello(&machine.run(&(side.boot)(""))?))
            };
            match least(MEMORY, runs)? {
                Some(memory) => Ok(figure("hello.memory", f64::from(memory))),
                None => Err(format!("hello does not run on {} in {} MiB", side.name, MEMORY.end)),
            }
        })
    }

    /// Processor time, which is no count of instructions: the median of five, in turn.
    fn java(&mut self) -> Result<(Figures, Figures), String> {
        let suite = Suite::hello(&self.folder, self.linux.clone())?;
        let mut seconds = [Vec::new(), Vec::new()];
        for _ in 0..5 {
            for (side, seconds) in [Kernel::Osv, Kernel::Linux].into_iter().zip(&mut seconds) {
                if side == Kernel::Osv || suite.linux.is_some() {
                    match java_hello(&suite, side, 768) {
                        Ok(figure) => seconds.push(figure),
                        Err(error) => self.failures.push(format!("java.hello on {side:?}: {error}")),
                    }
                }
            }
        }
        let [ours, linux] = seconds.map(|mut seconds| {
            seconds.sort_by(f64::total_cmp);
            let median = seconds.get(seconds.len() / 2).map(|&median| ("java.hello".to_owned(), median));
            median.into_iter().collect()
        });
        Ok((ours, linux))
    }

    fn java_memory(&mut self) -> Result<(Figures, Figures), String> {
        let suite = Suite::hello(&self.folder, self.linux.clone())?;
        let measure = |side| {
            // Without a line in time there is too little.
            match least(JAVA_MEMORY, |memory| Ok(java_hello(&suite, side, memory).is_ok()))? {
                Some(memory) => Ok(figure("java.memory", f64::from(memory))),
                None => Err(format!("Java's hello does not run in {} MiB", JAVA_MEMORY.end)),
            }
        };
        let ours = measure(Kernel::Osv);
        let linux = if suite.linux.is_some() { measure(Kernel::Linux) } else { Ok((Figures::new(), None)) };
        Ok((self.side("osv-rs", ours), self.side("Linux", linux)))
    }

    fn sizes(&mut self) -> Result<(Figures, Figures), String> {
        let (image, _) = self.pack_hello()?;
        let size = |path: &Path| {
            let data = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok::<f64, String>(data.len() as f64)
        };
        let kernel = size(&ours::kernel()?)?;
        let ours =
            [("kernel.size".to_owned(), kernel), ("hello.image.size".to_owned(), size(&image)?)].into();
        let hello = programs::build("hello.c", Build::Glibc)?;
        let linux = self.on_linux(&[(&hello, "/hello")], |linux, initrd| {
            let kernel = size(&linux.kernel)?;
            let whole = kernel + size(initrd)?;
            Ok(([("kernel.size".to_owned(), kernel), ("hello.image.size".to_owned(), whole)].into(), None))
        });
        Ok((ours, linux))
    }

    fn pack_hello(&self) -> Result<(PathBuf, PathBuf), String> {
        let program = programs::build("hello.c", Build::Glibc)?;
        let image = self.file("hello.img");
        ours::pack(program.as_os_str(), &image, &[])?;
        Ok((image, program))
    }

    fn both_hellos(&mut self, measure: impl Fn(&Side<'_>) -> Measured) -> Result<(Figures, Figures), String> {
        let (image, program) = self.pack_hello()?;
        let boot = |words: &str| ours::boot(&image, words);
        let measured = measure(&Side { name: "osv-rs", boot: &boot });
        let ours = self.side("osv-rs", measured);
        let linux = self.on_linux(&[(&program, "/hello")], |linux, initrd| {
            measure(&Side { name: "Linux", boot: &|words| linux.boot(initrd, words, "/hello") })
        });
        Ok((ours, linux))
    }

    /// Measures the Linux side, if there is one, with an initramfs of `files`.
    fn on_linux(&mut self, files: &[(&Path, &str)], measure: impl Fn(&Linux, &Path) -> Measured) -> Figures {
        let Some(linux) = self.linux.clone() else { return Figures::new() };
        let initrd = self.file("initramfs.cpio");
        let measured = initramfs(files, &initrd).and_then(|()| measure(&linux, &initrd));
        self.side(&linux.name, measured)
    }
}

type Figures = BTreeMap<String, f64>;
/// Figures, and what is wrong with those that are not there; an error when there are none.
type Measured = Result<(Figures, Option<String>), String>;

fn figure(name: &str, value: f64) -> (Figures, Option<String>) {
    ([(name.to_owned(), value)].into(), None)
}

/// What a program printed for `names`, and what is wrong if it left some out.
fn figures(boot: &Boot, names: &[&str]) -> Measured {
    let output = Machine::default().run(boot)?;
    Ok(judge(&output, names))
}

/// The figures for `names` in a run's output, and what is wrong if some are not there.
pub(super) fn judge(output: &Output, names: &[&str]) -> (Figures, Option<String>) {
    let figures = parse(&output.text);
    let missing: Vec<&str> = names.iter().filter(|&&name| !figures.contains_key(name)).copied().collect();
    let failure =
        (!missing.is_empty()).then(|| format!("no figure for {}: {}", missing.join(" "), output.account()));
    (figures, failure)
}

fn said_hello(output: &Output) -> bool {
    output.status == Some(0) && output.text.contains(HELLO)
}

/// The least number of `range` for which `holds`, if it holds for all that are larger; `None` when it holds for none.
pub fn least(
    range: std::ops::Range<u32>,
    mut holds: impl FnMut(u32) -> Result<bool, String>,
) -> Result<Option<u32>, String> {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok((low < range.end).then_some(low))
}
