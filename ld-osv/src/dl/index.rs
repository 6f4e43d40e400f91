//! Which object holds an address, and what an unwinder needs of it, without a lock.
//!
//! An unwinder may run in a signal handler, or while another thread is in the middle of a dlopen whose constructor
//! waits for it. So each change publishes a new, immutable [`Index`]; readers count themselves in and out; what an
//! older index refers to (itself, maps, mappings) is given back when there was a moment without readers.

use super::maps::LinkMap;
use super::{State, with};
use crate::commit::pointer;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};
use osv_link::elf::{self, Phdr};
use osv_link::world::Place;
use osv_posix::gate::{self, Sysno};

/// `struct dl_phdr_info`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PhdrInfo {
    /// Load bias.
    pub base: u64,
    /// Path; empty for the program.
    pub name: *const c_char,
    /// Program headers.
    pub phdr: u64,
    /// How many.
    pub phnum: u16,
    /// Objects loaded since start-up.
    pub adds: u64,
    /// Objects unloaded since start-up.
    pub subs: u64,
    /// TLS module, 0 without.
    pub tls_module: usize,
    /// The calling thread's block, if it has one already.
    pub tls_data: *mut c_void,
}

/// One object.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// First address of its mappings.
    pub start: u64,
    /// The address behind them.
    pub end: u64,
    /// What dl_iterate_phdr says of it.
    pub info: PhdrInfo,
    /// Its map.
    pub map: *const LinkMap,
    /// PT_GNU_EH_FRAME's address, 0 without.
    pub unwind: u64,
}

/// All objects.
#[derive(Debug)]
pub struct Index {
    /// In the order of loading; ld-osv itself last.
    pub entries: Vec<Entry>,
    /// Positions in `entries`, by address.
    sorted: Vec<usize>,
}

impl Index {
    /// The object that holds `address`.
    pub fn find(&self, address: u64) -> Option<&Entry> {
        let at = self.sorted.partition_point(|at| self.entries[*at].start <= address);
        let entry = &self.entries[self.sorted[at.checked_sub(1)?]];
        (address < entry.end).then_some(entry)
    }
}

/// An object that is none of the world's: ld-osv itself, the vDSO.
#[derive(Clone, Copy, Debug)]
pub struct Foreign {
    /// Load bias.
    pub base: u64,
    /// First address of its mappings.
    start: u64,
    end: u64,
    phdr: u64,
    phnum: u16,
    unwind: u64,
    /// Address of its dynamic section.
    pub dynamic: u64,
}

static CURRENT: AtomicPtr<Index> = AtomicPtr::new(null_mut());
static READERS: AtomicUsize = AtomicUsize::new(0);
static IS_DUE: AtomicBool = AtomicBool::new(false);

