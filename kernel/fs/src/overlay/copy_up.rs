//! How a lower file becomes one of the upper directory.

use super::node::Node;
use alloc::sync::Arc;
use osv_abi::uapi::file::open;
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Res};
use osv_vfs::inode::NewNode;
use osv_vfs::{At, File, Inode, Io, Kind, SetAttr};

/// Copied at once.
const CHUNK: usize = 64 << 10;

impl Node {
    /// Its inode in the upper directory, where it is copied to if need be: EROFS without an upper directory.
    pub(super) fn raised(&self) -> Res<&Arc<dyn Inode>> {
        if let Some(upper) = self.upper.get() {
            return Ok(upper);
        }
        let _raising = self.raising.lock();
        if let Some(upper) = self.upper.get() {
            return Ok(upper);
        }
        let (Some((parent, name)), Some(lower)) = (&self.place, &self.lower) else {
            return Err(Errno::EROFS.into());
        };
        let dir = parent.raised()?;
        let attr = lower.attr();
        let target = if self.kind() == Kind::Symlink { lower.read_link()? } else { Default::default() };
        let new = NewNode {
            kind: self.kind(),
            mode: attr.mode & 0o7777,
            uid: attr.uid,
            gid: attr.gid,
            rdev: attr.rdev,
            target: &target,
        };
        let upper = dir.create(name, &new)?;
        if let Err(fail) = fill(lower, &upper) {
            // What was begun must not hide what it was made of.
            let _ = dir.unlink(name);
            return Err(fail);
        }
        let times = SetAttr {
            atime: Some(attr.atime),
            mtime: Some(attr.mtime),
            now: attr.ctime,
            ..SetAttr::default()
        };
        upper.set_attr(&times)?;
        Ok(self.upper.call_once(|| upper))
    }
}

fn fill(from: &Arc<dyn Inode>, to: &Arc<dyn Inode>) -> Res<()> {
    if let (Some(from), Some(to)) = (from.xattrs(), to.xattrs()) {
        to.copy_from(from);
    }
    if from.kind() != Kind::Regular {
        return Ok(());
    }
    let (from, to) = (from.clone().open(open::RDONLY)?, to.clone().open(open::WRONLY)?);
    let mut buffer = alloc::vec![0; CHUNK];
    let mut at = 0;
    loop {
        let got = from.read(At::Offset(at), &mut SliceSink::new(&mut buffer), Io::default())?;
        if got == 0 {
            return Ok(());
        }
        write_all(&*to, at, &buffer[..got])?;
        at += got as u64;
    }
}

fn write_all(to: &dyn File, mut at: u64, mut bytes: &[u8]) -> Res<()> {
    while !bytes.is_empty() {
        let put = to.write(At::Offset(at), &mut SliceSource::new(bytes), Io::default())?;
        if put == 0 {
            return Err(Errno::ENOSPC.into());
        }
        at += put as u64;
        bytes = &bytes[put..];
    }
    Ok(())
}
