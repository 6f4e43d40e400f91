//! name_to_handle_at(2), open_by_handle_at(2).
//!
//! A handle is a device, an inode and a check. What it leads to is remembered here, weakly: a file that is removed, or
//! whose name nothing has kept, is stale.

use super::Path;
use super::open::only;
use crate::cx::Cx;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use osv_abi::arg::{CStrPtr, Fd, Flags, In};
use osv_abi::uapi::file::{HandleHeader, at, open as o};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_sync::Mutex;
use osv_vfs::ops::{self, How};
use osv_vfs::{Creds, Entry};
use zerocopy::IntoBytes;

/// Bytes of a handle: device and inode.
const LEN: usize = 16;
/// The kind of handle that this is.
const KIND: i32 = 0x05;
/// AT_HANDLE_MNT_ID_UNIQUE, AT_HANDLE_CONNECTABLE, AT_HANDLE_FID.
const UNIQUE_MOUNT: u32 = 1;
const CONNECTABLE: u32 = 2;
const TO_COMPARE: u32 = 0x200;
/// Longest handle (MAX_HANDLE_SZ).
const LONGEST: u32 = 128;

#[derive(Default)]
struct Issued {
    entries: BTreeMap<(u64, u64), Weak<Entry>>,
    /// How many there may be before those that lead nowhere are taken out.
    room: usize,
}

static ISSUED: Mutex<Issued> = Mutex::new(Issued { entries: BTreeMap::new(), room: 64 });

impl Issued {
    fn add(&mut self, key: (u64, u64), entry: &Arc<Entry>) {
        if self.entries.len() >= self.room {
            self.entries.retain(|_, entry| entry.strong_count() > 0);
            self.room = (self.entries.len() * 2).max(64);
        }
        self.entries.insert(key, Arc::downgrade(entry));
    }
}

/// name_to_handle_at(2)
pub fn name_to_handle_at(
    cx: &mut Cx<'_>,
    dir: Fd,
    path: CStrPtr,
    handle: UserAddr,
    mount: UserAddr,
    flags: Flags,
) -> Res<()> {
    let known = at::SYMLINK_FOLLOW | at::EMPTY_PATH | UNIQUE_MOUNT | CONNECTABLE | TO_COMPARE;
    let flags = only(flags, known)?;
    let path = Path::read(cx, path)?;
    let entry = if path.is_empty() && flags & at::EMPTY_PATH != 0 {
        cx.directory(dir)?
    } else {
        let creds = cx.creds();
        ops::find(&cx.start(dir, &path, &creds)?, &path, flags & at::SYMLINK_FOLLOW != 0)?
    };
    let fs = entry.inode().fs();
    // One from which the path could be told needs more than a number of the file.
    if !fs.names_are_stable() || flags & CONNECTABLE != 0 {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let mut header: HandleHeader = In::at(handle).read(cx)?;
    if header.bytes > LONGEST {
        return Err(Errno::EINVAL.into());
    }
    let fits = header.bytes as usize >= LEN;
    header.bytes = LEN as u32;
    if fits {
        header.kind = KIND;
        let attr = entry.inode().attr();
        ISSUED.lock().add((attr.dev, attr.ino), &entry);
        let words = [attr.dev, attr.ino];
        cx.write_bytes(handle.add(size_of::<HandleHeader>()), words.as_bytes())?;
    }
    let id = entry.mount().id;
    if flags & UNIQUE_MOUNT != 0 {
        cx.write_bytes(mount, &id.to_ne_bytes())?;
    } else {
        cx.write_bytes(mount, &(id as i32).to_ne_bytes())?;
    }
    cx.write_bytes(handle, header.as_bytes())?;
    if fits { Ok(()) } else { Err(Errno::EOVERFLOW.into()) }
}

/// open_by_handle_at(2)
pub fn open_by_handle_at(cx: &mut Cx<'_>, mount: Fd, handle: UserAddr, flags: Flags) -> Res<Fd> {
    if !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    let header: HandleHeader = In::at(handle).read(cx)?;
    if header.bytes == 0 || header.bytes > LONGEST {
        return Err(Errno::EINVAL.into());
    }
    if mount != Fd::CWD {
        cx.description(mount)?;
    }
    let mut bytes = [0; LONGEST as usize];
    let bytes = &mut bytes[..header.bytes as usize];
    cx.read_bytes(handle.add(size_of::<HandleHeader>()), bytes)?;
    let (Some(dev), Some(ino), KIND) = (word(bytes, 0), word(bytes, 8), header.kind) else {
        return Err(Errno::ESTALE.into());
    };
    let entry = ISSUED.lock().entries.get(&(dev, ino)).and_then(Weak::upgrade);
    let entry = entry.filter(|entry| !entry.is_removed()).ok_or(Errno::ESTALE)?;
    let how = How { flags: flags.0, mode: 0, umask: 0, resolve: Default::default() };
    let open = ops::open_entry(&entry, how, &Creds::root(), false)?;
    cx.install(open, flags.0 & o::CLOEXEC != 0)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
