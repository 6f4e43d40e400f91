//! Frames to bytes.

use super::{Exit, Frame, HEADER_LEN, Kind, MAX_PAYLOAD, SYNC};

/// The slice is too small for the frame, or the payload larger than [`MAX_PAYLOAD`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

impl core::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no room for a frame of the supervisor channel")
    }
}

impl core::error::Error for NoRoom {}

/// The header of a frame whose payload is sent separately (a kernel need not copy it).
pub fn header(kind: Kind, payload_len: usize) -> Result<[u8; HEADER_LEN], NoRoom> {
    let len = u32::try_from(payload_len).ok().filter(|_| payload_len <= MAX_PAYLOAD).ok_or(NoRoom)?;
    let [l0, l1, l2, l3] = len.to_le_bytes();
    let kind = kind as u8;
    let check = SYNC[0] ^ SYNC[1] ^ kind ^ l0 ^ l1 ^ l2 ^ l3;
    Ok([SYNC[0], SYNC[1], kind, check, l0, l1, l2, l3])
}

impl Frame<'_> {
    /// What kind of frame it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hello { .. } => Kind::Hello,
            Self::Stdin(_) => Kind::Stdin,
            Self::StdinEof => Kind::StdinEof,
            Self::StdinCredit(_) => Kind::StdinCredit,
            Self::Stdout(_) => Kind::Stdout,
            Self::Stderr(_) => Kind::Stderr,
            Self::Log(_) => Kind::Log,
            Self::Signal(_) => Kind::Signal,
            Self::WindowSize(_) => Kind::WindowSize,
            Self::Exit(_) => Kind::Exit,
            Self::ExitAck => Kind::ExitAck,
            Self::ReportRequest => Kind::ReportRequest,
            Self::Report(_) => Kind::Report,
            Self::PowerOff => Kind::PowerOff,
            Self::Trace(_) => Kind::Trace,
        }
    }

    /// Writes the frame to the start of `out` and says how many bytes it took.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, NoRoom> {
        match *self {
            Self::Stdin(data)
            | Self::Stdout(data)
            | Self::Stderr(data)
            | Self::Log(data)
            | Self::Trace(data)
            | Self::Report(data) => self.put(out, &[data]),
            Self::Hello { version, stdin_credit } => {
                self.put(out, &[&version.to_le_bytes(), &stdin_credit.to_le_bytes()])
            }
            Self::StdinCredit(bytes) => self.put(out, &[&bytes.to_le_bytes()]),
            Self::Signal(signal) => self.put(out, &[&[signal]]),
            Self::WindowSize(size) => {
                let fields = [size.rows, size.columns, size.x_pixels, size.y_pixels].map(u16::to_le_bytes);
                self.put(out, &[fields.as_flattened()])
            }
            Self::Exit(exit) => self.put(out, &[&exit.to_bytes()]),
            Self::StdinEof | Self::ExitAck | Self::ReportRequest | Self::PowerOff => self.put(out, &[]),
        }
    }

    fn put(&self, out: &mut [u8], parts: &[&[u8]]) -> Result<usize, NoRoom> {
        let payload_len = parts.iter().map(|part| part.len()).sum();
        let (head, mut rest) = out.split_at_mut_checked(HEADER_LEN).ok_or(NoRoom)?;
        head.copy_from_slice(&header(self.kind(), payload_len)?);
        for part in parts {
            let (place, tail) = rest.split_at_mut_checked(part.len()).ok_or(NoRoom)?;
            place.copy_from_slice(part);
            rest = tail;
        }
        Ok(HEADER_LEN + payload_len)
    }
}

impl Exit {
    fn to_bytes(self) -> [u8; 2] {
        match self {
            Self::Exited(status) => [0, status],
            Self::Killed(signal) => [1, signal],
            Self::OutOfMemory => [2, 0],
            Self::NotStarted(status) => [3, status],
        }
    }

    pub(super) fn from_bytes(bytes: [u8; 2]) -> Option<Self> {
        match bytes {
            [0, status] => Some(Self::Exited(status)),
            [1, signal] => Some(Self::Killed(signal)),
            [2, _] => Some(Self::OutOfMemory),
            [3, status] => Some(Self::NotStarted(status)),
            _ => None,
        }
    }
}
