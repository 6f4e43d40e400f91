//! File systems.
//!
//! * [`erofs`]: the image's root, read-only; its blocks in RAM are the page cache. On a disk it has a [`cache`].
//! * [`ram`]: files in RAM, alone (tmpfs) or over a read-only file system, of which it copies what is changed, page
//!   by page (the root that programs see).
//! * [`overlay`]: an upper directory over lower ones, as mount(2) makes it.
//! * [`union`]: read-only file systems as one.
//! * [`assemble()`]: all of it mounted as a program expects it.
//! * [`console`]: the standard streams. [`dev`]: /dev. [`devpts`]: /dev/pts. [`synth`]: directories and files made up on reading; [`proc`] and [`sys`] are made of it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod assemble;
mod batch;
pub mod cache;
pub mod console;
pub mod dev;
pub mod devpts;
pub mod erofs;
pub mod overlay;
pub mod proc;
pub mod ram;
pub mod synth;
pub mod sys;
pub mod union;

pub use assemble::assemble;

use core::sync::atomic::{AtomicU32, Ordering};
use osv_abi::uapi::file::makedev;

/// A device number for a file system without a device, as Linux gives out.
pub(crate) fn anonymous_dev() -> u64 {
    static NEXT: AtomicU32 = AtomicU32::new(16);
    makedev(0, NEXT.fetch_add(1, Ordering::Relaxed))
}
