//! Path resolution and operations by path, on a tree in RAM: what Linux's man pages say.

use osv_base::io::SliceSource;
use osv_base::{Errno, Fail, Res};
use osv_fs::ram::RamFs;
use osv_vfs::mount::Mounts;
use osv_vfs::ops::{self, How, Renaming};
use osv_vfs::path::{From, Resolve};
use osv_vfs::{At, Creds, Entry, Io, Kind, OpenFile};
use std::sync::Arc;

const CREAT: u32 = 0o100;
const EXCL: u32 = 0o200;
const TRUNC: u32 = 0o1000;
const DIRECTORY: u32 = 0o200000;
const NOFOLLOW: u32 = 0o400000;
const PATH: u32 = 0o10000000;
const TMPFILE: u32 = 0o20200000;
const WRONLY: u32 = 1;

struct Tree {
    mounts: Mounts,
    creds: Creds,
}

impl Tree {
    fn new() -> Tree {
        let tree = Tree { mounts: Mounts::new(RamFs::tmpfs(0o755), "root"), creds: Creds::root() };
        for dir in ["/a", "/a/b", "/a/b/c", "/tmp"] {
            ops::mkdir(&tree.from("/"), dir.as_bytes(), 0o777, 0o022).unwrap();
        }
        tree.open("/a/file", CREAT).unwrap();
        for (target, path) in [
            ("a/b", "/link"),
            ("/a/file", "/to-file"),
            ("nowhere", "/dangling"),
            ("loop2", "/loop1"),
            ("loop1", "/loop2"),
            ("..", "/a/b/up"),
            ("/", "/root"),
        ] {
            ops::symlink(&tree.from("/"), target.as_bytes(), path.as_bytes()).unwrap();
        }
        tree
    }
    fn from(&self, dir: &str) -> From<'_> {
        let root = self.mounts.root();
        let mut from = From { root: root.clone(), dir: root, creds: &self.creds };
        if dir != "/" {
            from.dir = ops::find(&from, dir.as_bytes(), true).unwrap();
        }
        from
    }
    fn open(&self, path: &str, flags: u32) -> Res<OpenFile> {
        ops::open(
            &self.from("/"),
            path.as_bytes(),
            How { flags, mode: 0o666, umask: 0o022, resolve: Default::default() },
        )
    }
    fn find(&self, path: &str, follow: bool) -> Res<Arc<Entry>> {
        ops::find(&self.from("/"), path.as_bytes(), follow)
    }
    fn where_is(&self, dir: &str, path: &str) -> Res<String> {
        let entry = ops::find(&self.from(dir), path.as_bytes(), true)?;
        Ok(String::from_utf8(entry.path()).unwrap())
    }
}

fn fails<T>(result: Res<T>, errno: Errno) {
    match result {
        Err(Fail::Errno(got)) => assert_eq!(got, errno),
        Err(Fail::Interrupted) => panic!("interrupted"),
        Ok(_) => panic!("no {errno:?}"),
    }
}

#[test]
fn walks_end_where_they_should() {
    let tree = Tree::new();
    for (dir, path, end) in [
        ("/", "/", "/"),
        ("/", "a/b", "/a/b"),
        ("/", "//a///b//", "/a/b"),
        ("/", "a/./b/../b/c/..", "/a/b"),
        ("/", "../../a", "/a"),
        ("/a/b", "..", "/a"),
        ("/a/b", ".", "/a/b"),
        ("/", "link/c", "/a/b/c"),
        ("/", "link/", "/a/b"),
        ("/", "link/up/file", "/a/file"),
        ("/", "to-file", "/a/file"),
        ("/", "root/a", "/a"),
        ("/a", "/root", "/"),
        ("/", "link/up/b/up/b", "/a/b"),
    ] {
        assert_eq!(tree.where_is(dir, path), Ok(end.into()), "{path}");
    }
}

