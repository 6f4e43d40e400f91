//! F_NOTIFY of fcntl(2): signals for what happens in a directory.

use super::signals;
use crate::cx::Cx;
use alloc::sync::{Arc, Weak};
use osv_abi::Errno;
use osv_abi::arg::Fd;
use osv_abi::uapi::event::inotify as i;
use osv_sync::SpinLock;
use osv_vfs::locks::FileId;
use osv_vfs::notify::{self, Mark, Watcher};
use osv_vfs::{Entry, OpenFile};

/// What can be asked for (fcntl(2)).
mod dn {
    pub const ACCESS: u32 = 1;
    pub const MODIFY: u32 = 2;
    pub const CREATE: u32 = 4;
    pub const DELETE: u32 = 8;
    pub const RENAME: u32 = 0x10;
    pub const ATTRIB: u32 = 0x20;
    pub const ALL: u32 = 0x3f;
    pub const MULTISHOT: u32 = 0x8000_0000;
}

/// Events that say something here.
const EVENTS: u32 = i::ACCESS | i::MODIFY | i::ATTRIB | i::CREATE | i::DELETE | i::MOVED_FROM | i::MOVED_TO;

/// A directory that is watched by way of a description.
#[derive(Debug)]
pub struct DirectoryWatch {
    open: Weak<OpenFile>,
    fd: i32,
    file: FileId,
    state: SpinLock<State>,
    me: Weak<DirectoryWatch>,
}

#[derive(Debug, Default)]
struct State {
    /// DN_*
    mask: u32,
    /// Of the last name that left.
    cookie: u32,
}

/// F_NOTIFY: ENOTDIR. What is asked for is added to what was; nothing ends it.
pub fn watch(cx: &Cx<'_>, open: &Arc<OpenFile>, fd: Fd, wanted: u32) -> Result<(), Errno> {
    let entry = open.entry().filter(|entry| entry.is_dir()).ok_or(Errno::ENOTDIR)?;
    if wanted & dn::ALL == 0 {
        signals::set_directory_watch(open, None);
        return Ok(());
    }
    signals::own_if_nobody_does(cx, open);
    let watch = match signals::directory_watch(open) {
        Some(watch) => watch,
        None => {
            let new = DirectoryWatch::new(open, entry, fd);
            signals::set_directory_watch(open, Some(new.clone()));
            new
        }
    };
    watch.add(entry, wanted & (dn::ALL | dn::MULTISHOT));
    Ok(())
}

impl DirectoryWatch {
    fn new(open: &Arc<OpenFile>, entry: &Arc<Entry>, fd: Fd) -> Arc<DirectoryWatch> {
        Arc::new_cyclic(|me: &Weak<DirectoryWatch>| DirectoryWatch {
            open: Arc::downgrade(open),
            fd: fd.0,
            file: notify::id_of(entry.inode()),
            state: SpinLock::default(),
            me: me.clone(),
        })
    }

    fn watcher(&self) -> Weak<dyn Watcher> {
        self.me.clone()
    }

    fn add(&self, entry: &Arc<Entry>, wanted: u32) {
        self.state.lock().mask |= wanted;
        let (watcher, entry) = (self.watcher(), Arc::downgrade(entry));
        notify::mark(self.file, Mark { watcher, wd: 0, mask: EVENTS, entry });
    }
}

impl State {
    /// Whether events of inotify(7) are one that was asked for; what is not asked for anew comes once.
    fn takes(&mut self, mask: u32, cookie: u32) -> bool {
        let when = |events, happened| if mask & events != 0 { happened } else { 0 };
        // A name that left and one that came, in one move and in this directory.
        let renamed = mask & i::MOVED_TO != 0 && cookie != 0 && self.cookie == cookie;
        if mask & i::MOVED_FROM != 0 {
            self.cookie = cookie;
        }
        let happened = when(i::ACCESS, dn::ACCESS)
            | when(i::MODIFY, dn::MODIFY)
            | when(i::ATTRIB, dn::ATTRIB)
            | when(i::CREATE | i::MOVED_TO, dn::CREATE)
            | when(i::DELETE | i::MOVED_FROM, dn::DELETE)
            | if renamed { dn::RENAME } else { 0 };
        let taken = self.mask & happened != 0;
        if taken && self.mask & dn::MULTISHOT == 0 {
            self.mask = 0;
        }
        taken
    }
}

impl Watcher for DirectoryWatch {
    fn event(&self, _wd: i32, mask: u32, cookie: u32, _name: &[u8]) {
        let (taken, over) = {
            let mut state = self.state.lock();
            (state.takes(mask, cookie), state.mask == 0)
        };
        if over {
            notify::unmark(self.file, &self.watcher(), 0);
        }
        if taken && let Some(open) = self.open.upgrade() {
            let (reason, band) = signals::MESSAGE;
            signals::tell(&open, reason, band, self.fd);
        }
    }
}

impl Drop for DirectoryWatch {
    fn drop(&mut self) {
        notify::unmark(self.file, &self.watcher(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_is_one_within_the_directory() {
        let mut state = State { mask: dn::RENAME | dn::MULTISHOT, cookie: 0 };
        assert!(!state.takes(i::MOVED_FROM, 7), "it left");
        assert!(!state.takes(i::MOVED_TO, 8), "another came");
        assert!(!state.takes(i::MOVED_FROM, 9));
        assert!(state.takes(i::MOVED_TO, 9));
    }

    #[test]
    fn what_is_not_to_come_again_comes_once() {
        let mut state = State { mask: dn::CREATE | dn::DELETE, cookie: 0 };
        assert!(!state.takes(i::ATTRIB, 0));
        assert!(state.takes(i::CREATE, 0));
        assert!(!state.takes(i::CREATE, 0));
        let mut state = State { mask: dn::CREATE | dn::MULTISHOT, cookie: 0 };
        assert!(state.takes(i::CREATE, 0) && state.takes(i::MOVED_TO, 3));
        assert!(!state.takes(i::MOVED_FROM, 4));
    }
}
