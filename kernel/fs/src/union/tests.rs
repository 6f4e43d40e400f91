use super::*;
use crate::ram::RamFs;
use osv_base::io::{SliceSink, SliceSource};
use osv_vfs::inode::NewNode;
use osv_vfs::{At, Io};
use std::collections::BTreeSet;
use std::string::String;

fn put(dir: &Arc<dyn Inode>, name: &str, text: Option<&str>) -> Arc<dyn Inode> {
    let kind = if text.is_some() { Kind::Regular } else { Kind::Directory };
    let new = NewNode { kind, mode: 0o755, uid: 0, gid: 0, rdev: 0, target: b"" };
    let inode = dir.create(name.as_bytes(), &new).unwrap();
    if let Some(text) = text {
        let file = inode.clone().open(0).unwrap();
        file.write(At::Offset(0), &mut SliceSource::new(text.as_bytes()), Io::default()).unwrap();
    }
    inode
}

fn read(dir: &Arc<dyn Inode>, path: &str) -> Res<String> {
    let mut at = dir.clone();
    for name in path.split('/') {
        at = at.lookup(name.as_bytes())?;
    }
    let mut bytes = [0; 100];
    let n = at.open(0)?.read(At::Offset(0), &mut SliceSink::new(&mut bytes), Io::default())?;
    Ok(String::from_utf8_lossy(&bytes[..n]).into_owned())
}

fn names(dir: &Arc<dyn Inode>) -> Vec<String> {
    let (mut names, mut from) = (Vec::new(), 0);
    // One at a time, so that positions count.
    while let Some(next) = {
        let mut next = None;
        dir.list(from, &mut |entry| {
            if next.is_none() {
                names.push(String::from_utf8_lossy(entry.name).into_owned());
                next = Some(entry.next);
                return true;
            }
            false
        })
        .unwrap();
        next
    } {
        from = next;
    }
    names
}

/// Two layers: the upper one wins, directories are joined, and what is no directory ends what is below.
fn sample() -> Arc<dyn FileSystem> {
    let (upper, lower) = (RamFs::tmpfs(0o755).root(), RamFs::tmpfs(0o700).root());
    put(&upper, "same", Some("upper"));
    put(&lower, "same", Some("lower"));
    put(&lower, "only-low", Some("low"));
    let (a, b) = (put(&upper, "both", None), put(&lower, "both", None));
    put(&a, "x", Some("1"));
    put(&b, "x", Some("2"));
    put(&b, "y", Some("3"));
    put(&upper, "file-over-dir", Some("f"));
    put(&put(&lower, "file-over-dir", None), "hidden", Some("h"));
    put(&put(&upper, "dir-over-file", None), "z", Some("4"));
    put(&lower, "dir-over-file", Some("hidden"));
    of(alloc::vec![upper, lower]).unwrap()
}

#[test]
fn the_upper_layer_wins_and_directories_are_joined() {
    let root = sample().root();
    assert_eq!(root.attr().mode & 0o777, 0o755);
    for (path, text) in [
        ("same", "upper"),
        ("only-low", "low"),
        ("both/x", "1"),
        ("both/y", "3"),
        ("file-over-dir", "f"),
        ("dir-over-file/z", "4"),
    ] {
        assert_eq!(read(&root, path).as_deref(), Ok(text), "{path}");
    }
    assert_eq!(read(&root, "file-over-dir/hidden"), Err(Errno::ENOTDIR.into()));
    assert_eq!(read(&root, "nothing"), Err(Errno::ENOENT.into()));
    assert_eq!(names(&root), ["both", "dir-over-file", "file-over-dir", "only-low", "same"]);
    assert_eq!(names(&root.lookup(b"both").unwrap()), ["x", "y"]);
    assert_eq!(names(&root.lookup(b"dir-over-file").unwrap()), ["z"]);
}

#[test]
fn every_file_has_a_number_of_its_own() {
    let root = sample().root();
    let both = root.lookup(b"both").unwrap();
    let mut inodes: Vec<Arc<dyn Inode>> =
        names(&root).iter().map(|name| root.lookup(name.as_bytes()).unwrap()).collect();
    inodes.extend(names(&both).iter().map(|name| both.lookup(name.as_bytes()).unwrap()));
    let numbers: BTreeSet<(u64, u64)> =
        inodes.iter().map(|inode| (inode.attr().dev, inode.attr().ino)).collect();
    assert_eq!(numbers.len(), inodes.len());
    // What is listed is what stat shows.
    root.list(0, &mut |entry| {
        assert_eq!(root.lookup(entry.name).unwrap().attr().ino, entry.ino);
        true
    })
    .unwrap();
}