#[test]
fn walks_fail_as_they_should() {
    let tree = Tree::new();
    for (path, errno) in [
        ("", Errno::ENOENT),
        ("a/x", Errno::ENOENT),
        ("a/x/y", Errno::ENOENT),
        ("a/file/x", Errno::ENOTDIR),
        ("a/file/", Errno::ENOTDIR),
        ("a/file/..", Errno::ENOTDIR),
        ("a/file/.", Errno::ENOTDIR),
        ("to-file/", Errno::ENOTDIR),
        ("dangling", Errno::ENOENT),
        ("loop1", Errno::ELOOP),
        ("loop1/x", Errno::ELOOP),
    ] {
        fails(tree.find(path, true), errno);
    }
    fails(tree.find(&"x".repeat(256), true), Errno::ENAMETOOLONG);
    fails(tree.open(&"x".repeat(256), CREAT), Errno::ENAMETOOLONG);
    assert_eq!(tree.find("loop1", false).unwrap().kind(), Kind::Symlink);
    assert_eq!(tree.find("dangling", false).unwrap().kind(), Kind::Symlink);
}

#[test]
fn a_confined_walk_stays_where_it_may_be() {
    let tree = Tree::new();
    ops::mkdir(&tree.from("/"), b"/a/b/d", 0o755, 0).unwrap();
    let open = |dir: &str, path: &str, resolve| {
        let how = How { flags: 0, mode: 0, umask: 0, resolve: Resolve(resolve) };
        ops::open(&tree.from(dir), path.as_bytes(), how).map(|open| open.entry().map(|entry| entry.path()))
    };
    for (dir, path, resolve, end) in [
        ("/a", "b/../file", Resolve::BENEATH, "/a/file"),
        ("/a", "b/up", Resolve::BENEATH, "/a"),
        ("/a", "/file", Resolve::IN_ROOT, "/a/file"),
        ("/a", "../../b", Resolve::IN_ROOT, "/a/b"),
        ("/a", "..", Resolve::IN_ROOT, "/a"),
        ("/a/b", "../file", Resolve::NO_SYMLINKS | Resolve::NO_MAGICLINKS, "/a/file"),
        ("/", "link/up/file", Resolve::NO_XDEV, "/a/file"),
    ] {
        assert_eq!(open(dir, path, resolve), Ok(Some(end.into())), "{path}");
    }
    for (dir, path, resolve, errno) in [
        ("/a", "/a/file", Resolve::BENEATH, Errno::EXDEV),
        ("/a", "..", Resolve::BENEATH, Errno::EXDEV),
        ("/a", "b/../../a/file", Resolve::BENEATH, Errno::EXDEV),
        ("/a/b", "up/file", Resolve::BENEATH, Errno::EXDEV),
        ("/", "root/a", Resolve::BENEATH, Errno::EXDEV),
        ("/", "link/file", Resolve::NO_SYMLINKS, Errno::ELOOP),
        ("/", "to-file", Resolve::NO_SYMLINKS, Errno::ELOOP),
    ] {
        fails(open(dir, path, resolve), errno);
    }
}

#[test]
fn a_long_chain_of_links_is_a_loop() {
    let tree = Tree::new();
    for i in 0..45 {
        let target = if i == 0 { "a".into() } else { format!("chain{}", i - 1) };
        ops::symlink(&tree.from("/"), target.as_bytes(), format!("chain{i}").as_bytes()).unwrap();
    }
    assert!(tree.find("chain39", true).is_ok());
    fails(tree.find("chain40", true), Errno::ELOOP);
}

#[test]
fn a_changed_root_is_the_top() {
    let tree = Tree::new();
    let top = tree.find("/a", true).unwrap();
    let from = From { root: top.clone(), dir: top.clone(), creds: &tree.creds };
    assert!(Arc::ptr_eq(&ops::find(&from, b"../../..", true).unwrap(), &top));
    assert_eq!(ops::find(&from, b"/b/up/file", true).unwrap().path_from(&top), Some(b"/file".to_vec()));
    assert_eq!(tree.find("/tmp", true).unwrap().path_from(&top), None);
}

