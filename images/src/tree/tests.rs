use super::*;

fn file(text: &str) -> Node {
    Node::File(File::made(0o644, Content::Bytes(text.into())))
}

fn text(root: &Dir, path: &str) -> Option<String> {
    match root.get(Path::new(path))? {
        Node::File(File { content: Content::Bytes(bytes), .. }) => String::from_utf8(bytes.clone()).ok(),
        _ => None,
    }
}

#[test]
fn folders_above_are_made_and_links_followed() {
    let mut root = Dir::default();
    root.insert(Path::new("/lib"), Node::Link("usr/lib".into())).expect("a link");
    root.insert(Path::new("/lib/x/a.so.1.2"), file("a")).expect("a file");
    root.insert(Path::new("/usr/lib/x/a.so.1"), Node::Link("a.so.1.2".into())).expect("a link");
    root.insert(Path::new("/abs"), Node::Link("/lib/../lib/x".into())).expect("a link");
    assert_eq!(text(&root, "/usr/lib/x/a.so.1.2").as_deref(), Some("a"));
    assert_eq!(text(&root, "/abs/a.so.1").as_deref(), Some("a"));
    assert_eq!(text(&root, "/abs/b"), None);
}

#[test]
fn a_folder_that_meets_a_folder_keeps_its_entries() {
    let mut root = Dir::default();
    root.insert(Path::new("/etc/passwd"), file("root")).expect("a file");
    root.insert(Path::new("/etc"), Node::Dir(Dir { mode: 0o700, ..Dir::default() })).expect("a folder");
    assert_eq!(text(&root, "/etc/passwd").as_deref(), Some("root"));
    assert!(root.insert(Path::new("/etc/passwd/x"), file("")).is_err());
}

#[test]
fn links_in_a_circle_are_an_error() {
    let mut root = Dir::default();
    root.insert(Path::new("/a"), Node::Link("b".into())).expect("a link");
    root.insert(Path::new("/b"), Node::Link("a".into())).expect("a link");
    assert!(root.get(Path::new("/a")).is_none());
    assert!(matches!(root.insert(Path::new("/a/x"), file("")), Err(Error::LinkLoop { .. })));
}
