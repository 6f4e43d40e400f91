//! Phase *start*: in which order constructors run. Destructors run in the opposite order.

use crate::elf::DF_1_INITFIRST;
use crate::world::{Id, Place, Table, World};
use alloc::vec;
use alloc::vec::Vec;

impl<T: Table> World<'_, T> {
    /// The objects of `scope` that were not started yet, each after what it needs; a cycle is cut where it is met.
    pub fn start_order(&self, scope: &[Place]) -> Vec<Id> {
        let (mut first, rest): (Vec<Id>, Vec<Id>) = self
            .depth_first(scope)
            .into_iter()
            .filter(|id| self.get(*id).is_some_and(|loaded| !loaded.started))
            .partition(|id| self.get(*id).is_some_and(|loaded| loaded.object.flags_1 & DF_1_INITFIRST != 0));
        first.extend(rest);
        first
    }

    /// The started objects in the order in which their destructors run at exit.
    pub fn finish_order(&self) -> Vec<Id> {
        let all: Vec<Place> = self.in_order().into_iter().map(Place::Object).collect();
        let mut order = self.depth_first(&all);
        order.reverse();
        order.retain(|id| self.get(*id).is_some_and(|loaded| loaded.started));
        order
    }

    /// Every object that `roots` lead to, each after what it needs.
    pub(crate) fn depth_first(&self, roots: &[Place]) -> Vec<Id> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.objects.len()];
        // Roots last to first, so that what is asked for later, being more basic, tends to start earlier.
        for place in roots.iter().rev() {
            if let Place::Object(id) = place {
                self.visit(*id, &mut seen, &mut order);
            }
        }
        order
    }

    fn visit(&self, root: Id, seen: &mut [bool], order: &mut Vec<Id>) {
        // Depth first without recursion: a hostile chain of needs must not exhaust the stack.
        let mut stack = vec![(root, 0usize)];
        if core::mem::replace(&mut seen[root], true) {
            return;
        }
        while let Some((id, next)) = stack.pop() {
            let Some(loaded) = self.get(id) else { continue };
            // What its relocations are bound to counts as needed, too.
            let bound = next.checked_sub(loaded.needs.len()).and_then(|at| loaded.binds.get(at));
            match loaded.needs.get(next).copied().or(bound.map(|id| Place::Object(*id))) {
                Some(place) => {
                    stack.push((id, next + 1));
                    if let Place::Object(need) = place
                        && !core::mem::replace(&mut seen[need], true)
                    {
                        stack.push((need, 0));
                    }
                }
                None => order.push(id),
            }
        }
    }
}
