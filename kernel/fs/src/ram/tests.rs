//! The file system by way of the VFS, against a naive model of it: a map from paths to bytes.

use super::*;
use osv_base::io::{SliceSink, SliceSource};
use osv_base::{Errno, Fail};
use osv_vfs::inode::DirEntry;
use osv_vfs::mount::Mounts;
use osv_vfs::ops::{self, How, Renaming};
use osv_vfs::path::From;
use osv_vfs::{At, Creds, File, Io, OpenFile};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

const O_CREAT: u32 = 0o100;
const O_RDWR: u32 = 2;

pub(crate) struct Tree {
    mounts: Mounts,
    creds: Creds,
}

impl Tree {
    pub(crate) fn new(fs: Arc<dyn FileSystem>) -> Tree {
        Tree { mounts: Mounts::new(fs, "none"), creds: Creds::root() }
    }
    pub(crate) fn from(&self) -> From<'_> {
        From { root: self.mounts.root(), dir: self.mounts.root(), creds: &self.creds }
    }
    fn open(&self, path: &str, flags: u32) -> Res<OpenFile> {
        ops::open(
            &self.from(),
            path.as_bytes(),
            How { flags, mode: 0o666, umask: 0o022, resolve: Default::default() },
        )
    }
    pub(crate) fn write(&self, path: &str, at: u64, bytes: &[u8]) -> Res<usize> {
        let open = self.open(path, O_CREAT | O_RDWR)?;
        open.file().write(At::Offset(at), &mut SliceSource::new(bytes), Io::default())
    }
    pub(crate) fn read(&self, path: &str) -> Res<Vec<u8>> {
        let open = self.open(path, 0)?;
        Ok(contents(&**open.file()))
    }
    /// The tree as it is listed.
    pub(crate) fn dump(&self) -> BTreeMap<String, Option<Vec<u8>>> {
        let mut all = BTreeMap::new();
        self.dump_dir("", &mut all);
        all
    }
    fn dump_dir(&self, at: &str, to: &mut BTreeMap<String, Option<Vec<u8>>>) {
        let dir = ops::find(&self.from(), format!("{at}/").as_bytes(), true).unwrap();
        // A few at a time, so that positions count.
        let (mut names, mut from, mut more) = (Vec::new(), 0, true);
        while more {
            let (before, start) = (names.len(), from);
            let mut emit = |entry: DirEntry<'_>| {
                if names.len() == before + 3 {
                    return false;
                }
                names.push((entry.name.to_vec(), entry.kind));
                from = entry.next;
                true
            };
            dir.inode().list(start, &mut emit).unwrap();
            more = names.len() > before;
        }
        for (name, kind) in names {
            let path = format!("{at}/{}", String::from_utf8(name).unwrap());
            if kind == Kind::Directory {
                self.dump_dir(&path, to);
                assert!(to.insert(path, None).is_none());
            } else if kind == Kind::Symlink {
                let link = ops::find(&self.from(), path.as_bytes(), false).unwrap();
                let text = [b"-> ", &link.inode().read_link().unwrap()[..]].concat();
                assert!(to.insert(path, Some(text)).is_none());
            } else if kind == Kind::Regular {
                let bytes = self.read(&path).unwrap();
                assert!(to.insert(path, Some(bytes)).is_none());
            }
        }
    }
}

fn contents(file: &dyn File) -> Vec<u8> {
    let mut all = vec![0; file.size() as usize + 10];
    let mut sink = SliceSink::new(&mut all);
    let n = file.read(At::Offset(0), &mut sink, Io::default()).unwrap();
    all.truncate(n);
    all
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write(String, u64, Vec<u8>),
    Truncate(String, u64),
    Punch(String, u64, u64),
    Mkdir(String),
    Unlink(String),
    Rmdir(String),
    Rename(String, String),
    Link(String, String),
    /// A symbolic link called `l` in a directory; nothing goes through it.
    Symlink(String, String),
    /// A byte by way of a shared mapping.
    Map(String, u64, u8),
}

