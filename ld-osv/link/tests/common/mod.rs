//! What the tests share: programs of the machine, a table, files, and a generator of numbers with a fixed seed.
#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses a part of this")]

pub mod library;
pub mod shelf;

use osv_link::Error;
use osv_link::hash::Name;
use osv_link::world::{File, Files, Search, Served, Table};
use std::collections::HashMap;
use std::path::Path;

/// Folders that hold libraries on the supported hosts.
pub const FOLDERS: [&str; 5] =
    ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"];

/// Reads a file that the tests cannot do without.
pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    std::fs::read(path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. These tests link real programs: install memcached, lua5.4 and sqlite3",
            path.display()
        )
    })
}

/// Reads a library that the tests cannot do without.
pub fn library(name: &str) -> Vec<u8> {
    let found = FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    read(found.unwrap_or_else(|| Path::new(FOLDERS[0]).join(name)))
}

/// A program of /usr/bin.
pub fn program(name: &str) -> Vec<u8> {
    read(Path::new("/usr/bin").join(name))
}

/// The search path of the host.
pub fn search() -> Search {
    Search {
        library_path: Vec::new(),
        default_path: Some(FOLDERS.iter().map(|folder| folder.as_bytes().to_vec()).collect()),
    }
}

/// Files by path; those of the host are read once and never freed.
#[derive(Default)]
pub struct Host {
    known: HashMap<Vec<u8>, Option<File<'static>>>,
    next: u64,
    /// Opened and not closed.
    pub open: usize,
}

impl Files<'static> for Host {
    fn open(&mut self, path: &[u8]) -> Result<Option<File<'static>>, Error> {
        let next = &mut self.next;
        let file = *self.known.entry(path.to_vec()).or_insert_with(|| {
            let bytes = std::fs::read(std::str::from_utf8(path).ok()?).ok()?;
            *next += 1;
            Some(File { bytes: bytes.leak(), identity: (1, *next), handle: 3 })
        });
        self.open += usize::from(file.is_some());
        Ok(file)
    }

    fn close(&mut self, _: File<'static>) {
        self.open -= 1;
    }
}

/// Serves nothing: every library comes from a file.
#[derive(Debug)]
pub struct NoTable;

impl Table for NoTable {
    fn serves(&self, _: &[u8]) -> bool {
        false
    }

    fn find(&self, _: &Name<'_>, _: Option<&[u8]>, _: bool) -> Option<Served> {
        None
    }
}

/// SplitMix64: small, and the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }
}
