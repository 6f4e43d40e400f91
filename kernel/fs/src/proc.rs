//! /proc, as far as programs read it.
//!
//! What the machine and its processes are, crates above say through [`Machine`] and [`Processes`]; how that looks as
//! text stands here: [`system`] for the machine, [`sysctl`] for /proc/sys, [`process`] for /proc/PID.

mod memory;
mod process;
mod status;
mod sysctl;
mod system;
#[cfg(test)]
mod tests;

use crate::synth::{Folder, Node, SynthFs, Table, link, made, place_after_number};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use osv_base::{Errno, Res};
use osv_mm::space::AddressSpace;
use osv_vfs::inode::LinkTarget;
use osv_vfs::mount::Mounts;
use osv_vfs::{Entry, FdTable, FileSystem, Kind};

/// Where the time of a CPU went since boot.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTimes {
    /// In applications.
    pub user: Duration,
    /// In the kernel, where that is told apart.
    pub system: Duration,
    /// Halted.
    pub idle: Duration,
}

/// A CPU as CPUID describes it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "named as in /proc/cpuinfo")]
pub struct CpuModel {
    pub vendor: String,
    pub name: String,
    pub family: u32,
    pub model: u32,
    pub stepping: u32,
    pub khz: u64,
    pub cache_kb: u32,
    /// Feature names, separated by spaces.
    pub flags: String,
    pub physical_bits: u32,
    pub virtual_bits: u32,
}

/// The machine and the kernel as a whole.
pub trait Machine: Send + Sync {
    /// CPUs online.
    fn cpus(&self) -> usize;
    /// What they are.
    fn cpu_model(&self) -> CpuModel {
        CpuModel::default()
    }
    /// Where the time of CPU `cpu` went.
    fn cpu_times(&self, cpu: usize) -> CpuTimes {
        let _ = cpu;
        CpuTimes::default()
    }
    /// Since boot.
    fn uptime(&self) -> Duration;
    /// When that was, in seconds since 1970.
    fn boot_time(&self) -> u64;
    /// Context switches since boot.
    fn switches(&self) -> u64 {
        0
    }
    /// Interrupts since boot.
    fn interrupts(&self) -> u64 {
        0
    }
    /// Load averages over 1, 5 and 15 minutes, in hundredths.
    fn load(&self) -> [u32; 3] {
        [0; 3]
    }
    /// uname(2)'s release.
    fn release(&self) -> String;
    /// uname(2)'s version.
    fn version(&self) -> String;
    /// The host name.
    fn hostname(&self) -> String;
    /// Words of the boot configuration.
    fn command_line(&self) -> String {
        String::new()
    }
    /// `tsc`, `kvm-clock` or `hpet`.
    fn clock_source(&self) -> &'static str {
        "tsc"
    }
    /// A file of /proc/net by name, such as `if_inet6`; `None` when there is none.
    fn net(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}

/// What a thread or process is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the states of proc(5)")]
pub enum State {
    Running,
    Sleeping,
    Stopped,
    Zombie,
}

/// A process, or one thread of it.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// Thread number, or for a process its process number.
    pub tid: u32,
    /// The process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// Device number of its controlling terminal, and the foreground process group there; `None` without one.
    pub terminal: Option<(u64, u32)>,
    /// Process group.
    pub pgid: u32,
    /// Session.
    pub sid: u32,
    /// Name, at most 15 bytes.
    pub comm: Vec<u8>,
    /// See [`State`].
    pub state: State,
    /// Threads of the process.
    pub threads: u32,
    /// Real, effective, saved and file-system user.
    pub uids: [u32; 4],
    /// The same of groups.
    pub gids: [u32; 4],
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Time spent.
    pub cpu_time: Duration,
    /// Of children that were waited for.
    pub children_time: Duration,
    /// Start, since boot.
    pub started: Duration,
    /// Nice value.
    pub nice: i32,
    /// CPU that it ran on last.
    pub cpu: u32,
    /// Pending for the thread.
    pub pending: u64,
    /// Pending for the process.
    pub shared_pending: u64,
    /// Blocked signals.
    pub blocked: u64,
    /// Ignored signals.
    pub ignored: u64,
    /// Signals with handlers.
    pub caught: u64,
    /// umask(2).
    pub umask: u32,
    /// Signal to the parent at the end.
    pub exit_signal: u32,
    /// Switches that it asked for, and others.
    pub switches: (u64, u64),
    /// prctl(PR_SET_NO_NEW_PRIVS).
    pub no_new_privs: bool,
}

/// Addresses that /proc/PID shows or reads from.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "named as in proc(5)")]
pub struct Regions {
    pub arg_start: u64,
    pub arg_end: u64,
    pub env_start: u64,
    pub env_end: u64,
    pub auxv_start: u64,
    pub auxv_end: u64,
    pub start_stack: u64,
}

