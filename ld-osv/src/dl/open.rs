//! Loading a library at run time. What fails leaves nothing behind.

use super::gaps::Policy;
use super::maps::{Change, announce};
use super::{Loading, State, order, with};
use crate::commit::{self, Later};
use crate::files::Disk;
use crate::tls;
use alloc::string::String;
use osv_link::Error;
use osv_link::elf::{DF_1_NODELETE, DF_1_NOW, DF_BIND_NOW, DF_TEXTREL};
use osv_link::plan::Plan;
use osv_link::world::{Files, Id, Loaded, Place, World};
use osv_posix::gate::{self, Sysno};

use crate::table::Libc;

/// RTLD_*.
pub const NOW: i32 = 2;
/// RTLD_*.
pub const NOLOAD: i32 = 4;
const DEEPBIND: i32 = 8;
const GLOBAL: i32 = 0x100;
const NODELETE: i32 = 0x1000;

/// Why a dlopen has no handle.
pub enum Failure {
    /// An error, for dlerror.
    Error(Error),
    /// RTLD_NOLOAD, and it is not loaded: no error.
    NotLoaded,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

/// Opens `name` for code at `caller`; returns its handle.
pub fn open(name: &[u8], mode: i32, caller: u64) -> Result<usize, Failure> {
    let _loading = Loading::begin();
    let mut disk = Disk;
    let mut later = Later::default();
    let (root, plan) = with(|state| {
        let asker = state.holding(caller).unwrap_or(0);
        if mode & NOLOAD != 0 {
            let place = state.already(name, asker, &mut disk)?.ok_or(Failure::NotLoaded)?;
            return Ok((place, Plan::default()));
        }
        let (root, plan) = state.plan_library(name, Some(asker), &mut disk)?;
        if let Err(error) = state.commit(&plan, mode, &mut later) {
            state.undo(&plan.new, &mut disk);
            return Err(Failure::Error(error));
        }
        Ok((root, plan))
    })?;
    if !plan.new.is_empty() {
        // From here on threads have its TLS: resolvers and constructors may use it.
        tls::publish(&plan.new);
        later.resolve();
        announce(Change::Add);
        with(|state| {
            for id in &plan.new {
                if let Some(loaded) = state.world.get(*id) {
                    commit::seal(loaded);
                }
                state.add_map(*id, later.take_descriptors(*id), None);
            }
            state.adds += plan.new.len() as u64;
            state.publish();
        });
        announce(Change::None);
    }
    let handle = with(|state| state.hold_open(root, mode));
    order::start(&plan.order);
    Ok(handle)
}

impl State {
    /// What `name` means among the objects that are loaded.
    fn already(&mut self, name: &[u8], asker: Id, disk: &mut Disk) -> Result<Option<Place>, Error> {
        // A library may be known by another name: the search finds the file, which tells.
        match self.world.plan_library(name, Some(asker), disk) {
            Ok((root, plan)) if plan.new.is_empty() => Ok(Some(root)),
            Ok((_, plan)) => {
                self.undo(&plan.new, disk);
                Ok(None)
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Maps and relocates new objects; what is left to do needs code to be run.
    fn commit(&mut self, plan: &Plan, mode: i32, later: &mut Later) -> Result<(), Error> {
        for id in &plan.new {
            map(&mut self.world, *id)?;
        }
        for id in plan.new.iter().rev() {
            let Some(loaded) = self.world.get_mut(*id) else { continue };
            loaded.is_deep = mode & DEEPBIND != 0;
            let base = loaded.base;
            let object = &loaded.object;
            let is_strict =
                mode & NOW != 0 || object.flags & DF_BIND_NOW != 0 || object.flags_1 & DF_1_NOW != 0;
            let held = self.world.relocate(*id, &mut Policy { is_strict }, |write| {
                later.apply(*id, base, write);
                Ok(())
            });
            let name = |world: &World<'_, Libc>| world.get(*id).map_or_else(String::new, Loaded::display);
            let held = held.map_err(|error| error.in_object(&name(&self.world)))?;
            for pin in held.pins {
                if let Some(owner) = self.world.get_mut(pin) {
                    owner.pinned = true;
                }
            }
            if let Some(loaded) = self.world.get_mut(*id) {
                loaded.binds = held.binds;
                // A musl program's libraries stay, as musl's dlclose has it: they register exit handlers without
                // saying whose they are.
                loaded.pinned |= loaded.is_musl || loaded.object.flags_1 & DF_1_NODELETE != 0;
            }
        }
        Ok(())
    }

    /// Takes objects back that were planned and perhaps mapped.
    fn undo(&mut self, new: &[Id], disk: &mut Disk) {
        for loaded in self.world.remove(new) {
            match loaded.file {
                Some(file) => disk.close(file),
                None => unmap(&loaded),
            }
        }
    }

    /// Counts an open and does what its mode asks for; returns the handle.
    fn hold_open(&mut self, root: Place, mode: i32) -> usize {
        if mode & GLOBAL != 0 {
            for place in self.world.group_of(root) {
                if !self.world.global.contains(&place) {
                    self.world.global.push(place);
                }
            }
        }
        if let Place::Object(id) = root
            && let Some(loaded) = self.world.get_mut(id)
        {
            loaded.opened += 1;
            loaded.pinned |= mode & NODELETE != 0;
        }
        self.maps.of(root).map_or(0, |map| (&raw const *map).expose_provenance())
    }
}

/// Maps a planned object, if it came as a file.
pub fn map(world: &mut World<'static, Libc>, id: Id) -> Result<(), Error> {
    let Some(loaded) = world.get_mut(id) else { return Ok(()) };
    if let Some(file) = loaded.file {
        let textrel = loaded.object.flags & DF_TEXTREL != 0;
        loaded.base =
            commit::map(&loaded.layout, file.handle, textrel).map_err(|e| e.in_object(&loaded.display()))?;
        loaded.file = None;
        // SAFETY: the descriptor is ours and done with; the read-only map stays, tables are read from it.
        unsafe { gate::call(Sysno::close, [file.handle as usize]) };
    }
    Ok(())
}

/// The mappings of an object: address and length.
pub fn mappings(loaded: &Loaded<'_>) -> [(u64, u64); 2] {
    let bytes = loaded.bytes;
    let file = (bytes.as_ptr().addr() as u64, bytes.len() as u64);
    [(loaded.base.wrapping_add(loaded.layout.start), loaded.layout.len), file]
}

fn unmap(loaded: &Loaded<'_>) {
    for (start, len) in mappings(loaded).into_iter().filter(|(_, len)| *len > 0) {
        // SAFETY: the object's own mappings, which nothing refers to yet.
        unsafe { gate::call(Sysno::munmap, [start as usize, len as usize]) };
    }
}
