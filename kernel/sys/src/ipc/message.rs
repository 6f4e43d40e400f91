//! msgget(2), msgsnd(2), msgrcv(2), msgctl(2).

use super::seconds;
use crate::cx::Cx;
use osv_abi::arg::{Flags, In, Int, Long, Size};
use osv_abi::uapi::ipc::{MsgInfo, MsqidDs, NOWAIT, command, msg};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_ipc::ids;
use osv_ipc::message::{self as queues, How, Message, QUEUES, Wanted};
use zerocopy::{FromZeros, IntoBytes};

/// msgget(2)
pub fn msgget(cx: &mut Cx<'_>, key: Int, flags: Flags) -> Res<i32> {
    Ok(queues::get(key.0, flags.0, &cx.creds(), seconds())?)
}

/// A message begins with its type.
const TYPE: usize = size_of::<i64>();

/// msgsnd(2)
pub fn msgsnd(cx: &mut Cx<'_>, id: Int, message: UserAddr, size: Size, flags: Flags) -> Res<()> {
    let kind: i64 = In::at(message).read(cx)?;
    if size.0 > msg::MAX || id.0 < 0 || kind < 1 {
        return Err(Errno::EINVAL.into());
    }
    let mut text = alloc::vec![0; size.0];
    cx.read_bytes(message.add(TYPE), &mut text)?;
    let creds = cx.creds();
    let how = How { creds: &creds, pid: cx.process().pid(), nowait: flags.0 & NOWAIT != 0, now: seconds };
    queues::find(id.0)?.send(Message { kind, text: text.into() }, how)
}

/// msgrcv(2)
pub fn msgrcv(
    cx: &mut Cx<'_>,
    id: Int,
    message: UserAddr,
    size: Size,
    kind: Long,
    flags: Flags,
) -> Res<usize> {
    if id.0 < 0 || isize::try_from(size.0).is_err() {
        return Err(Errno::EINVAL.into());
    }
    let nowait = flags.0 & NOWAIT != 0;
    let wanted = Wanted::decode(kind.0, flags.0, nowait)?;
    let creds = cx.creds();
    let how = How { creds: &creds, pid: cx.process().pid(), nowait, now: seconds };
    let got = queues::find(id.0)?.receive(wanted, size.0, flags.0 & msg::NOERROR != 0, how)?;
    let len = got.text.len().min(size.0);
    cx.write_bytes(message, &got.kind.to_ne_bytes())?;
    cx.write_bytes(message.add(TYPE), &got.text[..len])?;
    Ok(len)
}

fn limits() -> MsgInfo {
    MsgInfo {
        msgpool: msg::MNI * msg::MNB / 1024,
        msgmap: msg::MNB,
        msgmax: msg::MAX as i32,
        msgmnb: msg::MNB,
        msgmni: msg::MNI,
        msgssz: 16,
        msgtql: msg::MNB,
        msgseg: 0xffff,
        pad: 0,
    }
}

/// msgctl(2)
pub fn msgctl(cx: &mut Cx<'_>, id: Int, operation: Int, buf: UserAddr) -> Res<i32> {
    if id.0 < 0 || operation.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    let creds = cx.creds();
    match operation.0 {
        command::IPC_INFO | msg::MSG_INFO => {
            let (info, highest) = {
                let queues = QUEUES.lock();
                let mut info = limits();
                if operation.0 == msg::MSG_INFO {
                    info.msgpool = queues.all().count() as i32;
                    info.msgmap = queues.all().map(|queue| queue.ds().qnum as i32).sum();
                    info.msgtql = queues.all().map(|queue| queue.ds().cbytes as i32).sum();
                }
                (info, queues.highest())
            };
            cx.write_bytes(buf, info.as_bytes())?;
            Ok(highest)
        }
        command::IPC_STAT | msg::MSG_STAT | msg::MSG_STAT_ANY => {
            let by_place = operation.0 != command::IPC_STAT;
            let queue = if by_place { QUEUES.lock().at(id.0)? } else { queues::find(id.0)? };
            if operation.0 != msg::MSG_STAT_ANY {
                ids::may(&queue.perm(), &creds, 4)?;
            }
            cx.write_bytes(buf, queue.ds().as_bytes())?;
            Ok(if by_place { queue.id() } else { 0 })
        }
        command::IPC_SET => {
            let mut given = MsqidDs::new_zeroed();
            cx.read_bytes(buf, given.as_mut_bytes())?;
            queues::find(id.0)?.change(&given, &creds, seconds())?;
            Ok(0)
        }
        command::IPC_RMID => {
            queues::remove(id.0, &creds)?;
            Ok(0)
        }
        _ => Err(Errno::EINVAL.into()),
    }
}
