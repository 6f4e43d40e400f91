//! The header before each packet, and what it says about checksums and segmentation.

use crate::device::DeviceError;

/// Length of the header of a non-legacy device.
pub const HEADER_LEN: usize = 12;

const FLAG_NEEDS_CHECKSUM: u8 = 1;
const FLAG_CHECKSUM_VALID: u8 = 2;
const SEGMENT_NONE: u8 = 0;
const SEGMENT_TCP4: u8 = 1;
const SEGMENT_TCP6: u8 = 4;
const SEGMENT_ECN: u8 = 0x80;

/// Where a checksum that isn't finished lies: it covers everything from `start` to the end of the frame, and
/// the field at `start + offset` holds the sum of the pseudo header. Counted from the Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialChecksum {
    /// First byte that it covers.
    pub start: u16,
    /// The field, from there.
    pub offset: u16,
}

impl PartialChecksum {
    /// Whether the field lies in a frame of `len` bytes.
    pub fn fits(self, len: usize) -> bool {
        usize::from(self.start) + usize::from(self.offset) + 2 <= len
    }
}

/// What the device says of a received frame's transport checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxChecksum {
    /// Nothing: verify it.
    Unknown,
    /// It was verified.
    Valid,
    /// The frame comes from this host and has none yet; its content is as reliable as memory.
    Partial(PartialChecksum),
}

/// What the device is to do with a frame that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// Nothing.
    None,
    /// Finish the checksum.
    Checksum(PartialChecksum),
    /// Cut a long TCP frame into segments and finish their checksums.
    Segment {
        /// Which TCP.
        kind: Segmentation,
        /// Length of the headers up to the end of TCP's.
        header_len: u16,
        /// Payload of a segment.
        mss: u16,
        /// The checksum.
        checksum: PartialChecksum,
    },
}

/// Over what the TCP of a long frame runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Segmentation {
    Tcp4,
    Tcp6,
}

/// A received header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RxHeader {
    pub checksum: RxChecksum,
    /// Payload of the segments that a long frame was merged from.
    pub merged_mss: Option<u16>,
    /// Buffers that hold the frame.
    pub buffers: u16,
}

impl RxHeader {
    pub fn parse(bytes: &[u8]) -> Result<RxHeader, DeviceError> {
        let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(DeviceError::UsedLength)?;
        let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let checksum = if header[0] & FLAG_NEEDS_CHECKSUM != 0 {
            RxChecksum::Partial(PartialChecksum { start: word(6), offset: word(8) })
        } else if header[0] & FLAG_CHECKSUM_VALID != 0 {
            RxChecksum::Valid
        } else {
            RxChecksum::Unknown
        };
        let merged_mss = match header[1] & !SEGMENT_ECN {
            SEGMENT_NONE => None,
            SEGMENT_TCP4 | SEGMENT_TCP6 => Some(word(4)),
            _ => return Err(DeviceError::BadHeader),
        };
        Ok(RxHeader { checksum, merged_mss, buffers: word(10) })
    }
}

impl Offload {
    /// Writes the header for a frame with this wish.
    pub(super) fn write(self, header: &mut [u8; HEADER_LEN]) {
        *header = [0; HEADER_LEN];
        let mut word = |at: usize, value: u16| header[at..at + 2].copy_from_slice(&value.to_le_bytes());
        let checksum = match self {
            Offload::None => return,
            Offload::Checksum(checksum) => checksum,
            Offload::Segment { header_len, mss, checksum, .. } => {
                word(2, header_len);
                word(4, mss);
                checksum
            }
        };
        word(6, checksum.start);
        word(8, checksum.offset);
        header[0] = FLAG_NEEDS_CHECKSUM;
        header[1] = match self {
            Offload::Segment { kind: Segmentation::Tcp4, .. } => SEGMENT_TCP4,
            Offload::Segment { kind: Segmentation::Tcp6, .. } => SEGMENT_TCP6,
            _ => SEGMENT_NONE,
        };
    }
}