/// A reader's hold on the index.
#[derive(Debug)]
pub struct Reader(&'static Index);

static EMPTY: Index = Index { entries: Vec::new(), sorted: Vec::new() };

// SAFETY: an index is immutable, its pointers lead to immutable maps.
unsafe impl Sync for Index {}

/// Begins to read. What the index refers to stays until the reader goes.
pub fn read() -> Reader {
    READERS.fetch_add(1, SeqCst);
    // SAFETY: an index is dropped only after a moment without readers that came after its successor.
    Reader(unsafe { CURRENT.load(SeqCst).as_ref() }.unwrap_or(&EMPTY))
}

impl core::ops::Deref for Reader {
    type Target = Index;

    fn deref(&self) -> &Index {
        self.0
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        READERS.fetch_sub(1, SeqCst);
    }
}

/// What readers of an older index may still use.
#[derive(Debug)]
pub enum Retired {
    /// The index.
    Index(#[expect(dead_code, reason = "kept for its drop")] Box<Index>),
    /// A map that is out of the list.
    Map(#[expect(dead_code, reason = "kept for its drop")] Box<LinkMap>),
    /// A mapping: address, length.
    Memory(u64, u64),
}

/// Gives back what waited for the last reader. Not for signal handlers.
pub fn reclaim() {
    if IS_DUE.load(SeqCst) && READERS.load(SeqCst) == 0 {
        with(State::reclaim);
    }
}

impl State {
    /// Gives `what` back when nobody reads an index any more that could lead to it.
    pub fn retire(&mut self, what: Retired) {
        self.retired.push(what);
        IS_DUE.store(true, SeqCst);
    }

    fn reclaim(&mut self) {
        if READERS.load(SeqCst) != 0 {
            return;
        }
        IS_DUE.store(false, SeqCst);
        for what in self.retired.drain(..) {
            if let Retired::Memory(start, len) = what {
                // SAFETY: an unloaded object's, which nothing refers to any more.
                unsafe { gate::call(Sysno::munmap, [start as usize, len as usize]) };
            }
        }
    }

    /// Publishes the index of what is loaded now.
    pub fn publish(&mut self) {
        let mut entries = Vec::new();
        let counts = (self.adds, self.subs);
        for id in self.world.in_order() {
            let Some(loaded) = self.world.get(id).filter(|loaded| loaded.ready) else { continue };
            let Some(map) = self.maps.iter().find(|map| map.place == Some(Place::Object(id))) else {
                continue;
            };
            let unwind = loaded.object.phdrs.iter().find(|phdr| phdr.kind == elf::PT_GNU_EH_FRAME);
            let start = loaded.base.wrapping_add(loaded.layout.start);
            entries.push(Entry {
                start,
                end: start + loaded.layout.len,
                info: PhdrInfo {
                    base: loaded.base,
                    name: if id == 0 { c"".as_ptr() } else { map.name() },
                    phdr: loaded.object.phdrs_at().map_or(0, |at| loaded.base.wrapping_add(at)),
                    phnum: loaded.object.phdrs.len() as u16,
                    adds: counts.0,
                    subs: counts.1,
                    tls_module: loaded.tls.map_or(0, |module| module.number),
                    tls_data: null_mut(),
                },
                map,
                unwind: unwind.map_or(0, |phdr| loaded.base.wrapping_add(phdr.vaddr)),
            });
        }
        for (foreign, place) in [(Foreign::vdso(), None), (Foreign::own(), Some(Place::Table))] {
            let map = self.maps.iter().find(|map| map.place == place);
            if let (Some(foreign), Some(map)) = (foreign, map) {
                let entry = foreign.entry(map, counts);
                // glibc lists the vDSO right behind the program.
                entries.insert(if place.is_none() { entries.len().min(1) } else { entries.len() }, entry);
            }
        }
        let mut sorted: Vec<usize> = (0..entries.len()).collect();
        sorted.sort_by_key(|at| entries[*at].start);
        let new = Box::into_raw(Box::new(Index { entries, sorted }));
        let old = CURRENT.swap(new, SeqCst);
        if !old.is_null() {
            // SAFETY: an index that was published came from a box, and is published once.
            self.retire(Retired::Index(unsafe { Box::from_raw(old) }));
        }
        self.reclaim();
    }
}

static OWN: AtomicPtr<Foreign> = AtomicPtr::new(null_mut());
static VDSO: AtomicPtr<Foreign> = AtomicPtr::new(null_mut());

impl Foreign {
    /// Reads the headers at `at`.
    ///
    /// # Safety
    /// A whole ELF image lies there and stays.
    unsafe fn of(at: usize) -> Option<Foreign> {
        // SAFETY: the caller's promise.
        let header: &[u8] = unsafe { core::slice::from_raw_parts(pointer(at as u64), 64) };
        let (phoff, phnum) = (elf::u64_at(header, 32)?, elf::u16_at(header, 56)?);
        let phdr = at as u64 + phoff;
        // SAFETY: as above; the headers lie in the first segment.
        let table: &[u8] =
            unsafe { core::slice::from_raw_parts(pointer(phdr), usize::from(phnum) * Phdr::SIZE) };
        let phdrs: Vec<Phdr> =
            (0..usize::from(phnum)).filter_map(|index| Phdr::read(table, index * Phdr::SIZE)).collect();
        let loads = || phdrs.iter().filter(|phdr| phdr.kind == elf::PT_LOAD);
        let first = loads().map(|load| elf::align_down(load.vaddr, elf::PAGE)).min()?;
        let end = loads().map(|load| load.vaddr + load.memsz).max()?;
        let base = (at as u64).wrapping_sub(first);
        let address = |kind| {
            phdrs.iter().find(|phdr| phdr.kind == kind).map_or(0, |phdr| base.wrapping_add(phdr.vaddr))
        };
        Some(Foreign {
            base,
            start: at as u64,
            end: base + elf::align_up(end, elf::PAGE)?,
            phdr,
            phnum,
            unwind: address(elf::PT_GNU_EH_FRAME),
            dynamic: address(elf::PT_DYNAMIC),
        })
    }

    fn entry(&self, map: &LinkMap, (adds, subs): (u64, u64)) -> Entry {
        Entry {
            start: self.start,
            end: self.end,
            info: PhdrInfo {
                base: self.base,
                name: map.name(),
                phdr: self.phdr,
                phnum: self.phnum,
                adds,
                subs,
                tls_module: 0,
                tls_data: null_mut(),
            },
            map,
            unwind: self.unwind,
        }
    }

    /// ld-osv.
    pub fn own() -> Option<&'static Foreign> {
        // SAFETY: a leaked box.
        unsafe { OWN.load(SeqCst).as_ref() }
    }

    /// The kernel's shared object, if it maps one.
    pub fn vdso() -> Option<&'static Foreign> {
        // SAFETY: a leaked box.
        unsafe { VDSO.load(SeqCst).as_ref() }
    }
}

/// Notes where ld-osv and the vDSO lie.
///
/// # Safety
/// Called once at start-up; `vdso` is the kernel's word, 0 when there is none.
pub unsafe fn begin(own: usize, vdso: usize) {
    for (at, slot) in [(own, &OWN), (vdso, &VDSO)] {
        // SAFETY: the caller's promise.
        if let Some(foreign) = (at != 0).then(|| unsafe { Foreign::of(at) }).flatten() {
            slot.store(Box::into_raw(Box::new(foreign)), SeqCst);
        }
    }
}
