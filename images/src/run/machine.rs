//! QEMU's machine types, as far as they differ for us.

use std::str::FromStr;

/// A machine type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Machine {
    /// PCI Express, ACPI; what clouds look like.
    #[default]
    Q35,
    /// The PC of 1996.
    Pc,
    /// No PCI, no ACPI, the fastest start; devices are named on the command line.
    Microvm,
}

impl Machine {
    /// Value of `-machine`.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::Q35 => "q35",
            Self::Pc => "pc",
            Self::Microvm => "microvm,acpi=off",
        }
    }

    /// A virtio device's model name on this machine's bus.
    pub(super) fn device(self, name: &str) -> String {
        match self {
            Self::Q35 | Self::Pc => format!("virtio-{name}-pci"),
            Self::Microvm => format!("virtio-{name}-device"),
        }
    }
}

impl FromStr for Machine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "q35" => Ok(Self::Q35),
            "pc" => Ok(Self::Pc),
            "microvm" => Ok(Self::Microvm),
            other => Err(format!("{other}: expected q35, pc or microvm")),
        }
    }
}
