//! A virtio network device as the network stack's link.
//!
//! One pair of queues. Sending takes a short spin lock around the ring; receiving is done by one thread at a time,
//! and whoever finds another at it leaves it the work.

use crate::doorbell::Doorbell;
use crate::platform::MACHINE;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use osv_net::link::{LinkDevice, LinkFull, NeedsChecksum};
use osv_sync::{Mutex, SpinLock};
use osv_virtio::DeviceError;
use osv_virtio::net::{
    Net, NetEvents, NetOptions, Offload, PartialChecksum, RxChecksum, RxQueue, SendError, TxBuffers, TxQueue,
};
use osv_virtio::transport::Transport;

/// The device.
pub struct Link {
    mac: [u8; 6],
    mtu: usize,
    completes_checksums: bool,
    rx: Mutex<RxQueue>,
    tx: SpinLock<TxQueue>,
    buffers: TxBuffers,
    /// The last attempt to send found the ring full.
    full: AtomicBool,
}

/// Rings when frames have come, or when there is room again.
struct Events(&'static Doorbell);

impl NetEvents for Events {
    fn received(&self, _pair: usize) {
        self.0.ring();
    }
    fn sent(&self, _pair: usize) {
        self.0.ring();
    }
    fn changed(&self) {}
}

impl Link {
    /// Brings the device up. `bell` rings when it wants attention; `small` spares memory.
    pub fn open(
        transport: Box<dyn Transport>,
        bell: &'static Doorbell,
        small: bool,
    ) -> Result<Arc<Link>, DeviceError> {
        let options = if small {
            NetOptions { queue_size: 32, rx_buffers: 64, ..NetOptions::default() }
        } else {
            NetOptions::default()
        };
        let mut net = Net::open(&MACHINE, transport, options, Arc::new(Events(bell)))?;
        let (Some(rx), Some(tx)) = (net.rx.pop(), net.tx.pop()) else { return Err(DeviceError::NoQueue) };
        Ok(Arc::new(Link {
            mac: net.mac(),
            mtu: net.mtu().into(),
            completes_checksums: net.capabilities().tx_checksum,
            buffers: tx.buffers(),
            rx: Mutex::new(rx),
            tx: SpinLock::new(tx),
            full: AtomicBool::new(false),
        }))
    }
}

impl LinkDevice for Link {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn completes_checksums(&self) -> bool {
        self.completes_checksums
    }

    fn has_room(&self) -> bool {
        if !self.full.load(Ordering::Acquire) {
            return true;
        }
        // The flag is only a hint: whoever found no room may set it after another sender made some. A device that
        // failed loses frames, as a cut cable does.
        let room = self.tx.lock().room().unwrap_or(true);
        if room {
            self.full.store(false, Ordering::Release);
        }
        room
    }

    fn transmit(
        &self,
        len: usize,
        checksum: Option<NeedsChecksum>,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), LinkFull> {
        let offload = match checksum {
            None => Offload::None,
            Some(needs) => {
                let (Ok(start), Ok(offset)) = (u16::try_from(needs.start), u16::try_from(needs.offset))
                else {
                    return Err(LinkFull);
                };
                Offload::Checksum(PartialChecksum { start, offset })
            }
        };
        // Buffers that were sent come back when the ring is looked at.
        let buffer = self.buffers.take(len).or_else(|| {
            let _ = self.tx.lock().collect();
            self.buffers.take(len)
        });
        let Some(mut buffer) = buffer else {
            self.full.store(true, Ordering::Release);
            return Err(LinkFull);
        };
        fill(buffer.bytes_mut());
        let mut tx = self.tx.lock();
        let sent = tx.send(buffer, offload);
        tx.flush();
        drop(tx);
        match sent {
            Ok(()) => Ok(()),
            Err(SendError::Full(_)) => {
                self.full.store(true, Ordering::Release);
                Err(LinkFull)
            }
            // A device that failed takes nothing ever again; frames to it are lost, as on a cut cable.
            Err(SendError::Unsupported(_) | SendError::Device(_)) => Ok(()),
        }
    }

    fn receive(&self, budget: usize, each: &mut dyn FnMut(&[u8], bool)) -> usize {
        let Some(mut rx) = self.rx.try_lock() else { return 0 };
        let mut received = 0;
        while received < budget {
            let Ok(Some(frame)) = rx.receive() else { break };
            received += 1;
            let vouched = frame.checksum() != RxChecksum::Unknown;
            if frame.is_contiguous() {
                each(frame.first(), vouched);
            } else {
                let whole: Vec<u8> = frame.parts().flatten().copied().collect();
                each(&whole, vouched);
            }
        }
        if received > 0 {
            let _ = rx.refill();
        }
        received
    }

    fn arm(&self) -> bool {
        match self.rx.try_lock() {
            Some(mut rx) => !rx.enable_interrupts(),
            // Whoever is at it arms when done.
            None => true,
        }
    }
}
