//! What can be said on the command line.

use crate::disk::DiskChoice;
use crate::run::{AccelChoice, Forward, Machine, Memory, NetChoice};
use crate::template::Template;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Packs one Linux program into one bootable image, and runs it.
#[derive(Debug, Parser)]
#[command(
    name = "osv-pack",
    version,
    about = "Packs one Linux program, unmodified, into one image that boots as a virtual machine.",
    after_help = EXAMPLES,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  osv-pack memcached -- -u root             make memcached.img (the same as osv-pack build)
  osv-pack run memcached.img -p 11211:11211 boot it, host port 11211 goes to the guest's
  osv-pack run redis-server -p 6379:6379 -m 512M -c 2 -- --save ''
  osv-pack run --recipe jvm app.jar         a Java program; osv-pack run --help lists the recipes
  osv-pack check /usr/bin/nginx             what would work, before any boot
  osv-pack inspect memcached.img            what is in an image

An image also boots by itself: qemu-system-x86_64 -kernel memcached.img ...";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an image from a program and what it needs
    Build(BuildArgs),
    /// Boot a program or an image in QEMU; its streams, signals and exit status are the guest's
    Run(RunArgs),
    /// Tell what of a program would work: symbols, system calls, what cannot be known
    Check(CheckArgs),
    /// Show what an image holds
    Inspect(InspectArgs),
}

/// What goes into an image.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Program: a path, or a name that is looked for in PATH
    pub binary: Option<String>,
    /// Pack by a recipe, which finds the program's runtime; --help lists the recipes
    #[arg(long, value_name = "NAME")]
    pub recipe: Option<String>,
    /// With a recipe: where the runtime looks for the program's parts (also -cp)
    #[arg(long, value_name = "PATH")]
    pub class_path: Option<String>,
    /// With a recipe: an argument for the runtime itself, such as -J -Xss2m
    #[arg(short = 'J', value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub runtime_args: Vec<String>,
    /// Read osv.toml, which can say all that flags can; flags win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take program and libraries from the system in this folder
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Add a file or folder; without :GUEST at the same path
    #[arg(long, value_name = "HOST:GUEST")]
    pub add: Vec<String>,
    /// Put the root file system on a disk beside the image, IMAGE.root; auto does so above 64 MiB [default: auto]
    #[arg(long, value_name = "auto|always|never")]
    pub disk: Option<DiskChoice>,
    /// Share the disk of another image: only what it lacks goes into this one. With an image: where its disk is
    #[arg(long, value_name = "FILE")]
    pub root_disk: Option<PathBuf>,
    /// Set an environment variable
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Serve libc from osv-rs (table), or take the system's own (image); auto takes the table unless it lacks a symbol
    /// that is asked for [default: auto]
    #[arg(long, value_name = "auto|table|image")]
    pub libc: Option<String>,
    /// Arguments of the program
    #[arg(last = true)]
    pub args: Vec<String>,
}

/// `osv-pack build`.
#[derive(Debug, Args)]
#[command(after_help = format!("{BUILD_HELP}\n\n{}", Template::help()))]
pub struct BuildArgs {
    /// What goes in.
    #[command(flatten)]
    pub input: InputArgs,
    /// Where to write the image [default: the program's name with .img]
    #[arg(short, long, value_name = "IMAGE")]
    pub output: Option<PathBuf>,
    /// List what goes in
    #[arg(short, long)]
    pub verbose: bool,
}

