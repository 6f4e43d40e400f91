//! Words of the configuration text, and the percent-encoding by which a word holds any bytes.

use super::Reason;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// One word of a configuration text, still encoded.
pub type Word<'a> = &'a [u8];

/// The words of `text`; lines that start with `#` are comments.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = Word<'_>> {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.trim_ascii_start().starts_with(b"#"))
        .flat_map(|line| line.split(|byte| byte.is_ascii_whitespace() || *byte == 0))
        .filter(|word| !word.is_empty())
}

/// Undoes the percent-encoding of a word.
pub fn decode(word: Word<'_>) -> Result<Vec<u8>, Reason> {
    let mut decoded = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [byte, tail @ ..] = rest {
        rest = match (byte, tail) {
            (b'%', [b'_', tail @ ..]) => tail,
            (b'%', [high, low, tail @ ..]) => {
                let byte = digit(*high)? << 4 | digit(*low)?;
                if byte == 0 {
                    return Err(Reason::ZeroByte);
                }
                decoded.push(byte);
                tail
            }
            (b'%', _) => return Err(Reason::BadEscape),
            (&byte, tail) => {
                decoded.push(byte);
                tail
            }
        };
    }
    Ok(decoded)
}

fn digit(byte: u8) -> Result<u8, Reason> {
    let digit = char::from(byte).to_digit(16).ok_or(Reason::BadEscape)?;
    u8::try_from(digit).map_err(|_| Reason::BadEscape)
}

/// Prints bytes so that [`decode`] gives them back.
#[derive(Debug, Clone, Copy)]
pub struct Encoded<'a> {
    bytes: &'a [u8],
    /// A word that stands alone must not be taken for something else.
    alone: bool,
}

impl<'a> Encoded<'a> {
    /// The part of a word behind its `=`.
    pub fn value(bytes: &'a [u8]) -> Self {
        Self { bytes, alone: false }
    }

    /// A whole word behind `--`.
    pub fn argument(bytes: &'a [u8]) -> Self {
        Self { bytes, alone: true }
    }
}

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looks_special = self.bytes.is_empty() || self.bytes.starts_with(b"virtio_mmio.device=");
        if self.alone && looks_special {
            f.write_str("%_")?;
        }
        self.bytes.iter().try_for_each(|&byte| match byte {
            b'%' | b'#' => write!(f, "%{byte:02x}"),
            b'!'..=b'~' => f.write_char(char::from(byte)),
            _ => write!(f, "%{byte:02x}"),
        })
    }
}
