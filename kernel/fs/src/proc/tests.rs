use super::*;
use crate::ram::RamFs;
use osv_base::io::{SliceSink, SliceSource};
use osv_vfs::inode::DirEntry;
use osv_vfs::ops::{self, How};
use osv_vfs::path::From;
use osv_vfs::{At, Creds, FdFlags, Io, OpenFile};
use std::vec;

struct Box1;

impl Machine for Box1 {
    fn cpus(&self) -> usize {
        2
    }
    fn cpu_model(&self) -> CpuModel {
        CpuModel {
            vendor: "GenuineIntel".into(),
            khz: 2_400_123,
            flags: "fpu sse2".into(),
            ..CpuModel::default()
        }
    }
    fn uptime(&self) -> Duration {
        Duration::from_millis(12_340)
    }
    fn boot_time(&self) -> u64 {
        1_700_000_000
    }
    fn release(&self) -> String {
        "6.12.0-osv".into()
    }
    fn version(&self) -> String {
        "#1 SMP".into()
    }
    fn hostname(&self) -> String {
        "osv".into()
    }
    fn net(&self, name: &str) -> Option<String> {
        (name == "if_inet6").then(|| "one\n".into())
    }
}

struct One {
    files: Arc<FdTable>,
    root: osv_sync::SpinLock<Option<Arc<Entry>>>,
    comm: osv_sync::SpinLock<Vec<u8>>,
}

impl Processes for One {
    fn current(&self) -> (u32, u32) {
        (2, 3)
    }
    fn pids(&self) -> Vec<u32> {
        vec![2]
    }
    fn tids(&self, _pid: u32) -> Vec<u32> {
        vec![2, 3]
    }
    fn process(&self, pid: u32) -> Option<TaskInfo> {
        (pid == 2).then(|| TaskInfo {
            tid: 2,
            pid: 2,
            ppid: 1,
            terminal: Some((0x8803, 2)),
            pgid: 2,
            sid: 2,
            comm: self.comm.lock().clone(),
            state: State::Running,
            threads: 2,
            uids: [0; 4],
            gids: [0; 4],
            groups: vec![],
            cpu_time: Duration::from_secs(1),
            children_time: Duration::ZERO,
            started: Duration::from_millis(50),
            nice: 0,
            cpu: 1,
            pending: 0,
            shared_pending: 0,
            blocked: 0,
            ignored: 0,
            caught: 0x4000,
            umask: 0o22,
            exit_signal: 17,
            switches: (5, 6),
            no_new_privs: false,
        })
    }
    fn thread(&self, pid: u32, tid: u32) -> Option<TaskInfo> {
        matches!(tid, 2 | 3).then(|| self.process(pid).map(|info| TaskInfo { tid, ..info })).flatten()
    }
    fn set_comm(&self, _pid: u32, _tid: u32, name: &[u8]) -> Res<()> {
        *self.comm.lock() = name.to_vec();
        Ok(())
    }
    fn space(&self, _pid: u32) -> Option<Arc<AddressSpace>> {
        None
    }
    fn regions(&self, _pid: u32) -> Regions {
        Regions::default()
    }
    fn files(&self, _pid: u32) -> Option<Arc<FdTable>> {
        Some(self.files.clone())
    }
    fn places(&self, _pid: u32) -> [Option<Arc<Entry>>; 3] {
        let root = self.root.lock().clone();
        [root.clone(), root.clone(), root]
    }
    fn limit(&self, _pid: u32, resource: usize) -> (u64, u64) {
        if resource == 7 { (1024, 4096) } else { (u64::MAX, u64::MAX) }
    }
}

struct World {
    mounts: Arc<Mounts>,
    files: Arc<FdTable>,
    creds: Creds,
}

fn world() -> World {
    let mounts = Arc::new(Mounts::new(RamFs::tmpfs(0o755), "root"));
    let files = Arc::new(FdTable::new());
    let creds = Creds::root();
    let root = mounts.root().clone();
    let processes = One {
        files: files.clone(),
        root: osv_sync::SpinLock::new(Some(root.clone())),
        comm: osv_sync::SpinLock::new(b"memcached".to_vec()),
    };
    let from = From { root: root.clone(), dir: root.clone(), creds: &creds };
    for dir in ["/proc", "/sys"] {
        ops::mkdir(&from, dir.as_bytes(), 0o755, 0).unwrap();
    }
    let machine: Arc<dyn Machine> = Arc::new(Box1);
    let proc = file_system(machine.clone(), Arc::new(processes), mounts.clone());
    mounts.mount(&ops::find(&from, b"/proc", true).unwrap(), proc, b"proc", 0).unwrap();
    let sys = crate::sys::file_system(&machine);
    mounts.mount(&ops::find(&from, b"/sys", true).unwrap(), sys, b"sysfs", 0).unwrap();
    World { mounts, files, creds }
}

impl World {
    fn from(&self) -> From<'_> {
        let root = self.mounts.root().clone();
        From { root: root.clone(), dir: root, creds: &self.creds }
    }
    fn open(&self, path: &str, flags: u32) -> Res<OpenFile> {
        ops::open(
            &self.from(),
            path.as_bytes(),
            How { flags, mode: 0o644, umask: 0, resolve: Default::default() },
        )
    }
    fn read(&self, path: &str) -> Res<String> {
        let open = self.open(path, 0)?;
        let mut text = Vec::new();
        loop {
            // /proc/PID/pagemap is read in words only.
            let mut piece = [0; 104];
            let n = open.file().read(
                At::Offset(text.len() as u64),
                &mut SliceSink::new(&mut piece),
                Io::default(),
            )?;
            if n == 0 {
                return Ok(String::from_utf8(text).unwrap());
            }
            text.extend_from_slice(&piece[..n]);
        }
    }
    fn names(&self, path: &str) -> Vec<String> {
        let entry = ops::find(&self.from(), path.as_bytes(), true).unwrap();
        let mut names = Vec::new();
        entry
            .inode()
            .list(0, &mut |e| {
                names.push(String::from_utf8(e.name.to_vec()).unwrap());
                true
            })
            .unwrap();
        names
    }
    fn read_link(&self, path: &str) -> String {
        let entry = ops::find(&self.from(), path.as_bytes(), false).unwrap();
        String::from_utf8(entry.inode().read_link().unwrap()).unwrap()
    }
}

