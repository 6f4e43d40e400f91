//! Numbers, keys and permissions of System V objects.
//!
//! An object has a place; its number is a sequence times [`PLACES`] plus the place. Places are taken in turn and wrap
//! early, and a new turn is a new sequence, as on Linux: numbers stay small, and one that was removed is not soon
//! another's.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use osv_abi::Errno;
use osv_abi::uapi::ipc::{CREAT, EXCL, PRIVATE, Perm};
use osv_vfs::Creds;

/// Numbers are a sequence times this, plus a place.
pub const PLACES: i32 = 32_768;
/// Places that are taken in turn at least.
const LEAST_TURN: i32 = 64;

/// One that was removed may live on while it is used, and be found by its number.
#[derive(Debug)]
enum Slot<T> {
    Here { object: Arc<T>, key: i32 },
    Removed(Weak<T>),
}

/// The objects of one kind.
#[derive(Debug)]
pub struct Registry<T> {
    slots: BTreeMap<i32, Slot<T>>,
    keys: BTreeMap<i32, i32>,
    sequence: i32,
    next: i32,
    most: usize,
}

/// What xxxget(2) found under a key.
#[derive(Debug)]
pub enum Found<T> {
    /// There is one.
    Existing(Arc<T>),
    /// One is to be made.
    New,
}

impl<T> Registry<T> {
    /// With room for `most` objects.
    pub const fn new(most: usize) -> Self {
        Registry { slots: BTreeMap::new(), keys: BTreeMap::new(), sequence: 0, next: 0, most }
    }

    /// What the key and flags of xxxget(2) ask for: ENOENT, EEXIST.
    pub fn look_up(&self, key: i32, flags: u32) -> Result<Found<T>, Errno> {
        if key == PRIVATE {
            return Ok(Found::New);
        }
        match self.keys.get(&key).and_then(|place| self.slots.get(place)) {
            Some(Slot::Here { .. }) if flags & (CREAT | EXCL) == CREAT | EXCL => Err(Errno::EEXIST),
            Some(Slot::Here { object, .. }) => Ok(Found::Existing(object.clone())),
            _ if flags & CREAT == 0 => Err(Errno::ENOENT),
            _ => Ok(Found::New),
        }
    }

    /// Makes one under `key`; `make` is told its number and sequence. ENOSPC.
    pub fn add(&mut self, key: i32, make: impl FnOnce(i32, u16) -> Arc<T>) -> Result<i32, Errno> {
        self.sweep();
        if self.slots.len() >= self.most {
            return Err(Errno::ENOSPC);
        }
        let span = (self.slots.len() as i32 * 3 / 2).clamp(LEAST_TURN, PLACES);
        let is_free = |place: &i32| !self.slots.contains_key(place);
        let place = (self.next..span).chain(0..span).find(is_free).ok_or(Errno::ENOSPC)?;
        if place < self.next {
            self.sequence = (self.sequence + 1) % (i32::MAX / PLACES);
        }
        self.next = place + 1;
        let id = self.sequence * PLACES + place;
        let object = make(id, self.sequence.cast_unsigned() as u16);
        self.slots.insert(place, Slot::Here { object, key });
        if key != PRIVATE {
            self.keys.insert(key, place);
        }
        Ok(id)
    }

    fn in_slot(slot: Option<&Slot<T>>) -> Option<Arc<T>> {
        match slot? {
            Slot::Here { object, .. } => Some(object.clone()),
            Slot::Removed(object) => object.upgrade(),
        }
    }

    /// The object with number `id`, which `id_of` tells: EINVAL.
    pub fn find(&self, id: i32, id_of: impl FnOnce(&T) -> i32) -> Result<Arc<T>, Errno> {
        let found = Self::in_slot(self.slots.get(&(id % PLACES)));
        found.filter(|object| id_of(object) == id).ok_or(Errno::EINVAL)
    }

    /// The object at a place (the _STAT commands): EINVAL.
    pub fn at(&self, place: i32) -> Result<Arc<T>, Errno> {
        Self::in_slot(self.slots.get(&place)).ok_or(Errno::EINVAL)
    }

    /// The highest place in use; 0 without any.
    pub fn highest(&self) -> i32 {
        self.slots.last_key_value().map_or(0, |(place, _)| *place)
    }

    /// All that are there.
    pub fn all(&self) -> impl Iterator<Item = Arc<T>> + '_ {
        self.slots.values().filter_map(|slot| Self::in_slot(Some(slot)))
    }

    /// Removes the one with number `id` and its key; with `lingers` it can be found by number while it is in use.
    pub fn remove(&mut self, id: i32, lingers: bool) {
        let place = id % PLACES;
        if let Some(Slot::Here { object, key }) = self.slots.remove(&place) {
            if key != PRIVATE {
                self.keys.remove(&key);
            }
            if lingers {
                self.slots.insert(place, Slot::Removed(Arc::downgrade(&object)));
            }
        }
    }

    /// Forgets those that were removed and are no longer in use.
    pub fn sweep(&mut self) {
        self.slots.retain(|_, slot| !matches!(slot, Slot::Removed(object) if object.strong_count() == 0));
    }
}

