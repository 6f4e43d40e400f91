//! mount(2), umount2(2), pivot_root(2).

use super::Path;
use crate::cx::Cx;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::arg::{CStrPtr, Fd, Flags};
use osv_abi::uapi::file::mount as ms;
use osv_abi::{Errno, UserAddr};
use osv_base::Res;
use osv_fs::overlay;
use osv_fs::ram::{Options, RamFs};
use osv_vfs::{Entry, FileSystem, mount, ops};

/// Longest options.
const DATA_MAX: usize = 4096;
/// Which kind of change is asked for, but for MS_BIND that goes with MS_REMOUNT.
const PROPAGATION: u32 = ms::SHARED | ms::PRIVATE | ms::SLAVE | ms::UNBINDABLE;

fn find(cx: &Cx<'_>, path: &[u8], follow: bool) -> Res<Arc<Entry>> {
    let creds = cx.creds();
    ops::find(&cx.start(Fd::CWD, path, &creds)?, path, follow)
}

/// A string that need not be given; empty without it.
fn text(cx: &Cx<'_>, from: CStrPtr) -> Res<Vec<u8>> {
    if from.0.is_null() {
        return Ok(Vec::new());
    }
    let mut bytes = alloc::vec![0; DATA_MAX];
    match from.read(cx, &mut bytes) {
        Ok(text) => Ok(text.to_vec()),
        Err(Errno::ENAMETOOLONG) => Err(Errno::EINVAL.into()),
        Err(errno) => Err(errno.into()),
    }
}

fn privileged(cx: &Cx<'_>) -> Res<()> {
    if cx.creds().is_root() { Ok(()) } else { Err(Errno::EPERM.into()) }
}

/// mount(2)
pub fn mount(
    cx: &mut Cx<'_>,
    source: CStrPtr,
    target: CStrPtr,
    kind: CStrPtr,
    flags: Flags,
    data: UserAddr,
) -> Res<()> {
    let (kind_text, source_text, data) = (text(cx, kind)?, text(cx, source)?, text(cx, CStrPtr(data))?);
    let target = Path::read(cx, target)?;
    let at = find(cx, &target, true)?;
    privileged(cx)?;
    let flags = if flags.0 & 0xffff_0000 == ms::MAGIC { flags.0 & 0xffff } else { flags.0 };
    let tree = mount::tree()?;
    if flags & ms::REMOUNT != 0 {
        let fs = tree.remount(&at, of_mount(flags))?;
        return if flags & ms::BIND != 0 { Ok(()) } else { fs.set_options(&data) };
    }
    if flags & ms::BIND != 0 {
        if source_text.is_empty() {
            return Err(if source.0.is_null() { Errno::EINVAL } else { Errno::ENOENT }.into());
        }
        return tree.bind(&find(cx, &source_text, true)?, &at, flags & ms::REC != 0);
    }
    if flags & PROPAGATION != 0 {
        return propagation(&at, flags);
    }
    if flags & ms::MOVE != 0 {
        if source_text.is_empty() {
            return Err(if source.0.is_null() { Errno::EINVAL } else { Errno::ENOENT }.into());
        }
        return tree.move_to(&find(cx, &source_text, true)?, &at);
    }
    if kind.0.is_null() {
        return Err(Errno::EINVAL.into());
    }
    let fs = file_system(cx, &kind_text, &data)?;
    let source = if source.0.is_null() { &b"none"[..] } else { &source_text };
    tree.mount(&at, fs, source, of_mount(flags)).map(drop)
}

/// Flags of the mount itself. MS_RELATIME is what there is unless told otherwise; the others are about disks.
fn of_mount(flags: u32) -> u32 {
    flags & mount::FLAGS
}

/// There is one tree for all processes and nobody to tell of changes: every mount is private.
fn propagation(at: &Arc<Entry>, flags: u32) -> Res<()> {
    let kind = flags & PROPAGATION;
    let is_root = at.is_mount_root() || Arc::ptr_eq(&at.parent(), at);
    if !kind.is_power_of_two() || flags & !(PROPAGATION | ms::REC | ms::SILENT) != 0 || !is_root {
        return Err(Errno::EINVAL.into());
    }
    if kind == ms::PRIVATE || kind == ms::SLAVE { Ok(()) } else { Err(Errno::EOPNOTSUPP.into()) }
}

fn file_system(cx: &Cx<'_>, kind: &[u8], data: &[u8]) -> Res<Arc<dyn FileSystem>> {
    match kind {
        b"tmpfs" => Ok(RamFs::mounted(&Options::parse(data)?)),
        // Without limits, and with any options, as on Linux.
        b"ramfs" => Ok(RamFs::mounted(&Options {
            mode: 0o755,
            pages: Some(u64::MAX),
            inodes: Some(u64::MAX),
            ..Options::default()
        })),
        b"overlay" => {
            let options = overlay::Options::parse(data)?;
            let directory = |path: &Vec<u8>| find(cx, path, true);
            let lower = options.lower.iter().map(directory).collect::<Res<Vec<_>>>()?;
            let upper = options.upper.as_ref().map(directory).transpose()?;
            if let Some(work) = &options.work {
                directory(work)?;
            }
            overlay::mount(&lower, upper.as_ref(), data)
        }
        kind => mount::tree()?.single(kind).ok_or(Errno::ENODEV.into()),
    }
}

/// umount2(2)
pub fn umount2(cx: &mut Cx<'_>, target: CStrPtr, flags: Flags) -> Res<()> {
    let flags = super::open::only(flags, ms::FORCE | ms::DETACH | ms::EXPIRE | ms::NOFOLLOW)?;
    privileged(cx)?;
    // What nobody used since the last try is a question that nothing here can answer.
    if flags & ms::EXPIRE != 0 {
        return Err(Errno::EINVAL.into());
    }
    let target = Path::read(cx, target)?;
    let root = find(cx, &target, flags & ms::NOFOLLOW == 0)?;
    mount::tree()?.unmount(&root, flags & ms::DETACH != 0)
}

/// pivot_root(2)
pub fn pivot_root(cx: &mut Cx<'_>, new_root: CStrPtr, put_old: CStrPtr) -> Res<()> {
    privileged(cx)?;
    let directory = |path: CStrPtr| -> Res<Arc<Entry>> {
        let found = find(cx, &Path::read(cx, path)?, true)?;
        if found.is_dir() { Ok(found) } else { Err(Errno::ENOTDIR.into()) }
    };
    let new = directory(new_root)?;
    let old = directory(put_old)?;
    let tree = mount::tree()?;
    let root = tree.root();
    if !Arc::ptr_eq(&cx.fs().root(), &root) {
        return Err(Errno::EINVAL.into());
    }
    if [&new, &old].iter().any(|entry| Arc::ptr_eq(entry.mount(), root.mount())) {
        return Err(Errno::EBUSY.into());
    }
    let was = tree.pivot(&new, &old)?;
    for process in osv_task::registry::processes() {
        let fs = process.fs();
        if Arc::ptr_eq(&fs.root(), &was) {
            fs.set_root(new.clone());
        }
        if Arc::ptr_eq(&fs.cwd(), &was) {
            fs.set_cwd(new.clone());
        }
    }
    Ok(())
}
