//! Names of a directory in RAM, over those of a lower directory.

use super::node::Node;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use hashbrown::HashMap;
use osv_base::Res;
use osv_vfs::inode::DirEntry;
use osv_vfs::{Inode, Kind, names};

/// Positions of a listing from here on are those of our own names where there is a lower directory; below, the lower
/// one's, which therefore must not have a lower one itself.
const OWN: u64 = 1 << 61;

/// What a name leads to.
enum Child {
    /// Nothing: the lower directory's name was removed.
    Whiteout,
    /// A node made for the lower directory's name.
    Lower(Arc<Node>),
    /// A node of our own, listed at this position.
    Own(Arc<Node>, u64),
}

/// The names.
#[derive(Default)]
pub(super) struct Names {
    children: HashMap<Arc<[u8]>, Child>,
    order: BTreeMap<u64, Arc<[u8]>>,
    next: u64,
    lower: Option<Arc<dyn Inode>>,
}

impl Names {
    /// Starts as the lower directory `lower`.
    pub(super) fn of_lower(lower: Arc<dyn Inode>) -> Names {
        Names { lower: Some(lower), ..Names::default() }
    }

    /// The node called `name`; `make` makes one of a lower inode.
    pub(super) fn get(
        &mut self,
        name: &[u8],
        make: impl FnOnce(Arc<dyn Inode>) -> Res<Arc<Node>>,
    ) -> Res<Option<Arc<Node>>> {
        match self.children.get(name) {
            Some(Child::Whiteout) => return Ok(None),
            Some(Child::Lower(node) | Child::Own(node, _)) => return Ok(Some(node.clone())),
            None => {}
        }
        let Some(lower) = &self.lower else { return Ok(None) };
        let found = match lower.lookup(name) {
            Err(fail) if fail == osv_base::Errno::ENOENT.into() => return Ok(None),
            other => other?,
        };
        let node = make(found)?;
        self.children.insert(name.into(), Child::Lower(node.clone()));
        Ok(Some(node))
    }

    /// Gives `node` the name, which is free or will be replaced.
    pub(super) fn put(&mut self, name: &[u8], node: Arc<Node>) {
        if let Some(Child::Own(_, position)) = self.children.get(name) {
            self.order.remove(position);
        }
        let name: Arc<[u8]> = name.into();
        self.next += 1;
        self.order.insert(self.next, name.clone());
        self.children.insert(name, Child::Own(node, self.next));
    }

    /// Takes the name away.
    pub(super) fn remove(&mut self, name: &[u8]) {
        let hides = self.lower.as_ref().is_some_and(|lower| lower.lookup(name).is_ok());
        if let Some(Child::Own(_, position)) = names::remove(&mut self.children, name) {
            self.order.remove(&position);
        }
        if hides {
            self.children.insert(name.into(), Child::Whiteout);
        }
    }

    /// Whether there is no name.
    pub(super) fn is_empty(&self) -> bool {
        let mut empty = self.order.is_empty();
        if let (true, Some(lower)) = (empty, &self.lower) {
            let listed = lower.list(0, &mut |entry| {
                empty = matches!(self.children.get(entry.name), Some(Child::Whiteout));
                empty
            });
            empty &= listed.is_ok();
        }
        empty
    }

    /// See [`Inode::list`].
    pub(super) fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        let mut more = true;
        let own = if self.lower.is_some() { OWN } else { 0 };
        if let (true, Some(lower)) = (from < OWN, &self.lower) {
            lower.list(from, &mut |entry| {
                if matches!(self.children.get(entry.name), Some(Child::Whiteout | Child::Own(..))) {
                    return true;
                }
                more = emit(entry);
                more
            })?;
        }
        if !more {
            return Ok(());
        }
        for (&position, name) in self.order.range(from.saturating_sub(own)..) {
            let Some(Child::Own(node, _)) = self.children.get(name) else { continue };
            let (kind, ino): (Kind, u64) = (node.kind(), node.ino());
            if !emit(DirEntry { ino, kind, next: own + position + 1, name }) {
                break;
            }
        }
        Ok(())
    }
}