#[test]
fn open_does_what_its_flags_say() {
    let tree = Tree::new();
    fails(tree.open("new", 0), Errno::ENOENT);
    assert_eq!(tree.open("new", CREAT).unwrap().attr().mode, 0o100644);
    fails(tree.open("new", CREAT | EXCL), Errno::EEXIST);
    fails(tree.open("dangling", CREAT | EXCL), Errno::EEXIST);
    fails(tree.open("dangling", CREAT | NOFOLLOW), Errno::ELOOP);
    tree.open("dangling", CREAT).unwrap();
    assert_eq!(tree.where_is("/", "dangling"), Ok("/nowhere".into()));
    fails(tree.open("to-file", NOFOLLOW), Errno::ELOOP);
    fails(tree.open("a", WRONLY), Errno::EISDIR);
    fails(tree.open("a", CREAT), Errno::EISDIR);
    fails(tree.open("x/", CREAT), Errno::EISDIR);
    fails(tree.open("a/.", CREAT), Errno::EISDIR);
    fails(tree.open("a/file", DIRECTORY), Errno::ENOTDIR);
    fails(tree.open("to-file", DIRECTORY), Errno::ENOTDIR);
    tree.open("link", DIRECTORY).unwrap();
    fails(tree.open("loop1", CREAT), Errno::ELOOP);
    let path = tree.open("to-file", PATH | NOFOLLOW).unwrap();
    assert!(path.is_path() && !path.readable() && !path.writable());
    assert_eq!(path.entry().unwrap().kind(), Kind::Symlink);
    let unnamed = tree.open("/tmp", TMPFILE | WRONLY).unwrap();
    assert_eq!(unnamed.attr().nlink, 0);
    fails(tree.open("/tmp", TMPFILE), Errno::EINVAL);
    let inode = unnamed.inode().unwrap();
    ops::link(&inode, &tree.from("/"), b"/tmp/named").unwrap();
    assert_eq!(tree.open("/tmp/named", 0).unwrap().attr().nlink, 1);
}

#[test]
fn truncation_needs_the_flag() {
    use osv_base::io::SliceSource;
    use osv_vfs::{At, Io};
    let tree = Tree::new();
    let write = |flags| {
        let open = tree.open("f", flags | CREAT | WRONLY).unwrap();
        open.file().write(At::Offset(0), &mut SliceSource::new(b"abc"), Io::default()).unwrap();
        tree.open("f", 0).unwrap().file().size()
    };
    write(0);
    tree.find("f", true).unwrap().inode().truncate(100).unwrap();
    assert_eq!(write(0), 100);
    assert_eq!(write(TRUNC), 3);
}

#[test]
fn names_are_removed_and_made_with_care() {
    let tree = Tree::new();
    let from = tree.from("/");
    fails(ops::mkdir(&from, b"a", 0o777, 0), Errno::EEXIST);
    fails(ops::mkdir(&from, b"/", 0o777, 0), Errno::EEXIST);
    fails(ops::mkdir(&from, b"dangling", 0o777, 0), Errno::EEXIST);
    ops::mkdir(&from, b"slash/", 0o777, 0).unwrap();
    fails(ops::unlink(&from, b"a"), Errno::EISDIR);
    fails(ops::unlink(&from, b"a/."), Errno::EISDIR);
    fails(ops::unlink(&from, b"a/file/"), Errno::ENOTDIR);
    fails(ops::rmdir(&from, b"a"), Errno::ENOTEMPTY);
    fails(ops::rmdir(&from, b"a/file"), Errno::ENOTDIR);
    fails(ops::rmdir(&from, b"a/."), Errno::EINVAL);
    fails(ops::rmdir(&from, b"a/.."), Errno::ENOTEMPTY);
    fails(ops::rmdir(&from, b"/"), Errno::EBUSY);
    fails(ops::rmdir(&from, b"link"), Errno::ENOTDIR);
    ops::unlink(&from, b"link").unwrap();
    assert!(tree.find("a/b", true).is_ok());
    let file = tree.find("a/file", true).unwrap().inode().clone();
    fails(ops::link(&file, &from, b"a/b"), Errno::EEXIST);
    // What is no directory may not be called one; what is there already comes first.
    fails(ops::link(&file, &from, b"a/b/"), Errno::EEXIST);
    fails(ops::link(&file, &from, b"a/new/"), Errno::ENOENT);
    fails(ops::symlink(&from, b"a", b"a/file/"), Errno::EEXIST);
    fails(ops::symlink(&from, b"a", b"a/new/"), Errno::ENOENT);
    let long = "x".repeat(256).into_bytes();
    fails(ops::unlink(&from, &long), Errno::ENAMETOOLONG);
    fails(ops::rmdir(&from, &long), Errno::ENAMETOOLONG);
    fails(ops::rename(&from, &long, &from, b"a/new", Renaming::Replace), Errno::ENAMETOOLONG);
    let dir = tree.find("a", true).unwrap().inode().clone();
    fails(ops::link(&dir, &from, b"hard"), Errno::EPERM);
    fails(ops::symlink(&from, b"", b"empty"), Errno::ENOENT);
}