/// The permissions of a new object.
pub fn new_perm(key: i32, mode: u32, seq: u16, creds: &Creds) -> Perm {
    let (uid, gid) = (creds.uid, creds.gid);
    Perm { key, uid, gid, cuid: uid, cgid: gid, mode: mode & 0o777, seq, ..Perm::default() }
}

/// Whether `creds` may use an object with `perm` as the mode bits `wanted` (read 4, write 2) say: EACCES.
pub fn may(perm: &Perm, creds: &Creds, wanted: u32) -> Result<(), Errno> {
    let class = if creds.uid == perm.uid || creds.uid == perm.cuid {
        perm.mode >> 6
    } else if creds.in_group(perm.gid) || creds.in_group(perm.cgid) {
        perm.mode >> 3
    } else {
        perm.mode
    };
    if creds.is_root() || wanted & !class & 7 == 0 { Ok(()) } else { Err(Errno::EACCES) }
}

/// As [`may`], for the mode bits in the flags of xxxget(2).
pub fn may_get(perm: &Perm, creds: &Creds, flags: u32) -> Result<(), Errno> {
    let mode = flags & 0o777;
    may(perm, creds, (mode | mode >> 3 | mode >> 6) & 7)
}

/// Whether `creds` may change or remove it: EPERM.
pub fn owns(perm: &Perm, creds: &Creds) -> Result<(), Errno> {
    let owns = creds.is_root() || creds.uid == perm.uid || creds.uid == perm.cuid;
    if owns { Ok(()) } else { Err(Errno::EPERM) }
}

/// What IPC_SET changes of the permissions.
pub fn set_perm(perm: &mut Perm, given: &Perm) {
    (perm.uid, perm.gid) = (given.uid, given.gid);
    perm.mode = perm.mode & !0o777 | given.mode & 0o777;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_removed_is_not_found_and_not_soon_given_again() {
        let mut registry = Registry::new(4);
        let first = registry.add(7, |id, _| Arc::new(id)).expect("room");
        assert!(matches!(registry.look_up(7, CREAT), Ok(Found::Existing(object)) if *object == first));
        assert!(matches!(registry.look_up(7, CREAT | EXCL), Err(Errno::EEXIST)));
        registry.remove(first, false);
        assert_eq!(registry.find(first, |id| *id).err(), Some(Errno::EINVAL));
        assert!(matches!(registry.look_up(7, 0), Err(Errno::ENOENT)));
        for _ in 0..200 {
            let id = registry.add(PRIVATE, |id, _| Arc::new(id)).expect("room");
            assert_ne!(id, first);
            registry.remove(id, false);
        }
    }

    #[test]
    fn one_in_use_lingers_by_number_and_not_by_key() {
        let mut registry = Registry::new(4);
        let id = registry.add(7, |id, _| Arc::new(id)).expect("room");
        let used = registry.find(id, |id| *id).expect("there");
        registry.remove(id, true);
        assert!(registry.find(id, |id| *id).is_ok());
        assert!(matches!(registry.look_up(7, 0), Err(Errno::ENOENT)));
        drop(used);
        registry.sweep();
        assert_eq!(registry.find(id, |id| *id).err(), Some(Errno::EINVAL));
    }

    #[test]
    fn no_more_than_the_most() {
        let mut registry = Registry::new(2);
        for key in 1..=2 {
            registry.add(key, |id, _| Arc::new(id)).expect("room");
        }
        assert_eq!(registry.add(3, |id, _| Arc::new(id)), Err(Errno::ENOSPC));
    }

    #[test]
    fn the_mode_decides_by_owner_group_and_others() {
        let perm = Perm { uid: 1, gid: 2, cuid: 1, cgid: 2, mode: 0o640, ..Perm::default() };
        let who = |uid, gid| Creds { uid, gid, ..Creds::default() };
        assert_eq!(may(&perm, &who(1, 9), 6), Ok(()));
        assert_eq!(may(&perm, &who(9, 2), 4), Ok(()));
        assert_eq!(may(&perm, &who(9, 2), 2), Err(Errno::EACCES));
        assert_eq!(may(&perm, &who(9, 9), 4), Err(Errno::EACCES));
        assert_eq!(may(&perm, &who(0, 0), 6), Ok(()));
        assert_eq!(owns(&perm, &who(9, 2)), Err(Errno::EPERM));
    }
}
