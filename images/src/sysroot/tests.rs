use super::*;
use std::os::unix::fs::symlink;

fn system() -> (tempfile::TempDir, Sysroot) {
    let temp = tempfile::tempdir().expect("a folder");
    let root = temp.path();
    fs::create_dir_all(root.join("usr/lib/x")).expect("folders");
    fs::write(root.join("usr/lib/x/liba.so.1.2"), "a").expect("a file");
    symlink("liba.so.1.2", root.join("usr/lib/x/liba.so.1")).expect("a link");
    symlink("usr/lib", root.join("lib")).expect("a link");
    symlink("/lib/x/liba.so.1", root.join("usr/absolute")).expect("a link");
    symlink("me", root.join("me")).expect("a link");
    let sysroot = Sysroot::new(root).expect("a folder");
    (temp, sysroot)
}

#[test]
fn what_a_path_runs_through_goes_in() {
    let (_temp, sysroot) = system();
    let mut tree = Dir::default();
    let found = sysroot.import(Path::new("/usr/absolute"), &mut tree).expect("it works");
    assert_eq!(found.as_deref(), Some(Path::new("/usr/lib/x/liba.so.1.2")));
    let mut all = Vec::new();
    tree.walk(&mut |path, node| all.push((path.display().to_string(), matches!(node, Node::Link(_)))));
    let expected = [
        ("/lib", true),
        ("/usr", false),
        ("/usr/absolute", true),
        ("/usr/lib", false),
        ("/usr/lib/x", false),
        ("/usr/lib/x/liba.so.1", true),
        ("/usr/lib/x/liba.so.1.2", false),
    ];
    assert_eq!(all, expected.map(|(path, link)| (path.to_string(), link)));
}

#[test]
fn a_circle_is_an_error_and_nothing_is_none() {
    let (_temp, sysroot) = system();
    let mut tree = Dir::default();
    assert!(matches!(sysroot.import(Path::new("/me"), &mut tree), Err(Error::LinkLoop { .. })));
    assert_eq!(sysroot.import(Path::new("/no/such"), &mut tree).expect("no error"), None);
    assert_eq!(sysroot.resolve(Path::new("/lib/../lib/x")), Some("/usr/lib/x".into()));
}

#[test]
fn folders_are_added_whole() {
    let (temp, _) = system();
    let mut tree = Dir::default();
    add(&temp.path().join("usr"), Path::new("/app"), &mut tree).expect("it works");
    assert!(matches!(tree.get(Path::new("/app/lib/x/liba.so.1")), Some(Node::File(_))));
}