#[test]
fn a_removed_directory_takes_no_names() {
    let tree = Tree::new();
    let from = tree.from("/a/b/c");
    ops::rmdir(&tree.from("/"), b"/a/b/c").unwrap();
    fails(ops::mkdir(&from, b"x", 0o777, 0), Errno::ENOENT);
    fails(ops::find(&from, b"x", true), Errno::ENOENT);
    assert!(ops::find(&from, b"..", true).is_ok());
    assert!(from.dir.is_removed());
}

#[test]
fn renames_keep_the_tree_a_tree() {
    let tree = Tree::new();
    let from = tree.from("/");
    let rename = |a: &str, b: &str, how| ops::rename(&from, a.as_bytes(), &from, b.as_bytes(), how);
    fails(rename("a", "a/b/x", Renaming::Replace), Errno::EINVAL);
    fails(rename("a/b", "a", Renaming::Replace), Errno::ENOTEMPTY);
    fails(rename("a/file", "tmp", Renaming::Replace), Errno::EISDIR);
    fails(rename("tmp", "a/file", Renaming::Replace), Errno::ENOTDIR);
    fails(rename("a/.", "x", Renaming::Replace), Errno::EBUSY);
    fails(rename("a/file", "to-file", Renaming::NoReplace), Errno::EEXIST);
    fails(rename("a/file", "x/", Renaming::Replace), Errno::ENOTDIR);
    fails(rename("a", "a/b/c", Renaming::Exchange), Errno::EINVAL);
    rename("a/b", "tmp", Renaming::Replace).unwrap();
    assert!(tree.find("/tmp/c", true).is_ok());
    assert_eq!(tree.where_is("/tmp/c", "../.."), Ok("/".into()));
    rename("tmp", "a/file", Renaming::Exchange).unwrap();
    assert_eq!(tree.where_is("/", "a/file/c"), Ok("/a/file/c".into()));
    assert_eq!(tree.find("tmp", true).unwrap().kind(), Kind::Regular);
}

#[test]
fn mounts_hide_and_show() {
    let tree = Tree::new();
    let at = tree.find("/a/b", true).unwrap();
    let root = tree.mounts.mount(&at, RamFs::tmpfs(0o755), b"tmpfs", 0).unwrap();
    fails(tree.find("/a/b/c", true), Errno::ENOENT);
    tree.open("/a/b/inside", CREAT).unwrap();
    assert_eq!(tree.where_is("/a/b", ".."), Ok("/a".into()));
    assert_eq!(tree.where_is("/", "a/b/inside"), Ok("/a/b/inside".into()));
    let from = tree.from("/");
    fails(ops::rename(&from, b"/a/file", &from, b"/a/b/file", Renaming::Replace), Errno::EXDEV);
    fails(ops::rmdir(&from, b"/a/b"), Errno::EBUSY);
    fails(ops::rename(&from, b"/a/b", &from, b"/x", Renaming::Replace), Errno::EBUSY);
    fails(tree.mounts.unmount(&tree.find("/a", true).unwrap(), false), Errno::EINVAL);
    tree.mounts.unmount(&root, false).unwrap();
    assert!(tree.find("/a/b/c", true).is_ok());
    fails(
        tree.mounts.mount(&tree.find("/a/file", true).unwrap(), RamFs::tmpfs(0o755), b"", 0),
        Errno::ENOTDIR,
    );
}

