//! The few files outside the program that programs read: accounts, names of services, how names are looked up. Not
//! /etc/resolv.conf: the kernel writes it, from what it is told or from a lease, unless the image brings one.
//!
//! They are written here rather than copied from the machine that packs, so that images are reproducible and carry no
//! accounts of that machine. A file that a `--root` sysroot has comes from there instead, and `--add` replaces either.

use crate::error::Result;
use crate::sysroot::Sysroot;
use crate::tree::{Content, Dir, File, Node};
use std::path::Path;

/// Path and content.
const FILES: &[(&str, &str)] = &[
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("/etc/group", "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n"),
    ("/etc/host.conf", "multi on\n"),
    (
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    ),
    (
        "/etc/services",
        "ssh\t22/tcp\nsmtp\t25/tcp\ndomain\t53/tcp\ndomain\t53/udp\nhttp\t80/tcp\nntp\t123/udp\nhttps\t443/tcp\nhttps\t443/udp\n",
    ),
    (
        "/etc/protocols",
        "ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\nipv6\t41\tIPv6\nipv6-icmp\t58\tIPv6-ICMP\n",
    ),
];

/// Taken from the sysroot where it has them, never made up.
const TAKEN: &[&str] = &["/etc/localtime", "/etc/gai.conf", "/etc/ssl/openssl.cnf", "/etc/mime.types"];

/// Folders that programs expect, with their permissions.
const FOLDERS: &[(&str, u16)] = &[
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/var", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

/// Links at the top that a merged /usr has; those of the sysroot go in before all else.
const TOP: &[&str] = &["/bin", "/sbin", "/lib", "/lib64"];

/// Puts the folders and files into the tree. `own_root`: the sysroot is not simply this machine.
pub fn add(sysroot: &Sysroot, own_root: bool, hostname: &str, tree: &mut Dir) -> Result<()> {
    for top in TOP {
        let host = sysroot.host(Path::new(top));
        if let Ok(target) = std::fs::read_link(&host) {
            tree.insert(Path::new(top), Node::Link(target.into()))?;
        }
    }
    for (path, mode) in FOLDERS {
        tree.insert(Path::new(path), Node::Dir(Dir { mode: *mode, ..Dir::default() }))?;
    }
    // A program that looks up its own machine's name must find it.
    let hosts =
        format!("127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    let name = format!("{hostname}\n");
    for (path, text) in
        FILES.iter().chain(&[("/etc/hosts", hosts.as_str()), ("/etc/hostname", name.as_str())])
    {
        if !own_root || sysroot.import(Path::new(path), tree)?.is_none() {
            insert(tree, path, text)?;
        }
    }
    for path in TAKEN.iter().filter(|_| own_root) {
        sysroot.import(Path::new(path), tree)?;
    }
    tree.insert(Path::new("/var/run"), Node::Link("/run".into()))
}

/// Puts a text file into the tree.
pub fn insert(tree: &mut Dir, path: &str, text: &str) -> Result<()> {
    let content = Content::Bytes(text.as_bytes().into());
    tree.insert(Path::new(path), Node::File(File::made(0o644, content)))
}
