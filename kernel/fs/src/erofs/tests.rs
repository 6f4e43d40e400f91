//! Images made by mkfs.erofs, compared with the folder that they were made of, and such images with bytes changed.

use super::*;
use crate::cache::tests::TestDisk;
use osv_base::io::SliceSink;
use osv_mm::frame::Use;
use osv_vfs::inode::LinkTarget;
use osv_vfs::{At, Io, Kind};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

struct Bytes(Vec<u8>);

impl Image for Bytes {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
    /// A copy stands for the frame itself.
    fn frame(&self, index: u64) -> Option<Frame> {
        let frame = Frame::zeroed(Use::User).ok()?;
        let at = usize::try_from(index).ok()? * PAGE_SIZE;
        frame.copy_in(0, self.0.get(at..at + PAGE_SIZE)?);
        Some(frame)
    }
}

/// A tree as paths and what is there.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Dir,
    File(Vec<u8>),
    Link(Vec<u8>),
    Other,
}

fn walk_host(at: &Path, name: &str, to: &mut BTreeMap<String, Seen>) {
    for entry in fs::read_dir(at).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{name}/{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        let seen = if kind.is_dir() {
            walk_host(&entry.path(), &path, to);
            Seen::Dir
        } else if kind.is_symlink() {
            Seen::Link(fs::read_link(entry.path()).unwrap().to_str().unwrap().as_bytes().to_vec())
        } else {
            Seen::File(fs::read(entry.path()).unwrap())
        };
        to.insert(path, seen);
    }
}

fn read_file(inode: &Arc<dyn Inode>) -> Res<Vec<u8>> {
    let file = inode.clone().open(0)?;
    let mut all = Vec::new();
    // A mutated length may be anything: as much as a real image could hold.
    while all.len() < 4 << 20 {
        let mut chunk = vec![0; 10_000];
        let mut sink = SliceSink::new(&mut chunk);
        let n = file.read(At::Offset(all.len() as u64), &mut sink, Io::default())?;
        if n == 0 {
            break;
        }
        all.extend_from_slice(&chunk[..n]);
    }
    Ok(all)
}

fn by_pages(inode: &Arc<dyn Inode>) -> Res<Vec<u8>> {
    let pager = inode.clone().open(0)?.pager().unwrap();
    let mut all = Vec::new();
    for index in 0..pager.len().div_ceil(PAGE_SIZE as u64).min(2000) {
        let mut page = [0; PAGE_SIZE];
        pager.page(index, false)?.copy_out(0, &mut page);
        all.extend_from_slice(&page);
    }
    Ok(all)
}

fn walk(dir: &Arc<dyn Inode>, name: &str, depth: u32, to: &mut BTreeMap<String, Seen>) -> Res<()> {
    let mut names = Vec::new();
    dir.list(0, &mut |entry| {
        names.push((entry.name.to_vec(), entry.kind));
        names.len() < 5000
    })?;
    for (entry, kind) in names {
        let path = format!("{name}/{}", String::from_utf8_lossy(&entry));
        let inode = dir.lookup(&entry)?;
        if inode.kind() != kind {
            return Err(CORRUPT.into());
        }
        let seen = match kind {
            Kind::Directory => {
                // A mutated image may have a directory in itself.
                if depth < 8 && to.len() < 2000 {
                    walk(&inode, &path, depth + 1, to)?;
                }
                Seen::Dir
            }
            Kind::Symlink => match inode.link_target()? {
                LinkTarget::Path(target) => Seen::Link(target),
                _ => Seen::Other,
            },
            Kind::Regular => {
                let bytes = read_file(&inode)?;
                let pages = by_pages(&inode)?;
                if inode.attr().size < 4 << 20 {
                    assert_eq!(pages[..bytes.len()], bytes[..], "pages of {path}");
                    assert!(pages[bytes.len()..].iter().all(|&b| b == 0), "behind the end of {path}");
                }
                Seen::File(bytes)
            }
            _ => Seen::Other,
        };
        to.insert(path, seen);
    }
    Ok(())
}

fn make(at: &Path, options: &[&str]) -> Vec<u8> {
    let image = at.with_extension("erofs");
    let run = Command::new("mkfs.erofs").args(options).arg(&image).arg(at).output();
    let run = run.expect("mkfs.erofs of erofs-utils is installed");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::read(image).unwrap()
}

fn sample(at: &Path) {
    fs::create_dir_all(at.join("usr/lib/deep/deeper")).unwrap();
    fs::create_dir(at.join("empty")).unwrap();
    for len in [0usize, 1, 100, 4000, 4095, 4096, 4097, 8192, 12000, 70_000] {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 4096) as u8).collect();
        fs::write(at.join(format!("file{len}")), bytes).unwrap();
    }
    fs::write(at.join("usr/lib/deep/deeper/x"), "down here").unwrap();
    std::os::unix::fs::symlink("usr/lib", at.join("lib")).unwrap();
    std::os::unix::fs::symlink("x".repeat(3000), at.join("long-link")).unwrap();
    fs::hard_link(at.join("file100"), at.join("same-as-100")).unwrap();
    fs::create_dir(at.join("many")).unwrap();
    for i in 0..700 {
        fs::write(at.join(format!("many/a-rather-long-name-{i:04}")), i.to_string()).unwrap();
    }
    // A hole.
    let sparse = fs::File::create(at.join("sparse")).unwrap();
    sparse.set_len(300_000).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 299_000).unwrap();
}

fn in_folder<R>(run: impl FnOnce(&Path) -> R) -> R {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    sample(&root);
    run(&root)
}

