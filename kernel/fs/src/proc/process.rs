//! /proc/PID and /proc/PID/task/TID.

use super::memory::{Maps, PageMap};
use super::status::{self, stat, statm, status};
use super::{Regions, Sources, TaskInfo, from, link_to, number};
use crate::synth::{Folder, Leaf, Node, Table, fixed, place_after_number};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use osv_base::{Errno, Res};
use osv_vfs::inode::LinkTarget;
use osv_vfs::{Entry, Kind};

/// Whose directory this is.
#[derive(Clone)]
struct Who {
    sources: Arc<Sources>,
    pid: u32,
    /// `None` for the process itself.
    tid: Option<u32>,
}

impl Who {
    fn info(&self) -> Option<TaskInfo> {
        match self.tid {
            None => self.sources.processes.process(self.pid),
            Some(tid) => self.sources.processes.thread(self.pid, tid),
        }
    }
}

/// The directory of process `pid`.
pub(super) fn folder(sources: &Arc<Sources>, pid: u32) -> Node {
    contents(Who { sources: sources.clone(), pid, tid: None })
}

fn contents(who: Who) -> Node {
    let mut table = Table::default();
    let (pid, sources) = (who.pid, who.sources.clone());
    for (path, region) in [
        ("cmdline", (|r: &Regions| (r.arg_start, r.arg_end)) as fn(&Regions) -> (u64, u64)),
        ("environ", |r| (r.env_start, r.env_end)),
        ("auxv", |r| (r.auxv_start, r.auxv_end)),
    ] {
        table
            .put(path, Node::Leaf(Arc::new(Memory { who: who.clone(), region, private: path != "cmdline" })));
    }
    table.put("maps", Node::Leaf(Arc::new(Maps { sources: who.sources.clone(), pid })));
    table.put("pagemap", Node::Leaf(Arc::new(PageMap { sources: who.sources.clone(), pid })));
    table.put("comm", Node::Leaf(Arc::new(Comm(who.clone()))));
    for (at, name) in ["exe", "cwd", "root"].into_iter().enumerate() {
        let sources = sources.clone();
        let target = move || -> Res<LinkTarget> {
            let [exe, cwd, root]: [Option<Arc<Entry>>; 3] = sources.processes.places(pid);
            let place = [exe, cwd, root].into_iter().nth(at).flatten();
            Ok(LinkTarget::Entry(place.ok_or(Errno::ENOENT)?))
        };
        table.put(name, link_to(target));
    }
    let mut put = |path: &str, make: fn(&Who, &TaskInfo, &mut String) -> fmt::Result| {
        let who = who.clone();
        let make = move |_: &Sources, to: &mut String| make(&who, &who.info().ok_or(fmt::Error)?, to);
        table.put(path, from(&sources, make));
    };
    put("stat", |who, info, to| stat(&who.sources, info, who.tid.is_some(), to));
    put("statm", |who, _, to| statm(&who.sources, who.pid, to));
    put("status", |who, info, to| status(&who.sources, info, to));
    put("smaps", |who, _, to| status::smaps(&who.sources, who.pid, false, to));
    put("smaps_rollup", |who, _, to| status::smaps(&who.sources, who.pid, true, to));
    put("limits", |who, _, to| status::limits(&who.sources, who.pid, to));
    put("mounts", |who, _, to| mounts(&who.sources, false, to));
    put("mountinfo", |who, _, to| mounts(&who.sources, true, to));
    put("io", |_, _, to| {
        to.push_str("rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
        Ok(())
    });
    put("oom_score", |_, _, to| writeln!(to, "0"));
    table.put("oom_score_adj", Node::Leaf(Arc::new(OomScoreAdj(who.clone()))));
    table.put_fixed(&[
        ("cgroup", "0::/\n"),
        ("coredump_filter", "00000033\n"),
        ("loginuid", "4294967295"),
        ("sessionid", "4294967295"),
        ("uid_map", "         0          0 4294967295\n"),
        ("gid_map", "         0          0 4294967295\n"),
        ("setgroups", "allow\n"),
        ("personality", "00000000\n"),
        ("wchan", "0"),
    ]);
    table.put("fd", Node::Folder(Arc::new(Descriptors { who: who.clone(), info: false })));
    table.put("fdinfo", Node::Folder(Arc::new(Descriptors { who: who.clone(), info: true })));
    table.put("net", Node::Folder(Arc::new(Net(sources.clone()))));
    if who.tid.is_none() {
        table.put("task", Node::Folder(Arc::new(Tasks(who))));
    } else {
        table.put("children", fixed(""));
    }
    Node::Folder(table.into_folder())
}

/// Bytes of the process's memory.
struct Memory {
    who: Who,
    region: fn(&Regions) -> (u64, u64),
    private: bool,
}

/// Arguments, environment or auxiliary vector at most.
const MEMORY_MAX: u64 = 2 << 20;

impl Leaf for Memory {
    fn text(&self, to: &mut Vec<u8>) -> Res<()> {
        let processes = &self.who.sources.processes;
        let Some(space) = processes.space(self.who.pid) else { return Ok(()) };
        let (start, end) = (self.region)(&processes.regions(self.who.pid));
        let len = end.saturating_sub(start).min(MEMORY_MAX) as usize;
        to.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
        to.resize(len, 0);
        let n = space.read(start, to);
        to.truncate(n);
        Ok(())
    }
    fn mode(&self) -> u32 {
        if self.private { 0o400 } else { 0o444 }
    }
}

struct Comm(Who);

impl Leaf for Comm {
    fn text(&self, to: &mut Vec<u8>) -> Res<()> {
        to.extend_from_slice(&self.0.info().ok_or(Errno::ESRCH)?.comm);
        to.push(b'\n');
        Ok(())
    }
    fn store(&self, text: &[u8]) -> Res<()> {
        let name = text.strip_suffix(b"\n").unwrap_or(text);
        self.0.sources.processes.set_comm(
            self.0.pid,
            self.0.tid.unwrap_or(self.0.pid),
            &name[..name.len().min(15)],
        )
    }
    fn mode(&self) -> u32 {
        0o644
    }
}

struct OomScoreAdj(Who);

impl Leaf for OomScoreAdj {
    fn text(&self, to: &mut Vec<u8>) -> Res<()> {
        let value = self.0.sources.processes.oom_score_adj(self.0.pid);
        to.extend_from_slice(format!("{value}\n").as_bytes());
        Ok(())
    }
    fn store(&self, text: &[u8]) -> Res<()> {
        let text = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        let value: i32 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
        if !(-1000..=1000).contains(&value) {
            return Err(Errno::EINVAL.into());
        }
        self.0.sources.processes.set_oom_score_adj(self.0.pid, value)
    }
    fn mode(&self) -> u32 {
        0o644
    }
}

/// /proc/PID/task.
struct Tasks(Who);

impl Folder for Tasks {
    fn find(&self, name: &[u8]) -> Option<Node> {
        let who = Who { tid: Some(number(name)?), ..self.0.clone() };
        who.info()?;
        Some(contents(who))
    }
    fn names(&self) -> Vec<(String, Kind)> {
        let mut tids = self.0.sources.processes.tids(self.0.pid);
        tids.sort_unstable();
        tids.iter().map(|tid| (tid.to_string(), Kind::Directory)).collect()
    }
    fn place_after(&self, _index: usize, name: &str) -> u64 {
        place_after_number(name)
    }
}

/// /proc/PID/fd and fdinfo.
struct Descriptors {
    who: Who,
    info: bool,
}

impl Folder for Descriptors {
    fn find(&self, name: &[u8]) -> Option<Node> {
        let fd = i32::try_from(number(name)?).ok()?;
        let (pid, sources) = (self.who.pid, self.who.sources.clone());
        sources.processes.files(pid)?.get(fd).ok()?;
        if self.info {
            let make = move |sources: &Sources, to: &mut String| {
                let files = sources.processes.files(pid).ok_or(fmt::Error)?;
                let open = files.get(fd).map_err(|_| fmt::Error)?;
                let cloexec = if files.flags(fd).is_ok_and(|flags| flags.cloexec) { 0o2000000 } else { 0 };
                let (position, attr) = (*open.offset().lock(), open.attr());
                let mount = open.entry().map_or(1, |entry| entry.mount().id);
                writeln!(
                    to,
                    "pos:\t{position}\nflags:\t0{:o}\nmnt_id:\t{mount}\nino:\t{}",
                    open.status() | cloexec,
                    attr.ino
                )?;
                open.file().details(to)
            };
            return Some(from(&self.who.sources, make));
        }
        Some(link_to(move || {
            let open = sources.processes.files(pid).ok_or(Errno::ENOENT)?.get(fd)?;
            Ok(match open.entry() {
                Some(entry) => LinkTarget::Entry(entry.clone()),
                None => LinkTarget::File(open.file().clone()),
            })
        }))
    }
    fn names(&self) -> Vec<(String, Kind)> {
        let Some(files) = self.who.sources.processes.files(self.who.pid) else { return Vec::new() };
        let kind = if self.info { Kind::Regular } else { Kind::Symlink };
        files.list(0, usize::MAX).iter().map(|fd| (fd.to_string(), kind)).collect()
    }
    fn place_after(&self, _index: usize, name: &str) -> u64 {
        place_after_number(name)
    }
    fn mode(&self) -> u32 {
        0o500
    }
}

/// /proc/PID/net.
struct Net(Arc<Sources>);

const NET: [&str; 12] =
    ["arp", "dev", "if_inet6", "ipv6_route", "netstat", "raw", "route", "snmp", "tcp", "tcp6", "udp", "udp6"];

impl Folder for Net {
    fn find(&self, name: &[u8]) -> Option<Node> {
        let name = core::str::from_utf8(name).ok()?.to_string();
        self.0.machine.net(&name)?;
        Some(from(&self.0, move |sources, to| {
            to.push_str(&sources.machine.net(&name).unwrap_or_default());
            Ok(())
        }))
    }
    fn names(&self) -> Vec<(String, Kind)> {
        let there = NET.into_iter().filter(|name| self.0.machine.net(name).is_some());
        there.map(|name| (name.to_string(), Kind::Regular)).collect()
    }
}

/// A path in these files: white space and backslashes as octal numbers.
fn escaped(path: &[u8]) -> String {
    let mut text = String::new();
    for &byte in path {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => {
                let _ = write!(text, "\\{byte:03o}");
            }
            _ => text.push(byte.into()),
        }
    }
    text
}

/// The mount table, as of /proc/mounts or of mountinfo.
fn mounts(sources: &Sources, info: bool, to: &mut String) -> fmt::Result {
    let list = sources.mounts.list();
    for mount in &list {
        let (at, name, source) = (escaped(&mount.root.path()), mount.fs.name(), escaped(&mount.point.source));
        let options = mount.point.options(mount.fs.read_only());
        let own = mount.fs.options();
        if !info {
            writeln!(to, "{source} {at} {name} {options}{own} 0 0")?;
            continue;
        }
        let dev = mount.fs.dev();
        let (major, minor) = (osv_abi::uapi::file::major(dev), osv_abi::uapi::file::minor(dev));
        let up = mount.root.parent();
        let parent = if Arc::ptr_eq(&up, &mount.root) { 0 } else { up.mount().id };
        let (id, base) = (mount.point.id, escaped(&mount.point.base));
        let access = if mount.fs.read_only() { "ro" } else { "rw" };
        writeln!(to, "{id} {parent} {major}:{minor} {base} {at} {options} - {name} {source} {access}{own}")?;
    }
    Ok(())
}
