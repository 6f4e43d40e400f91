//! The two ends of the root file system: what osv-pack writes, the kernel's own reader must find again.

use osv_base::io::SliceSink;
use osv_fs::cache::{Disk, PageCache};
use osv_fs::erofs::{Image, identify, mount, mount_disk};
use osv_mm::frame::Frame;
use osv_pack::erofs;
use osv_pack::tree::{Content, Dir, File, Node};
use osv_vfs::inode::LinkTarget;
use osv_vfs::{At, Inode, Io};
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

struct Bytes(Vec<u8>);

impl Image for Bytes {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
    fn frame(&self, _index: u64) -> Option<Frame> {
        None
    }
}

/// A disk that answers at once.
struct Drive {
    image: Vec<u8>,
    cache: OnceLock<Weak<PageCache>>,
}

impl Disk for Drive {
    fn pages(&self) -> u64 {
        self.image.len() as u64 / 4096
    }
    fn connect(&self, cache: Weak<PageCache>) {
        self.cache.set(cache).expect("once");
    }
    fn read(&self, first: u64, frames: Vec<Frame>) {
        let from = &self.image[first as usize * 4096..];
        frames
            .iter()
            .zip(from.chunks(4096))
            .for_each(|(frame, page)| assert_eq!(frame.copy_in(0, page), 4096));
        let count = frames.len() as u64;
        drop(frames);
        self.cache.get().and_then(Weak::upgrade).expect("alive").complete(first, count, true);
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 4096) as u8).collect()
}

fn tree() -> Dir {
    let mut root = Dir::default();
    let mut put = |path: &str, node| root.insert(Path::new(path), node).expect("inserted");
    for len in [0, 1, 4095, 4096, 4097, 100_000] {
        put(&format!("/files/{len}"), Node::File(File::made(0o4711, Content::Bytes(content(len)))));
    }
    let modified = Duration::new(5_000_000_000, 123_456_789);
    put("/old", Node::File(File { mode: 0o644, modified, content: Content::Bytes(content(5)) }));
    for n in 0..1000 {
        put(&format!("/many/a rather long name {n}"), Node::Dir(Dir::default()));
    }
    put("/long", Node::Link("x/".repeat(2000).into()));
    put("/short", Node::Link("files".into()));
    root
}

fn compare(dir: &Dir, inode: &Arc<dyn Inode>) {
    let attr = inode.attr();
    assert_eq!(attr.mode & 0o7777, u32::from(dir.mode));
    let folders = dir.entries.values().filter(|node| matches!(node, Node::Dir(_))).count();
    assert_eq!(attr.nlink as usize, folders + 2);
    let mut listed = Vec::new();
    let all = inode.list(0, &mut |entry| {
        listed.push(String::from_utf8_lossy(entry.name).into_owned());
        true
    });
    all.expect("listed");
    assert!(
        listed.iter().map(String::as_str).eq(dir.entries.keys().map(|name| name.to_str().expect("ASCII")))
    );
    for (name, node) in &dir.entries {
        let found = inode.lookup(name.as_encoded_bytes()).expect("it is listed");
        match node {
            Node::Dir(below) => compare(below, &found),
            Node::Link(target) => match found.link_target().expect("a link") {
                LinkTarget::Path(path) => assert_eq!(path, target.as_encoded_bytes()),
                _ => panic!("a link in an image has a path"),
            },
            Node::File(file) => {
                let expected = file.content.read().expect("bytes");
                assert_eq!(
                    (found.attr().size, found.attr().mode & 0o7777),
                    (expected.len() as u64, u32::from(file.mode))
                );
                assert_eq!(found.attr().mtime.0 as u128, file.modified.as_nanos());
                let mut bytes = vec![0; expected.len() + 1];
                let opened = found.open(0).expect("a regular file");
                let read =
                    opened.read(At::Offset(0), &mut SliceSink::new(&mut bytes), Io::default()).expect("read");
                assert_eq!(bytes[..read], *expected);
            }
        }
    }
}

#[test]
fn all_that_was_written_is_found() {
    let root = tree();
    let image = erofs::write(&root).expect("small");
    let cache =
        PageCache::new(Arc::new(Drive { image: image.clone(), cache: OnceLock::new() })).expect("memory");
    let id = erofs::Reader::new(erofs::Bytes::Memory(&image)).expect("an image").id();
    assert_eq!(identify(&cache), Ok(id.0));
    for fs in [mount(Arc::new(Bytes(image))), mount_disk(cache)] {
        compare(&root, &fs.expect("an image").root());
    }
}