/// The processes.
pub trait Processes: Send + Sync {
    /// Process and thread number of the caller.
    fn current(&self) -> (u32, u32);
    /// All processes.
    fn pids(&self) -> Vec<u32>;
    /// The threads of a process.
    fn tids(&self, pid: u32) -> Vec<u32>;
    /// A process.
    fn process(&self, pid: u32) -> Option<TaskInfo>;
    /// A thread of a process.
    fn thread(&self, pid: u32, tid: u32) -> Option<TaskInfo>;
    /// Names a thread.
    fn set_comm(&self, pid: u32, tid: u32, name: &[u8]) -> Res<()> {
        let _ = (pid, tid, name);
        Err(Errno::EACCES.into())
    }
    /// Its memory; `None` for a kernel thread or a zombie.
    fn space(&self, pid: u32) -> Option<Arc<AddressSpace>>;
    /// See [`Regions`].
    fn regions(&self, pid: u32) -> Regions;
    /// Its descriptors.
    fn files(&self, pid: u32) -> Option<Arc<FdTable>>;
    /// Its program, working directory and root directory.
    fn places(&self, pid: u32) -> [Option<Arc<Entry>>; 3];
    /// Soft and hard limit of a resource, by its number; `u64::MAX` for none.
    fn limit(&self, pid: u32, resource: usize) -> (u64, u64);
    /// The adjustment of oom_score_adj.
    fn oom_score_adj(&self, pid: u32) -> i32 {
        let _ = pid;
        0
    }
    /// Changes it.
    fn set_oom_score_adj(&self, pid: u32, value: i32) -> Res<()> {
        let _ = (pid, value);
        Err(Errno::EACCES.into())
    }
}

/// What the files of /proc are made from.
pub(crate) struct Sources {
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) processes: Arc<dyn Processes>,
    pub(crate) mounts: Arc<Mounts>,
}

/// The root: fixed names, and a directory for each process.
struct Root {
    fixed: Arc<dyn Folder>,
    sources: Arc<Sources>,
}

impl Folder for Root {
    fn find(&self, name: &[u8]) -> Option<Node> {
        if let Some(pid) = number(name) {
            self.sources.processes.process(pid)?;
            return Some(process::folder(&self.sources, pid));
        }
        self.fixed.find(name)
    }
    fn names(&self) -> Vec<(String, Kind)> {
        let mut names = self.fixed.names();
        let mut pids = self.sources.processes.pids();
        pids.sort_unstable();
        names.extend(pids.iter().map(|pid| (pid.to_string(), Kind::Directory)));
        names
    }
    fn place_after(&self, index: usize, name: &str) -> u64 {
        /// More than there are fixed names, which come first.
        const FIXED: u64 = 1 << 16;
        if number(name.as_bytes()).is_some() { FIXED + place_after_number(name) } else { index as u64 + 1 }
    }
}

/// A number as Linux writes it in a name: no sign, no leading zero.
pub(crate) fn number(name: &[u8]) -> Option<u32> {
    let text = core::str::from_utf8(name).ok()?;
    let value: u32 = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

/// A link whose target is computed.
struct LinkTo<F>(F);

impl<F: Fn() -> Res<LinkTarget> + Send + Sync> crate::synth::Link for LinkTo<F> {
    fn target(&self) -> Res<LinkTarget> {
        (self.0)()
    }
}

pub(crate) fn link_to(target: impl Fn() -> Res<LinkTarget> + Send + Sync + 'static) -> Node {
    Node::Link(Arc::new(LinkTo(target)))
}

/// A file made from the sources.
pub(crate) fn from(
    sources: &Arc<Sources>,
    make: impl Fn(&Sources, &mut String) -> core::fmt::Result + Send + Sync + 'static,
) -> Node {
    let sources = sources.clone();
    made(move |to| make(&sources, to).map_err(|_| Errno::EIO.into()))
}

/// Makes what goes on /proc.
pub fn file_system(
    machine: Arc<dyn Machine>,
    processes: Arc<dyn Processes>,
    mounts: Arc<Mounts>,
) -> Arc<dyn FileSystem> {
    let sources = Arc::new(Sources { machine, processes, mounts });
    let mut table = Table::default();
    let processes = sources.processes.clone();
    table.put("self", link_to(move || Ok(LinkTarget::Path(processes.current().0.to_string().into_bytes()))));
    let processes = sources.processes.clone();
    let thread_self = move || {
        let (pid, tid) = processes.current();
        Ok(LinkTarget::Path(alloc::format!("{pid}/task/{tid}").into_bytes()))
    };
    table.put("thread-self", link_to(thread_self));
    table.put("mounts", link("self/mounts"));
    table.put("net", link("self/net"));
    system::fill(&mut table, &sources);
    sysctl::fill(&mut table, &sources);
    let root = Root { fixed: table.into_folder(), sources };
    SynthFs::new("proc", 0x9fa0, false, Arc::new(root))
}
