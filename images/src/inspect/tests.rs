use super::*;
use crate::erofs;
use crate::tree::{Dir, Node};

#[test]
fn an_image_is_described() {
    let temp = tempfile::tempdir().expect("a folder");
    let kernel = crate::image::tests::tiny_kernel(temp.path());
    let path = Path::new("tiny.img");
    let bare = describe(path, &kernel).expect("a kernel");
    assert!(bare.contains("no root file system"), "{bare}");

    let mut tree = Dir::default();
    crate::etc::insert(&mut tree, BOOT_FILE, "osv.program=/x\n").expect("inserted");
    crate::etc::insert(&mut tree, "/etc/a", "abc").expect("inserted");
    tree.insert(Path::new("/b"), Node::Link("/etc/a".into())).expect("inserted");
    let root = erofs::write(&tree).expect("small");
    let image = Image::parse(path, &kernel).expect("a kernel").with_root(&root).expect("packed");
    let text = describe(path, &image).expect("an image");
    for line in [
        "  osv.program=/x\n",
        "  100644          3  /etc/a\n",
        "  120777          6  /b -> /etc/a\n",
        "  040755 ",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
}

#[test]
fn a_damaged_root_is_an_error_and_never_a_panic() {
    let temp = tempfile::tempdir().expect("a folder");
    let kernel = crate::image::tests::tiny_kernel(temp.path());
    let mut tree = Dir::default();
    crate::etc::insert(&mut tree, "/etc/a", "abc").expect("inserted");
    let root = erofs::write(&tree).expect("small");
    for at in 1024..1500 {
        let mut root = root.clone();
        root[at] ^= 0xff;
        let image =
            Image::parse(Path::new("x"), &kernel).expect("a kernel").with_root(&root).expect("packed");
        let _ = describe(Path::new("x"), &image);
    }
}
