//! System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2).
//!
//! A segment is memory without a file. Each shmat(2) maps it through an [`Attachment`] of its own, to which every area
//! holds a reference: what is attached is counted by counting those, also after fork, exec and exit.

use super::with_space;
use crate::cx::Cx;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use osv_abi::arg::{Flags, Int, Size};
use osv_abi::uapi::ipc::{self, Perm, ShmLimits, ShmUsage, ShmidDs, command, shm};
use osv_abi::uapi::memory::{MapFlags, Prot};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{PAGE_SIZE, Res};
use osv_ipc::ids::{self, Found, Registry, may, owns};
use osv_mm::frame::Frame;
use osv_mm::pager::{Mappings, ObjectId, Pager};
use osv_mm::space::{Object, SharedMemory};
use osv_sync::Mutex;
use osv_vfs::clock;
use zerocopy::IntoBytes;

/// `st_dev` that /proc/PID/maps shows for segments: no file system has it.
const DEVICE: u64 = 0xff << 8 | 0xfe;
struct Segment {
    id: i32,
    memory: Arc<SharedMemory>,
    state: Mutex<State>,
}

struct State {
    ds: ShmidDs,
    attachments: Vec<Weak<Attachment>>,
}

/// What one shmat(2) mapped.
struct Attachment {
    segment: Arc<Segment>,
}

/// A segment that was removed lives on while it is attached, and can be found by its number.
static REGISTRY: Mutex<Registry<Segment>> = Mutex::new(Registry::new(shm::MNI));

fn find(id: i32) -> Result<Arc<Segment>, Errno> {
    REGISTRY.lock().find(id, |segment| segment.id)
}

impl Segment {
    /// How often it is mapped.
    fn attached(&self) -> u64 {
        let mut state = self.state.lock();
        state.attachments.retain(|attachment| attachment.strong_count() > 0);
        state.attachments.iter().map(|attachment| attachment.strong_count() as u64).sum()
    }

    fn ds(&self) -> ShmidDs {
        let nattch = self.attached();
        ShmidDs { nattch, ..self.state.lock().ds }
    }

    fn perm(&self) -> Perm {
        self.state.lock().ds.perm
    }
}

impl Pager for Attachment {
    fn object(&self) -> ObjectId {
        self.segment.memory.object()
    }
    fn page(&self, index: u64, write: bool) -> Res<Frame> {
        self.segment.memory.page(index, write)
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.segment.memory.cached(index)
    }
    fn len(&self) -> u64 {
        self.segment.memory.len()
    }
    fn mappings(&self) -> Option<&Mappings> {
        self.segment.memory.mappings()
    }
    fn name(&self, to: &mut dyn core::fmt::Write) -> core::fmt::Result {
        write!(to, "/SYSV{:08x}", self.segment.perm().key)
    }
    fn device_inode(&self) -> (u64, u64) {
        (DEVICE, u64::from(self.segment.id.cast_unsigned()))
    }
}

fn seconds() -> i64 {
    clock::now().0 / 1_000_000_000
}

/// shmget(2)
pub fn shmget(cx: &mut Cx<'_>, key: Int, size: Size, flags: Flags) -> Res<i32> {
    let creds = cx.creds();
    let mut registry = REGISTRY.lock();
    if let Found::Existing(segment) = registry.look_up(key.0, flags.0)? {
        let ds = segment.ds();
        if size.0 as u64 > ds.segsz {
            return Err(Errno::EINVAL.into());
        }
        ids::may_get(&ds.perm, &creds, flags.0)?;
        return Ok(segment.id);
    }
    let size = size.0 as u64;
    if size == 0 || size > shm::FILE_MAX {
        return Err(Errno::EINVAL.into());
    }
    let huge = flags.0 >> shm::HUGE_SHIFT & 0x3f;
    if flags.0 & shm::HUGETLB != 0 && ![0, 21, 30].contains(&huge) {
        return Err(Errno::EINVAL.into());
    }
    // No pool of huge pages; and what all of memory could not hold is refused as overcommit's mode 0 does.
    let memory = (osv_mm::frame::total() * PAGE_SIZE) as u64;
    if flags.0 & shm::HUGETLB != 0 || size > memory {
        return Err(Errno::ENOMEM.into());
    }
    let pid = cx.process().pid();
    let made = registry.add(key.0, |id, seq| {
        let perm = ids::new_perm(key.0, flags.0, seq, &creds);
        let ds = ShmidDs { perm, segsz: size, ctime: seconds(), cpid: pid, ..ShmidDs::default() };
        let state = Mutex::new(State { ds, attachments: Vec::new() });
        Arc::new(Segment { id, memory: SharedMemory::new(size), state })
    });
    Ok(made?)
}

