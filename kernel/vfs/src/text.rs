//! Programs that run are not written to, and what somebody writes to is not run: ETXTBSY.
//!
//! An [`Entry`] counts: above zero the descriptions that write to it, below zero the processes that run it. A second
//! hard link is another entry and has a count of its own.

use crate::entry::Entry;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicI32, Ordering};
use osv_base::{Errno, Res};

/// The count of an entry.
#[derive(Debug, Default)]
pub(crate) struct Uses(AtomicI32);

impl Uses {
    /// One more of the kind that `step` stands for, unless the other kind is there.
    fn begin(&self, step: i32) -> Res<()> {
        let next = |uses: i32| (uses * step >= 0).then(|| uses.checked_add(step)).flatten();
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(_) => Ok(()),
            Err(_) => Err(Errno::ETXTBSY.into()),
        }
    }

    fn end(&self, step: i32) {
        self.0.fetch_sub(step, Ordering::AcqRel);
    }
}

/// Somebody writes to the file.
#[derive(Debug)]
pub struct Writing(Arc<Entry>);

impl Writing {
    /// ETXTBSY while the file runs.
    pub fn begin(entry: &Arc<Entry>) -> Res<Writing> {
        entry.uses().begin(1)?;
        Ok(Writing(entry.clone()))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.uses().end(1);
    }
}

/// Somebody runs the file.
#[derive(Debug)]
pub struct Running(Arc<Entry>);

impl Running {
    /// ETXTBSY while somebody writes to the file.
    pub fn begin(entry: &Arc<Entry>) -> Res<Running> {
        entry.uses().begin(-1)?;
        Ok(Running(entry.clone()))
    }

    /// The file.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.0
    }
}

impl Clone for Running {
    fn clone(&self) -> Self {
        // The count is below zero already, and there are fewer processes than numbers.
        let _ = self.0.uses().begin(-1);
        Running(self.0.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.uses().end(-1);
    }
}
