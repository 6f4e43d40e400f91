//! The door at which memory is refused: whoever is about to hold more of it for an application, for as long as that
//! wants, asks here first. `mm` says through bring-up; where nobody has registered, the door is open.

use crate::{Errno, Res};
use spin::Once;

static DOOR: Once<fn(usize) -> bool> = Once::new();

/// Registers who says whether so many bytes may be asked for. The first registration stays.
pub fn register(door: fn(usize) -> bool) {
    DOOR.call_once(|| door);
}

/// ENOMEM when so many bytes more should not be asked for.
#[inline]
pub fn admit(bytes: usize) -> Res<()> {
    match DOOR.get() {
        Some(door) if !door(bytes) => Err(Errno::ENOMEM.into()),
        _ => Ok(()),
    }
}
