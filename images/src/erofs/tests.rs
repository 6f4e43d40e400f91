//! The judge is erofs-utils: `fsck.erofs` must find nothing, and what it extracts must be what was put in.

use super::*;
use crate::tree::File;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn file(mode: u16, bytes: impl Into<Vec<u8>>) -> Node {
    Node::File(File::made(mode, Content::Bytes(bytes.into())))
}

fn dir(mode: u16, entries: impl IntoIterator<Item = (&'static str, Node)>) -> Dir {
    let entries = entries.into_iter().map(|(name, node)| (name.into(), node)).collect();
    Dir { mode, entries }
}

/// Extracts with erofs-utils and compares with the tree.
fn check(root: &Dir) {
    let image = write(root).expect("a small tree");
    assert_eq!(image.len() as u64 % BLOCK, 0);
    assert_eq!(image, write(root).expect("again"), "reproducible");
    let temp = tempfile::tempdir().expect("a folder");
    let (image_path, out) = (temp.path().join("image"), temp.path().join("out"));
    fs::write(&image_path, &image).expect("written");
    let fsck = Command::new("fsck.erofs")
        .arg("--preserve-perms")
        .arg(format!("--extract={}", out.display()))
        .arg(&image_path)
        .output();
    let fsck = fsck.expect("erofs-utils is installed");
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
    compare(root, &out);
}

fn compare(dir: &Dir, out: &Path) {
    let metadata = fs::metadata(out).expect("extracted");
    assert_eq!(metadata.permissions().mode() & 0o7777, u32::from(dir.mode), "{}", out.display());
    let names: BTreeMap<OsString, ()> = fs::read_dir(out)
        .expect("a folder")
        .map(|entry| (entry.expect("an entry").file_name(), ()))
        .collect();
    assert!(names.keys().eq(dir.entries.keys()), "{names:?}");
    for (name, node) in &dir.entries {
        let path = out.join(name);
        match node {
            Node::Dir(below) => compare(below, &path),
            Node::Link(target) => assert_eq!(fs::read_link(path).expect("a link"), Path::new(target)),
            Node::File(file) => {
                assert_eq!(fs::read(&path).expect("a file"), *file.content.read().expect("bytes"));
                // Extraction loses set-id bits to its chown.
                let mode = fs::metadata(&path).expect("a file").permissions().mode() & 0o1777;
                assert_eq!(mode, u32::from(file.mode) & 0o1777);
            }
        }
    }
}

#[test]
fn an_empty_root_is_an_image() {
    check(&Dir::default());
}

#[test]
fn contents_of_every_length_around_a_block_survive() {
    let lengths = [0usize, 1, 4031, 4095, 4096, 4097, 8192, 100_000];
    let files = lengths.map(|len| (OsString::from(format!("f{len}")), file(0o640, vec![b'x'; len])));
    check(&Dir { mode: 0o755, entries: files.into() });
}

#[test]
fn folders_larger_than_a_block_and_of_every_tail_survive() {
    for count in [1usize, 100, 170, 338, 339, 1000] {
        let entries = (0..count)
            .map(|n| (OsString::from(format!("{n:.>width$}", width = n % 40 + 1)), file(0o444, "x")));
        check(&Dir { mode: 0o700, entries: entries.collect() });
    }
}

#[test]
fn links_modes_and_depth_survive() {
    let long = OsString::from("l/".repeat(2000));
    let inner = dir(0o1777, [("here", Node::Link("..".into())), ("long", Node::Link(long))]);
    let bin = dir(0o755, [("su", file(0o4755, "x")), ("-", Node::Link("/usr/bin/su".into()))]);
    check(&dir(0o755, [("tmp", Node::Dir(inner)), ("bin", Node::Dir(bin)), ("!", file(0o000, ""))]));
}

#[test]
fn files_keep_their_times() {
    let modified = Duration::new(1_234_567_890, 987_654_321);
    let old = Node::File(File { mode: 0o644, modified, content: Content::Bytes(b"old".to_vec()) });
    let root = dir(0o755, [("made", file(0o644, "made")), ("old", old)]);
    check(&root);
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("image");
    fs::write(&path, write(&root).expect("an image")).expect("written");
    for (name, time) in [("made", "1970-01-01 00:00:01.0"), ("old", "2009-02-13 23:31:30.987654321")] {
        let dump =
            Command::new("dump.erofs").env("TZ", "UTC").arg(format!("--path=/{name}")).arg(&path).output();
        let text = dump.expect("erofs-utils").stdout;
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains(&format!("Timestamp: {time}")), "no {time} in {text}");
    }
}

#[test]
fn file_data_starts_on_blocks_and_ends_in_zeros() {
    let image = write(&dir(0o755, [("f", file(0o644, vec![0xaa; 5000]))])).expect("an image");
    let start = image.iter().position(|byte| *byte == 0xaa).expect("the data");
    assert_eq!(start as u64 % BLOCK, 0);
    assert_eq!(image.len(), start + 8192);
    assert!(image[start + 5000..].iter().all(|byte| *byte == 0));
}

#[test]
fn linux_tools_agree_on_the_numbers() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("image");
    let image = write(&dir(0o755, [("f", file(0o6751, "abc"))])).expect("an image");
    assert_eq!(
        image[39 * 32 + 4..][..2],
        0o106751u16.to_le_bytes(),
        "set-id bits, which the tools don't show"
    );
    fs::write(&path, image).expect("written");
    let dump =
        Command::new("dump.erofs").arg("-s").arg("--path=/f").arg(&path).output().expect("erofs-utils");
    let text = String::from_utf8_lossy(&dump.stdout);
    for expected in [
        "Filesystem inode count:                       2",
        "sb_csum",
        "Size: 3 ",
        "Layout: 0",
        "Uid: 0",
        "NID: 39 ",
        "Access: 0751",
    ] {
        assert!(text.contains(expected), "no {expected:?} in {text}");
    }
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        (0u16..0o10000, prop_oneof![0usize..10, 4000usize..4200, 0usize..20_000], any::<u8>(), 0u64..1 << 40)
            .prop_map(|(mode, len, byte, modified)| {
                let (mode, modified) = (mode | 0o400, Duration::from_secs(modified));
                Node::File(File { mode, modified, content: Content::Bytes(vec![byte; len]) })
            }),
        "[a-z/.]{1,60}".prop_map(|target| Node::Link(target.into())),
    ];
    leaf.prop_recursive(4, 60, 12, |inner| {
        prop::collection::btree_map("[a-zA-Z0-9_+-]{1,30}", inner, 0..12).prop_map(|entries| {
            Node::Dir(Dir {
                mode: 0o755,
                entries: entries.into_iter().map(|(name, node)| (name.into(), node)).collect(),
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_tree_survives(node in any_node()) {
        check(&dir(0o755, [("it", node)]));
    }
}
