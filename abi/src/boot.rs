//! What a kernel must know to start its application: the boot configuration.
//!
//! It comes from two places that speak one language. The image carries the default as a small text file,
//! [`BOOT_FILE`]; the machine's command line (`qemu -append`) overrides it. Both are words separated by ASCII
//! white space, and a line of the file that starts with `#` is a comment:
//!
//! ```text
//! osv.program=/usr/bin/memcached osv.env=LANG=C osv.net=dhcp osv.log=warn -- -u root -m 64
//! ```
//!
//! * A word `osv.KEY=VALUE` sets one thing. Bytes that a word cannot hold are percent-encoded (`%20`); `%_` stands
//!   for nothing, so that an empty word can be written. [`BootConfig::apply`] knows the keys, and its errors name
//!   the word that they are about.
//! * Everything after the word `--` is the program's arguments, and replaces those that were set before.
//! * `virtio_mmio.device=SIZE@BASE:IRQ` describes a device and may stand anywhere, also behind `--`, because QEMU's
//!   microvm appends such words to whatever command line it was given.
//! * Other words are an error in the file. On the command line, where boot loaders leave words of their own
//!   (`console=ttyS0`), they are kept in [`BootConfig::foreign`] for the kernel to report.
//!
//! [`BootConfig`] prints (`Display`) what the parser reads; the round trip is property-tested. The other half of the
//! contract between packer and kernel, the place of the root file system in memory, is [`RootDescriptor`].

mod disk;
mod net;
mod words;

#[cfg(test)]
mod tests;

use crate::trace::Filter;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use disk::{Id, RootDisk};
pub use net::{Net, StaticNet};
use words::words;
pub use words::{Encoded, Word, decode};

/// Where the image's default configuration lies in its root file system.
pub const BOOT_FILE: &str = "/.osv/boot";
/// Where the packer puts the dynamic linker and libc table, and where the kernel maps it from.
pub const LD_OSV_PATH: &str = "/lib64/ld-osv.so";
/// The ELF section of the kernel that holds its [`RootDescriptor`].
pub const ROOT_SECTION: &str = ".osv.root";
/// The symbol of the kernel's [`RootDescriptor`].
pub const ROOT_SYMBOL: &str = "OSV_ROOT_DESCRIPTOR";
/// First field of every [`RootDescriptor`].
pub const ROOT_MAGIC: u64 = 0x544f_4f52_5356_4f00;
/// Physical alignment of the root file system's segment.
pub const ROOT_ALIGN: u64 = 2 << 20;

/// Where the root file system lies in physical memory.
///
/// The kernel defines one, [`RootDescriptor::EMPTY`], as symbol [`ROOT_SYMBOL`] in section [`ROOT_SECTION`]; the
/// packer appends the file system as a loadable segment and patches the two numbers in the file. The kernel must
/// read it volatile, else the compiler takes the zeros that it sees for the truth.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootDescriptor {
    /// [`ROOT_MAGIC`].
    pub magic: u64,
    /// Physical address of the EROFS superblock's block, 0 without a root.
    pub phys_addr: u64,
    /// Length in bytes, a multiple of 4096; 0 without a root.
    pub len: u64,
}

impl RootDescriptor {
    /// What an unpacked kernel holds.
    pub const EMPTY: Self = Self { magic: ROOT_MAGIC, phys_addr: 0, len: 0 };

