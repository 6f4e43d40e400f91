//! Overlays against the model of `ram::tests`, and what their upper directories hold.

use super::*;
use crate::ram::RamFs;
use crate::ram::tests::{Model, Op, Tree, agree, apply, op};
use osv_base::Fail;
use osv_vfs::Creds;
use osv_vfs::mount::Mounts;
use osv_vfs::ops;
use proptest::prelude::*;

fn dir(fs: &Arc<RamFs>) -> Arc<Entry> {
    Mounts::new(fs.clone(), "layer").root()
}

fn over(lower: &[&Arc<RamFs>], upper: Option<&Arc<RamFs>>) -> Tree {
    let lower: Vec<Arc<Entry>> = lower.iter().map(|fs| dir(fs)).collect();
    Tree::new(mount(&lower, upper.map(dir).as_ref(), b"lowerdir=l").unwrap())
}

#[test]
fn options_are_read() {
    let parsed = Options::parse(b"lowerdir=/a:/b,upperdir=/u,workdir=/w,index=off").unwrap();
    assert_eq!(parsed.lower, [b"/a".to_vec(), b"/b".to_vec()]);
    assert_eq!((parsed.upper, parsed.work), (Some(b"/u".to_vec()), Some(b"/w".to_vec())));
    assert!(Options::parse(b"lowerdir=/a").is_ok());
    for wrong in ["", "upperdir=/u,workdir=/w", "lowerdir=/a,upperdir=/u", "lowerdir=/a,frob"] {
        assert_eq!(Options::parse(wrong.as_bytes()), Err(Errno::EINVAL.into()), "{wrong}");
    }
}

#[test]
fn what_is_changed_is_found_in_the_upper_directory_and_the_lower_one_stays() {
    let (lower, upper) = (RamFs::tmpfs(0o755), RamFs::tmpfs(0o755));
    let (low, up) = (Tree::new(lower.clone()), Tree::new(upper.clone()));
    for path in ["/keep", "/change", "/remove"] {
        low.write(path, 0, b"old").unwrap();
    }
    ops::mkdir(&low.from(), b"/d", 0o755, 0).unwrap();
    low.write("/d/inside", 0, b"old").unwrap();
    let before = low.dump();
    let tree = over(&[&lower], Some(&upper));
    tree.write("/change", 1, b"XY").unwrap();
    tree.write("/d/new", 0, b"new").unwrap();
    ops::unlink(&tree.from(), b"/remove").unwrap();
    assert_eq!(tree.read("/change").unwrap(), b"oXY");
    assert_eq!(low.dump(), before);
    assert_eq!((up.read("/change").unwrap(), up.read("/d/new").unwrap()), (b"oXY".to_vec(), b"new".to_vec()));
    let whiteout = ops::find(&up.from(), b"/remove", false).unwrap();
    assert!(is_whiteout(&whiteout.inode().attr()));
    assert!(
        ops::find(&up.from(), b"/keep", false).is_err()
            && ops::find(&up.from(), b"/d/inside", false).is_err()
    );
    // A directory that comes where one was hides it.
    ops::unlink(&tree.from(), b"/d/inside").unwrap();
    ops::unlink(&tree.from(), b"/d/new").unwrap();
    ops::rmdir(&tree.from(), b"/d").unwrap();
    ops::mkdir(&tree.from(), b"/d", 0o755, 0).unwrap();
    assert_eq!(tree.read("/d/inside").map(drop), Err(Errno::ENOENT.into()));
    assert!(is_opaque(&**ops::find(&up.from(), b"/d", false).unwrap().inode()));
    // All of it holds for an overlay that is put together anew.
    let again = over(&[&lower], Some(&upper));
    assert_eq!(again.dump(), tree.dump());
    // And for one that has the upper directory as a lower one.
    assert_eq!(over(&[&upper, &lower], None).dump(), tree.dump());
}

