//! semget(2), semop(2), semctl(2).

use super::seconds;
use crate::cx::Cx;
use crate::time::timeout_instant;
use alloc::vec::Vec;
use osv_abi::arg::{Flags, In, Int, Timespec, UInt};
use osv_abi::uapi::ipc::{SemInfo, Sembuf, SemidDs, command, sem};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::Res;
use osv_ipc::ids;
use osv_ipc::semaphore::{self as sets, Query, SETS};
use osv_sync::Wait;
use zerocopy::{FromZeros, IntoBytes};

/// semget(2)
pub fn semget(cx: &mut Cx<'_>, key: Int, count: Int, flags: Flags) -> Res<i32> {
    Ok(sets::get(key.0, count.0, flags.0, &cx.creds(), seconds())?)
}

/// semop(2)
pub fn semop(cx: &mut Cx<'_>, id: Int, operations: UserAddr, count: UInt) -> Res<()> {
    operate(cx, id, operations, count, None)
}

/// semtimedop(2)
pub fn semtimedop(
    cx: &mut Cx<'_>,
    id: Int,
    operations: UserAddr,
    count: UInt,
    timeout: In<Timespec>,
) -> Res<()> {
    let timeout = timeout.read_opt(cx)?;
    operate(cx, id, operations, count, timeout)
}

fn operate(cx: &Cx<'_>, id: Int, operations: UserAddr, count: UInt, timeout: Option<Timespec>) -> Res<()> {
    if count.0 > sem::OPM {
        return Err(Errno::E2BIG.into());
    }
    if count.0 == 0 {
        return Err(Errno::EINVAL.into());
    }
    let mut list = [Sembuf::default(); 8];
    let mut long = Vec::new();
    let count = count.0 as usize;
    let list = match list.get_mut(..count) {
        Some(list) => list,
        None => {
            long.resize(count, Sembuf::default());
            &mut long[..]
        }
    };
    cx.read_bytes(operations, list.as_mut_bytes())?;
    let deadline = timeout.map(timeout_instant).transpose()?;
    let set = sets::find(id.0)?;
    let most = set.len();
    if list.iter().any(|operation| usize::from(operation.num) >= most) {
        return Err(Errno::EFBIG.into());
    }
    let changes = list.iter().any(|operation| operation.op != 0);
    ids::may(&set.perm(), &cx.creds(), if changes { 2 } else { 4 })?;
    set.operate(list, cx.process().pid(), Wait::until(deadline), seconds)
}

fn limits() -> SemInfo {
    SemInfo {
        semmap: sem::MNS,
        semmni: sem::MNI,
        semmns: sem::MNS,
        semmnu: sem::MNS,
        semmsl: sem::MSL,
        semopm: sem::OPM as i32,
        semume: sem::OPM as i32,
        semusz: 20,
        semvmx: sem::VMX,
        semaem: sem::VMX,
    }
}

/// semctl(2): the union is the fourth argument, whatever the command.
pub fn semctl(cx: &mut Cx<'_>, id: Int, number: Int, operation: Int, value: UserAddr) -> Res<i32> {
    if id.0 < 0 {
        return Err(Errno::EINVAL.into());
    }
    let creds = cx.creds();
    let pid = cx.process().pid();
    match operation.0 {
        command::IPC_INFO | sem::SEM_INFO => {
            let (info, highest) = {
                let sets = SETS.lock();
                let mut info = limits();
                if operation.0 == sem::SEM_INFO {
                    info.semusz = sets.all().count() as i32;
                    info.semaem = sets.all().map(|set| set.len() as i32).sum();
                }
                (info, sets.highest())
            };
            cx.write_bytes(value, info.as_bytes())?;
            Ok(highest)
        }
        command::IPC_STAT | sem::SEM_STAT | sem::SEM_STAT_ANY => {
            let by_place = operation.0 != command::IPC_STAT;
            let set = if by_place { SETS.lock().at(id.0)? } else { sets::find(id.0)? };
            if operation.0 != sem::SEM_STAT_ANY {
                ids::may(&set.perm(), &creds, 4)?;
            }
            cx.write_bytes(value, set.ds().as_bytes())?;
            Ok(if by_place { set.id() } else { 0 })
        }
        sem::GETVAL | sem::GETPID | sem::GETNCNT | sem::GETZCNT => {
            let set = sets::find(id.0)?;
            ids::may(&set.perm(), &creds, 4)?;
            let query = match operation.0 {
                sem::GETVAL => Query::GetVal,
                sem::GETPID => Query::GetPid,
                sem::GETNCNT => Query::GetNcnt,
                _ => Query::GetZcnt,
            };
            Ok(set.query(number.0, query)?)
        }
        sem::GETALL => {
            let set = sets::find(id.0)?;
            ids::may(&set.perm(), &creds, 4)?;
            cx.write_bytes(value, set.values().as_bytes())?;
            Ok(0)
        }
        sem::SETALL => {
            let set = sets::find(id.0)?;
            ids::may(&set.perm(), &creds, 2)?;
            let mut values = alloc::vec![0u16; set.len()];
            cx.read_bytes(value, values.as_mut_slice().as_mut_bytes())?;
            set.set_values(&values, pid, seconds())?;
            Ok(0)
        }
        sem::SETVAL => {
            let to = value.0 as i32;
            if !(0..=sem::VMX).contains(&to) {
                return Err(Errno::ERANGE.into());
            }
            sets::find(id.0)?.set_value(number.0, to, pid, &creds, seconds())?;
            Ok(0)
        }
        command::IPC_SET => {
            let mut given = SemidDs::new_zeroed();
            cx.read_bytes(value, given.as_mut_bytes())?;
            sets::find(id.0)?.change(&given.perm, &creds, seconds())?;
            Ok(0)
        }
        command::IPC_RMID => {
            sets::remove(id.0, &creds)?;
            Ok(0)
        }
        _ => Err(Errno::EINVAL.into()),
    }
}
