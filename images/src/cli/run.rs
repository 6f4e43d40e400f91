//! `osv-pack run`.

use super::args::RunArgs;
use super::build::disk_choice;
use super::progress::Progress;
use super::recipe::{env_setting, recipe};
use crate::config::Config;
use crate::disk::RootFile;
use crate::erofs::{Bytes, Reader};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::run::{self, Boot, Kernel, Options, Source};
use crate::template::Template;
use osv_abi::boot::{BOOT_FILE, BootConfig, RootDisk, Terminals};
use osv_abi::trace::Filter;
use rustix::fs::{MemfdFlags, OFlags};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::IsTerminal;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is run, in bytes, and where from if it is an image already.
struct Input {
    bytes: Vec<u8>,
    path: Option<PathBuf>,
    boot: BootConfig,
    config: Config,
    /// Where QEMU finds the disk with the root.
    disk: Option<PathBuf>,
    /// The disk, where it has no name.
    _unnamed: Option<File>,
}

pub(super) fn execute(args: &RunArgs) -> Result<u8> {
    if args.tty && args.interactive && !args.dry_run && !std::io::stdin().is_terminal() {
        let what = "-t with -i needs a terminal at standard input";
        return Err(Error::usage(what, "leave -t out to pass bytes on"));
    }
    let input = input(args)?;
    let options = options(args, &input.config, &input.boot.program)?;
    let options = Options { root_disk: input.disk.clone(), ..options };
    let path = input.path.clone().unwrap_or_else(|| "IMAGE".into());
    let end = Image::parse(&path, &input.bytes)?.end();
    let need = end.div_ceil(1 << 20) + 2;
    if options.memory.mebibytes < need {
        return Err(Error::MemoryTooSmall { have: options.memory.mebibytes, need });
    }
    let boot = boot(args, &input)?;
    if args.dry_run {
        let kernel = Kernel { image: path, channel: None };
        let (accel, note) = options.decide_accel()?;
        note.iter().for_each(|note| eprintln!("osv-pack: {note}"));
        let command = run::command(&options, accel, &kernel, &boot);
        println!("{}", run::shell_line(&run::find_qemu()?, &command));
        return Ok(0);
    }
    let source = match &input.path {
        Some(path) => Source::File(path),
        None => Source::Bytes(&input.bytes),
    };
    run::run(&source, &options, &boot)
}

fn input(args: &RunArgs) -> Result<Input> {
    if let Some(path) = args.input.binary.as_deref().map(Path::new).filter(|path| path.is_file())
        && let Ok(bytes) = fs::read(path)
        && let Ok(image) = Image::parse(path, &bytes)
    {
        refuse_packing_flags(path, args)?;
        let boot = image_boot(path, &image)?;
        let config = args.input.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let given = args.input.root_disk.as_deref().or(config.root_disk.as_deref());
        let disk = boot.disk.as_ref().map(|disk| RootFile::of_image(path, disk, given)).transpose()?;
        let disk = disk.map(|disk| disk.path().to_owned());
        return Ok(Input { path: Some(path.into()), boot, config, bytes, disk, _unnamed: None });
    }
    let (recipe, config) = recipe(&args.input)?;
    let progress = Progress::start(format!("packing {}", recipe.program));
    let packed = recipe.collect()?;
    let choice = disk_choice(args.input.disk, config.disk.as_deref())?;
    let shared = args.input.root_disk.clone().or_else(|| config.root_disk.clone());
    let (mut disk, mut unnamed) = (shared.clone(), None);
    let bytes = match shared {
        Some(path) => {
            let root = RootFile::open(&path)?;
            packed.image_sharing(&root, root.named_in(Path::new("")))?
        }
        None if packed.wants_disk(choice) => {
            let mut file = unnamed_file()?;
            let written = packed.write_disk(&mut file, Path::new("a file without a name"))?;
            disk = Some(format!("/proc/self/fd/{}", file.as_raw_fd()).into());
            unnamed = Some(file);
            packed.image_on_disk(RootDisk { id: written.id, name: "a disk of osv-pack run".into() })?
        }
        None => packed.image()?,
    };
    drop(progress);
    super::build::report(&packed, false);
    Ok(Input { path: None, boot: packed.boot, config, bytes, disk, _unnamed: unnamed })
}