#[test]
fn without_an_upper_directory_nothing_changes() {
    let lower = RamFs::tmpfs(0o755);
    Tree::new(lower.clone()).write("/f", 0, b"x").unwrap();
    let tree = over(&[&lower], None);
    assert_eq!(tree.read("/f").unwrap(), b"x");
    assert_eq!(tree.write("/f", 0, b"y"), Err(Errno::EROFS.into()));
    assert_eq!(ops::unlink(&tree.from(), b"/f"), Err(Errno::EROFS.into()));
}

#[test]
fn attributes_of_a_copy_are_those_of_the_file() {
    let (lower, upper) = (RamFs::tmpfs(0o755), RamFs::tmpfs(0o755));
    let low = Tree::new(lower.clone());
    low.write("/f", 0, b"x").unwrap();
    let inode = ops::find(&low.from(), b"/f", true).unwrap().inode().clone();
    ops::chmod(&inode, 0o640, &Creds::root(), Default::default()).unwrap();
    osv_vfs::xattr::set(&*inode, b"user.k", b"v".to_vec(), osv_vfs::xattr::Replace::Any, &Creds::root())
        .unwrap();
    let tree = over(&[&lower], Some(&upper));
    let mine = ops::find(&tree.from(), b"/f", true).unwrap().inode().clone();
    let ino = mine.attr().ino;
    ops::chown(&mine, Some(7), Some(8), &Creds::root(), Default::default()).unwrap();
    let attr = mine.attr();
    assert_eq!((attr.ino, attr.mode & 0o7777, attr.uid, attr.gid), (ino, 0o640, 7, 8));
    assert_eq!(osv_vfs::xattr::get(&*mine, b"user.k", &Creds::root()), Ok(b"v".to_vec()));
    osv_vfs::xattr::remove(&*mine, b"user.k", &Creds::root()).unwrap();
    assert_eq!(osv_vfs::xattr::get(&*inode, b"user.k", &Creds::root()), Ok(b"v".to_vec()), "below it stays");
}

/// Whether the model would rename a directory that a lower one has a part in, which an overlay refuses.
fn renames_dir(model: &Model, op: &Op) -> bool {
    matches!(op, Op::Rename(from, _) if matches!(model.0.get(from), Some(None)))
}

proptest! {
    #[test]
    fn an_overlay_does_what_a_map_does(
        below in proptest::collection::vec(op(), 1..30),
        more in proptest::collection::vec(op(), 0..20),
        ops in proptest::collection::vec(op(), 1..40),
    ) {
        // The lowest layer, what a first overlay made of it, and a second one over both.
        let (lowest, middle, upper) = (RamFs::tmpfs(0o755), RamFs::tmpfs(0o755), RamFs::tmpfs(0o755));
        let mut model = Model::default();
        let tree = Tree::new(lowest.clone());
        for op in below.iter().filter(|op| !matches!(op, Op::Link(..))) {
            let _ = (apply(&tree, op), model.apply(op));
        }
        let before = tree.dump();
        let not_refused = |model: &mut Model, ops: &[Op], tree: &Tree| {
            // Hard links are names of a layer.
            for op in ops.iter().filter(|op| !matches!(op, Op::Link(..))) {
                if renames_dir(model, op) && apply(tree, op) == Err(Fail::Errno(Errno::EXDEV)) {
                    continue;
                } else if renames_dir(model, op) {
                    // It was done, or refused for the same reason.
                    let _ = model.apply(op);
                    continue;
                }
                agree(tree, model, core::slice::from_ref(op));
            }
            assert_eq!(tree.dump(), model.plain());
        };
        not_refused(&mut model, &more, &over(&[&lowest], Some(&middle)));
        let kept = Tree::new(middle.clone()).dump();
        not_refused(&mut model, &ops, &over(&[&middle, &lowest], Some(&upper)));
        prop_assert_eq!(tree.dump(), before);
        prop_assert_eq!(Tree::new(middle).dump(), kept);
    }
}
