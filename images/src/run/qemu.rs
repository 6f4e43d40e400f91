//! QEMU's command line.

use super::{Accel, Forward, Machine, NetChoice, Options};
use crate::error::{Error, Result};
use osv_abi::boot::{Encoded, Net};
use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// QEMU's executable.
const QEMU: &str = "qemu-system-x86_64";
/// What a guest behind QEMU's user-mode network has.
const USER_NET: &str = "10.0.2.15/24,gw=10.0.2.2,dns=10.0.2.3";
/// Port and size of isa-debug-exit, by which a kernel without a supervisor or in a panic leaves.
const DEBUG_EXIT: &str = "isa-debug-exit,iobase=0x501,iosize=0x04";

/// Where QEMU finds kernel and channel.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// Path of the image.
    pub image: PathBuf,
    /// The channel's end: an inherited descriptor, or `None` for a socket that somebody may connect to.
    pub channel: Option<i32>,
}

/// What the command line tells the kernel, beyond what its image says.
#[derive(Debug, Clone, Default)]
pub struct Boot {
    /// The image's network configuration.
    pub image_net: Net,
    /// Environment, `NAME=value`.
    pub env: Vec<Vec<u8>>,
    /// Arguments in place of the image's.
    pub args: Option<Vec<Vec<u8>>>,
    /// `osv.log`, where it isn't the image's.
    pub log: Option<&'static str>,
    /// `osv.tty`.
    pub tty: String,
    /// `osv.strace`.
    pub strace: Option<String>,
    /// `osv.summary`.
    pub summary: bool,
    /// Wall clock.
    pub time_unix_ns: Option<u128>,
}

/// Finds QEMU: $OSV_QEMU, else in PATH.
pub fn find_qemu() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("OSV_QEMU").map(PathBuf::from) {
        let name = path.display().to_string();
        return if path.is_file() { Ok(path) } else { Err(Error::NoQemu { name }) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(QEMU)).find(|path| path.is_file());
    found.ok_or_else(|| Error::NoQemu { name: QEMU.into() })
}

/// The arguments.
pub fn command(options: &Options, accel: Accel, kernel: &Kernel, boot: &Boot) -> Vec<OsString> {
    let machine = options.machine;
    let mut args: Vec<OsString> = Vec::new();
    let mut say = |words: &[&str]| args.extend(words.iter().map(OsString::from));
    say(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    say(&["-machine", machine.argument()]);
    match accel {
        Accel::Kvm => say(&["-accel", "kvm", "-cpu", "host"]),
        Accel::Tcg => say(&["-accel", "tcg", "-cpu", "max"]),
        Accel::TcgSingle => say(&["-accel", "tcg,thread=single", "-cpu", "max"]),
    }
    say(&["-m", &format!("{}M", options.memory.mebibytes), "-smp", &options.cpus.to_string()]);
    if machine == Machine::Microvm {
        say(&["-global", "virtio-mmio.force-legacy=false"]);
    }
    say(&["-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial", "-device", DEBUG_EXIT]);
    let channel = match kernel.channel {
        Some(descriptor) => format!("socket,id=supervisor,fd={descriptor}"),
        None => "socket,id=supervisor,path=supervisor.sock,server=on,wait=off".into(),
    };
    say(&["-chardev", &channel]);
    say(&["-device", &format!("{},max_ports=1", machine.device("serial"))]);
    say(&["-device", "virtconsole,chardev=supervisor,nr=0"]);
    say(&["-object", "rng-random,id=rng,filename=/dev/urandom"]);
    say(&["-device", &format!("{},rng=rng", machine.device("rng"))]);
    if let Some(disk) = &options.root_disk {
        // In QEMU's options a comma is doubled.
        let file = disk.to_string_lossy().replace(',', ",,");
        say(&["-drive", &format!("if=none,id=root,format=raw,readonly=on,file={file}")]);
        say(&["-device", &format!("{},drive=root", machine.device("blk"))]);
    }
    if let Some(backend) = backend(&options.net, &options.ports) {
        // Without the option ROM for network boot, which QEMU may not have and nobody needs.
        let rom = if machine == Machine::Microvm { "" } else { ",romfile=" };
        say(&["-netdev", &backend, "-device", &format!("{},netdev=net{rom}", machine.device("net"))]);
    }
    args.push("-kernel".into());
    args.push(kernel.image.clone().into());
    args.push("-append".into());
    args.push(boot.words(&options.net).into());
    args
}

fn backend(net: &NetChoice, ports: &[Forward]) -> Option<String> {
    match net {
        NetChoice::None => None,
        NetChoice::Tap { name, .. } => Some(format!("tap,id=net,ifname={name},script=no,downscript=no")),
        NetChoice::User => {
            let forwards = ports.iter().map(|port| format!(",{}", port.argument()));
            Some(forwards.fold("user,id=net".into(), |all, forward| all + &forward))
        }
    }
}

impl Boot {
    fn words(&self, net: &NetChoice) -> String {
        let mut words = format!("osv.supervisor=console osv.tty={}", self.tty);
        let mut say = |key: &str, value: &[u8]| {
            // Writing to a string cannot fail.
            let _ = write!(words, " osv.{key}={}", Encoded::value(value));
        };
        match net {
            NetChoice::None => say("net", b"none"),
            NetChoice::User if self.image_net == Net::Dhcp => say("net", USER_NET.as_bytes()),
            NetChoice::Tap { guest: Some(guest), .. } => say("net", guest.to_string().as_bytes()),
            NetChoice::User | NetChoice::Tap { .. } => {}
        }
        self.log.iter().for_each(|level| say("log", level.as_bytes()));
        self.strace.iter().for_each(|text| say("strace", text.as_bytes()));
        self.summary.then(|| say("summary", b"yes"));
        self.time_unix_ns.iter().for_each(|now| say("time", now.to_string().as_bytes()));
        self.env.iter().for_each(|setting| say("env", setting));
        if let Some(args) = &self.args {
            words.push_str(" --");
            for arg in args {
                let _ = write!(words, " {}", Encoded::argument(arg));
            }
        }
        words
    }
}

/// A command as one line that a shell reads back.
pub fn shell_line(program: &Path, args: &[OsString]) -> String {
    let words = std::iter::once(program.as_os_str()).chain(args.iter().map(OsString::as_os_str));
    let quoted = words.map(|word| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(byte);
        let text = word.to_string_lossy();
        if !word.is_empty() && word.as_bytes().iter().all(plain) {
            text.into_owned()
        } else {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
