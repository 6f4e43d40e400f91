//! F_SETLEASE and F_GETLEASE of fcntl(2).

use super::signals;
use crate::cx::Cx;
use alloc::sync::{Arc, Weak};
use osv_abi::Errno;
use osv_abi::arg::Fd;
use osv_base::Res;
use osv_task::registry;
use osv_vfs::leases::{self, Holder, Lease};
use osv_vfs::locks::FileId;
use osv_vfs::{Kind, OpenFile, notify};

const F_RDLCK: i32 = 0;
const F_WRLCK: i32 = 1;
const F_UNLCK: i32 = 2;

/// A description that holds a lease, and the descriptor that it was asked for with.
struct Description {
    open: Weak<OpenFile>,
    fd: i32,
}

impl Holder for Description {
    fn told(&self) {
        if let Some(open) = self.open.upgrade() {
            let (reason, band) = signals::MESSAGE;
            signals::tell(&open, reason, band, self.fd);
        }
    }
}

/// F_SETLEASE: EACCES, EINVAL, EAGAIN.
pub fn set(cx: &Cx<'_>, open: &Arc<OpenFile>, fd: Fd, kind: u64) -> Res<()> {
    let by = Arc::as_ptr(open) as usize;
    let inode = open.inode().ok_or(Errno::EINVAL)?;
    let creds = cx.creds();
    if !creds.is_root() && creds.uid != inode.attr().uid {
        return Err(Errno::EACCES.into());
    }
    let lease = match kind as i32 {
        F_RDLCK => Lease::Read,
        F_WRLCK => Lease::Write,
        F_UNLCK => return Ok(leases::remove(by)?),
        _ => return Err(Errno::EINVAL.into()),
    };
    if inode.kind() != Kind::Regular {
        return Err(Errno::EINVAL.into());
    }
    let file = notify::id_of(&inode);
    if is_open_otherwise(file, open, lease) {
        return Err(Errno::EAGAIN.into());
    }
    signals::own_if_nobody_does(cx, open);
    leases::set(file, by, lease, Arc::new(Description { open: Arc::downgrade(open), fd: fd.0 }))?;
    open.mark_locked();
    Ok(())
}

/// F_GETLEASE.
pub fn get(open: &Arc<OpenFile>) -> i32 {
    match leases::get(Arc::as_ptr(open) as usize) {
        Some(Lease::Read) => F_RDLCK,
        Some(Lease::Write) => F_WRLCK,
        None => F_UNLCK,
    }
}

/// Whether the file is open for writing at all, or, for a write lease, by another description.
fn is_open_otherwise(file: FileId, own: &Arc<OpenFile>, lease: Lease) -> bool {
    let minds = |other: &Arc<OpenFile>| {
        let same = other.inode().is_some_and(|inode| notify::id_of(&inode) == file);
        let conflicts = match lease {
            Lease::Read => other.writable(),
            Lease::Write => !Arc::ptr_eq(other, own) && !other.is_path(),
        };
        same && conflicts
    };
    registry::processes().iter().any(|process| {
        let files = process.fds();
        files.list(0, usize::MAX).into_iter().any(|fd| files.get(fd).is_ok_and(|open| minds(&open)))
    })
}