/// shmat(2)
pub fn shmat(cx: &mut Cx<'_>, id: Int, addr: UserAddr, flags: Flags) -> Res<UserAddr> {
    let page = PAGE_SIZE as u64;
    let remap = flags.0 & shm::REMAP != 0;
    let mut at = addr.0;
    if !at.is_multiple_of(page) {
        if flags.0 & shm::RND == 0 {
            return Err(Errno::EINVAL.into());
        }
        at -= at % page;
        if at == 0 && remap {
            return Err(Errno::EINVAL.into());
        }
    } else if at == 0 && remap {
        return Err(Errno::EINVAL.into());
    }
    let segment = find(id.0)?;
    let read_only = flags.0 & shm::RDONLY != 0;
    let mut prot = Prot::READ;
    prot.set(Prot::WRITE, !read_only);
    prot.set(Prot::EXEC, flags.0 & shm::EXEC != 0);
    let wanted = 4 | if read_only { 0 } else { 2 } | u32::from(prot.contains(Prot::EXEC));
    may(&segment.perm(), &cx.creds(), wanted)?;
    let attachment = Arc::new(Attachment { segment: segment.clone() });
    let weak = Arc::downgrade(&attachment);
    let max_prot = if read_only { Prot::READ | Prot::EXEC } else { Prot::READ | Prot::WRITE | Prot::EXEC };
    let object = Object { pager: attachment, offset: 0, max_prot };
    let how = match (addr.is_null(), remap) {
        (true, _) => MapFlags::SHARED,
        (false, true) => MapFlags::SHARED | MapFlags::FIXED,
        (false, false) => MapFlags::SHARED | MapFlags::FIXED_NOREPLACE,
    };
    let len = segment.memory.len();
    let mapped = with_space(|space| space.map(at, len, prot, how, Some(object)));
    let mapped = mapped.map_err(|fail| match fail {
        osv_base::Fail::Errno(Errno::EEXIST) => Errno::EINVAL.into(),
        other => other,
    })?;
    let mut state = segment.state.lock();
    state.attachments.retain(|attachment| attachment.strong_count() > 0);
    state.attachments.push(weak);
    (state.ds.atime, state.ds.lpid) = (seconds(), cx.process().pid());
    Ok(UserAddr(mapped))
}

/// shmdt(2)
pub fn shmdt(cx: &mut Cx<'_>, addr: UserAddr) -> Res<()> {
    let areas = with_space(|space| space.report(false))?;
    let is_ours = |area: &&osv_mm::space::AreaReport| area.device_inode.0 == DEVICE;
    let first = areas.iter().filter(is_ours).find(|a| a.range.start.wrapping_sub(a.offset) == addr.0);
    let id = first.map(|area| area.device_inode).ok_or(Errno::EINVAL)?;
    // What was unmapped or split since lies at the same distance from the start.
    let same = |a: &&osv_mm::space::AreaReport| {
        a.device_inode == id && a.range.start.wrapping_sub(a.offset) == addr.0
    };
    for area in areas.iter().filter(same) {
        with_space(|space| space.unmap(area.range.start, area.range.end - area.range.start))?;
    }
    let mut registry = REGISTRY.lock();
    if let Ok(segment) = registry.find((id.1 as u32).cast_signed(), |segment| segment.id) {
        let mut state = segment.state.lock();
        (state.ds.dtime, state.ds.lpid) = (seconds(), cx.process().pid());
    }
    registry.sweep();
    Ok(())
}

/// shmctl(2)
pub fn shmctl(cx: &mut Cx<'_>, id: Int, operation: Int, buf: UserAddr) -> Res<i32> {
    if id.0 < 0 || operation.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    let creds = cx.creds();
    match operation.0 {
        command::IPC_INFO => {
            let limits = ShmLimits {
                shmmax: shm::MAX,
                shmmin: 1,
                shmmni: shm::MNI as u64,
                shmseg: shm::MNI as u64,
                shmall: shm::MAX,
                unused: [0; 4],
            };
            cx.write_bytes(buf, limits.as_bytes())?;
            Ok(REGISTRY.lock().highest())
        }
        command::SHM_INFO => {
            let mut usage = ShmUsage::default();
            let highest = {
                let registry = REGISTRY.lock();
                usage.used_ids = registry.all().count() as i32;
                usage.shm_tot = registry.all().map(|s| s.memory.len().div_ceil(PAGE_SIZE as u64)).sum();
                usage.shm_rss = registry.all().map(|s| s.memory.held() as u64).sum();
                registry.highest()
            };
            cx.write_bytes(buf, usage.as_bytes())?;
            Ok(highest)
        }
        command::IPC_STAT | command::SHM_STAT | command::SHM_STAT_ANY => {
            let by_place = operation.0 != command::IPC_STAT;
            let segment = {
                let registry = REGISTRY.lock();
                if by_place { registry.at(id.0)? } else { registry.find(id.0, |segment| segment.id)? }
            };
            if operation.0 != command::SHM_STAT_ANY {
                may(&segment.perm(), &creds, 4)?;
            }
            let ds = segment.ds();
            cx.write_bytes(buf, ds.as_bytes())?;
            Ok(if by_place { segment.id } else { 0 })
        }
        command::IPC_SET => {
            let mut given = ShmidDs::default();
            cx.read_bytes(buf, given.as_mut_bytes())?;
            let segment = find(id.0)?;
            owns(&segment.perm(), &creds)?;
            let mut state = segment.state.lock();
            ids::set_perm(&mut state.ds.perm, &given.perm);
            state.ds.ctime = seconds();
            Ok(0)
        }
        command::IPC_RMID => {
            let mut registry = REGISTRY.lock();
            let segment = registry.find(id.0, |segment| segment.id)?;
            owns(&segment.perm(), &creds)?;
            {
                let mut state = segment.state.lock();
                state.ds.perm.mode |= shm::DEST;
                state.ds.perm.key = ipc::PRIVATE;
            }
            registry.remove(id.0, true);
            drop(segment);
            registry.sweep();
            Ok(0)
        }
        command::SHM_LOCK | command::SHM_UNLOCK => {
            // Nothing is ever swapped out: locked is what it is already.
            let segment = find(id.0)?;
            owns(&segment.perm(), &creds)?;
            let mode = &mut segment.state.lock().ds.perm.mode;
            *mode = *mode & !shm::LOCKED | if operation.0 == command::SHM_LOCK { shm::LOCKED } else { 0 };
            Ok(0)
        }
        _ => Err(Errno::EINVAL.into()),
    }
}
