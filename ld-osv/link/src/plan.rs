//! A [`Plan`]: what loading a program, or a library at run time, adds to the world. Phases run in this order; only
//! mapping and writing, which need addresses, are left to the one who commits.
//!
//! 1. *input*, *needed*, *layout*, *tls*: [`World::plan_program`] or [`World::plan_library`];
//! 2. commit maps [`Plan::new`] and stores each object's `base`;
//! 3. [`World::find_copies`], then [`World::relocate`] for each object, *resolve* and *reloc*: commit writes;
//! 4. constructors in [`Plan::order`], *start*.
//!
//! What becomes of it when it is closed is in [`close`](crate::close).

use crate::elf::{DF_1_PIE, DF_STATIC_TLS, ET_EXEC};
use crate::error::Error;
use crate::world::{Files, Id, Place, Table, World};
use alloc::string::String;
use alloc::vec::Vec;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Objects to map, in load order.
    pub new: Vec<Id>,
    /// The scope: root first, then breadth first.
    pub scope: Vec<Place>,
    /// Objects to start, in order.
    pub order: Vec<Id>,
    /// What was to be preloaded and is left out, with the reason.
    pub not_preloaded: Vec<(Vec<u8>, Error)>,
}

impl<'a, T: Table> World<'a, T> {
    /// Plans a program: object 0 is in the world already. `preload` goes before everything that it needs.
    pub fn plan_program(&mut self, preload: &[Vec<u8>], files: &mut impl Files<'a>) -> Result<Plan, Error> {
        let mut roots = Vec::from([Place::Object(0)]);
        let mut not_preloaded = Vec::new();
        for name in preload {
            // As glibc: what cannot be preloaded is left out, and said so by whoever commits.
            match self.want(name, Some(0), files) {
                Ok(place) => roots.push(place),
                Err(error) => not_preloaded.push((name.clone(), error)),
            }
        }
        let mut scope = self.load_needed(&roots, files)?;
        if !scope.contains(&Place::Table) {
            scope.push(Place::Table);
        }
        let new = core::mem::take(&mut self.fresh);
        // The executable's block lies directly below the thread pointer: local-exec code counts on it.
        self.place_tls(&new, true)?;
        self.tls.seal();
        self.global = scope.clone();
        for id in &new {
            if let Some(loaded) = self.get_mut(*id) {
                loaded.pinned = true;
            }
        }
        let order = self.start_order(&scope);
        Ok(Plan { new, scope, order, not_preloaded })
    }

    /// Plans a library that is loaded at run time. On an error the world is as before.
    pub fn plan_library(
        &mut self,
        name: &[u8],
        caller: Option<Id>,
        files: &mut impl Files<'a>,
    ) -> Result<(Place, Plan), Error> {
        self.fresh.clear();
        let result = self.try_library(name, caller, files);
        let new = core::mem::take(&mut self.fresh);
        if result.is_err() {
            for loaded in self.remove(&new) {
                if let Some(file) = loaded.file {
                    files.close(file);
                }
            }
        }
        result
    }

    fn try_library(
        &mut self,
        name: &[u8],
        caller: Option<Id>,
        files: &mut impl Files<'a>,
    ) -> Result<(Place, Plan), Error> {
        let root = self.want(name, caller, files).map_err(|error| match error {
            // Nobody but the caller asked for it, who knows.
            Error::NotFound { name, .. } => Error::NotFound { name, wanted_by: String::new() },
            other => other,
        })?;
        let scope = self.load_needed(&[root], files)?;
        let new = self.fresh.clone();
        for loaded in new.iter().filter_map(|id| self.get(*id)) {
            if loaded.object.kind == ET_EXEC || loaded.object.flags_1 & DF_1_PIE != 0 {
                return Err(Error::Executable.in_object(&loaded.display()));
            }
        }
        self.place_tls(&new, false)?;
        for id in &new {
            if let Some(loaded) = self.get_mut(*id) {
                loaded.group.clone_from(&scope);
            }
        }
        let order = self.start_order(&scope);
        Ok((root, Plan { new, scope, order, not_preloaded: Vec::new() }))
    }

    /// Gives TLS modules their numbers and, at start-up or where code demands it, static places.
    fn place_tls(&mut self, new: &[Id], at_start: bool) -> Result<(), Error> {
        for id in new {
            let Some(loaded) = self.objects.get_mut(*id).and_then(Option::as_mut) else { continue };
            if let Some(segment) = loaded.object.tls {
                let fixed = at_start || loaded.object.flags & DF_STATIC_TLS != 0;
                let module = self.tls.place(&segment, fixed).map_err(|e| e.in_object(&loaded.display()))?;
                loaded.tls = Some(module);
            }
        }
        Ok(())
    }
}
