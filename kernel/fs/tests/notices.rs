//! What watchers are told of a tree in RAM: inotify(7).

use osv_abi::uapi::event::inotify as i;
use osv_fs::ram::RamFs;
use osv_vfs::mount::Mounts;
use osv_vfs::notify::{self, Mark, Watcher};
use osv_vfs::ops::{self, How, Renaming};
use osv_vfs::path::From;
use osv_vfs::{Creds, OpenFile, Time};
use std::sync::{Arc, Mutex, Weak};

const CREAT: u32 = 0o100;
const RDWR: u32 = 2;

#[derive(Default)]
struct Record(Mutex<Vec<(i32, u32, String)>>);

impl Watcher for Record {
    fn event(&self, wd: i32, mask: u32, _cookie: u32, name: &[u8]) {
        let name = String::from_utf8_lossy(name).into_owned();
        self.0.lock().unwrap().push((wd, mask, name));
    }
}

struct Tree {
    mounts: Mounts,
    record: Arc<Record>,
}

impl Tree {
    fn new() -> Tree {
        Tree { mounts: Mounts::new(RamFs::tmpfs(0o755), "root"), record: Arc::default() }
    }
    fn with<R>(&self, run: impl FnOnce(&From<'_>) -> R) -> R {
        let (root, creds) = (self.mounts.root().clone(), Creds::root());
        run(&From { root: root.clone(), dir: root, creds: &creds })
    }
    fn open(&self, path: &str, flags: u32) -> OpenFile {
        self.with(|from| {
            ops::open(
                from,
                path.as_bytes(),
                How { flags, mode: 0o666, umask: 0, resolve: Default::default() },
            )
        })
        .unwrap()
    }
    fn watch(&self, path: &str, wd: i32, mask: u32) {
        let entry = self.with(|from| ops::find(from, path.as_bytes(), true)).unwrap();
        let watcher: Weak<dyn Watcher> = Arc::downgrade(&(self.record.clone() as Arc<dyn Watcher>));
        let mark = Mark { watcher, wd, mask, entry: Arc::downgrade(&entry) };
        notify::mark(notify::id_of(entry.inode()), mark);
    }
    fn told(&self) -> Vec<(i32, u32, String)> {
        std::mem::take(&mut *self.record.0.lock().unwrap())
    }
}

fn event(wd: i32, mask: u32, name: &str) -> (i32, u32, String) {
    (wd, mask, name.into())
}

#[test]
fn a_directory_is_told_of_what_is_in_it_and_a_file_of_itself() {
    let tree = Tree::new();
    tree.watch("/", 1, i::ALL_EVENTS);
    let file = tree.open("/a", CREAT | RDWR);
    assert_eq!(tree.told(), [event(1, i::CREATE, "a"), event(1, i::OPEN, "a")]);
    tree.watch("/a", 2, i::CLOSE_WRITE | i::ATTRIB);
    let inode = file.inode().unwrap();
    ops::chmod(&inode, 0o600, &Creds::root(), Time(1)).unwrap();
    assert_eq!(tree.told(), [event(1, i::ATTRIB, "a"), event(2, i::ATTRIB, "")]);
    drop(file);
    assert_eq!(tree.told(), [event(1, i::CLOSE_WRITE, "a"), event(2, i::CLOSE_WRITE, "")]);
}

#[test]
fn the_end_of_a_file_waits_for_its_last_user_and_is_the_last_that_is_told() {
    let tree = Tree::new();
    let file = tree.open("/a", CREAT | RDWR);
    tree.watch("/a", 1, i::ALL_EVENTS);
    tree.with(|from| ops::unlink(from, b"/a")).unwrap();
    assert_eq!(tree.told(), [event(1, i::ATTRIB, "")]);
    drop(file);
    let last = [i::CLOSE_WRITE, i::DELETE_SELF, i::IGNORED].map(|mask| event(1, mask, ""));
    assert_eq!(tree.told(), last);
    // Another name keeps it.
    drop(tree.open("/b", CREAT | RDWR));
    let inode = tree.with(|from| ops::find(from, b"/b", true)).unwrap().inode().clone();
    tree.with(|from| ops::link(&inode, from, b"/c")).unwrap();
    tree.watch("/b", 2, i::ALL_EVENTS);
    tree.with(|from| ops::unlink(from, b"/b")).unwrap();
    assert_eq!(tree.told(), [event(2, i::ATTRIB, "")]);
}

#[test]
fn a_move_is_told_in_both_directories_and_to_what_was_moved_and_replaced() {
    let tree = Tree::new();
    for dir in ["/from", "/to"] {
        tree.with(|from| ops::mkdir(from, dir.as_bytes(), 0o755, 0)).unwrap();
    }
    drop(tree.open("/from/a", CREAT | RDWR));
    drop(tree.open("/to/b", CREAT | RDWR));
    for (wd, path) in ["/from", "/to", "/from/a", "/to/b"].into_iter().enumerate() {
        tree.watch(path, wd as i32, i::ALL_EVENTS);
    }
    tree.with(|from| ops::rename(from, b"/from/a", from, b"/to/b", Renaming::Replace)).unwrap();
    let expected = [
        event(0, i::MOVED_FROM, "a"),
        event(1, i::MOVED_TO, "b"),
        event(2, i::MOVE_SELF, ""),
        event(3, i::ATTRIB, ""),
        event(3, i::DELETE_SELF, ""),
        event(3, i::IGNORED, ""),
    ];
    assert_eq!(tree.told(), expected);
}

#[test]
fn who_does_not_want_what_has_no_name_any_more_is_not_told() {
    let tree = Tree::new();
    tree.watch("/", 1, i::CLOSE_WRITE);
    tree.watch("/", 2, i::CLOSE_WRITE | i::EXCL_UNLINK);
    let file = tree.open("/a", CREAT | RDWR);
    tree.with(|from| ops::unlink(from, b"/a")).unwrap();
    drop(file);
    assert_eq!(tree.told(), [event(1, i::CLOSE_WRITE, "a")]);
}
