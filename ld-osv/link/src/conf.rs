//! The last resort of the search: the folders of `/etc/ld.so.conf`, in its order, then those that every system has.
//!
//! glibc reads the same folders through a cache that ldconfig made of them; here there is no cache that could be out
//! of date.

use crate::world::Files;
use alloc::vec::Vec;

/// The file that names folders.
const CONF: &[u8] = b"/etc/ld.so.conf";
/// Included files may include others, this deep.
const DEEPEST: usize = 8;
/// Folders that are searched whatever the file says: a Debian's, a Red Hat's, musl's.
const BUILT_IN: [&[u8]; 8] = [
    b"/lib/x86_64-linux-gnu",
    b"/usr/lib/x86_64-linux-gnu",
    b"/lib64",
    b"/usr/lib64",
    b"/lib",
    b"/usr/lib",
    b"/usr/local/lib/x86_64-linux-gnu",
    b"/usr/local/lib",
];

/// All folders, each once.
pub fn default_path<'a>(files: &mut impl Files<'a>) -> Vec<Vec<u8>> {
    let mut folders = Vec::new();
    read(CONF, files, &mut folders, 0);
    for folder in BUILT_IN {
        add(&mut folders, folder);
    }
    folders
}

fn add(folders: &mut Vec<Vec<u8>>, folder: &[u8]) {
    let end = folder.iter().rposition(|&byte| byte != b'/').map_or(1, |at| at + 1);
    let folder = &folder[..end.min(folder.len())];
    if !folder.is_empty() && !folders.iter().any(|known| known == folder) {
        folders.push(folder.into());
    }
}

fn read<'a>(path: &[u8], files: &mut impl Files<'a>, folders: &mut Vec<Vec<u8>>, depth: usize) {
    // What cannot be read is as if it were not there: programs start without ld.so.conf, too.
    let Ok(Some(file)) = files.open(path) else { return };
    let text = file.bytes.to_vec();
    files.close(file);
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.split(|&byte| byte == b'#').next().unwrap_or(b"");
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        match words.next() {
            Some(b"include") if depth < DEEPEST => {
                for pattern in words {
                    for included in glob(pattern, crate::needed::folder_of(path), files) {
                        read(&included, files, folders, depth + 1);
                    }
                }
            }
            Some(b"include" | b"hwcap") | None => {}
            // `folder=TYPE` was a way to say which libc a folder is for.
            Some(folder) => add(folders, folder.split(|&byte| byte == b'=').next().unwrap_or(folder)),
        }
    }
}

/// The files that a pattern names, sorted. Wildcards are known in the last part of the path.
fn glob<'a>(pattern: &[u8], base: &[u8], files: &mut impl Files<'a>) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    if !pattern.starts_with(b"/") {
        whole.extend_from_slice(base);
        whole.push(b'/');
    }
    whole.extend_from_slice(pattern);
    let folder = crate::needed::folder_of(&whole).to_vec();
    let last = whole.rsplit(|&byte| byte == b'/').next().unwrap_or(b"");
    if !last.iter().any(|byte| b"*?".contains(byte)) {
        return Vec::from([whole]);
    }
    let mut names = files.list(&folder);
    names.retain(|name| !name.starts_with(b".") && matches(last, name));
    names.sort();
    let with_folder = |name: Vec<u8>| [folder.as_slice(), b"/", &name].concat();
    names.into_iter().map(with_folder).collect()
}

/// Whether `name` fits a pattern of `*`, `?` and bytes that stand for themselves.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // On a mismatch the last star takes one byte more.
    let (mut p, mut n, mut retry) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((star, at)) => {
                    retry = Some((star, at + 1));
                    (p, n) = (star + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
