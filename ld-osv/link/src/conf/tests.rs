use super::{default_path, matches};
use crate::Error;
use crate::world::{File, Files};
use alloc::vec::Vec;

/// Files by path.
struct Fixed(&'static [(&'static [u8], &'static [u8])]);

impl Files<'static> for Fixed {
    fn open(&mut self, path: &[u8]) -> Result<Option<File<'static>>, Error> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        Ok(found.map(|(_, bytes)| File { bytes, identity: (0, 0), handle: 0 }))
    }

    fn close(&mut self, _: File<'static>) {}

    fn list(&mut self, folder: &[u8]) -> Vec<Vec<u8>> {
        let inside = |name: &[u8]| {
            let name = name.strip_prefix(folder)?.strip_prefix(b"/")?;
            (!name.contains(&b'/')).then(|| name.to_vec())
        };
        self.0.iter().filter_map(|(name, _)| inside(name)).collect()
    }
}

fn folders(files: &'static [(&'static [u8], &'static [u8])]) -> Vec<Vec<u8>> {
    default_path(&mut Fixed(files))
}

#[test]
fn without_a_file_the_built_in_folders_are_left() {
    assert_eq!(folders(&[])[0], b"/lib/x86_64-linux-gnu");
}

#[test]
fn includes_are_read_sorted_where_they_stand() {
    let found = folders(&[
        (b"/etc/ld.so.conf", b"/first # not this\n  include ld.so.conf.d/*.conf\n/last/\nhwcap 1 x\n"),
        (b"/etc/ld.so.conf.d/b.conf", b"/b\n"),
        (b"/etc/ld.so.conf.d/a.conf", b"/a=libc6\n"),
        (b"/etc/ld.so.conf.d/.hidden.conf", b"/hidden\n"),
        (b"/etc/ld.so.conf.d/c.txt", b"/c\n"),
    ]);
    let expected: [&[u8]; 5] = [b"/first", b"/a", b"/b", b"/last", b"/lib/x86_64-linux-gnu"];
    assert_eq!(found[..5], expected);
}

#[test]
fn a_folder_counts_once_where_it_is_named_first() {
    let found = folders(&[(b"/etc/ld.so.conf", b"/usr/lib\n/usr/lib\n")]);
    assert_eq!(found[0], b"/usr/lib");
    assert_eq!(found.iter().filter(|folder| *folder == b"/usr/lib").count(), 1);
}

#[test]
fn a_file_that_includes_itself_ends() {
    assert_eq!(folders(&[(b"/etc/ld.so.conf", b"/x\ninclude /etc/ld.so.conf\n")])[0], b"/x");
}

#[test]
fn patterns() {
    for (pattern, name, expected) in [
        ("*.conf", "a.conf", true),
        ("*.conf", "a.confx", false),
        ("a?c*", "abcd", true),
        ("*a*b", "xaxaxb", true),
        ("*a*b", "xaxax", false),
        ("**", "", true),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
    }
}
