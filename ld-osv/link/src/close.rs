//! Phase *close*: what nothing holds any longer, and how it leaves the world.
//!
//! An object stays while it is pinned (part of the program, marked NODELETE, owner of a unique symbol in use), while
//! a dlopen of it was not closed, or while one that stays needs it or has a relocation bound to it.

use crate::world::{Id, Loaded, Place, Table, World};
use alloc::vec;
use alloc::vec::Vec;

impl<'a, T: Table> World<'a, T> {
    /// The objects that nothing holds, in the order in which their destructors run: dependents first.
    pub fn unheld(&self) -> Vec<Id> {
        let mut held = vec![false; self.objects.len()];
        let mut left: Vec<Id> = self
            .iter()
            .filter(|(_, loaded)| (loaded.pinned || loaded.opened > 0) && !loaded.removed)
            .map(|(id, _)| id)
            .collect();
        while let Some(id) = left.pop() {
            let Some(loaded) = self.get(id) else { continue };
            if core::mem::replace(&mut held[id], true) {
                continue;
            }
            left.extend(loaded.binds.iter());
            left.extend(loaded.needs.iter().filter_map(|place| match place {
                Place::Object(need) => Some(*need),
                Place::Table => None,
            }));
        }
        let mut order: Vec<Id> = self.in_order();
        // What is not ready belongs to a dlopen that is not done.
        order.retain(|id| !held[*id] && self.get(*id).is_some_and(|loaded| loaded.ready));
        let scope: Vec<Place> = order.iter().map(|id| Place::Object(*id)).collect();
        let mut all = self.depth_first(&scope);
        all.reverse();
        all.retain(|id| order.contains(id));
        all
    }

    /// Takes objects out of the world and of every scope.
    pub fn remove(&mut self, gone: &[Id]) -> Vec<Loaded<'a>> {
        let mut taken = Vec::new();
        for id in gone {
            if let Some(loaded) = self.objects.get_mut(*id).and_then(Option::take) {
                if let Some(module) = loaded.tls {
                    self.tls.release(module);
                }
                taken.push(loaded);
            }
        }
        let stays = |place: &Place| !matches!(place, Place::Object(id) if gone.contains(id));
        self.global.retain(stays);
        for loaded in self.objects.iter_mut().flatten() {
            loaded.group.retain(stays);
            loaded.binds.retain(|id| !gone.contains(id));
            loaded.parent = loaded.parent.filter(|id| !gone.contains(id));
        }
        while self.objects.last().is_some_and(Option::is_none) {
            self.objects.pop();
        }
        taken
    }
}