#[test]
fn every_file_can_be_read() {
    let world = world();
    let mut folders = vec![String::from("/proc"), "/sys".into()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for name in world.names(&folder) {
            let path = std::format!("{folder}/{name}");
            let entry = ops::find(&world.from(), path.as_bytes(), false).unwrap();
            match entry.kind() {
                Kind::Directory => folders.push(path),
                Kind::Symlink => drop(world.read_link(&path)),
                _ => {
                    world.read(&path).unwrap_or_else(|fail| panic!("{path}: {fail:?}"));
                    count += 1;
                }
            }
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn self_is_who_asks() {
    let world = world();
    assert_eq!(world.read_link("/proc/self"), "2");
    assert_eq!(world.read_link("/proc/thread-self"), "2/task/3");
    assert_eq!(world.read("/proc/self/comm").unwrap(), "memcached\n");
    assert_eq!(world.read_link("/proc/self/exe"), "/");
    assert_eq!(world.names("/proc/self/task"), ["2", "3"]);
    assert!(world.read("/proc/self/task/4/comm").is_err());
    assert!(world.read("/proc/02/comm").is_err());
    assert!(world.read("/proc/self/stat").unwrap().starts_with("2 (memcached) R 1 2 2 34819 2"));
    assert_eq!(world.read("/proc/self/stat").unwrap().split(' ').count(), 52);
    assert!(world.read("/proc/self/status").unwrap().contains("\nSigCgt:\t0000000000004000\n"));
}

#[test]
fn a_thread_can_be_named() {
    let world = world();
    let open = world.open("/proc/self/task/3/comm", 1 | 0o1000).unwrap();
    open.file().write(At::Offset(0), &mut SliceSource::new(b"mc-worker\n"), Io::default()).unwrap();
    assert_eq!(world.read("/proc/self/comm").unwrap(), "mc-worker\n");
    let fixed = world.open("/proc/sys/kernel/ostype", 1).unwrap();
    let stored = fixed.file().write(At::Offset(0), &mut SliceSource::new(b"x"), Io::default());
    assert_eq!(stored, Err(Errno::EACCES.into()));
}

#[test]
fn descriptors_are_links_to_their_files() {
    let world = world();
    let open = world.open("/made", 0o102).unwrap();
    let unnamed = OpenFile::new(crate::ram::memfd(0o600), 2);
    for file in [open, unnamed] {
        world.files.insert(Arc::new(file), FdFlags::default(), 0, 100).unwrap();
    }
    assert_eq!(world.names("/proc/self/fd"), ["0", "1"]);
    assert_eq!(world.read_link("/proc/self/fd/0"), "/made");
    assert_eq!(world.read_link("/proc/self/fd/1"), "/memfd: (deleted)");
    let again = world.open("/proc/self/fd/1", 2).unwrap();
    again.file().write(At::Offset(0), &mut SliceSource::new(b"shared"), Io::default()).unwrap();
    assert_eq!(world.files.get(1).unwrap().file().size(), 6);
    assert!(world.read("/proc/self/fdinfo/0").unwrap().starts_with("pos:\t0\nflags:\t02\n"));
}

#[test]
fn descriptors_that_are_closed_as_they_are_read_hide_no_others() {
    let world = world();
    for _ in 0..6 {
        let file = OpenFile::new(crate::ram::memfd(0o600), 2);
        world.files.insert(Arc::new(file), FdFlags::default(), 0, 100).unwrap();
    }
    let entry = ops::find(&world.from(), b"/proc/self/fd", true).unwrap();
    let (mut seen, mut place) = (Vec::new(), 0);
    loop {
        let mut next = None;
        let take = &mut |e: DirEntry<'_>| {
            next = Some((String::from_utf8(e.name.to_vec()).unwrap(), e.next));
            false
        };
        entry.inode().list(place, take).unwrap();
        let Some((name, after)) = next else { break };
        world.files.close(name.parse().unwrap()).unwrap();
        (place, seen) = (after, [seen, vec![name]].concat());
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn the_machine_is_described() {
    let world = world();
    assert!(world.read("/proc/meminfo").unwrap().starts_with("MemTotal:"));
    assert_eq!(world.read("/proc/cpuinfo").unwrap().matches("processor\t:").count(), 2);
    assert!(world.read("/proc/cpuinfo").unwrap().contains("cpu MHz\t\t: 2400.123\n"));
    assert_eq!(world.read("/sys/devices/system/cpu/online").unwrap(), "0-1\n");
    assert_eq!(world.read("/proc/uptime").unwrap(), "12.34 0.00\n");
    assert_eq!(world.read("/proc/sys/net/core/somaxconn").unwrap(), "4096\n");
    assert_eq!(world.read("/proc/net/if_inet6").unwrap(), "one\n");
    assert!(
        world
            .read("/proc/mounts")
            .unwrap()
            .starts_with("root / tmpfs rw,relatime,mode=755 0 0\nproc /proc proc rw")
    );
    assert_eq!(world.names("/sys/devices/system/cpu/cpu0"), ["topology"]);
    assert!(world.open("/proc/config.gz", 0).is_err());
}
