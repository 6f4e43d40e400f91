//! Credentials of a process: credentials(7).

use alloc::sync::Arc;
use osv_abi::Errno;

/// One kind of id in its four roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the roles of credentials(7)")]
pub struct Ids {
    pub real: u32,
    pub effective: u32,
    pub saved: u32,
    pub fs: u32,
}

impl Ids {
    /// All roles the same.
    pub const fn all(id: u32) -> Self {
        Ids { real: id, effective: id, saved: id, fs: id }
    }

    fn knows(&self, id: u32) -> bool {
        id == self.real || id == self.effective || id == self.saved
    }

    /// setuid(2), setgid(2).
    pub fn set(&mut self, id: u32, privileged: bool) -> Result<(), Errno> {
        if privileged {
            *self = Ids::all(id);
        } else if id == self.real || id == self.saved {
            (self.effective, self.fs) = (id, id);
        } else {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    /// setresuid(2), setresgid(2): `None` leaves an id as it is.
    pub fn set_all(
        &mut self,
        real: Option<u32>,
        effective: Option<u32>,
        saved: Option<u32>,
        privileged: bool,
    ) -> Result<(), Errno> {
        let allowed = |id: Option<u32>| id.is_none_or(|id| privileged || self.knows(id));
        if !(allowed(real) && allowed(effective) && allowed(saved)) {
            return Err(Errno::EPERM);
        }
        self.real = real.unwrap_or(self.real);
        self.effective = effective.unwrap_or(self.effective);
        self.saved = saved.unwrap_or(self.saved);
        self.fs = self.effective;
        Ok(())
    }

    /// setreuid(2), setregid(2).
    pub fn set_two(
        &mut self,
        real: Option<u32>,
        effective: Option<u32>,
        privileged: bool,
    ) -> Result<(), Errno> {
        let real_ok = real.is_none_or(|id| privileged || id == self.real || id == self.effective);
        let effective_ok = effective.is_none_or(|id| privileged || self.knows(id));
        if !(real_ok && effective_ok) {
            return Err(Errno::EPERM);
        }
        let old_real = self.real;
        self.real = real.unwrap_or(self.real);
        self.effective = effective.unwrap_or(self.effective);
        if real.is_some() || effective.is_some_and(|id| id != old_real) {
            self.saved = self.effective;
        }
        self.fs = self.effective;
        Ok(())
    }

    /// setfsuid(2), setfsgid(2): gives the old one, changed or not.
    pub fn set_fs(&mut self, id: u32, privileged: bool) -> u32 {
        let old = self.fs;
        if privileged || self.knows(id) || id == self.fs {
            self.fs = id;
        }
        old
    }
}

/// Credentials. User 0 is privileged; there are no capabilities beyond that.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Users.
    pub user: Ids,
    /// Groups.
    pub group: Ids,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
}

impl Credentials {
    /// Of a user and a group.
    pub fn new(uid: u32, gid: u32) -> Self {
        Credentials { user: Ids::all(uid), group: Ids::all(gid), groups: Arc::default() }
    }

    /// Whether they may do what needs a capability.
    pub const fn is_privileged(&self) -> bool {
        self.user.effective == 0
    }

    /// As file systems see them.
    pub fn for_files(&self) -> osv_vfs::context::Creds {
        osv_vfs::context::Creds { uid: self.user.fs, gid: self.group.fs, groups: self.groups.clone() }
    }

    /// Whether they may send a signal to a process with `target`.
    pub fn may_signal(&self, target: &Credentials) -> bool {
        let mine = [self.user.real, self.user.effective];
        self.is_privileged() || mine.iter().any(|&id| id == target.user.real || id == target.user.saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_drops_root_cannot_take_it_back() {
        let mut ids = Ids::all(0);
        assert_eq!(ids.set(33, true), Ok(()));
        assert_eq!(ids.set(0, false), Err(Errno::EPERM));
        assert_eq!(ids.set_all(None, Some(0), None, false), Err(Errno::EPERM));
    }

    #[test]
    fn the_saved_id_lets_a_program_switch_back() {
        let mut ids = Ids { real: 1000, effective: 0, saved: 0, fs: 0 };
        assert_eq!(ids.set_all(None, Some(1000), None, false), Ok(()));
        assert_eq!(ids.set_all(None, Some(0), None, false), Ok(()));
        assert_eq!(ids.fs, 0);
    }
}
