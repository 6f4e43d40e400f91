//! KVM or emulation.
//!
//! /dev/kvm alone says little: in some virtual machines it opens, and then emulates ring 0 instruction by instruction,
//! slower than QEMU and not completely. KVM is worth it only where the processor has vmx or svm.

use crate::error::{Error, Result};
use std::fs;
use std::str::FromStr;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccelChoice {
    /// KVM where it is real.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// Emulation.
    Tcg,
}

/// What is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// The processor's virtualisation.
    Kvm,
    /// Emulation.
    Tcg,
}

impl FromStr for AccelChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "kvm" => Ok(Self::Kvm),
            "tcg" => Ok(Self::Tcg),
            other => Err(format!("{other}: expected auto, kvm or tcg")),
        }
    }
}

impl AccelChoice {
    /// Looks at this machine.
    pub fn decide(self) -> Result<Accel> {
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
            (_, true, Ok(())) => Ok(Accel::Kvm),
            (Self::Auto, _, _) => Ok(Accel::Tcg),
            (Self::Kvm, false, _) => {
                Err(Error::NoKvm { why: "the processor shows neither vmx nor svm in /proc/cpuinfo".into() })
            }
            (Self::Kvm, true, Err(why)) => Err(Error::NoKvm { why: format!("/dev/kvm: {why}") }),
        }
    }
}
