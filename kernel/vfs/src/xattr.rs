//! Extended attributes (xattr(7)): what an inode keeps of them, and who may see and change which.

use crate::clock;
use crate::context::{Creds, MAY_READ, MAY_WRITE};
use crate::inode::{Inode, Kind, SetAttr};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use osv_base::{Errno, Res};
use osv_sync::Mutex;

/// Longest name (XATTR_NAME_MAX).
pub const NAME_MAX: usize = 255;
/// Longest value (XATTR_SIZE_MAX).
pub const SIZE_MAX: usize = 65_536;
/// Longest list of names (XATTR_LIST_MAX).
pub const LIST_MAX: usize = 65_536;

/// The attributes of one inode.
#[derive(Debug, Default)]
pub struct Xattrs {
    values: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Xattrs {
    /// The value called `name`, for a file system's own use.
    pub fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.values.lock().get(name).cloned()
    }
    /// Sets the value called `name`, for a file system's own use.
    pub fn put(&self, name: &[u8], value: &[u8]) {
        self.values.lock().insert(name.to_vec(), value.to_vec());
    }
    /// Takes over all that `from` has.
    pub fn copy_from(&self, from: &Xattrs) {
        let values = from.values.lock().clone();
        self.values.lock().extend(values);
    }
}

/// What setxattr(2) does about a name that is there, or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replace {
    /// Either will do.
    Any,
    /// EEXIST when it is there (XATTR_CREATE).
    Create,
    /// ENODATA when it isn't (XATTR_REPLACE).
    Replace,
}

/// How a name's first part rules access.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    User,
    Trusted,
    Security,
}

fn space(name: &[u8]) -> Result<Space, Errno> {
    let spaces: [(&[u8], Space); 3] =
        [(b"user.", Space::User), (b"trusted.", Space::Trusted), (b"security.", Space::Security)];
    // system.* are access control lists, which no file system here has.
    let (prefix, space) = spaces.iter().find(|(p, _)| name.starts_with(p)).ok_or(Errno::EOPNOTSUPP)?;
    // A prefix alone names nothing.
    if name.len() > prefix.len() { Ok(*space) } else { Err(Errno::EINVAL) }
}

/// Whether `creds` may read or (`write`) change an attribute of `space`.
fn may(inode: &dyn Inode, space: Space, write: bool, creds: &Creds) -> Res<()> {
    let privileged = creds.uid == 0;
    match space {
        // Only the initiated know that there are any.
        Space::Trusted if !privileged => Err(if write { Errno::EPERM } else { Errno::ENODATA }.into()),
        Space::Trusted => Ok(()),
        Space::Security if write && !privileged => Err(Errno::EPERM.into()),
        Space::Security => Ok(()),
        Space::User => {
            if !matches!(inode.kind(), Kind::Regular | Kind::Directory) {
                return Err(if write { Errno::EPERM } else { Errno::ENODATA }.into());
            }
            let attr = inode.attr();
            let sticky = inode.kind() == Kind::Directory && attr.mode & 0o1000 != 0;
            if write && sticky && attr.uid != creds.uid && !privileged {
                return Err(Errno::EPERM.into());
            }
            creds.may(&attr, if write { MAY_WRITE } else { MAY_READ })
        }
    }
}

fn kept(inode: &dyn Inode) -> Result<&Xattrs, Errno> {
    inode.xattrs().ok_or(Errno::EOPNOTSUPP)
}

fn get_raw(inode: &dyn Inode, name: &[u8]) -> Res<Option<Vec<u8>>> {
    Ok(kept(inode)?.get(name))
}

fn touch(inode: &dyn Inode) -> Res<()> {
    inode.set_attr(&SetAttr { now: clock::now(), ..SetAttr::default() })
}

/// getxattr(2): the value. ENODATA: there is none.
pub fn get(inode: &dyn Inode, name: &[u8], creds: &Creds) -> Res<Vec<u8>> {
    let space = space(name)?;
    may(inode, space, false, creds)?;
    Ok(kept(inode)?.values.lock().get(name).cloned().ok_or(Errno::ENODATA)?)
}

/// setxattr(2)
pub fn set(inode: &dyn Inode, name: &[u8], value: Vec<u8>, how: Replace, creds: &Creds) -> Res<()> {
    let space = space(name)?;
    if inode.fs().read_only() {
        return Err(Errno::EROFS.into());
    }
    may(inode, space, true, creds)?;
    inode.prepare_change()?;
    {
        let mut values = kept(inode)?.values.lock();
        match (values.contains_key(name), how) {
            (true, Replace::Create) => return Err(Errno::EEXIST.into()),
            (false, Replace::Replace) => return Err(Errno::ENODATA.into()),
            _ => {}
        }
        let used: usize = values.iter().map(|(name, value)| name.len() + value.len()).sum();
        if used + name.len() + value.len() > LIST_MAX + SIZE_MAX {
            return Err(Errno::ENOSPC.into());
        }
        values.insert(name.to_vec(), value);
    }
    touch(inode)
}

/// removexattr(2)
pub fn remove(inode: &dyn Inode, name: &[u8], creds: &Creds) -> Res<()> {
    let space = space(name)?;
    if inode.fs().read_only() {
        return Err(Errno::EROFS.into());
    }
    may(inode, space, true, creds)?;
    if get_raw(inode, name)?.is_none() {
        return Err(Errno::ENODATA.into());
    }
    inode.prepare_change()?;
    kept(inode)?.values.lock().remove(name).ok_or(Errno::ENODATA)?;
    touch(inode)
}

/// listxattr(2): the names that the caller may know of, each with a zero byte behind it.
pub fn list(inode: &dyn Inode, creds: &Creds) -> Res<Vec<u8>> {
    let Some(kept) = inode.xattrs() else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for name in kept.values.lock().keys() {
        if creds.uid == 0 || !name.starts_with(b"trusted.") {
            names.extend_from_slice(name);
            names.push(0);
        }
    }
    Ok(names)
}