#[test]
fn others_may_do_only_what_modes_allow() {
    let mut tree = Tree::new();
    tree.open("/tmp/roots", CREAT).unwrap();
    ops::chmod(tree.find("/tmp", true).unwrap().inode(), 0o1777, &tree.creds, Default::default()).unwrap();
    ops::mkdir(&tree.from("/"), b"secret", 0o700, 0).unwrap();
    tree.open("/secret/x", CREAT).unwrap();
    tree.creds = Creds { uid: 1000, gid: 1000, groups: Arc::new([]) };
    let from = tree.from("/");
    fails(tree.open("/secret/x", 0), Errno::EACCES);
    fails(tree.open("/secret", 0), Errno::EACCES);
    fails(tree.open("/new", CREAT), Errno::EACCES);
    fails(tree.open("/a/file", WRONLY), Errno::EACCES);
    assert!(tree.open("/a/file", 0).is_ok());
    assert!(tree.open("/tmp/mine", CREAT | WRONLY).is_ok());
    fails(ops::unlink(&from, b"/tmp/roots"), Errno::EPERM);
    assert!(ops::unlink(&from, b"/tmp/mine").is_ok());
    let file = tree.find("/a/file", true).unwrap().inode().clone();
    fails(ops::chmod(&file, 0o777, &tree.creds, Default::default()), Errno::EPERM);
    fails(ops::chown(&file, Some(1000), None, &tree.creds, Default::default()), Errno::EPERM);
    fails(ops::access(&file, 2, &tree.creds), Errno::EACCES);
    assert!(ops::access(&file, 4, &tree.creds).is_ok());
}

#[test]
fn many_threads_make_and_remove_names_at_once() {
    let tree = Arc::new(Tree::new());
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let tree = tree.clone();
            std::thread::spawn(move || {
                let from = tree.from("/");
                let mut made = 0;
                for i in 0..500 {
                    let (mine, shared) = (format!("/tmp/{n}-{i}"), format!("/tmp/{}", i % 7));
                    tree.open(&mine, CREAT | EXCL).unwrap();
                    made += usize::from(tree.open(&shared, CREAT | EXCL).is_ok());
                    let _ = ops::rename(&from, shared.as_bytes(), &from, mine.as_bytes(), Renaming::Replace);
                    let _ = ops::rename(&from, mine.as_bytes(), &from, b"/a/b/moved", Renaming::Replace);
                    let _ = ops::unlink(&from, b"/a/b/moved");
                }
                made
            })
        })
        .collect();
    assert!(threads.into_iter().map(|t| t.join().unwrap()).sum::<usize>() > 0);
    let mut left = Vec::new();
    for dir in ["/tmp", "/a/b"] {
        let dir = tree.find(dir, true).unwrap();
        dir.inode()
            .list(0, &mut |e| {
                left.push(e.name.to_vec());
                true
            })
            .unwrap();
        for name in &left {
            let _ = dir.lookup(name);
        }
    }
    assert!(left.iter().all(|name| name.len() < 6 || name == b"moved"), "{left:?}");
}

