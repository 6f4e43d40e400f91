use super::*;
use crate::erofs;
use crate::tree::File as TreeFile;

fn file(mode: u16, text: &str) -> Node {
    Node::File(TreeFile::made(mode, Content::Bytes(text.into())))
}

fn tree(nodes: impl IntoIterator<Item = (&'static str, Node)>) -> Dir {
    let mut tree = Dir::default();
    nodes.into_iter().for_each(|(path, node)| tree.insert(Path::new(path), node).expect("inserted"));
    tree
}

fn on_disk(folder: &Path, tree: &Dir) -> RootFile {
    let path = folder.join("shared.root");
    let mut file = File::create(&path).expect("made");
    let written = erofs::write_to(tree, &mut file, &path).expect("written");
    let disk = RootFile::open(&path).expect("a root");
    assert_eq!(disk.id, written.id);
    assert_eq!(std::fs::metadata(&path).expect("there").len(), written.bytes);
    disk
}

#[test]
fn an_image_keeps_what_its_disk_lacks_or_has_differently() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = tree([
        ("/lib/same.so", file(0o644, "same")),
        ("/lib/other.so", file(0o644, "disk")),
        ("/lib/longer", file(0o644, "disk")),
        ("/bin/tool", file(0o644, "tool")),
        ("/link", Node::Link("lib".into())),
        ("/moved", Node::Link("lib".into())),
        ("/only-on-disk", file(0o644, "")),
    ]);
    let disk = on_disk(folder.path(), &base);
    let nothing = disk.lacks(&base).expect("compared");
    assert!(nothing.entries.is_empty(), "{nothing:?}");
    let mine = tree([
        ("/lib/same.so", file(0o644, "same")),
        ("/lib/other.so", file(0o644, "mine")),
        ("/lib/longer", file(0o644, "mine is")),
        ("/bin/tool", file(0o755, "tool")),
        ("/link", Node::Link("lib".into())),
        ("/moved", Node::Link("bin".into())),
        ("/app/new", file(0o644, "new")),
        ("/empty", Node::Dir(Dir { mode: 0o700, ..Dir::default() })),
    ]);
    let mut left = Vec::new();
    disk.lacks(&mine).expect("compared").walk(&mut |path, _| left.push(path.display().to_string()));
    assert_eq!(
        left,
        ["/app", "/app/new", "/bin", "/bin/tool", "/empty", "/lib", "/lib/longer", "/lib/other.so", "/moved"]
    );
}

#[test]
fn a_disk_is_found_beside_its_image_and_told_from_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = on_disk(folder.path(), &tree([("/a", file(0o644, "1"))]));
    let named = disk.named_in(folder.path());
    assert_eq!(named.name, "shared.root");
    let image = folder.path().join("x.img");
    let find =
        |given: Option<&Path>| RootFile::of_image(&image, &named, given).map(|disk| disk.path().to_owned());
    assert_eq!(find(None).expect("there"), folder.path().join("shared.root"));
    // Renamed with the image, and put elsewhere.
    std::fs::rename(folder.path().join("shared.root"), folder.path().join("x.img.root")).expect("renamed");
    assert_eq!(find(None).expect("there"), folder.path().join("x.img.root"));
    std::fs::rename(folder.path().join("x.img.root"), folder.path().join("far")).expect("renamed");
    assert!(matches!(find(None), Err(Error::NoRootDisk { .. })));
    assert!(find(Some(&folder.path().join("far"))).is_ok());
    // Another one of that name.
    on_disk(folder.path(), &tree([("/a", file(0o644, "2"))]));
    assert!(matches!(find(None), Err(Error::WrongRootDisk { .. })));
    let elsewhere = tempfile::tempdir().expect("a folder");
    assert!(Path::new(&disk.named_in(elsewhere.path()).name).is_absolute());
}

#[test]
fn the_same_tree_has_the_same_name_and_any_other_another() {
    let id =
        |tree: &Dir| Reader::new(Bytes::Memory(&erofs::write(tree).expect("small"))).expect("a root").id();
    let base = [("/a", file(0o644, "1")), ("/b", file(0o644, &"x".repeat(9000)))];
    assert_eq!(id(&tree(base.clone())), id(&tree(base.clone())));
    let others = [
        vec![base[0].clone()],
        vec![base[0].clone(), ("/b", file(0o644, &"x".repeat(9001)))],
        vec![base[0].clone(), ("/b", file(0o600, &"x".repeat(9000)))],
        vec![base[0].clone(), ("/c", file(0o644, &"x".repeat(9000)))],
    ];
    for other in others {
        assert_ne!(id(&tree(other)), id(&tree(base.clone())));
    }
}
