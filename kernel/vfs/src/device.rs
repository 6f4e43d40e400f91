//! Device numbers to devices: what opening a character device node gives.

use crate::file::File;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use osv_base::{Errno, Res};
use osv_sync::SpinLock;

/// A character device: opens to a file.
pub trait Device: Send + Sync {
    /// A new open file of the device; `flags` are those of open(2).
    fn open(&self, flags: u32) -> Res<Arc<dyn File>>;
}

static DEVICES: SpinLock<BTreeMap<u64, Arc<dyn Device>>> = SpinLock::new(BTreeMap::new());

/// Makes `device` what nodes with the number `rdev` open. The latest registration counts.
pub fn register(rdev: u64, device: Arc<dyn Device>) {
    let old = DEVICES.lock().insert(rdev, device);
    drop(old);
}

/// Opens the device with the number `rdev`: ENXIO when there is none.
pub fn open(rdev: u64, flags: u32) -> Res<Arc<dyn File>> {
    let device = DEVICES.lock().get(&rdev).cloned().ok_or(Errno::ENXIO)?;
    device.open(flags)
}

/// How a named pipe opens: registered by the crate that has pipes.
pub trait Fifos: Send + Sync {
    /// Opens the named pipe of inode `ino` on device `dev`; sleeps for the other end as fifo(7) says.
    fn open(&self, dev: u64, ino: u64, flags: u32) -> Res<Arc<dyn File>>;
}

static FIFOS: SpinLock<Option<Arc<dyn Fifos>>> = SpinLock::new(None);

/// Registers how named pipes open.
pub fn register_fifos(fifos: Arc<dyn Fifos>) {
    *FIFOS.lock() = Some(fifos);
}

/// Opens a named pipe: ENXIO when nobody registered.
pub fn open_fifo(dev: u64, ino: u64, flags: u32) -> Res<Arc<dyn File>> {
    let fifos = FIFOS.lock().clone().ok_or(Errno::ENXIO)?;
    fifos.open(dev, ino, flags)
}