#[test]
fn a_directory_in_two_places_is_one_directory() {
    let tree = Tree::new();
    let from = tree.from("/");
    ops::mkdir(&from, b"/bound", 0o755, 0).unwrap();
    tree.mounts.bind(&tree.find("/a/b", true).unwrap(), &tree.find("/bound", true).unwrap(), false).unwrap();
    assert!(tree.find("/bound/c", true).is_ok());
    // Both have looked at it; what either changes, the other sees.
    for (one, other) in [("/a/b", "/bound"), ("/bound", "/a/b")] {
        let path = |dir: &str, name: &str| format!("{dir}/{name}").into_bytes();
        assert!(tree.find(&format!("{other}/x"), true).is_err());
        tree.open(&format!("{one}/x"), CREAT).unwrap();
        assert!(tree.find(&format!("{other}/x"), true).is_ok());
        ops::rename(&from, &path(one, "x"), &from, &path(one, "y"), Renaming::Replace).unwrap();
        fails(tree.find(&format!("{other}/x"), true), Errno::ENOENT);
        assert!(tree.find(&format!("{other}/y"), true).is_ok());
        fails(tree.open(&format!("{other}/y"), CREAT | EXCL), Errno::EEXIST);
        ops::unlink(&from, &path(other, "y")).unwrap();
        fails(tree.find(&format!("{one}/y"), true), Errno::ENOENT);
        tree.open(&format!("{one}/y"), CREAT | EXCL).unwrap();
        ops::unlink(&from, &path(one, "y")).unwrap();
    }
    // Names in two mounts are not of one mount.
    fails(ops::rename(&from, b"/a/file", &from, b"/bound/file", Renaming::Replace), Errno::EXDEV);
    assert_eq!(tree.where_is("/bound/c", "../.."), Ok("/".into()));
    fails(ops::rmdir(&from, b"/bound"), Errno::EBUSY);
}

#[test]
fn a_file_can_be_bound_over_a_file_and_a_mount_can_be_read_only() {
    let tree = Tree::new();
    let from = tree.from("/");
    tree.open("/other", CREAT).unwrap();
    let place = tree.find("/other", true).unwrap();
    fails(tree.mounts.bind(&tree.find("/a", true).unwrap(), &place, false), Errno::ENOTDIR);
    tree.mounts.bind(&tree.find("/a/file", true).unwrap(), &place, false).unwrap();
    let inode = |path: &str| tree.find(path, true).unwrap().inode().attr().ino;
    assert_eq!(inode("/other"), inode("/a/file"));
    fails(ops::unlink(&from, b"/other"), Errno::EBUSY);
    let root = tree.find("/other", true).unwrap();
    tree.mounts.remount(&root, osv_abi::uapi::file::mount::RDONLY).unwrap();
    fails(tree.open("/other", WRONLY), Errno::EROFS);
    assert!(tree.open("/a/file", WRONLY).is_ok(), "by its other name it may be written");
    drop((root, place));
    tree.mounts.unmount(&tree.find("/other", true).unwrap(), false).unwrap();
    assert_ne!(inode("/other"), inode("/a/file"));
}

#[test]
fn a_mount_in_use_is_busy_until_nobody_uses_it() {
    let tree = Tree::new();
    let at = tree.find("/a/b", true).unwrap();
    tree.mounts.mount(&at, RamFs::tmpfs(0o755), b"tmpfs", 0).unwrap();
    ops::mkdir(&tree.from("/"), b"/a/b/d", 0o755, 0).unwrap();
    let file = tree.open("/a/b/d/file", CREAT).unwrap();
    let root = || tree.find("/a/b", true).unwrap();
    fails(tree.mounts.unmount(&root(), false), Errno::EBUSY);
    assert!(tree.find("/a/b/d/file", true).is_ok(), "nothing was lost");
    drop(file);
    let inner = tree.find("/a/b/d", true).unwrap();
    tree.mounts.mount(&inner, RamFs::tmpfs(0o755), b"tmpfs", 0).unwrap();
    drop(inner);
    fails(tree.mounts.unmount(&root(), false), Errno::EBUSY);
    tree.mounts.unmount(&tree.find("/a/b/d", true).unwrap(), false).unwrap();
    tree.mounts.unmount(&root(), false).unwrap();
    assert!(tree.find("/a/b/c", true).is_ok());
    assert_eq!(tree.mounts.list().len(), 1);
}

