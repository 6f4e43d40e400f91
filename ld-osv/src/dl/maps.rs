//! The list of loaded objects as debuggers and programs see it: `struct link_map` and `_r_debug` of link.h.
//!
//! A map's address is also the object's dlopen handle, as with glibc.

use super::State;
use super::index::Retired;
use crate::commit::Descriptor;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;
use osv_link::world::{Id, Place};

/// An entry of the list. The first five fields are link.h's.
#[repr(C)]
#[derive(Debug)]
pub struct LinkMap {
    base: u64,
    name: *const c_char,
    dynamic: u64,
    next: *mut LinkMap,
    prev: *mut LinkMap,
    /// What it stands for; `None` for the vDSO, which has no symbols for programs.
    pub place: Option<Place>,
    /// What `name` points to.
    text: Box<[u8]>,
    /// What the object's TLS descriptors point to.
    pub descriptors: Vec<Descriptor>,
}

impl LinkMap {
    /// A map of what lies at `base`, not in the list yet.
    pub fn new(base: u64, path: &[u8], dynamic: u64, place: Option<Place>) -> Box<LinkMap> {
        let mut text = path.to_vec();
        text.push(0);
        let text = text.into_boxed_slice();
        let name = text.as_ptr().cast();
        let descriptors = Vec::new();
        Box::new(LinkMap {
            base,
            name,
            dynamic,
            next: null_mut(),
            prev: null_mut(),
            place,
            text,
            descriptors,
        })
    }

    /// The name, which lives as long as the map.
    pub fn name(&self) -> *const c_char {
        self.name
    }

    /// The name's bytes.
    pub fn path(&self) -> &[u8] {
        self.text.strip_suffix(&[0]).unwrap_or(&self.text)
    }
}

/// Where a new map goes.
#[derive(Clone, Copy, Debug)]
pub enum Position {
    /// Before all others.
    First,
    /// Behind the first.
    Second,
    /// Behind all others.
    Last,
}

/// The list, in its order.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "a map's address is a handle")]
pub struct Maps(Vec<Box<LinkMap>>);

impl Maps {
    /// Adds a map.
    pub fn add(&mut self, map: Box<LinkMap>, position: Position) {
        let at = match position {
            Position::First => 0,
            Position::Second => self.0.len().min(1),
            Position::Last => self.0.len(),
        };
        self.0.insert(at, map);
        self.link();
    }

    /// Takes out the map of an object.
    pub fn remove(&mut self, id: Id) -> Option<Box<LinkMap>> {
        let at = self.0.iter().position(|map| map.place == Some(Place::Object(id)))?;
        let map = self.0.remove(at);
        self.link();
        Some(map)
    }

    /// The map of a place.
    pub fn of(&mut self, place: Place) -> Option<&mut LinkMap> {
        self.0.iter_mut().map(Box::as_mut).find(|map| map.place == Some(place))
    }

    /// The map that a handle is, if it is one.
    pub fn by_handle(&self, handle: usize) -> Option<&LinkMap> {
        self.0.iter().map(Box::as_ref).find(|map| core::ptr::from_ref(*map).addr() == handle)
    }

    /// The whole list.
    pub fn iter(&self) -> impl Iterator<Item = &LinkMap> {
        self.0.iter().map(Box::as_ref)
    }

    fn link(&mut self) {
        let mut prev: *mut LinkMap = null_mut();
        for index in 0..self.0.len() {
            let this = &raw mut *self.0[index];
            // SAFETY: boxes of this list; `prev` is the one before.
            unsafe {
                (*this).prev = prev;
                (*this).next = null_mut();
                if !prev.is_null() {
                    (*prev).next = this;
                }
            }
            prev = this;
        }
        let first = self.0.first_mut().map_or(null_mut(), |map| &raw mut **map);
        // SAFETY: a word, written under the state lock; debuggers read it while the program stands still.
        change(|debug| unsafe { (&raw mut (*debug).map).write_volatile(first) });
    }
}

/// `struct r_debug`.
#[repr(C)]
#[derive(Debug)]
pub struct Debug {
    version: i32,
    map: *mut LinkMap,
    brk: usize,
    state: i32,
    ldbase: usize,
}

/// Where debuggers find the list: DT_DEBUG of the executable leads here, or this name does.
#[unsafe(export_name = "_r_debug")]
pub static mut DEBUG: Debug = Debug { version: 1, map: null_mut(), brk: 0, state: 0, ldbase: 0 };

/// Debuggers stop here when the list changes.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn _dl_debug_state() {
    // SAFETY: no instruction; without it the call would be optimised away.
    unsafe { core::arch::asm!("", options(nomem, nostack, preserves_flags)) };
}

/// What is about to happen to the list: `r_state`.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Nothing: it is whole.
    None = 0,
    /// Something is added.
    Add = 1,
    /// Something is taken out.
    Delete = 2,
}

/// Tells a debugger.
pub fn announce(what: Change) {
    // SAFETY: a word that only debuggers read.
    change(|debug| unsafe { (&raw mut (*debug).state).write_volatile(what as i32) });
    _dl_debug_state();
}

/// The address of `_r_debug`.
pub fn address() -> u64 {
    (&raw const DEBUG).expose_provenance() as u64
}

/// The program's own copy of `_r_debug`, or `_r_debug`: what programs see.
static SHOWN: AtomicPtr<Debug> = AtomicPtr::new(&raw mut DEBUG);

/// The address that DT_DEBUG leads to.
pub fn address_to_show() -> u64 {
    SHOWN.load(Relaxed).expose_provenance() as u64
}

/// Changes `_r_debug` and the program's copy.
fn change(change: impl Fn(*mut Debug)) {
    change(&raw mut DEBUG);
    let shown = SHOWN.load(Relaxed);
    if shown != &raw mut DEBUG {
        change(shown);
    }
}

/// Fills in what does not change.
///
/// # Safety
/// Called once at start-up; a `Debug` lies at `shown`, which may be the original.
pub unsafe fn begin(own: usize, shown: u64) {
    SHOWN.store(crate::commit::pointer(shown), Relaxed);
    change(|debug| {
        // SAFETY: both are whole, and nobody else writes them.
        unsafe {
            (*debug).version = 1;
            (*debug).brk = (_dl_debug_state as *const ()).expose_provenance();
            (*debug).ldbase = own;
        }
    });
}

impl State {
    /// Makes the map of an object, at the end of the list.
    pub fn add_map(&mut self, id: Id, descriptors: Vec<Descriptor>, name: Option<&[u8]>) {
        let Some(loaded) = self.world.get(id) else { return };
        let dynamic = loaded.base.wrapping_add(loaded.object.dynamic);
        let path = name.unwrap_or(&loaded.path);
        let mut map = LinkMap::new(loaded.base, path, dynamic, Some(Place::Object(id)));
        map.descriptors = descriptors;
        self.maps.add(map, Position::Last);
    }

    /// Takes the map of an object out of the list.
    pub fn remove_map(&mut self, id: Id) {
        if let Some(map) = self.maps.remove(id) {
            self.retire(Retired::Map(map));
        }
    }
}
