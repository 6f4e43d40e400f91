//! The two hash tables by which an object finds its own symbols by name.

use crate::elf::{u32_at, u64_at};
use crate::error::Error;
use crate::image::Image;

/// A name with its hashes, computed once for a whole scope.
#[derive(Clone, Copy, Debug)]
pub struct Name<'n> {
    /// The name.
    pub bytes: &'n [u8],
    gnu: u32,
    sysv: u32,
}

impl<'n> Name<'n> {
    /// Hashes a name.
    pub fn new(bytes: &'n [u8]) -> Self {
        Name { bytes, gnu: crate::elf::gnu_hash(bytes), sysv: crate::elf::sysv_hash(bytes) }
    }

    /// Its hash in DT_GNU_HASH.
    pub fn gnu(&self) -> u32 {
        self.gnu
    }
}

/// An object's hash table.
#[derive(Clone, Copy, Debug)]
pub enum Hash<'a> {
    /// DT_GNU_HASH.
    Gnu {
        /// Words of the Bloom filter.
        bloom: &'a [u8],
        /// Second hash's shift.
        shift: u32,
        /// Buckets.
        buckets: &'a [u8],
        /// Index of the first symbol that is hashed.
        first: u32,
        /// Chains, to the end of the segment.
        chains: &'a [u8],
    },
    /// DT_HASH.
    Sysv {
        /// Buckets.
        buckets: &'a [u8],
        /// Chains.
        chains: &'a [u8],
    },
    /// Neither: defines nothing.
    None,
}

impl<'a> Hash<'a> {
    /// Reads whichever table there is, the GNU one first.
    pub fn of(image: &Image<'a>, gnu: Option<u64>, sysv: Option<u64>) -> Result<Self, Error> {
        if let Some(vaddr) = gnu {
            return Self::gnu(image.tail(vaddr).unwrap_or(&[])).ok_or(Error::Truncated("GNU hash table"));
        }
        if let Some(vaddr) = sysv {
            return Self::sysv(image.tail(vaddr).unwrap_or(&[])).ok_or(Error::Truncated("hash table"));
        }
        Ok(Hash::None)
    }

    fn gnu(table: &'a [u8]) -> Option<Self> {
        let buckets = u32_at(table, 0)? as usize;
        let words = u32_at(table, 8)? as usize;
        let shift = u32_at(table, 12)?;
        let bloom_end = words.checked_mul(8)?.checked_add(16)?;
        let buckets_end = buckets.checked_mul(4)?.checked_add(bloom_end)?;
        if !words.is_power_of_two() || shift >= 32 {
            return None;
        }
        Some(Hash::Gnu {
            bloom: table.get(16..bloom_end)?,
            shift,
            buckets: table.get(bloom_end..buckets_end)?,
            first: u32_at(table, 4)?,
            chains: table.get(buckets_end..)?,
        })
    }

    fn sysv(table: &'a [u8]) -> Option<Self> {
        let buckets = (u32_at(table, 0)? as usize).checked_mul(4)?.checked_add(8)?;
        let chains = (u32_at(table, 4)? as usize).checked_mul(4)?.checked_add(buckets)?;
        Some(Hash::Sysv { buckets: table.get(8..buckets)?, chains: table.get(buckets..chains)? })
    }

    /// Whether the filter lets the name pass: most objects of a scope are ruled out by this alone.
    #[inline]
    pub fn may_hold(&self, name: &Name<'_>) -> bool {
        let Hash::Gnu { bloom, shift, .. } = self else { return true };
        let word = (name.gnu as usize / 64) & (bloom.len() / 8).wrapping_sub(1);
        let mask = 1u64 << (name.gnu % 64) | 1u64 << ((name.gnu >> shift) % 64);
        u64_at(bloom, word * 8).is_some_and(|bits| bits & mask == mask)
    }

    /// Indices of symbols that may have this name; the caller compares. Ends on every input.
    pub fn candidates(&self, name: &Name<'_>) -> Candidates<'a> {
        match *self {
            Hash::Gnu { bloom, shift, buckets, first, chains } => {
                let words = bloom.len() / 8;
                let word = (name.gnu as usize / 64) & words.wrapping_sub(1);
                let mask = 1u64 << (name.gnu % 64) | 1u64 << ((name.gnu >> shift) % 64);
                let next = match u64_at(bloom, word * 8) {
                    Some(bits) if bits & mask == mask && !buckets.is_empty() => {
                        let bucket = name.gnu as usize % (buckets.len() / 4);
                        u32_at(buckets, bucket * 4).filter(|index| *index >= first)
                    }
                    _ => None,
                };
                Candidates { next, hash: name.gnu, first, chains, gnu: true, left: chains.len() / 4 }
            }
            Hash::Sysv { buckets, chains } => {
                let next = match buckets.len() / 4 {
                    0 => None,
                    count => u32_at(buckets, name.sysv as usize % count * 4).filter(|index| *index != 0),
                };
                Candidates { next, hash: name.sysv, first: 0, chains, gnu: false, left: chains.len() / 4 }
            }
            Hash::None => Candidates { next: None, hash: 0, first: 0, chains: &[], gnu: false, left: 0 },
        }
    }

    /// One more than the highest symbol index that the table reaches.
    pub fn symbol_count(&self) -> u32 {
        match *self {
            Hash::Gnu { buckets, first, chains, .. } => {
                let last = (0..buckets.len() / 4).filter_map(|b| u32_at(buckets, b * 4)).max().unwrap_or(0);
                let mut index = match last.checked_sub(first) {
                    Some(index) => index as usize,
                    None => return first,
                };
                while u32_at(chains, index.saturating_mul(4)).is_some_and(|hash| hash & 1 == 0) {
                    index += 1;
                }
                first.saturating_add(index as u32).saturating_add(1)
            }
            Hash::Sysv { chains, .. } => (chains.len() / 4) as u32,
            Hash::None => 0,
        }
    }
}

/// See [`Hash::candidates`].
#[derive(Debug)]
pub struct Candidates<'a> {
    next: Option<u32>,
    hash: u32,
    first: u32,
    chains: &'a [u8],
    gnu: bool,
    left: usize,
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            let index = self.next.take()?;
            // A chain has at most as many links as the table has entries: what is longer is a loop.
            self.left = self.left.checked_sub(1)?;
            if !self.gnu {
                self.next = u32_at(self.chains, index as usize * 4).filter(|next| *next != 0);
                return Some(index);
            }
            let link = u32_at(self.chains, (index - self.first) as usize * 4)?;
            if link & 1 == 0 {
                self.next = index.checked_add(1);
            }
            if (link ^ self.hash) >> 1 == 0 {
                return Some(index);
            }
        }
    }
}