/// A file that QEMU inherits and that nothing is left of: on a disk where that can be had, else in memory.
fn unnamed_file() -> Result<File> {
    let folder = std::env::temp_dir();
    let flags = OFlags::TMPFILE | OFlags::RDWR;
    let file = rustix::fs::open(&folder, flags, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
        .or_else(|_| rustix::fs::memfd_create("osv-root", MemfdFlags::empty()));
    file.map(File::from).map_err(|error| Error::io("make a file in", &folder, error.into()))
}

/// What an image holds is settled; a flag that would change it must not be ignored.
fn refuse_packing_flags(path: &Path, args: &RunArgs) -> Result<()> {
    let input = &args.input;
    let given = [
        ("--add", !input.add.is_empty()),
        ("--root", input.root.is_some()),
        ("--libc", input.libc.is_some()),
        ("--disk", input.disk.is_some()),
        ("--recipe", input.recipe.is_some()),
        ("-cp", input.class_path.is_some()),
        ("-J", !input.runtime_args.is_empty()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => {
            let what = format!("{flag} cannot change {}, which is an image already", path.display());
            Err(Error::usage(what, format!("run the program itself with {flag}, or pack it again")))
        }
    }
}

/// The configuration in an image.
fn image_boot(path: &Path, image: &Image<'_>) -> Result<BootConfig> {
    let damaged = |what: String| Error::Damaged { path: path.into(), what };
    let reader = Reader::new(Bytes::Memory(image.root()?));
    let boot = reader.and_then(|reader| {
        let entry = reader.list()?.into_iter().find(|entry| entry.path == Path::new(BOOT_FILE))?;
        reader.content(entry.nid)
    });
    let boot = boot.ok_or_else(|| damaged(format!("its root has no {BOOT_FILE}")))?;
    BootConfig::parse(&boot, b"").map_err(|error| damaged(error.to_string()))
}

fn options(args: &RunArgs, config: &Config, program: &[u8]) -> Result<Options> {
    let run = &config.run;
    let in_file: Vec<_> = run.ports.iter().map(|port| parse(port)).collect::<Result<_>>()?;
    let timeout = args.timeout.or(run.timeout).map(|seconds| {
        let duration = Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero());
        duration.ok_or_else(|| Error::usage(format!("--timeout {seconds}"), "give seconds, more than 0"))
    });
    let cpus = args.cpus.or(run.cpus).unwrap_or(1);
    if cpus == 0 {
        return Err(Error::usage("-c 0: a machine has at least one CPU", "leave it out for one"));
    }
    let net = choose(args.net.clone(), run.net.as_deref())?;
    let ports = [args.port.clone(), in_file].concat();
    if net != run::NetChoice::User && !ports.is_empty() {
        let what = "ports are forwarded (-p) by the user network only";
        return Err(Error::usage(what, "with a tap, connect to the guest's own address"));
    }
    Ok(Options {
        ports,
        memory: choose(args.memory, run.memory.as_deref())?,
        cpus,
        net,
        accel: choose(args.accel, run.accel.as_deref())?,
        replaces_code: Template::replaces_code(
            args.input.recipe.as_ref().or(config.recipe.as_ref()),
            program,
        ),
        machine: choose(args.machine, run.machine.as_deref())?,
        timeout: timeout.transpose()?,
        terminal: args.tty,
        stdin: args.interactive || !args.tty,
        verbose: args.verbose.max(run.verbose) > 0,
        debugged: args.gdb.then(|| PathBuf::from(OsStr::from_bytes(program))),
        trace_output: args.strace_output.clone(),
        root_disk: None,
    })
}

fn boot(args: &RunArgs, input: &Input) -> Result<Boot> {
    let tty = Terminals {
        console: args.tty,
        stdin: std::io::stdin().is_terminal(),
        stdout: std::io::stdout().is_terminal(),
        stderr: std::io::stderr().is_terminal(),
    };
    let is_image = input.path.is_some();
    let mut env: Vec<_> = args
        .input
        .env
        .iter()
        .filter(|_| is_image)
        .map(|setting| env_setting(setting))
        .collect::<Result<_>>()?;
    if args.tty && !names_terminal(env.iter().chain(&input.boot.env)) {
        let term = std::env::var("TERM").unwrap_or_else(|_| "xterm".into());
        env.push(format!("TERM={term}").into_bytes());
    }
    let arguments = args.input.args.iter().map(|arg| arg.clone().into_bytes()).collect::<Vec<_>>();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().filter(|_| !args.dry_run);
    let strace = args.strace.as_deref().map(|text| match Filter::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(problem) => Err(Error::usage(
            format!("--strace={text}: {problem}"),
            "give names and classes with commas between them",
        )),
    });
    Ok(Boot {
        strace: strace.transpose()?,
        summary: args.summary,
        image_net: input.boot.net.clone(),
        env,
        args: Some(arguments).filter(|arguments| is_image && !arguments.is_empty()),
        log: [None, Some("info")]
            .get(usize::from(args.verbose.max(input.config.run.verbose)))
            .copied()
            .unwrap_or(Some("debug")),
        tty: tty.to_string(),
        time_unix_ns: now.map(|now| now.as_nanos()),
    })
}

/// Whether a setting says what kind of terminal there is.
fn names_terminal<'a>(mut settings: impl Iterator<Item = &'a Vec<u8>>) -> bool {
    settings.any(|setting| setting.starts_with(b"TERM="))
}

fn choose<T: FromStr<Err = String> + Default>(flag: Option<T>, file: Option<&str>) -> Result<T> {
    match (flag, file) {
        (Some(flag), _) => Ok(flag),
        (None, Some(text)) => parse(text),
        (None, None) => Ok(T::default()),
    }
}

fn parse<T: FromStr<Err = String>>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|what| Error::usage(format!("osv.toml: {what}"), "correct it in the file's [run] table"))
}
