//! KVM or emulation.
//!
//! /dev/kvm alone says little: in some virtual machines it opens, and then emulates ring 0 instruction by instruction,
//! slower than QEMU and not completely. KVM is worth it only where the processor has vmx or svm.

use super::Options;
use super::qemu::find_qemu;
use crate::error::{Error, Result};
use std::fs;
use std::process::Command;
use std::str::FromStr;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccelChoice {
    /// KVM where it is real; else emulation, and that on one thread for a program of several CPUs that needs it.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// Emulation.
    Tcg,
    /// Emulation of all CPUs on one thread of this machine, in turn. QEMU before 8.0 that emulates them on several may
    /// read an instruction while another CPU replaces it, and see half of each: programs that change their code while
    /// it runs, such as Java's, then fail now and then.
    TcgSingle,
}

/// What is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// The processor's virtualisation.
    Kvm,
    /// Emulation.
    Tcg,
    /// Emulation on one thread.
    TcgSingle,
}

impl FromStr for AccelChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            "tcg-single" => Ok(Self::TcgSingle),
            other => Err(format!("{other}: expected auto, kvm, tcg or tcg-single")),
        }
    }
}

/// From this version on QEMU translates no instruction that another CPU is replacing.
const WHOLE_INSTRUCTIONS: u32 = 8;

impl Options {
    /// What to use here, and the line that the user should read about it.
    pub fn decide_accel(&self) -> Result<(Accel, Option<String>)> {
        let accel = self.accel.decide()?;
        if (self.accel, accel) != (AccelChoice::Auto, Accel::Tcg) || self.cpus == 1 || !self.replaces_code {
            return Ok((accel, None));
        }
        let said = Command::new(find_qemu()?).arg("--version").output();
        Ok(taking_turns(
            &said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default(),
        ))
    }
}

/// How a QEMU that says this of its version emulates several CPUs whose program replaces its own code.
pub(super) fn taking_turns(version: &str) -> (Accel, Option<String>) {
    let number = version.split_whitespace().skip_while(|word| *word != "version").nth(1);
    let major = number.and_then(|number| number.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= WHOLE_INSTRUCTIONS) {
        return (Accel::Tcg, None);
    }
    let line = format!(
        "QEMU {} may read half of an instruction that this program replaces: its CPUs take turns (--accel \
         tcg-single); --accel tcg lets them run at once",
        number.unwrap_or("of an unknown version")
    );
    (Accel::TcgSingle, Some(line))
}

impl AccelChoice {
    /// Looks at this machine.
    fn decide(self) -> Result<Accel> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let device = fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").map(drop);
        self.decide_from(&cpuinfo, device.map_err(|error| error.to_string()))
    }

    /// Decides from what /proc/cpuinfo says and whether /dev/kvm opens.
    pub(super) fn decide_from(self, cpuinfo: &str, device: std::result::Result<(), String>) -> Result<Accel> {
        let mut flags =
            cpuinfo.lines().filter(|line| line.starts_with("flags")).flat_map(str::split_whitespace);
        let has_extension = flags.any(|flag| flag == "vmx" || flag == "svm");
        match (self, has_extension, device) {
            (Self::Tcg, _, _) => Ok(Accel::Tcg),
            (Self::TcgSingle, _, _) => Ok(Accel::TcgSingle),
            (_, true, Ok(())) => Ok(Accel::Kvm),
            (Self::Auto, _, _) => Ok(Accel::Tcg),
            (Self::Kvm, false, _) => {
                Err(Error::NoKvm { why: "the processor shows neither vmx nor svm in /proc/cpuinfo".into() })
            }
            (Self::Kvm, true, Err(why)) => Err(Error::NoKvm { why: format!("/dev/kvm: {why}") }),
        }
    }
}
