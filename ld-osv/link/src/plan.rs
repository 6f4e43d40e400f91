//! A [`Plan`]: what loading a program, or a library at run time, adds to the world. Phases run in this order; only
//! mapping and writing, which need addresses, are left to the one who commits.
//!
//! 1. *input*, *needed*, *layout*, *tls*: [`World::plan_program`] or [`World::plan_library`];
//! 2. commit maps [`Plan::new`] and stores each object's `base`;
//! 3. [`World::find_copies`], then [`World::relocate`] for each object, *resolve* and *reloc*: commit writes;
//! 4. constructors in [`Plan::order`], *start*.

use crate::elf::DF_STATIC_TLS;
use crate::error::Error;
use crate::world::{Files, Id, Place, Table, World};
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
}

impl<'a, T: Table> World<'a, T> {
    /// Plans a program: object 0 is in the world already. `preload` goes before everything that it needs.
    pub fn plan_program(&mut self, preload: &[Vec<u8>], files: &mut impl Files<'a>) -> Result<Plan, Error> {
        let mut roots = Vec::from([Place::Object(0)]);
        for name in preload {
            // As glibc: what cannot be preloaded is left out. The caller compares and says so.
            if let Ok(place) = self.want(name, None, files) {
                roots.push(place);
            }
        }
        let mut scope = self.load_needed(&roots, files)?;
        if !scope.contains(&Place::Table) {
            scope.push(Place::Table);
        }
        let new: Vec<Id> = (0..self.objects.len()).collect();
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
        Ok(Plan { new, scope, order })
    }

    /// Plans a library that is loaded at run time. On an error the world is as before.
    pub fn plan_library(
        &mut self,
        name: &[u8],
        caller: Option<Id>,
        files: &mut impl Files<'a>,
    ) -> Result<(Place, Plan), Error> {
        let before = self.objects.len();
        let tls = self.tls.clone();
        let result = self.try_library(name, caller, before, files);
        if result.is_err() {
            self.forget_from(before, files);
            self.tls = tls;
        }
        result
    }

    fn try_library(
        &mut self,
        name: &[u8],
        caller: Option<Id>,
        before: usize,
        files: &mut impl Files<'a>,
    ) -> Result<(Place, Plan), Error> {
        let root = self.want(name, caller, files)?;
        let scope = self.load_needed(&[root], files)?;
        let new: Vec<Id> = (before..self.objects.len()).collect();
        self.place_tls(&new, false)?;
        for id in &new {
            if let Some(loaded) = self.get_mut(*id) {
                loaded.group.clone_from(&scope);
            }
        }
        let order = self.start_order(&scope);
        Ok((root, Plan { new, scope, order }))
    }

    /// Drops the objects from `before` on: a plan that is not committed.
    pub fn forget_from(&mut self, before: usize, files: &mut impl Files<'a>) {
        for loaded in self.objects.drain(before.min(self.objects.len())..).flatten() {
            if let Some(file) = loaded.file {
                files.close(file);
            }
        }
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
