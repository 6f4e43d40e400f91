//! The loops around a transfer that stops at pages that are not there.
//!
//! A cursor does not fault (law 6): the crate below stops short, lets go of its locks and returns, and only then is
//! the page faulted in. How the call goes on depends on what it moves:
//!
//! * **bytes in order** ([`continued`]): what was moved stays moved, and the rest follows behind it;
//! * **one whole** ([`repeated`]): a message, or bytes that are only looked at. Nothing was taken, so the call begins
//!   again at its first byte, and none is moved twice.

use osv_base::{Errno, Res, UserAddr};

/// A cursor that remembers where it stopped.
pub(crate) trait Cursor {
    /// The address at which the last copy stopped short.
    fn fault(&self) -> Option<UserAddr>;
    /// It may go on there.
    fn clear_fault(&mut self);
}

/// Runs `io` until it stops for another reason than a page that is not there. `io` is told how many bytes went
/// before. A failure counts only when nothing went before.
#[inline]
pub(crate) fn continued<C: Cursor>(
    cursor: &mut C,
    mut io: impl FnMut(&mut C, usize) -> Res<usize>,
    mut fault_in: impl FnMut(UserAddr) -> Result<(), Errno>,
) -> Res<usize> {
    let mut total = 0;
    loop {
        match io(cursor, total) {
            Ok(n) => total += n,
            Err(fail) if total == 0 => return Err(fail),
            Err(_) => return Ok(total),
        }
        let Some(addr) = cursor.fault() else { return Ok(total) };
        cursor.clear_fault();
        match fault_in(addr) {
            Ok(()) => {}
            Err(_) if total > 0 => return Ok(total),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Runs `io` over a cursor from `make` until it meets no page that is not there.
#[inline]
pub(crate) fn repeated<C: Cursor, R>(
    mut make: impl FnMut() -> C,
    mut io: impl FnMut(&mut C) -> Res<R>,
    mut fault_in: impl FnMut(UserAddr) -> Result<(), Errno>,
) -> Res<R> {
    loop {
        let mut cursor = make();
        let result = io(&mut cursor)?;
        let Some(addr) = cursor.fault() else { return Ok(result) };
        fault_in(addr)?;
    }
}

#[cfg(test)]
mod tests;