#[test]
fn an_image_shows_the_folder_that_it_was_made_of() {
    for options in [
        &[][..],
        &["-Enoinline_data"],
        &["-Eforce-inode-extended"],
        &["-Eforce-inode-compact"],
        &["--chunksize=8192"],
    ] {
        in_folder(|root| {
            let image = make(root, options);
            let mut host = BTreeMap::new();
            walk_host(root, "", &mut host);
            for fs in [mount(Arc::new(Bytes(image.clone()))).unwrap(), mount_disk(on_disk(image)).unwrap()] {
                let mut ours = BTreeMap::new();
                walk(&fs.root(), "", 0, &mut ours).unwrap();
                assert!(host == ours, "{options:?}");
                let inode = fs.root().lookup(b"same-as-100").unwrap();
                assert_eq!(inode.attr().nlink, 2);
                assert_eq!(inode.attr().ino, fs.root().lookup(b"file100").unwrap().attr().ino);
                assert_eq!(fs.root().lookup(b"nothing").err(), Some(Errno::ENOENT.into()));
            }
        });
    }
}

fn on_disk(image: Vec<u8>) -> Arc<PageCache> {
    PageCache::new(TestDisk::new(image)).unwrap()
}

#[test]
fn a_disk_that_cannot_be_read_is_an_input_output_error() {
    in_folder(|root| {
        let image = make(root, &["-Enoinline_data"]);
        // A page that only this file has.
        let bad = &fs::read(root.join("file70000")).unwrap()[16 * 4096..17 * 4096];
        let at = image.chunks(4096).position(|page| page == bad);
        let disk = TestDisk::new(image);
        disk.spoil(at.unwrap() as u64);
        let fs = mount_disk(PageCache::new(disk).unwrap()).unwrap();
        let inode = fs.root().lookup(b"file70000").unwrap();
        let failed = Err(Errno::EIO.into());
        assert_eq!(read_file(&inode).map(drop), failed);
        assert_eq!(by_pages(&inode).map(drop), failed);
        assert!(read_file(&fs.root().lookup(b"file8192").unwrap()).is_ok());
    });
}

#[test]
fn pages_of_a_disk_are_shared_by_read_and_mapping_and_can_go() {
    in_folder(|root| {
        let cache = on_disk(make(root, &["-Enoinline_data"]));
        let fs = mount_disk(cache.clone()).unwrap();
        let inode = fs.root().lookup(b"file70000").unwrap();
        let file = inode.clone().open(0).unwrap();
        let pager = file.pager().unwrap();
        assert!(pager.cached(16).is_none() && pager.is_backed());
        let before = read_file(&inode).unwrap();
        let mapped: Vec<Frame> = (0..18).map(|index| pager.cached(index).expect("it was read")).collect();
        assert_eq!(mapped[17].bytes()[..70_000 - 17 * 4096], before[17 * 4096..]);
        let resident = cache.resident();
        drop(mapped);
        assert_eq!(frames_given(&cache), resident, "nobody holds any of them");
        assert!(pager.cached(16).is_none());
        assert_eq!(read_file(&inode).unwrap(), before);
    });
}

/// Has the cache give all back; returns how many that were.
fn frames_given(cache: &Arc<PageCache>) -> usize {
    let before = cache.resident();
    while cache.give_up(1000) > 0 {}
    before - cache.resident()
}

#[test]
fn listing_goes_on_where_it_stopped() {
    in_folder(|root| {
        let fs = mount(Arc::new(Bytes(make(root, &[])))).unwrap();
        let dir = fs.root().lookup(b"many").unwrap();
        let (mut from, mut names) = (0, Vec::new());
        loop {
            let mut taken = 0;
            dir.list(from, &mut |entry| {
                if taken == 7 {
                    return false;
                }
                taken += 1;
                names.push(entry.name.to_vec());
                from = entry.next;
                true
            })
            .unwrap();
            if taken == 0 {
                break;
            }
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!((count, names.len()), (700, 700));
    });
}

#[test]
fn what_is_no_image_is_refused() {
    for bytes in [vec![], vec![0; 1024], vec![0; 4096], vec![0xff; 70_000]] {
        assert!(mount(Arc::new(Bytes(bytes))).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    /// Whatever is in an image: errors at worst, no panic, no endless loop.
    #[test]
    fn a_changed_image_never_panics(changes in proptest::collection::vec((any::<u32>(), any::<u8>(), 0u8..4), 1..20), cut in proptest::option::of(any::<u32>())) {
        static IMAGES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
        let images = IMAGES.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("root");
            fs::create_dir_all(root.join("a/b")).unwrap();
            for i in 0..40 {
                fs::write(root.join(format!("a/file{i}")), "x".repeat(i * 300)).unwrap();
            }
            std::os::unix::fs::symlink("a/b", root.join("link")).unwrap();
            [&[][..], &["--chunksize=4096"]].into_iter().map(|options| make(&root, options)).collect()
        });
        for image in images {
            let mut image = image.clone();
            // Mostly where the metadata is: the superblock and the first inodes and directories.
            for &(at, value, near) in &changes {
                let range = match near { 0 => 1024..1152, 1 => 1152..4096.min(image.len()), _ => 0..image.len() };
                let at = range.start + at as usize % (range.end - range.start);
                image[at] = value;
            }
            if let Some(cut) = cut {
                image.truncate(cut as usize % image.len());
            }
            for fs in [mount_disk(on_disk(image.clone())), mount(Arc::new(Bytes(image)))].into_iter().flatten() {
                let _ = walk(&fs.root(), "", 0, &mut BTreeMap::new());
            }
        }
    }
}
