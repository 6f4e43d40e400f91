//! overlay: an upper directory over lower ones (mount(2) of type `overlay`), as Linux keeps it.
//!
//! What is changed is first copied up: the file is made anew in the upper directory, under the same name. A name that
//! is removed while a lower directory has it leaves a whiteout there, a character device 0/0; a directory that takes
//! the place of one is opaque, by an extended attribute. So what the upper directory holds is what Linux would find
//! in it. Who had a lower file open for reading goes on reading it after a copy-up, as there.
//!
//! Short of Linux: a directory that a lower one has cannot be renamed (EXDEV, its default as well), an overlay is no
//! layer of another, and there are no unnamed files (O_TMPFILE). Hard links among lower files break when copied up.

mod copy_up;
mod node;
#[cfg(test)]
mod tests;

use crate::{anonymous_dev, union};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use node::Node;
use osv_base::{Errno, Res};
use osv_sync::Mutex;
use osv_vfs::inode::FsStat;
use osv_vfs::{Attr, Entry, FileSystem, Inode, Kind};

/// What is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Paths of the lower directories, the uppermost first.
    pub lower: Vec<Vec<u8>>,
    /// Path of the directory that takes changes.
    pub upper: Option<Vec<u8>>,
    /// Path of a directory on the same file system; it must be there, and is not used.
    pub work: Option<Vec<u8>>,
}

impl Options {
    /// Reads the options of mount(2): EINVAL for what is missing, wrong or not known.
    pub fn parse(text: &[u8]) -> Res<Options> {
        let mut options = Options::default();
        for word in text.split(|&b| b == b',').filter(|word| !word.is_empty()) {
            let at = word.iter().position(|&b| b == b'=').unwrap_or(word.len());
            let (key, value) = (&word[..at], word.get(at + 1..).unwrap_or_default());
            match key {
                b"lowerdir" => {
                    options.lower = value.split(|&b| b == b':').map(<[u8]>::to_vec).collect();
                }
                b"upperdir" => options.upper = Some(value.to_vec()),
                b"workdir" => options.work = Some(value.to_vec()),
                // What these choose between is the same here.
                b"index" | b"xino" | b"metacopy" | b"redirect_dir"
                    if matches!(value, b"off" | b"nofollow") => {}
                b"volatile" | b"userxattr" => {}
                _ => return Err(Errno::EINVAL.into()),
            }
        }
        let whole = !options.lower.is_empty() && options.upper.is_some() == options.work.is_some();
        if whole { Ok(options) } else { Err(Errno::EINVAL.into()) }
    }
}

/// The attribute of a directory that hides what is below.
const OPAQUE: &[u8] = b"trusted.overlay.opaque";

/// Whether `attr` is that of a whiteout.
pub(crate) fn is_whiteout(attr: &Attr) -> bool {
    Kind::of_mode(attr.mode) == Some(Kind::CharDevice) && attr.rdev == 0
}

/// Whether the directory `inode` hides what is below.
pub(crate) fn is_opaque(inode: &dyn Inode) -> bool {
    inode.xattrs().is_some_and(|kept| kept.get(OPAQUE).is_some_and(|value| value == b"y"))
}

/// The file system.
pub(crate) struct Overlay {
    dev: u64,
    upper: Option<Arc<dyn Inode>>,
    lower: Arc<dyn Inode>,
    options: String,
    /// Inodes in use, so that one file is one of them by whichever name it is reached.
    nodes: Mutex<BTreeMap<u64, Weak<Node>>>,
}

/// Puts `upper` over `lower`, the first of which wins. `options` is what was said to mount(2).
pub fn mount(lower: &[Arc<Entry>], upper: Option<&Arc<Entry>>, options: &[u8]) -> Res<Arc<dyn FileSystem>> {
    if lower.iter().chain(upper).any(|entry| !entry.is_dir()) {
        return Err(Errno::ENOTDIR.into());
    }
    if lower.iter().chain(upper).any(|entry| entry.inode().as_any().is::<Node>()) {
        return Err(Errno::EINVAL.into());
    }
    if upper.is_some_and(|upper| upper.is_read_only()) {
        return Err(Errno::EROFS.into());
    }
    let lower = union::of(lower.iter().map(|entry| entry.inode().clone()).collect())?.root();
    let mut shown = String::from(",");
    shown.push_str(&String::from_utf8_lossy(options));
    Ok(Arc::new(Mounted(Arc::new(Overlay {
        dev: anonymous_dev(),
        upper: upper.map(|entry| entry.inode().clone()),
        lower,
        options: shown,
        nodes: Mutex::new(BTreeMap::new()),
    }))))
}

/// An [`Overlay`] has to hand out references to itself.
pub(crate) struct Mounted(pub(crate) Arc<Overlay>);

impl FileSystem for Mounted {
    fn name(&self) -> &'static str {
        "overlay"
    }
    fn dev(&self) -> u64 {
        self.0.dev
    }
    fn root(&self) -> Arc<dyn Inode> {
        self.0.node(self.0.upper.clone(), Some(self.0.lower.clone()), None)
    }
    fn stat(&self) -> FsStat {
        let shown = self.0.upper.as_ref().unwrap_or(&self.0.lower);
        FsStat { magic: 0x794c_7630, ..shown.fs().stat() }
    }
    fn options(&self) -> String {
        self.0.options.clone()
    }
    fn read_only(&self) -> bool {
        self.0.upper.is_none()
    }
}

impl Overlay {
    /// The inode of what is there: in the upper directory, in the lower one, or of both when it is a directory.
    fn node(
        self: &Arc<Self>,
        upper: Option<Arc<dyn Inode>>,
        lower: Option<Arc<dyn Inode>>,
        place: Option<(Arc<Node>, &[u8])>,
    ) -> Arc<Node> {
        // A lower file keeps its number when it is copied up; nothing in the upper directory has an even one.
        let ino = match (&lower, &upper) {
            (Some(lower), _) => lower.attr().ino << 1,
            (None, Some(upper)) => upper.attr().ino << 1 | 1,
            (None, None) => 0,
        };
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(&ino).and_then(Weak::upgrade) {
            return node;
        }
        nodes.retain(|_, node| node.strong_count() > 0);
        let node = Node::new(self, ino, upper, lower, place);
        nodes.insert(ino, Arc::downgrade(&node));
        node
    }
}