#[test]
fn a_detached_mount_lives_on_for_who_uses_it() {
    let tree = Tree::new();
    let at = tree.find("/a/b", true).unwrap();
    let root = tree.mounts.mount(&at, RamFs::tmpfs(0o755), b"tmpfs", 0).unwrap();
    tree.open("/a/b/file", CREAT).unwrap();
    tree.mounts.unmount(&root, true).unwrap();
    assert!(tree.find("/a/b/c", true).is_ok());
    assert!(root.lookup(b"file").is_ok());
}

#[test]
fn the_roots_of_a_tree_change_places() {
    let tree = Tree::new();
    let old = tree.mounts.root();
    let new = tree.mounts.mount(&tree.find("/a/b", true).unwrap(), RamFs::tmpfs(0o755), b"new", 0).unwrap();
    ops::mkdir(&tree.from("/"), b"/a/b/old", 0o755, 0).unwrap();
    let put_old = tree.find("/a/b/old", true).unwrap();
    let was = tree.mounts.pivot(&new, &put_old).unwrap();
    assert!(Arc::ptr_eq(&was, &old) && Arc::ptr_eq(&tree.mounts.root(), &new));
    assert_eq!(tree.where_is("/", "old/a/file"), Ok("/old/a/file".into()));
    fails(tree.find("/a", true), Errno::ENOENT);
    assert!(tree.find("/old/a/b/c", true).is_ok(), "what was covered shows again");
    drop((was, put_old));
    tree.mounts.unmount(&old, true).unwrap();
    fails(tree.find("/old/a", true), Errno::ENOENT);
}

#[test]
fn a_tmpfs_has_the_limits_that_it_is_mounted_with() {
    use osv_fs::ram::Options;
    use osv_vfs::FileSystem;
    let fs = RamFs::mounted(&Options::parse(b"size=8k,nr_inodes=3,mode=700").unwrap());
    let tree = Tree::new();
    tree.mounts.mount(&tree.find("/tmp", true).unwrap(), fs.clone(), b"tmpfs", 0).unwrap();
    let stat = fs.stat();
    assert_eq!((stat.blocks, stat.free, stat.files, stat.files_free), (2, 2, 3, 2));
    let write = |path: &str, at: u64, len: usize| {
        let open = tree.open(path, CREAT | WRONLY)?;
        open.file().write(At::Offset(at), &mut SliceSource::new(&vec![1; len]), Io::default())
    };
    assert_eq!(write("/tmp/one", 0, 4096), Ok(4096));
    assert_eq!(write("/tmp/one", 4096, 9000), Ok(4096), "as much as there is room for");
    fails(write("/tmp/one", 8192, 1), Errno::ENOSPC);
    assert_eq!(write("/tmp/one", 0, 100), Ok(100), "what is there may be written again");
    assert_eq!(write("/tmp/two", 0, 0), Ok(0));
    fails(tree.open("/tmp/three", CREAT), Errno::ENOSPC);
    fails(fs.set_options(b"size=4k"), Errno::EINVAL);
    ops::unlink(&tree.from("/"), b"/tmp/one").unwrap();
    assert_eq!((fs.stat().free, fs.stat().files_free), (2, 1));
    // What cannot be reserved whole takes nothing.
    let two = tree.open("/tmp/two", WRONLY).unwrap();
    let reserve = osv_vfs::file::Allocate::Reserve { keep_size: false };
    fails(two.file().allocate(0, 3 * 4096, reserve), Errno::ENOSPC);
    assert_eq!((fs.stat().free, two.file().size()), (2, 0));
    fs.set_options(b"size=4k").unwrap();
    fails(write("/tmp/two", 4096, 4096).and_then(|_| write("/tmp/two", 0, 1)), Errno::ENOSPC);
    fails(Options::parse(b"sizes=1"), Errno::EINVAL);
    fails(Options::parse(b"mode=9"), Errno::EINVAL);
}
