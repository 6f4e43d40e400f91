//! pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), ioctl_pidfd(2): processes as descriptors.

use crate::cx::Cx;
use crate::signal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt::{self, Write};
use osv_abi::arg::{Fd, Flags, Int, Pid, Sig};
use osv_abi::uapi::file::open as o;
use osv_abi::uapi::process::PidFdInfo;
use osv_abi::{Errno, UserAddr};
use osv_base::Res;
use osv_sync::{Events, Readiness};
use osv_task::{Process, registry};
use osv_vfs::{File, IoctlArg, OpenFile};
use zerocopy::IntoBytes;

/// A process; readable once it has ended.
pub struct PidFd {
    process: Arc<Process>,
}

impl File for PidFd {
    fn poll(&self) -> Events {
        if self.process.ended().is_some() { Events::IN | Events::RDNORM } else { Events::empty() }
    }

    fn readiness(&self) -> Option<&Readiness> {
        Some(&self.process.end)
    }

    fn describe(&self) -> Vec<u8> {
        b"anon_inode:[pidfd]".to_vec()
    }

    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        const READ_WRITE: u32 = 3;
        let (size, magic, number) = ((request >> 16 & 0x3fff) as usize, request >> 8 & 0xff, request & 0xff);
        let known = request >> 30 == READ_WRITE && magic == PIDFS_MAGIC && number == GET_INFO;
        if !known || size < PidFdInfo::FIRST {
            return Err(Errno::ENOTTY.into());
        }
        if arg.value() == 0 {
            return Err(Errno::EINVAL.into());
        }
        let mut mask = [0; 8];
        arg.read(&mut mask)?;
        let info = self.info(u64::from_ne_bytes(mask))?;
        let mut bytes = alloc::vec![0; size];
        let known = size.min(size_of::<PidFdInfo>());
        bytes[..known].copy_from_slice(&info.as_bytes()[..known]);
        arg.write(&bytes)?;
        Ok(0)
    }

    fn details(&self, to: &mut dyn Write) -> fmt::Result {
        // One that was waited for has no number any more.
        let pid = if self.is_gone() { -1 } else { i64::from(self.process.pid()) };
        writeln!(to, "Pid:\t{pid}\nNSpid:\t{pid}")
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The magic number and the number of PIDFD_GET_INFO.
const PIDFS_MAGIC: u32 = 0xff;
const GET_INFO: u32 = 11;

impl PidFd {
    /// Its process has been waited for, or is another's by now.
    fn is_gone(&self) -> bool {
        registry::process(self.process.pid()).is_none_or(|found| !Arc::ptr_eq(&found, &self.process))
    }

    /// PIDFD_GET_INFO: ESRCH of one that was waited for, unless it is asked how it ended.
    fn info(&self, wanted: u64) -> Res<PidFdInfo> {
        let gone = self.is_gone();
        let mut info = PidFdInfo::default();
        if gone {
            let status =
                self.process.ended().filter(|_| wanted & PidFdInfo::EXIT != 0).ok_or(Errno::ESRCH)?;
            info.mask = PidFdInfo::EXIT;
            info.exit_code = status.0;
            return Ok(info);
        }
        let credentials = self.process.credentials();
        let (user, group) = (credentials.user, credentials.group);
        info.mask = PidFdInfo::PID | PidFdInfo::CREDS;
        (info.pid, info.tgid) = (self.process.pid(), self.process.pid());
        info.ppid = registry::parent_of(self.process.pid());
        (info.ruid, info.rgid) = (user.real, group.real);
        (info.euid, info.egid) = (user.effective, group.effective);
        (info.suid, info.sgid) = (user.saved, group.saved);
        (info.fsuid, info.fsgid) = (user.fs, group.fs);
        Ok(info)
    }
}

/// The process that `fd` refers to. EBADF: it is no pidfd.
pub(super) fn process(cx: &Cx<'_>, fd: Fd) -> Result<Arc<Process>, Errno> {
    let open = cx.file(fd)?;
    open.file().as_any().downcast_ref::<PidFd>().map(|file| file.process.clone()).ok_or(Errno::EBADF)
}

/// A description of `process`.
pub(super) fn open(process: Arc<Process>) -> Arc<OpenFile> {
    Arc::new(OpenFile::new(Arc::new(PidFd { process }), o::RDWR))
}

/// pidfd_open(2)
pub fn pidfd_open(cx: &mut Cx<'_>, pid: Pid, flags: Flags) -> Res<Fd> {
    if flags.0 & !o::NONBLOCK != 0 || pid.0 <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let process = registry::process(pid.0.cast_unsigned()).ok_or(Errno::ESRCH)?;
    cx.install_new(Arc::new(PidFd { process }), o::RDWR | flags.0, true)
}

/// The process that `fd` refers to, as a pidfd or as the directory /proc/PID.
fn process_to_signal(cx: &Cx<'_>, fd: Fd) -> Res<Arc<Process>> {
    let open = cx.file(fd)?;
    let Some(entry) = open.entry().filter(|entry| entry.inode().fs().name() == "proc") else {
        return Ok(process(cx, fd)?);
    };
    let name = entry.name();
    let pid = core::str::from_utf8(&name).ok().and_then(|name| name.parse().ok());
    let pid = pid.filter(|_| entry.parent().is_mount_root()).ok_or(Errno::EBADF)?;
    Ok(registry::process(pid).ok_or(Errno::ESRCH)?)
}

/// pidfd_send_signal(2)
pub fn pidfd_send_signal(cx: &mut Cx<'_>, fd: Fd, signo: Sig, info: UserAddr, flags: Flags) -> Res<()> {
    const THREAD: u32 = 1;
    const THREAD_GROUP: u32 = 2;
    const PROCESS_GROUP: u32 = 4;
    if flags.0 & !(THREAD | THREAD_GROUP | PROCESS_GROUP) != 0 || flags.0.count_ones() > 1 {
        return Err(Errno::EINVAL.into());
    }
    let process = process_to_signal(cx, fd)?;
    // One that was waited for is gone, though the descriptor holds it.
    registry::process(process.pid()).filter(|found| Arc::ptr_eq(found, &process)).ok_or(Errno::ESRCH)?;
    match flags.0 {
        THREAD => signal::send_to_first_thread(cx, &process, signo, info),
        PROCESS_GROUP => {
            let members = registry::group_members(process.pid());
            let sent: Vec<Res<()>> =
                members.iter().map(|member| signal::send_to(cx, member, signo, info)).collect();
            // As kill(2): one that could be told is enough.
            sent.into_iter()
                .reduce(|any, next| if any.is_ok() { any } else { next })
                .unwrap_or(Err(Errno::ESRCH.into()))
        }
        _ => signal::send_to(cx, &process, signo, info),
    }
}

/// pidfd_getfd(2). Any process of the same user may ask: there is no ptrace(2) that could forbid it.
pub fn pidfd_getfd(cx: &mut Cx<'_>, fd: Fd, target: Int, flags: Flags) -> Res<Fd> {
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let process = process(cx, fd)?;
    if process.ended().is_some() {
        return Err(Errno::ESRCH.into());
    }
    if !cx.process().credentials().may_signal(&process.credentials()) {
        return Err(Errno::EPERM.into());
    }
    let open = process.fds().get(target.0)?;
    cx.install_from(open, true, 0)
}
