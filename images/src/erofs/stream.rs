//! The blocks of an image on their way out, and the name that they give it.

use super::{BLOCK, seal};
use crate::error::{Error, Result};
use osv_abi::boot::Id;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// How much is written at once.
const CHUNK: usize = 1 << 20;

/// Blocks behind the metadata, in order.
pub(super) struct Stream<'o, W> {
    out: &'o mut W,
    path: &'o Path,
    buffer: Vec<u8>,
    print: Print,
}

impl<'o, W: Write + Seek> Stream<'o, W> {
    /// Starts behind `metadata` bytes, which come last.
    pub(super) fn new(out: &'o mut W, path: &'o Path, metadata: u64) -> Result<Self> {
        let mut stream = Self { out, path, buffer: Vec::with_capacity(2 * CHUNK), print: Print::new() };
        stream.seek(metadata)?;
        Ok(stream)
    }

    fn seek(&mut self, to: u64) -> Result<()> {
        let sought = self.out.seek(SeekFrom::Start(to));
        sought.map(drop).map_err(|error| Error::io("write", self.path, error))
    }

    /// The next bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(CHUNK) {
            self.buffer.extend_from_slice(piece);
            self.drain(CHUNK)?;
        }
        Ok(())
    }

    /// The next bytes: those of the host's file `from`, of which there were `len` when we looked.
    pub(super) fn copy(&mut self, from: &Path, len: u64) -> Result<()> {
        let read = |error| Error::io("read", from, error);
        let mut file = File::open(from).map_err(read)?;
        let mut left = len;
        loop {
            // One byte more than there should be shows whether it grew.
            let want = left.saturating_add(1).min(CHUNK as u64);
            let got = Read::by_ref(&mut file).take(want).read_to_end(&mut self.buffer).map_err(read)? as u64;
            if got > left || got == 0 && left > 0 {
                return Err(Error::Changed { path: from.into() });
            }
            left -= got;
            self.drain(CHUNK)?;
            if got == 0 {
                return Ok(());
            }
        }
    }

    /// Zeros up to the next block.
    pub(super) fn fill_block(&mut self) -> Result<()> {
        // What was written already was whole blocks.
        self.buffer.resize(self.buffer.len().next_multiple_of(BLOCK as usize), 0);
        self.drain(CHUNK)
    }

    /// Writes whole blocks out once there are `enough` bytes.
    fn drain(&mut self, enough: usize) -> Result<()> {
        if self.buffer.len() < enough {
            return Ok(());
        }
        let whole = self.buffer.len() - self.buffer.len() % BLOCK as usize;
        self.print.add(&self.buffer[..whole]);
        let written = self.out.write_all(&self.buffer[..whole]);
        written.map_err(|error| Error::io("write", self.path, error))?;
        self.buffer.drain(..whole);
        Ok(())
    }

    /// Writes the rest, and the metadata with the image's name in it.
    pub(super) fn finish(mut self, metadata: &mut [u8]) -> Result<Id> {
        self.drain(0)?;
        self.print.add(metadata);
        let id = self.print.id();
        seal(&mut metadata[..BLOCK as usize], id);
        self.seek(0)?;
        let written = self.out.write_all(metadata).and_then(|()| self.out.flush());
        written.map_err(|error| Error::io("write", self.path, error))?;
        Ok(id)
    }
}

/// A fingerprint of whole blocks: tells images apart, and proves nothing to anybody who means harm.
struct Print {
    lanes: [u64; 2],
}

impl Print {
    const PRIMES: [u64; 2] = [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f];

    const fn new() -> Self {
        Self { lanes: Self::PRIMES }
    }

    fn add(&mut self, bytes: &[u8]) {
        let [mut a, mut b] = self.lanes;
        for pair in bytes.chunks_exact(16) {
            let word = |at: usize| pair[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            a = (a ^ word(0)).wrapping_mul(Self::PRIMES[0]).rotate_left(29);
            b = (b ^ word(8)).wrapping_mul(Self::PRIMES[1]).rotate_left(31).wrapping_add(a);
        }
        self.lanes = [a, b];
    }

    /// As a UUID of version 8, which is for such things.
    fn id(&self) -> Id {
        let mix = |mut value: u64| {
            for prime in Self::PRIMES {
                value = (value ^ value >> 32).wrapping_mul(prime);
            }
            value ^ value >> 29
        };
        let (a, b) = (mix(self.lanes[0] ^ self.lanes[1].rotate_left(17)), mix(self.lanes[1]));
        let mut id = [0; 16];
        id[..8].copy_from_slice(&a.to_le_bytes());
        id[8..].copy_from_slice(&b.to_le_bytes());
        id[6] = id[6] & 0x0f | 0x80;
        id[8] = id[8] & 0x3f | 0x80;
        Id(id)
    }
}
