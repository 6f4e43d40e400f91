//! The table for who looks names up at every start of a program: names, kinds and versions, found by hash.
//!
//! There is not one pointer in it. [`ROWS`](super::ROWS) has some nine thousand, each of which a position-independent
//! object relocates whenever it is started, on pages that it then has for itself alone; this part of ld-osv stays
//! as the file has it. Everything is made from the rows at compile time.

use super::passing::{self, Passing};
use super::{CONCATENATED, COUNT, Kind, Symbol};

/// A row, by places in the arrays below.
#[derive(Clone, Copy)]
struct Entry {
    name_at: u16,
    versions_at: u16,
    name_len: u8,
    version_count: u8,
    kind: Kind,
    is_math: bool,
}

/// A version's place in [`TEXT`].
#[derive(Clone, Copy)]
struct Version {
    at: u16,
    len: u8,
}

/// A row of the table, by its index in [`ROWS`](super::ROWS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row(usize);

/// How many rows there are.
pub const ROWS: usize = COUNT;
/// Slots of the hash table: a power of two, three quarters of it empty.
const SLOTS: usize = (COUNT * 3).next_power_of_two();
/// The libc family has some forty versions.
const MOST_VERSIONS: usize = 128;

const TEXT_LEN: usize = text_len(&CONCATENATED);
const REFERENCES: usize = references(&CONCATENATED);

/// Row + 1 in each slot, 0 in an empty one. What does not find its slot free takes the next free one.
static TABLE: [u16; SLOTS] = slots(&CONCATENATED);
static ENTRIES: [Entry; COUNT] = PACKED.entries;
static TEXT: [u8; TEXT_LEN] = PACKED.text;
/// Versions of all rows, row after row.
static USED_VERSIONS: [u8; REFERENCES] = PACKED.references;
static VERSIONS: [Version; MOST_VERSIONS] = PACKED.versions;

/// The hash of DT_GNU_HASH.
#[must_use]
pub const fn gnu_hash(name: &[u8]) -> u32 {
    let mut hash: u32 = 5381;
    let mut at = 0;
    while at < name.len() {
        hash = hash.wrapping_mul(33).wrapping_add(name[at] as u32);
        at += 1;
    }
    hash
}

/// The row of a name with this [`gnu_hash`].
#[must_use]
pub fn find(hash: u32, name: &[u8]) -> Option<Row> {
    let mut slot = hash as usize % SLOTS;
    loop {
        let row = Row(usize::from(TABLE[slot]).checked_sub(1)?);
        if row.name() == name {
            return Some(row);
        }
        slot = (slot + 1) % SLOTS;
    }
}

impl Row {
    /// Every row, in the order of [`ROWS`](super::ROWS).
    pub fn all() -> impl Iterator<Item = Row> {
        (0..COUNT).map(Row)
    }

    /// The row at this place in [`ROWS`](super::ROWS).
    #[must_use]
    pub fn at(number: usize) -> Option<Row> {
        (number < COUNT).then_some(Row(number))
    }

    /// Its place in [`ROWS`](super::ROWS).
    #[must_use]
    pub fn number(self) -> usize {
        self.0
    }

    /// The name that programs import.
    #[must_use]
    pub fn name(self) -> &'static [u8] {
        let Entry { name_at, name_len, .. } = ENTRIES[self.0];
        text(name_at, name_len)
    }

    /// The name as text: identifiers of C are.
    #[must_use]
    pub fn text(self) -> &'static str {
        core::str::from_utf8(self.name()).unwrap_or_default()
    }

    /// Function or datum.
    #[must_use]
    pub fn kind(self) -> Kind {
        ENTRIES[self.0].kind
    }

    /// How the function that it names takes its arguments.
    #[must_use]
    pub fn passing(self) -> Passing {
        passing::of_name(self.text(), ENTRIES[self.0].is_math)
    }

    /// glibc's symbol versions, oldest first.
    pub fn versions(self) -> impl Iterator<Item = &'static [u8]> {
        let Entry { versions_at, version_count, .. } = ENTRIES[self.0];
        let at = usize::from(versions_at);
        USED_VERSIONS[at..at + usize::from(version_count)].iter().map(|&version| {
            let Version { at, len } = VERSIONS[usize::from(version)];
            text(at, len)
        })
    }
}

fn text(at: u16, len: u8) -> &'static [u8] {
    &TEXT[usize::from(at)..usize::from(at) + usize::from(len)]
}

struct Packed {
    entries: [Entry; COUNT],
    text: [u8; TEXT_LEN],
    references: [u8; REFERENCES],
    versions: [Version; MOST_VERSIONS],
}

const PACKED: Packed = pack(&CONCATENATED);

/// Bytes that the text takes at most: each name, and room for as many versions as there may be.
const fn text_len(rows: &[Symbol]) -> usize {
    let (mut len, mut row) = (MOST_VERSIONS * 16, 0);
    while row < rows.len() {
        len += rows[row].name.len();
        row += 1;
    }
    assert!(len <= u16::MAX as usize);
    len
}

const fn references(rows: &[Symbol]) -> usize {
    let (mut count, mut row) = (0, 0);
    while row < rows.len() {
        count += rows[row].versions.len();
        row += 1;
    }
    assert!(count <= u16::MAX as usize);
    count
}

const fn slots(rows: &[Symbol]) -> [u16; SLOTS] {
    let mut table = [0; SLOTS];
    let mut row = 0;
    while row < rows.len() {
        let mut slot = gnu_hash(rows[row].name.as_bytes()) as usize % SLOTS;
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        row += 1;
        table[slot] = row as u16;
    }
    table
}

const fn pack(rows: &[Symbol]) -> Packed {
    let blank =
        Entry { name_at: 0, versions_at: 0, name_len: 0, version_count: 0, kind: Kind::Func, is_math: false };
    let mut packed = Packed {
        entries: [blank; COUNT],
        text: [0; TEXT_LEN],
        references: [0; REFERENCES],
        versions: [Version { at: 0, len: 0 }; MOST_VERSIONS],
    };
    let (mut end, mut used, mut known, mut row) = (0, 0, 0, 0);
    while row < rows.len() {
        let Symbol { name, area, kind, versions, .. } = rows[row];
        assert!(name.len() <= u8::MAX as usize && versions.len() <= u8::MAX as usize);
        packed.entries[row] = Entry {
            name_at: end as u16,
            versions_at: used as u16,
            name_len: name.len() as u8,
            version_count: versions.len() as u8,
            kind,
            is_math: matches!(area.as_bytes(), b"math"),
        };
        end = append(&mut packed.text, end, name.as_bytes());
        let mut version = 0;
        while version < versions.len() {
            let wanted = versions[version].as_bytes();
            let mut number = 0;
            while number < known && !says(&packed, number, wanted) {
                number += 1;
            }
            if number == known {
                packed.versions[number] = Version { at: end as u16, len: wanted.len() as u8 };
                end = append(&mut packed.text, end, wanted);
                known += 1;
            }
            packed.references[used] = number as u8;
            used += 1;
            version += 1;
        }
        row += 1;
    }
    packed
}

const fn append(text: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let (_, room) = text.split_at_mut(at);
    let (to, _) = room.split_at_mut(bytes.len());
    to.copy_from_slice(bytes);
    at + bytes.len()
}

const fn says(packed: &Packed, version: usize, wanted: &[u8]) -> bool {
    let Version { at, len } = packed.versions[version];
    if len as usize != wanted.len() {
        return false;
    }
    let mut index = 0;
    while index < wanted.len() {
        if packed.text[at as usize + index] != wanted[index] {
            return false;
        }
        index += 1;
    }
    true
}
