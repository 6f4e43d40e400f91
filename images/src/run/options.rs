//! How a guest is to be run.

use super::{AccelChoice, Forward, Machine};
use osv_abi::boot::Net;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// All of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Forwarded ports.
    pub ports: Vec<Forward>,
    /// Memory.
    pub memory: Memory,
    /// Virtual CPUs.
    pub cpus: u32,
    /// The disk with the root, for images that have one.
    pub root_disk: Option<PathBuf>,
    /// Network.
    pub net: NetChoice,
    /// Accelerator.
    pub accel: AccelChoice,
    /// Whether the program replaces instructions that its other threads may be about to run.
    pub replaces_code: bool,
    /// Machine type.
    pub machine: Machine,
    /// When to give up.
    pub timeout: Option<Duration>,
    /// Whether the guest's console is a terminal, for which ours is lent.
    pub terminal: bool,
    /// Whether standard input goes to the guest.
    pub stdin: bool,
    /// Whether kernel messages are shown.
    pub verbose: bool,
    /// The program's path in the guest, when a debugger is to look at it.
    pub debugged: Option<PathBuf>,
    /// Where a trace goes, if not to standard error.
    pub trace_output: Option<PathBuf>,
}

/// An amount of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// In MiB.
    pub mebibytes: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { mebibytes: 256 }
    }
}

/// `256M`, `1G`, or MiB without a unit, as QEMU's `-m` has it.
impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("{text} is no size; write 256M or 1G");
        let (digits, unit) = match text.char_indices().last() {
            Some((at, 'M' | 'm')) => (&text[..at], 1),
            Some((at, 'G' | 'g')) => (&text[..at], 1024),
            _ => (text, 1),
        };
        let mebibytes =
            digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit)).ok_or_else(expected)?;
        if mebibytes == 0 { Err(expected()) } else { Ok(Self { mebibytes }) }
    }
}

/// What the guest's network interface is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NetChoice {
    /// QEMU's user-mode network.
    #[default]
    User,
    /// Nothing.
    None,
    /// A tap device of the host.
    Tap {
        /// Its name.
        name: String,
        /// Addresses of the guest; else it asks by DHCP or has them from its image.
        guest: Option<Net>,
    },
}

impl FromStr for NetChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("{text}: expected user, none or tap:NAME[,ADDRESS/PREFIX[,gw=ADDRESS][,dns=ADDRESS]]");
        match text {
            "user" => return Ok(Self::User),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let tap = text.strip_prefix("tap:").ok_or_else(expected)?;
        let (name, guest) = tap.split_once(',').map_or((tap, None), |(name, guest)| (name, Some(guest)));
        let is_name = !name.is_empty()
            && name.len() < 16
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        let guest = guest.map(|guest| Net::parse(guest.as_bytes()).ok_or_else(expected)).transpose()?;
        if is_name { Ok(Self::Tap { name: name.into(), guest }) } else { Err(expected()) }
    }
}
