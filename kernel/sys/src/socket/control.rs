//! Ancillary messages in the application's memory: cmsg(3), of the kinds of unix(7).

use super::Open;
use crate::cx::Cx;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::arg::{Fd, In};
use osv_abi::uapi::socket::{CMsgHdr, MsgHdr, UCred, scm};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_net::control::{Control, Ucred};
use osv_net::in_flight::Passed;
use osv_vfs::{FdFlags, OpenFile};
use zerocopy::IntoBytes;

const HEAD: u64 = size_of::<CMsgHdr>() as u64;
const SOL_SOCKET: i32 = 1;
/// Longest ancillary part of a message that is sent (net.core.optmem_max of Linux).
const CONTROL_MAX: u64 = 20_480;

fn aligned(len: u64) -> u64 {
    len.next_multiple_of(8)
}

/// Reads what goes with a message. Only Unix sockets carry it; elsewhere Linux passes these two kinds over as well.
pub(super) fn read(cx: &Cx<'_>, open: &Open, header: &MsgHdr) -> Res<Control> {
    let mut control = Control::default();
    if header.control_len > CONTROL_MAX {
        return Err(Errno::ENOBUFS.into());
    }
    if header.control == 0 {
        return Ok(control);
    }
    let socket = open.socket()?;
    let mut files: Vec<Arc<OpenFile>> = Vec::new();
    let mut at = 0;
    while header.control_len.saturating_sub(at) >= HEAD {
        let place = UserAddr(header.control).add(at as usize);
        let head: CMsgHdr = In::at(place).read(cx)?;
        if head.len < HEAD || head.len > header.control_len - at {
            return Err(Errno::EINVAL.into());
        }
        let (data, len) = (place.add(HEAD as usize), (head.len - HEAD) as usize);
        match (head.level, head.kind) {
            (SOL_SOCKET, scm::RIGHTS) if socket.is_unix() => read_files(cx, data, len, &mut files)?,
            (SOL_SOCKET, scm::CREDENTIALS) if socket.is_unix() => {
                control.creds = Some(read_credentials(cx, data, len)?);
            }
            (SOL_SOCKET, scm::RIGHTS | scm::CREDENTIALS) => {}
            (level, _) if socket.is_unix() && level != SOL_SOCKET => {}
            _ => return Err(Errno::EINVAL.into()),
        }
        at += aligned(head.len);
    }
    if !files.is_empty() {
        let home = socket.in_flight();
        let privileged = cx.process().credentials().is_privileged();
        if !privileged && (home.total() + files.len()) as u64 > cx.nofile_limit() {
            return Err(Errno::ETOOMANYREFS.into());
        }
        control.passed = Some(Passed::new(home, files));
    }
    Ok(control)
}

fn read_files(cx: &Cx<'_>, data: UserAddr, len: usize, files: &mut Vec<Arc<OpenFile>>) -> Res<()> {
    let count = len / size_of::<i32>();
    if files.len() + count > scm::MAX_FD {
        return Err(Errno::EINVAL.into());
    }
    let mut numbers = [0i32; scm::MAX_FD];
    cx.read_bytes(data, numbers[..count].as_mut_bytes())?;
    for &number in &numbers[..count] {
        files.push(cx.file(Fd(number))?);
    }
    Ok(())
}

/// Credentials that the sender claims: EPERM for those of others, unless it is privileged (unix(7)).
fn read_credentials(cx: &Cx<'_>, data: UserAddr, len: usize) -> Res<Ucred> {
    if len != size_of::<UCred>() {
        return Err(Errno::EINVAL.into());
    }
    let claimed: UCred = In::at(data).read(cx)?;
    let own = cx.process().credentials();
    let ids = |ids: osv_task::creds::Ids| [ids.real, ids.effective, ids.saved];
    let honest = claimed.pid == cx.process().pid() as i32
        && ids(own.user).contains(&claimed.uid)
        && ids(own.group).contains(&claimed.gid);
    if !honest && !own.is_privileged() {
        return Err(Errno::EPERM.into());
    }
    Ok(Ucred { pid: claimed.pid, uid: claimed.uid, gid: claimed.gid })
}

/// The room that recvmsg(2) was given for ancillary messages.
pub(super) struct Room {
    at: UserAddr,
    left: u64,
    /// Bytes written, padding included.
    pub(super) used: u64,
    /// Something did not fit (MSG_CTRUNC).
    pub(super) cut: bool,
}

impl Room {
    pub(super) fn of(header: &MsgHdr) -> Room {
        let left = if header.control == 0 { 0 } else { header.control_len };
        Room { at: UserAddr(header.control), left, used: 0, cut: false }
    }

    /// Bytes of data that fit behind a head; `None` when not even that does.
    fn data(&self) -> Option<usize> {
        Some(self.left.checked_sub(HEAD)? as usize)
    }

    fn advance(&mut self, len: u64) {
        let space = aligned(len).min(self.left);
        self.at = self.at.add(space as usize);
        self.left -= space;
        self.used += space;
    }

    fn put(&mut self, cx: &Cx<'_>, kind: i32, data: &[u8]) -> Result<(), Errno> {
        let Some(room) = self.data() else {
            self.cut = true;
            return Ok(());
        };
        self.cut |= data.len() > room;
        let data = &data[..data.len().min(room)];
        let head = CMsgHdr { len: HEAD + data.len() as u64, level: SOL_SOCKET, kind };
        cx.write_bytes(self.at, head.as_bytes())?;
        cx.write_bytes(self.at.add(HEAD as usize), data)?;
        self.advance(head.len);
        Ok(())
    }
}

/// Writes what came with a message; files get descriptors, as many as there is room for.
pub(super) fn write(cx: &Cx<'_>, control: Control, room: &mut Room, cloexec: bool) -> Result<(), Errno> {
    if let Some(creds) = control.creds {
        room.put(cx, scm::CREDENTIALS, &creds.bytes())?;
    }
    let Some(passed) = control.passed else { return Ok(()) };
    let fits = room.data().unwrap_or(0) / size_of::<i32>();
    let files = passed.take();
    let total = files.len();
    let process = cx.process();
    let mut done = 0;
    for file in files.into_iter().take(fits) {
        let Ok(reserved) = process.fds().reserve(FdFlags { cloexec }, cx.nofile_limit()) else { break };
        let place = room.at.add(HEAD as usize + done * size_of::<i32>());
        // A descriptor that the application cannot learn of is not made.
        if cx.write_bytes(place, &reserved.fd().to_ne_bytes()).is_err() {
            break;
        }
        reserved.fill(file);
        done += 1;
    }
    if done > 0 {
        let len = HEAD + (done * size_of::<i32>()) as u64;
        let head = CMsgHdr { len, level: SOL_SOCKET, kind: scm::RIGHTS };
        cx.write_bytes(room.at, head.as_bytes())?;
        room.advance(len);
    }
    room.cut |= done < total;
    Ok(())
}