/// Contents, which several names may share.
type Shared = Rc<RefCell<Vec<u8>>>;

/// The naive model: paths of directories (`None`), of files, and of symbolic links as `-> target`.
#[derive(Default)]
pub(crate) struct Model(pub(crate) BTreeMap<String, Option<Shared>>);

fn held(bytes: Vec<u8>) -> Option<Shared> {
    Some(Rc::new(RefCell::new(bytes)))
}

impl Model {
    fn parent_ok(&self, path: &str) -> Result<(), Errno> {
        let parent = &path[..path.rfind('/').unwrap()];
        if parent.is_empty() {
            return Ok(());
        }
        self.parent_ok(parent)?;
        match self.0.get(parent) {
            Some(None) => Ok(()),
            Some(Some(_)) => Err(Errno::ENOTDIR),
            None => Err(Errno::ENOENT),
        }
    }
    fn has_children(&self, path: &str) -> bool {
        self.0.keys().any(|other| other.starts_with(&format!("{path}/")))
    }
    /// As a tree is listed.
    pub(crate) fn plain(&self) -> BTreeMap<String, Option<Vec<u8>>> {
        self.0
            .iter()
            .map(|(path, file)| (path.clone(), file.as_ref().map(|file| file.borrow().clone())))
            .collect()
    }
    fn file(&mut self, path: &str, create: bool) -> Result<Shared, Errno> {
        self.parent_ok(path)?;
        if !self.0.contains_key(path) && !create {
            return Err(Errno::ENOENT);
        }
        self.0.entry(path.to_string()).or_insert_with(|| held(Vec::new())).clone().ok_or(Errno::EISDIR)
    }
    pub(crate) fn apply(&mut self, op: &Op) -> Result<(), Errno> {
        match op {
            Op::Write(path, at, bytes) => {
                let file = self.file(path, true)?;
                let mut file = file.borrow_mut();
                let end = *at as usize + bytes.len();
                if file.len() < end && !bytes.is_empty() {
                    file.resize(end, 0);
                }
                if !bytes.is_empty() {
                    file[*at as usize..end].copy_from_slice(bytes);
                }
            }
            Op::Truncate(path, len) => self.file(path, false)?.borrow_mut().resize(*len as usize, 0),
            Op::Punch(path, start, len) => {
                let file = self.file(path, false)?;
                let mut file = file.borrow_mut();
                let (start, end) =
                    ((*start as usize).min(file.len()), ((start + len) as usize).min(file.len()));
                file[start..end].fill(0);
            }
            Op::Mkdir(path) => {
                self.parent_ok(path)?;
                if self.0.contains_key(path) {
                    return Err(Errno::EEXIST);
                }
                self.0.insert(path.clone(), None);
            }
            Op::Unlink(path) => {
                self.parent_ok(path)?;
                match self.0.get(path) {
                    None => return Err(Errno::ENOENT),
                    Some(None) => return Err(Errno::EISDIR),
                    Some(_) => drop(self.0.remove(path)),
                }
            }
            Op::Rmdir(path) => {
                self.parent_ok(path)?;
                match self.0.get(path) {
                    None => return Err(Errno::ENOENT),
                    Some(Some(_)) => return Err(Errno::ENOTDIR),
                    Some(None) if self.has_children(path) => return Err(Errno::ENOTEMPTY),
                    Some(None) => drop(self.0.remove(path)),
                }
            }
            Op::Rename(from, to) => {
                self.parent_ok(from)?;
                self.parent_ok(to)?;
                let source = self.0.get(from).ok_or(Errno::ENOENT)?.clone();
                if to.starts_with(&format!("{from}/")) {
                    return Err(Errno::EINVAL);
                }
                if from.starts_with(&format!("{to}/")) {
                    return Err(Errno::ENOTEMPTY);
                }
                if from == to {
                    return Ok(());
                }
                if let (Some(Some(other)), Some(source)) = (self.0.get(to), &source)
                    && Rc::ptr_eq(other, source)
                {
                    return Ok(());
                }
                match (self.0.get(to), &source) {
                    (Some(None), Some(_)) => return Err(Errno::EISDIR),
                    (Some(Some(_)), None) => return Err(Errno::ENOTDIR),
                    (Some(None), None) if self.has_children(to) => return Err(Errno::ENOTEMPTY),
                    _ => {}
                }
                let prefix = format!("{from}/");
                let moved: Vec<String> =
                    self.0.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
                for key in moved {
                    let value = self.0.remove(&key).unwrap();
                    self.0.insert(format!("{to}/{}", &key[prefix.len()..]), value);
                }
                self.0.remove(from);
                self.0.insert(to.clone(), source);
            }
            Op::Link(old, new) => {
                self.parent_ok(old)?;
                let file = self.0.get(old).ok_or(Errno::ENOENT)?.clone();
                self.parent_ok(new)?;
                if self.0.contains_key(new) {
                    return Err(Errno::EEXIST);
                }
                self.0.insert(new.clone(), Some(file.ok_or(Errno::EPERM)?));
            }
            Op::Symlink(target, path) => {
                self.parent_ok(path)?;
                if self.0.contains_key(path) {
                    return Err(Errno::EEXIST);
                }
                self.0.insert(path.clone(), held([b"-> ", target.as_bytes()].concat()));
            }
            Op::Map(path, at, byte) => {
                let file = self.file(path, false)?;
                let mut file = file.borrow_mut();
                if let Some(place) = file.get_mut(*at as usize) {
                    *place = *byte;
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn apply(tree: &Tree, op: &Op) -> Res<()> {
    let from = tree.from();
    match op {
        Op::Write(path, at, bytes) => tree.write(path, *at, bytes).map(drop),
        Op::Truncate(path, len) => {
            let entry = ops::find(&from, path.as_bytes(), true)?;
            ops::truncate(&entry, *len, &tree.creds)
        }
        Op::Punch(path, start, len) => {
            let open = tree.open(path, O_RDWR)?;
            open.file().allocate(*start, start + len, osv_vfs::file::Allocate::PunchHole)
        }
        Op::Mkdir(path) => ops::mkdir(&from, path.as_bytes(), 0o777, 0o022),
        Op::Unlink(path) => ops::unlink(&from, path.as_bytes()),
        Op::Rmdir(path) => ops::rmdir(&from, path.as_bytes()),
        Op::Rename(old, new) => ops::rename(&from, old.as_bytes(), &from, new.as_bytes(), Renaming::Replace),
        Op::Link(old, new) => {
            let entry = ops::find(&from, old.as_bytes(), false)?;
            ops::link_entry(&entry, &from, new.as_bytes())
        }
        Op::Symlink(target, path) => ops::symlink(&from, target.as_bytes(), path.as_bytes()),
        Op::Map(path, at, byte) => {
            let open = tree.open(path, O_RDWR)?;
            if *at < open.file().size() {
                let page = open.pager().unwrap().page(at / 4096, true)?;
                page.copy_in((at % 4096) as usize, &[*byte]);
            }
            Ok(())
        }
    }
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(0u8..3, 1..4).prop_map(|parts| {
        parts.iter().map(|part| format!("/{}", ["a", "b", "c"][usize::from(*part)])).collect()
    })
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let at = prop_oneof![0u64..20_000, Just(4096), Just(8192), Just(4095)];
    let bytes =
        (any::<u8>(), 0usize..9000).prop_map(|(b, n)| (0..n).map(|i| b.wrapping_add(i as u8) | 1).collect());
    prop_oneof![
        4 => (path(), at.clone(), bytes).prop_map(|(p, a, b)| Op::Write(p, a, b)),
        1 => (path(), at.clone()).prop_map(|(p, l)| Op::Truncate(p, l)),
        1 => (path(), at.clone(), at).prop_map(|(p, s, l)| Op::Punch(p, s, l)),
        3 => path().prop_map(Op::Mkdir),
        1 => path().prop_map(Op::Unlink),
        1 => path().prop_map(Op::Rmdir),
        2 => (path(), path()).prop_map(|(a, b)| Op::Rename(a, b)),
        1 => (path(), path()).prop_map(|(a, b)| Op::Link(a, b)),
        1 => (path(), path()).prop_map(|(a, b)| Op::Symlink(a, format!("{b}/l"))),
        1 => (path(), 0u64..20_000, any::<u8>()).prop_map(|(p, a, b)| Op::Map(p, a, b)),
    ]
}

pub(crate) fn agree(tree: &Tree, model: &mut Model, ops: &[Op]) {
    for op in ops {
        let (ours, theirs) = (apply(tree, op), model.apply(op));
        assert_eq!(ours, theirs.map_err(Fail::Errno), "{op:?}");
    }
    assert_eq!(tree.dump(), model.plain());
}

proptest! {
    #[test]
    fn tmpfs_does_what_a_map_does(ops in proptest::collection::vec(op(), 1..60)) {
        agree(&Tree::new(RamFs::tmpfs(0o755)), &mut Model::default(), &ops);
    }

    /// The lower file system is what a first round of changes left; the second round must not touch it.
    #[test]
    fn a_view_of_a_lower_file_system_does_too(
        below in proptest::collection::vec(op(), 1..30),
        ops in proptest::collection::vec(op(), 1..40),
    ) {
        let lower = RamFs::tmpfs(0o755);
        let mut model = Model::default();
        let tree = Tree::new(lower.clone());
        for op in &below {
            let _ = (apply(&tree, op), model.apply(op));
        }
        let before = tree.dump();
        agree(&Tree::new(RamFs::over(lower).unwrap()), &mut model, &ops);
        assert_eq!(tree.dump(), before);
    }
}

#[test]
fn a_mapping_sees_writes_and_the_file_sees_the_mapping() {
    let tree = Tree::new(RamFs::tmpfs(0o755));
    tree.write("/f", 5000, b"abc").unwrap();
    let open = tree.open("/f", O_RDWR).unwrap();
    let pager = open.file().pager().unwrap();
    let page = pager.page(1, true).unwrap();
    assert_eq!(&page.bytes()[904..907], b"abc");
    page.copy_in(904, b"xyz");
    assert_eq!(&tree.read("/f").unwrap()[5000..], b"xyz");
    assert_eq!(pager.page(0, false).unwrap().bytes(), &[0; 4096]);
    assert_eq!(pager.page(2, false).err(), Some(Errno::ENXIO.into()));
}

#[test]
fn an_unlinked_file_lives_while_it_is_open() {
    let tree = Tree::new(RamFs::tmpfs(0o755));
    tree.write("/f", 0, b"still here").unwrap();
    let open = tree.open("/f", 0).unwrap();
    ops::unlink(&tree.from(), b"/f").unwrap();
    assert_eq!(contents(&**open.file()), b"still here");
    assert_eq!(open.attr().nlink, 0);
    assert_eq!(open.entry().unwrap().path(), b"/f (deleted)");
    tree.write("/f", 0, b"new").unwrap();
    assert_eq!(contents(&**open.file()), b"still here");
}

#[test]
fn two_names_are_one_file() {
    let tree = Tree::new(RamFs::tmpfs(0o755));
    tree.write("/f", 0, b"1").unwrap();
    let inode = ops::find(&tree.from(), b"/f", true).unwrap().inode().clone();
    ops::link(&inode, &tree.from(), b"/g").unwrap();
    tree.write("/g", 0, b"2").unwrap();
    assert_eq!(tree.read("/f").unwrap(), b"2");
    assert_eq!(inode.attr().nlink, 2);
    ops::rename(&tree.from(), b"/f", &tree.from(), b"/g", Renaming::Replace).unwrap();
    assert_eq!(tree.dump().len(), 2, "a rename onto another name of the same file does nothing");
}

#[test]
fn holes_take_no_space_and_are_found() {
    let tree = Tree::new(RamFs::tmpfs(0o755));
    tree.write("/f", 1 << 30, b"end").unwrap();
    let open = tree.open("/f", 0).unwrap();
    assert_eq!(open.attr().size, (1 << 30) + 3);
    assert_eq!(open.attr().blocks, 8);
    assert_eq!(open.file().seek_data(0, true), Ok(1 << 30));
    assert_eq!(open.file().seek_data(1 << 30, false), Ok((1 << 30) + 3));
    assert_eq!(open.file().seek_data(1 << 31, true), Err(Errno::ENXIO.into()));
}

#[test]
fn extended_attributes_are_kept_by_name_and_guarded_by_namespace() {
    use osv_vfs::xattr::{self, Replace};
    let tree = Tree::new(RamFs::tmpfs(0o755));
    tree.write("/f", 0, b"x").expect("a file");
    let open = tree.open("/f", O_RDWR).expect("opens");
    let inode = open.inode().expect("an inode");
    let (root, other) = (Creds::root(), Creds { uid: 1000, gid: 1000, ..Creds::root() });
    let set =
        |name: &str, how, creds: &Creds| xattr::set(&*inode, name.as_bytes(), b"v".to_vec(), how, creds);
    let get = |name: &str, creds: &Creds| xattr::get(&*inode, name.as_bytes(), creds);
    let refused = |errno| Err(Fail::Errno(errno));
    assert_eq!(set("user.a", Replace::Replace, &root), refused(Errno::ENODATA));
    assert_eq!(set("user.a", Replace::Create, &root), Ok(()));
    assert_eq!(set("user.a", Replace::Create, &root), refused(Errno::EEXIST));
    assert_eq!(set("user.", Replace::Any, &root), refused(Errno::EINVAL));
    assert_eq!(set("nothing", Replace::Any, &root), refused(Errno::EOPNOTSUPP));
    assert_eq!(set("system.posix_acl_access", Replace::Any, &root), refused(Errno::EOPNOTSUPP));
    assert_eq!(set("trusted.t", Replace::Any, &root), Ok(()));
    for name in ["trusted.t", "security.s"] {
        assert_eq!(set(name, Replace::Any, &other), refused(Errno::EPERM), "{name}");
    }
    assert_eq!(set("user.a", Replace::Any, &other), refused(Errno::EACCES), "0644 of root");
    assert_eq!(get("user.a", &other), Ok(b"v".to_vec()));
    assert_eq!(get("trusted.t", &other), Err(Fail::Errno(Errno::ENODATA)));
    assert_eq!(xattr::list(&*inode, &other), Ok(b"user.a\0".to_vec()));
    assert_eq!(xattr::list(&*inode, &root), Ok(b"trusted.t\0user.a\0".to_vec()));
    assert_eq!(xattr::remove(&*inode, b"user.a", &root), Ok(()));
    assert_eq!(xattr::remove(&*inode, b"user.a", &root), refused(Errno::ENODATA));
}

/// Names of both are listed in pieces: positions of one must not be taken for the other's.
#[test]
fn a_listing_in_pieces_has_the_names_of_both() {
    let lower = RamFs::tmpfs(0o755);
    let tree = Tree::new(lower.clone());
    for path in ["/a", "/b", "/c"] {
        tree.write(path, 0, b"lower").unwrap();
    }
    let tree = Tree::new(RamFs::over(lower).unwrap());
    tree.write("/d", 0, b"own").unwrap();
    assert_eq!(tree.dump().into_keys().collect::<Vec<_>>(), ["/a", "/b", "/c", "/d"]);
}