const BUILD_HELP: &str = "\
osv.toml, with every key there is:
  program = \"/usr/bin/memcached\"    args = [\"-u\", \"root\"]    output = \"memcached.img\"
  root = \"sysroot\"    add = [\"site:/srv/www\"]    libraries = [\"libopened-later.so.1\"]
  libc = \"auto\"    env = { LANG = \"C\" }    cwd = \"/\"    uid = 0    gid = 0
  disk = \"auto\"    root_disk = \"base.img.root\"    hostname = \"osv\"    net = \"dhcp\"    log = \"warn\"
  [run]
  ports = [\"11211:11211\"]    memory = \"256M\"    cpus = 1    net = \"user\"
  accel = \"auto\"    machine = \"q35\"    timeout = 60.0    verbose = 0";

/// `osv-pack run`.
#[derive(Debug, Args)]
#[command(after_help = format!("{RUN_HELP}\n\n{}", Template::help()))]
pub struct RunArgs {
    /// What goes in; an image instead of a program is run as it is.
    #[command(flatten)]
    pub input: InputArgs,
    /// Forward a port of this machine to the guest
    #[arg(short, long = "port", value_name = "[ADDRESS:]HOST:GUEST[/udp]")]
    pub port: Vec<Forward>,
    /// Memory of the guest [default: 256M]
    #[arg(short, long, value_name = "SIZE")]
    pub memory: Option<Memory>,
    /// Virtual CPUs [default: 1]
    #[arg(short, long, value_name = "N")]
    pub cpus: Option<u32>,
    /// Network: user (no privileges, -p forwards ports), none, or tap:NAME[,ADDRESS/PREFIX[,gw=ADDRESS]] [default: user]
    #[arg(long, value_name = "NET")]
    pub net: Option<NetChoice>,
    /// auto takes KVM where the processor has it, else emulation; tcg-single emulates all CPUs on one thread, which
    /// programs that change their own code need before QEMU 8.0; auto does so for Java [default: auto]
    #[arg(long, value_name = "auto|kvm|tcg|tcg-single")]
    pub accel: Option<AccelChoice>,
    /// QEMU machine: q35, pc or microvm [default: q35]
    #[arg(long, value_name = "MACHINE")]
    pub machine: Option<Machine>,
    /// Power off after so long, and say what each thread was waiting for (status 124)
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<f64>,
    /// Pass standard input on; without -t it always is
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the program a terminal, with job control: -it for a shell
    #[arg(short, long)]
    pub tty: bool,
    /// Print system calls as strace does; EXPR as strace -e takes it: open,close or %file or !futex
    #[arg(long, value_name = "EXPR", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub strace: Option<String>,
    /// Write what --strace and --summary say to a file, not to standard error
    #[arg(long, value_name = "FILE")]
    pub strace_output: Option<PathBuf>,
    /// Wait for gdb, whose command line is printed: it stops at main with all symbols loaded
    #[arg(long)]
    pub gdb: bool,
    /// At the end, print calls, errors and time of each system call, and calls and time of libc's functions
    #[arg(long)]
    pub summary: bool,
    /// Print QEMU's command line instead of running it
    #[arg(long)]
    pub dry_run: bool,
    /// Show kernel messages on standard error; twice for all of them
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

const RUN_HELP: &str = "\
Examples:
  osv-pack run memcached -p 11211:11211 -- -u root
  echo 'print(6*7)' | osv-pack run lua5.4 -- -
  osv-pack run --strace=%file,connect curl -- http://10.0.2.2/
  osv-pack run memcached.img -p 127.0.0.1:2000:11211 --timeout 60 -v
  osv-pack run -it bash

The exit status is the program's (128 + number when a signal ended it), 124 after --timeout, and 125 when osv-pack or
the guest failed. Ctrl-C and SIGTERM go to the program; a second one powers off. With -it every key goes
to the guest's terminal, Ctrl-C too; SIGTERM from elsewhere still goes to the program.";

/// `osv-pack check`.
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub struct CheckArgs {
    /// What would go in.
    #[command(flatten)]
    pub input: InputArgs,
    /// Fail also when something is served only in part or by a stub
    #[arg(long)]
    pub strict: bool,
}

const CHECK_HELP: &str = "\
Every symbol@version that the program and its libraries import, and every syscall instruction in them, is one of
  full         works as the manual says
  partial      works but for what the note says
  stub         fails with an errno, and says so once on standard error
  missing      isn't there (status 1)
  undecidable  dlopen, dlsym, syscall() and computed numbers: only the running program knows";

/// `osv-pack inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Image that osv-pack made
    pub image: PathBuf,
}
