//! The tree that a program finds: its root, and what is mounted on it.

use crate::console::Streams;
use crate::devpts::DevPts;
use crate::proc::{self, Machine, Processes};
use crate::ram::RamFs;
use crate::{dev, sys, union};
use alloc::sync::Arc;
use osv_abi::Errno;
use osv_base::Res;
use osv_vfs::mount::Mounts;
use osv_vfs::path::From;
use osv_vfs::{Creds, Entry, FileSystem, ops};

/// Makes the tree. The root is a writable view of `images`, of which the first one wins, or an empty file system
/// without any; on it lie /proc, /sys, /dev with /dev/pts and /dev/shm, and folders /tmp and /run where the images have none.
pub fn assemble(
    images: &[Arc<dyn FileSystem>],
    machine: Arc<dyn Machine>,
    processes: Arc<dyn Processes>,
    streams: &Arc<Streams>,
) -> Res<Arc<Mounts>> {
    let (root, source) = match images {
        [] => (RamFs::tmpfs(0o755), "rootfs"),
        [image] => (RamFs::over(image.clone())?, "overlay"),
        images => {
            let lower = union::of(images.iter().map(|image| image.root()).collect())?;
            (RamFs::over(lower)?, "overlay")
        }
    };
    let mounts = Arc::new(Mounts::new(root, source));
    let proc = proc::file_system(machine.clone(), processes, mounts.clone());
    let single: [(&str, Arc<dyn FileSystem>); 4] = [
        ("/proc", proc),
        ("/sys", sys::file_system(&machine)),
        ("/dev", dev::file_system(streams)?),
        ("/dev/pts", DevPts::new()),
    ];
    for (path, fs) in single {
        mounts.keep_single(&fs);
        mount(&mounts, path, fs)?;
    }
    mount(&mounts, "/dev/shm", RamFs::tmpfs(0o1777))?;
    for (path, mode) in [("/tmp", 0o1777), ("/run", 0o755)] {
        folder(&mounts, path, mode)?;
    }
    Ok(mounts)
}

/// The folder at `path`, made if it is not there.
fn folder(mounts: &Mounts, path: &str, mode: u32) -> Res<Arc<Entry>> {
    let creds = Creds::root();
    let from = From { root: mounts.root(), dir: mounts.root(), creds: &creds };
    match ops::mkdir(&from, path.as_bytes(), mode, 0) {
        Err(fail) if fail != Errno::EEXIST.into() => return Err(fail),
        _ => {}
    }
    ops::find(&from, path.as_bytes(), true)
}

fn mount(mounts: &Mounts, path: &str, fs: Arc<dyn FileSystem>) -> Res<()> {
    let source = fs.name();
    mounts.mount(&folder(mounts, path, 0o755)?, fs, source.as_bytes(), 0).map(drop)
}