    /// The bytes as they stand in the file (little-endian).
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.magic.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.phys_addr.to_le_bytes());
        bytes[16..].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` when the magic is not there.
    pub fn from_bytes(bytes: [u8; 24]) -> Option<Self> {
        let mut fields = bytes
            .chunks_exact(8)
            .map(|field| field.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte)));
        let (magic, phys_addr, len) = (fields.next()?, fields.next()?, fields.next()?);
        (magic == ROOT_MAGIC).then_some(Self { magic, phys_addr, len })
    }
}

/// Which libc serves the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Libc {
    /// Our table in ld-osv.so.
    #[default]
    Table,
    /// The image's own ld.so and libc, over the trapped path.
    Image,
}

/// How much the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Off,
    Error,
    #[default]
    Warn,
    Info,
    Debug,
    Trace,
}

/// Where the supervisor listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Supervisor {
    /// Nobody does: standard streams go to the serial port, plain, and an exit is a power-off.
    #[default]
    None,
    /// [`channel`](crate::channel) frames over the first virtio-console port.
    Console,
    /// [`channel`](crate::channel) frames over the first serial port.
    Serial,
}

/// Which of the standard streams are a terminal at the supervisor, or that the console is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Terminals {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    /// All three are the machine's console, with a line discipline and job control; the supervisor passes on what is
    /// typed, byte by byte. The other three then mean nothing.
    pub console: bool,
}

/// A virtio-mmio device that the machine announces on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MmioDevice {
    /// Size of its register window in bytes.
    pub size: u64,
    /// Physical address of the window.
    pub base: u64,
    /// Its interrupt (a GSI).
    pub irq: u32,
}

/// All of it. `Default` is an image that names no program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootConfig {
    /// Absolute path of the program.
    pub program: Vec<u8>,
    /// `argv[0]`, where it differs from the path.
    pub arg0: Option<Vec<u8>>,
    /// `argv[1..]`.
    pub args: Vec<Vec<u8>>,
    /// The environment, `NAME=value` each, names unique.
    pub env: Vec<Vec<u8>>,
    /// Working folder.
    pub cwd: Vec<u8>,
    /// User that the application runs as.
    pub uid: u32,
    /// Group that the application runs as.
    pub gid: u32,
    /// What `uname` and `gethostname` say.
    pub hostname: Vec<u8>,
    /// Configuration of the first network interface.
    pub net: Net,
    /// Which libc serves the application.
    pub libc: Libc,
    /// Least important message that the kernel prints.
    pub log: LogLevel,
    /// Which system calls are printed: an expression for [`Filter`].
    pub strace: Option<String>,
    /// Whether calls are counted, for a table at the end.
    pub summary: bool,
    /// Where the supervisor listens.
    pub supervisor: Supervisor,
    /// Which standard streams are terminals.
    pub tty: Terminals,
    /// The disk that holds the root, where memory does not hold all of it.
    pub disk: Option<RootDisk>,
    /// Wall clock at the start of the machine, nanoseconds since 1970, for machines without a clock of their own.
    pub time_unix_ns: Option<u64>,
    /// Rate of the time stamp counter, for machines that have nothing to calibrate it with.
    pub tsc_hz: Option<u64>,
    /// virtio-mmio devices that the machine announced.
    pub mmio: Vec<MmioDevice>,
    /// Words of the command line that are not ours.
    pub foreign: Vec<Vec<u8>>,
}

impl Default for BootConfig {
    fn default() -> Self {
        Self {
            program: Vec::new(),
            arg0: None,
            args: Vec::new(),
            env: Vec::new(),
            cwd: b"/".to_vec(),
            uid: 0,
            gid: 0,
            hostname: b"osv".to_vec(),
            net: Net::default(),
            libc: Libc::default(),
            log: LogLevel::default(),
            strace: None,
            summary: false,
            supervisor: Supervisor::default(),
            tty: Terminals::default(),
            disk: None,
            time_unix_ns: None,
            tsc_hz: None,
            mmio: Vec::new(),
            foreign: Vec::new(),
        }
    }
}

/// A word that could not be taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootError {
    /// The word as it stood there.
    pub word: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Why a word could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No such key.
    UnknownKey,
    /// The word has no `=`.
    NoValue,
    /// `%` is not followed by two hexadecimal digits or `_`.
    BadEscape,
    /// The value decodes to a zero byte, which no C string can hold.
    ZeroByte,
    /// The value is not what the key takes; the text says what that is.
    Expected(&'static str),
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boot configuration: `{}`: {}", self.word, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey => f.write_str("unknown key"),
            Self::NoValue => f.write_str("a value is missing (osv.key=value)"),
            Self::BadEscape => f.write_str("`%` needs two hexadecimal digits or `_` behind it"),
            Self::ZeroByte => f.write_str("a zero byte cannot be part of it"),
            Self::Expected(what) => write!(f, "expected {what}"),
        }
    }
}

impl core::error::Error for BootError {}

/// Where a text of configuration words comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// [`BOOT_FILE`]: written by the packer, so that every word must be ours.
    File,
    /// The machine's command line, where loaders leave words of their own.
    CommandLine,
}

impl BootConfig {
    /// The image's defaults with the command line on top.
    pub fn parse(file: &[u8], command_line: &[u8]) -> Result<Self, BootError> {
        let mut config = Self::default();
        config.apply(file, Source::File)?;
        config.apply(command_line, Source::CommandLine)?;
        Ok(config)
    }

    /// Takes each word of `text` in turn. After an error, the words before the one it names have been taken.
    pub fn apply(&mut self, text: &[u8], source: Source) -> Result<(), BootError> {
        let mut in_arguments = false;
        for word in words(text) {
            let fail = |reason| BootError { word: String::from_utf8_lossy(word).into_owned(), reason };
            if let Some(device) = word.strip_prefix(b"virtio_mmio.device=") {
                self.mmio.push(mmio_device(device).ok_or_else(|| fail(EXPECTED_MMIO))?);
            } else if in_arguments {
                self.args.push(decode(word).map_err(fail)?);
            } else if word == b"--" {
                in_arguments = true;
                self.args.clear();
            } else if let Some(setting) = word.strip_prefix(b"osv.") {
                self.set(setting).map_err(fail)?;
            } else if source == Source::CommandLine {
                self.foreign.push(word.to_owned());
            } else {
                return Err(fail(Reason::UnknownKey));
            }
        }
        Ok(())
    }

    /// The application's whole argument vector.
    pub fn argv(&self) -> impl Iterator<Item = &[u8]> {
        let arg0 = self.arg0.as_ref().unwrap_or(&self.program);
        core::iter::once(arg0).chain(&self.args).map(Vec::as_slice)
    }

    /// Sets `NAME=value`, in place where the name is already there; a name without `=` is removed.
    pub fn set_env(&mut self, setting: Vec<u8>) {
        let name = env_name(&setting);
        let place = self.env.iter().position(|old| env_name(old) == name);
        match (place, name.len() < setting.len()) {
            (Some(place), true) => self.env[place] = setting,
            (Some(place), false) => drop(self.env.remove(place)),
            (None, true) => self.env.push(setting),
            (None, false) => {}
        }
    }

    fn set(&mut self, setting: &[u8]) -> Result<(), Reason> {
        let split = setting.iter().position(|&byte| byte == b'=');
        let (key, raw) = split.map_or((setting, None), |at| (&setting[..at], Some(&setting[at + 1..])));
        let key = Key::ALL.iter().find(|known| known.name().as_bytes() == key).ok_or(Reason::UnknownKey)?;
        let value = decode(raw.ok_or(Reason::NoValue)?)?;
        match key {
            Key::Program => {
                self.program = absolute(value)?;
                self.arg0 = None;
            }
            Key::Arg0 => self.arg0 = Some(value),
            Key::Env if env_name(&value).is_empty() => {
                return Err(Reason::Expected("NAME=value, or NAME to remove it"));
            }
            Key::Env => self.set_env(value),
            Key::Cwd => self.cwd = absolute(value)?,
            Key::Uid => self.uid = number(&value)?,
            Key::Gid => self.gid = number(&value)?,
            Key::Hostname if value.is_empty() || value.len() > 64 => {
                return Err(Reason::Expected("1 to 64 bytes"));
            }
            Key::Hostname => self.hostname = value,
            Key::Net => self.net = Net::parse(&value).ok_or(Reason::Expected(Net::EXPECTED))?,
            Key::Libc => self.libc = choose(&value, LIBC, "table or image")?,
            Key::Log => self.log = choose(&value, LOG, "off, error, warn, info, debug or trace")?,
            Key::Strace => self.strace = Some(expression(&value)?),
            Key::Summary => self.summary = choose(&value, YES_NO, "yes or no")?,
            Key::Supervisor => self.supervisor = choose(&value, SUPERVISOR, "none, console or serial")?,
            Key::Tty => self.tty = terminals(&value)?,
            Key::Disk => {
                self.disk = Some(RootDisk::parse(&value).ok_or(Reason::Expected(RootDisk::EXPECTED))?)
            }
            Key::Time => self.time_unix_ns = Some(number(&value)?),
            Key::Tsc => self.tsc_hz = Some(number(&value)?),
        }
        Ok(())
    }
}

/// Prints the words that make `BootConfig::default()` into this one, one to a line, arguments last.
impl fmt::Display for BootConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        for key in Key::ALL {
            let name = key.name();
            let mut word = |value: &[u8]| writeln!(f, "osv.{name}={}", Encoded::value(value));
            match key {
                Key::Program if self.program.is_empty() => {}
                Key::Program => word(&self.program)?,
                Key::Arg0 => self.arg0.iter().try_for_each(|arg0| word(arg0))?,
                Key::Env => self.env.iter().try_for_each(|setting| word(setting))?,
                Key::Cwd => word(&self.cwd)?,
                Key::Uid => writeln!(f, "osv.{name}={}", self.uid)?,
                Key::Gid => writeln!(f, "osv.{name}={}", self.gid)?,
                Key::Hostname => word(&self.hostname)?,
                Key::Net => writeln!(f, "osv.{name}={}", self.net)?,
                Key::Libc => word(name_of(self.libc, LIBC))?,
                Key::Log => word(name_of(self.log, LOG))?,
                Key::Strace => self.strace.iter().try_for_each(|text| word(text.as_bytes()))?,
                Key::Summary if self.summary == default.summary => {}
                Key::Summary => word(name_of(self.summary, YES_NO))?,
                Key::Supervisor if self.supervisor == default.supervisor => {}
                Key::Supervisor => word(name_of(self.supervisor, SUPERVISOR))?,
                Key::Tty if self.tty == default.tty => {}
                Key::Tty => writeln!(f, "osv.{name}={}", self.tty)?,
                Key::Disk => {
                    self.disk
                        .iter()
                        .try_for_each(|disk| word(format!("{}/{}", disk.id, disk.name).as_bytes()))?;
                }
                Key::Time => self.time_unix_ns.iter().try_for_each(|ns| writeln!(f, "osv.{name}={ns}"))?,
                Key::Tsc => self.tsc_hz.iter().try_for_each(|hz| writeln!(f, "osv.{name}={hz}"))?,
            }
        }
        for device in &self.mmio {
            writeln!(f, "virtio_mmio.device={}@{:#x}:{}", device.size, device.base, device.irq)?;
        }
        for word in &self.foreign {
            writeln!(f, "{}", String::from_utf8_lossy(word))?;
        }
        if !self.args.is_empty() {
            writeln!(f, "--")?;
        }
        self.args.iter().try_for_each(|arg| writeln!(f, "{}", Encoded::argument(arg)))
    }
}

impl fmt::Display for Terminals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.console {
            return f.write_str("console");
        }
        let streams = [(self.stdin, "in"), (self.stdout, "out"), (self.stderr, "err")];
        let mut chosen = streams.iter().filter(|(is_tty, _)| *is_tty).map(|(_, name)| name);
        f.write_str(chosen.next().unwrap_or(&"none"))?;
        chosen.try_for_each(|name| write!(f, ",{name}"))
    }
}

/// Declares [`Key`] with its spellings, so that parser and printer cannot forget one.
macro_rules! keys {
    ($($variant:ident $name:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Key { $($variant),* }

        impl Key {
            const ALL: &[Self] = &[$(Self::$variant),*];

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

keys! {
    Program "program";
    Arg0 "arg0";
    Env "env";
    Cwd "cwd";
    Uid "uid";
    Gid "gid";
    Hostname "hostname";
    Net "net";
    Libc "libc";
    Log "log";
    Strace "strace";
    Summary "summary";
    Supervisor "supervisor";
    Tty "tty";
    Disk "disk";
    Time "time";
    Tsc "tsc";
}

const LIBC: &[(&str, Libc)] = &[("table", Libc::Table), ("image", Libc::Image)];
const LOG: &[(&str, LogLevel)] = &[
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];
const YES_NO: &[(&str, bool)] = &[("yes", true), ("no", false)];
const SUPERVISOR: &[(&str, Supervisor)] =
    &[("none", Supervisor::None), ("console", Supervisor::Console), ("serial", Supervisor::Serial)];
const EXPECTED_MMIO: Reason = Reason::Expected("SIZE@BASE:IRQ");

fn env_name(setting: &[u8]) -> &[u8] {
    setting.split(|&byte| byte == b'=').next().unwrap_or_default()
}

fn absolute(path: Vec<u8>) -> Result<Vec<u8>, Reason> {
    if path.starts_with(b"/") { Ok(path) } else { Err(Reason::Expected("an absolute path")) }
}

/// An expression that chooses system calls; `yes` means all of them.
fn expression(value: &[u8]) -> Result<String, Reason> {
    let text = core::str::from_utf8(value).ok().map(|text| if text == "yes" { "all" } else { text });
    let known = text.filter(|text| Filter::parse(text).is_ok());
    known
        .map(String::from)
        .ok_or(Reason::Expected("names and classes of system calls, as strace -e takes them"))
}

fn number<T: core::str::FromStr>(value: &[u8]) -> Result<T, Reason> {
    let text = core::str::from_utf8(value).ok();
    text.and_then(|text| text.parse().ok()).ok_or(Reason::Expected("a decimal number"))
}

fn choose<T: Copy>(value: &[u8], choices: &[(&str, T)], expected: &'static str) -> Result<T, Reason> {
    let choice = choices.iter().find(|(name, _)| name.as_bytes() == value);
    choice.map(|(_, choice)| *choice).ok_or(Reason::Expected(expected))
}

fn name_of<T: Copy + PartialEq>(choice: T, choices: &'static [(&'static str, T)]) -> &'static [u8] {
    choices.iter().find(|(_, known)| *known == choice).map_or(b"", |(name, _)| name.as_bytes())
}

fn terminals(value: &[u8]) -> Result<Terminals, Reason> {
    let mut terminals = Terminals { console: value == b"console", ..Terminals::default() };
    for name in value.split(|&byte| byte == b',').filter(|_| value != b"none" && value != b"console") {
        match name {
            b"in" => terminals.stdin = true,
            b"out" => terminals.stdout = true,
            b"err" => terminals.stderr = true,
            _ => return Err(Reason::Expected("none, console, or some of in,out,err")),
        }
    }
    Ok(terminals)
}

/// `SIZE@BASE:IRQ`, numbers as the Linux kernel's `memparse` reads them: decimal or 0x, with K, M or G behind.
fn mmio_device(word: &[u8]) -> Option<MmioDevice> {
    let text = core::str::from_utf8(word).ok()?;
    let (size, rest) = text.split_once('@')?;
    let mut rest = rest.split(':');
    let (base, irq) = (rest.next()?, rest.next()?);
    Some(MmioDevice { size: scaled(size)?, base: scaled(base)?, irq: irq.parse().ok()? })
}

fn scaled(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 10),
        b'm' | b'M' => (&text[..text.len() - 1], 20),
        b'g' | b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    value.checked_mul(1 << shift)
}
