//! The disk that a root lies on.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

/// Names the file system on a disk, as its UUID does: made from its contents, so that it tells one from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub [u8; 16]);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Id {
    /// Reads what is printed.
    pub fn parse(text: &str) -> Option<Id> {
        let digits = text.as_bytes();
        let mut id = [0; 16];
        if digits.len() != 2 * id.len() {
            return None;
        }
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: &u8| char::from(*digit).to_digit(16);
            *byte = u8::try_from(value(&pair[0])? << 4 | value(&pair[1])?).ok()?;
        }
        Some(Id(id))
    }
}

/// The disk with the root: which one, and what to tell people when it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDisk {
    /// The file system on it.
    pub id: Id,
    /// Name of the file, beside the image, that is to be attached.
    pub name: String,
}

impl RootDisk {
    /// What the key takes.
    pub(super) const EXPECTED: &'static str = "32 hexadecimal digits, a slash and the name of a file";

    /// Reads `ID/NAME`.
    pub(super) fn parse(value: &[u8]) -> Option<RootDisk> {
        let (id, name) = core::str::from_utf8(value).ok()?.split_once('/')?;
        let id = Id::parse(id)?;
        (!name.is_empty()).then(|| RootDisk { id, name: name.to_owned() })
    }
}
