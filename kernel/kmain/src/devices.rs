//! Finds the virtio devices, on PCI and where the command line names registers.

use crate::platform::MACHINE;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::boot::MmioDevice;
use osv_base::{PhysAddr, info, warn};
use osv_virtio::console::Console;
use osv_virtio::pci::Config;
use osv_virtio::rng::Rng;
use osv_virtio::transport::Transport;
use osv_virtio::transport::mmio::MmioTransport;
use osv_virtio::transport::pci::PciTransport;
use osv_virtio::{DeviceError, DeviceKind};

/// What was found, sorted by use.
#[derive(Default)]
pub struct Devices {
    /// The first console.
    pub console: Option<Console>,
    /// Network devices, not opened.
    pub net: Vec<Box<dyn Transport>>,
    /// Disks, not opened.
    pub disks: Vec<Box<dyn Transport>>,
}

/// Looks at every device. Entropy is used at once; a device that is broken is reported and left alone.
pub fn probe(mmio: &[MmioDevice], bell: fn()) -> Devices {
    let mut devices = Devices::default();
    for function in Config::ports(&MACHINE).scan() {
        devices.take(PciTransport::probe(function), bell);
    }
    for device in mmio {
        let len = usize::try_from(device.size).unwrap_or(0);
        devices.take(MmioTransport::probe(&MACHINE, PhysAddr(device.base), len, device.irq), bell);
    }
    devices
}

impl Devices {
    fn take(&mut self, found: Result<Option<Box<dyn Transport>>, DeviceError>, bell: fn()) {
        let transport = match found {
            Ok(Some(transport)) => transport,
            Ok(None) => return,
            Err(error) => return warn!("a virtio device was left alone: {error}"),
        };
        let kind = transport.kind();
        info!("virtio device: {kind:?}");
        let result = match kind {
            DeviceKind::Entropy => seed(transport),
            DeviceKind::Console if self.console.is_none() => {
                Console::open(&MACHINE, transport, Arc::new(bell)).map(|console| self.console = Some(console))
            }
            DeviceKind::Network => {
                self.net.push(transport);
                Ok(())
            }
            DeviceKind::Block => {
                self.disks.push(transport);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = result {
            warn!("virtio {kind:?}: {error}");
        }
    }
}

/// Mixes the host's entropy into the random generator.
fn seed(transport: Box<dyn Transport>) -> Result<(), DeviceError> {
    let mut rng = Rng::open(&MACHINE, transport)?;
    let mut entropy = [0; 32];
    let deadline = osv_hw::clock::now().0 + 100_000_000;
    rng.fill(&mut entropy, || osv_hw::clock::now().0 < deadline)?;
    osv_base::random::seed(entropy);
    Ok(())
}

/// Seeds the generator from the CPU, and from the time stamp counter's jitter where the CPU has nothing better.
pub fn seed_from_cpu() {
    let mut entropy = [0u8; 32];
    let mut real = true;
    for (index, chunk) in entropy.chunks_exact_mut(8).enumerate() {
        let word = osv_hw::cpu::rdrand().unwrap_or_else(|| {
            real = false;
            osv_hw::cpu::rdtsc().rotate_left(index as u32 * 16) ^ osv_hw::clock::realtime_ns()
        });
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    if !real {
        info!("the CPU has no random numbers");
    }
    osv_base::random::seed(entropy);
}
