//! Several read-only file systems as one: what a name is, the first one says that has it; directories are joined.
//!
//! The root of an image and the disk that it shares with others are put together so, and the lower directories of an
//! overlay. Nothing may change below. Inode numbers tell the layers apart.

#[cfg(test)]
mod tests;

use crate::overlay::{is_opaque, is_whiteout};
use crate::{anonymous_dev, batch};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use osv_base::{Errno, Res};
use osv_vfs::inode::{DirEntry, FsStat, LinkTarget};
use osv_vfs::xattr::Xattrs;
use osv_vfs::{Attr, File, FileSystem, Inode, Kind};
use spin::Once;

/// The file system.
pub struct Union {
    dev: u64,
    layers: Vec<Arc<dyn Inode>>,
}

/// Joins the directories `layers`, the one that wins first. There is one at least, or it is EINVAL.
pub fn of(layers: Vec<Arc<dyn Inode>>) -> Res<Arc<dyn FileSystem>> {
    if layers.is_empty() {
        return Err(Errno::EINVAL.into());
    }
    if layers.iter().any(|layer| layer.kind() != Kind::Directory) {
        return Err(Errno::ENOTDIR.into());
    }
    Ok(Arc::new(Mounted(Arc::new(Union { dev: anonymous_dev(), layers }))))
}

/// A [`Union`] has to hand out references to itself.
struct Mounted(Arc<Union>);

impl FileSystem for Mounted {
    fn name(&self) -> &'static str {
        "union"
    }
    fn dev(&self) -> u64 {
        self.0.dev
    }
    fn root(&self) -> Arc<dyn Inode> {
        self.0.node(self.0.layers.iter().cloned().enumerate().collect())
    }
    fn stat(&self) -> FsStat {
        let mut all = FsStat::default();
        for layer in &self.0.layers {
            let stat = layer.fs().stat();
            all.magic = if all.magic == 0 { stat.magic } else { all.magic };
            all.block_size = all.block_size.max(stat.block_size);
            all.blocks += stat.blocks;
            all.files += stat.files;
        }
        all
    }
    fn read_only(&self) -> bool {
        true
    }
}

impl Union {
    fn node(self: &Arc<Self>, parts: Vec<(usize, Arc<dyn Inode>)>) -> Arc<dyn Inode> {
        Arc::new(Node { union: self.clone(), parts, names: Once::new() })
    }

    /// The number here of inode `ino` of a layer.
    fn ino(&self, layer: usize, ino: u64) -> u64 {
        ino.wrapping_mul(self.layers.len() as u64).wrapping_add(layer as u64)
    }
}

/// A name of a directory of which several layers have a part.
struct Listed {
    ino: u64,
    kind: Kind,
}

/// An inode: one of a layer, or directories of several.
struct Node {
    union: Arc<Union>,
    /// With the layer's number; not empty. More than one are directories.
    parts: Vec<(usize, Arc<dyn Inode>)>,
    /// All names, of a directory with several parts.
    names: Once<BTreeMap<Box<[u8]>, Listed>>,
}

impl Node {
    fn first(&self) -> (usize, &Arc<dyn Inode>) {
        let (layer, inode) = &self.parts[0];
        (*layer, inode)
    }

    /// All names; those of whiteouts are not.
    fn names(&self) -> Res<&BTreeMap<Box<[u8]>, Listed>> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let mut names: BTreeMap<Box<[u8]>, Listed> = BTreeMap::new();
        for (layer, inode) in &self.parts {
            inode.list(0, &mut |entry| {
                let ino = self.union.ino(*layer, entry.ino);
                names.entry(entry.name.into()).or_insert(Listed { ino, kind: entry.kind });
                true
            })?;
        }
        // Whiteouts are devices, and few.
        let hidden =
            |name: &[u8], listed: &Listed| listed.kind == Kind::CharDevice && self.lookup(name).is_err();
        names.retain(|name, listed| !hidden(name, listed));
        Ok(self.names.call_once(|| names))
    }
}

impl Inode for Node {
    fn fs(&self) -> Arc<dyn FileSystem> {
        Arc::new(Mounted(self.union.clone()))
    }
    fn kind(&self) -> Kind {
        self.first().1.kind()
    }
    fn attr(&self) -> Attr {
        let (layer, inode) = self.first();
        let attr = inode.attr();
        Attr { dev: self.union.dev, ino: self.union.ino(layer, attr.ino), ..attr }
    }
    fn xattrs(&self) -> Option<&Xattrs> {
        self.first().1.xattrs()
    }

    fn lookup(&self, name: &[u8]) -> Res<Arc<dyn Inode>> {
        let mut found: Vec<(usize, Arc<dyn Inode>)> = Vec::new();
        for (layer, inode) in &self.parts {
            match inode.lookup(name) {
                // Hidden, there and in the layers below.
                Ok(inode) if is_whiteout(&inode.attr()) => break,
                Ok(inode) => {
                    let is_dir = inode.kind() == Kind::Directory;
                    // A file under a directory ends it; a directory under a file does not show.
                    let ends = !is_dir || is_opaque(&*inode);
                    if is_dir || found.is_empty() {
                        found.push((*layer, inode));
                    }
                    if ends {
                        break;
                    }
                }
                Err(fail) if fail == Errno::ENOENT.into() => {}
                Err(fail) => return Err(fail),
            }
        }
        if found.is_empty() { Err(Errno::ENOENT.into()) } else { Ok(self.union.node(found)) }
    }

    fn list(&self, from: u64, emit: &mut dyn FnMut(DirEntry<'_>) -> bool) -> Res<()> {
        if let [(layer, inode)] = &self.parts[..] {
            return batch::list(&**inode, from, &mut |entry| {
                let hidden = entry.kind == Kind::CharDevice
                    && inode.lookup(entry.name).is_ok_and(|inode| is_whiteout(&inode.attr()));
                hidden || emit(DirEntry { ino: self.union.ino(*layer, entry.ino), ..entry })
            });
        }
        for ((name, listed), at) in
            self.names()?.iter().zip(0..).skip(usize::try_from(from).unwrap_or(usize::MAX))
        {
            if !emit(DirEntry { ino: listed.ino, kind: listed.kind, next: at + 1, name }) {
                break;
            }
        }
        Ok(())
    }

    fn link_target(&self) -> Res<LinkTarget> {
        self.first().1.link_target()
    }
    fn open(self: Arc<Self>, flags: u32) -> Res<Arc<dyn File>> {
        self.first().1.clone().open(flags)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
