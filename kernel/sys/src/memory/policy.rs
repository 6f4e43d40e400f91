//! mbind(2), set_mempolicy(2), get_mempolicy(2), migrate_pages(2), move_pages(2).
//!
//! All memory is on one node, number 0: policies are kept and told, and every one of them is obeyed by what happens
//! anyway.

use super::with_space;
use crate::cx::Cx;
use core::ops::Range;
use core::sync::atomic::Ordering;
use osv_abi::arg::{Flags, InOut, Int, Pid, ULong};
use osv_abi::{Errno, UserAddr, UserMemory};
use osv_base::{PAGE_SIZE, Res};
use osv_task::registry;

const DEFAULT: u32 = 0;
const PREFERRED: u32 = 1;
const BIND: u32 = 2;
const INTERLEAVE: u32 = 3;
const LOCAL: u32 = 4;
const PREFERRED_MANY: u32 = 5;
const WEIGHTED_INTERLEAVE: u32 = 6;

const NUMA_BALANCING: u32 = 1 << 13;
const RELATIVE_NODES: u32 = 1 << 14;
const STATIC_NODES: u32 = 1 << 15;
const MODE_FLAGS: u32 = NUMA_BALANCING | RELATIVE_NODES | STATIC_NODES;

/// How many nodes a mask may name (CONFIG_NODES_SHIFT of distributions).
const MAX_NODES: u64 = 1024;

/// A policy: its mode and flags, and whether it names node 0. In 16 bits: mode in the lowest, then [`NAMES_NODE`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Policy {
    mode: u32,
    names_node: bool,
}

const NAMES_NODE: u32 = 1 << 8;

impl Policy {
    /// What mode and mask of a call mean, checked as Linux does: EINVAL.
    fn new(mode: u32, node_0: bool, others: bool) -> Result<Policy, Errno> {
        let flags = mode & MODE_FLAGS;
        let kind = mode & !MODE_FLAGS;
        let empty = !node_0 && !others;
        let balancing = flags & NUMA_BALANCING != 0;
        if kind > WEIGHTED_INTERLEAVE
            || flags & (STATIC_NODES | RELATIVE_NODES) == STATIC_NODES | RELATIVE_NODES
            || balancing && !matches!(kind, BIND | PREFERRED_MANY)
        {
            return Err(Errno::EINVAL);
        }
        let nodes = flags & (STATIC_NODES | RELATIVE_NODES) != 0;
        match kind {
            DEFAULT if empty => return Ok(Policy::default()),
            PREFERRED if empty && !nodes => return Ok(Policy { mode: LOCAL, names_node: false }),
            LOCAL if empty && !nodes => return Ok(Policy { mode, names_node: false }),
            DEFAULT | LOCAL => return Err(Errno::EINVAL),
            _ if empty => return Err(Errno::EINVAL),
            _ => {}
        }
        // Relative numbers are counted from the nodes there are, over and over.
        if !node_0 && flags & RELATIVE_NODES == 0 {
            return Err(Errno::EINVAL);
        }
        Ok(Policy { mode, names_node: true })
    }

    fn pack(self) -> u16 {
        let word =
            self.mode & 7 | (self.mode & MODE_FLAGS) >> 4 | if self.names_node { NAMES_NODE } else { 0 };
        word as u16
    }

    fn unpack(word: u16) -> Policy {
        let word = u32::from(word);
        Policy { mode: word & 7 | word << 4 & MODE_FLAGS, names_node: word & NAMES_NODE != 0 }
    }
}

/// Copies a mask of nodes in: whether node 0 is a member, and whether others are. EINVAL, EFAULT.
fn read_nodes(cx: &Cx<'_>, mask: UserAddr, count: u64) -> Result<(bool, bool), Errno> {
    // Linux counts one less than it is told.
    let count = count.wrapping_sub(1);
    if mask.is_null() || count == 0 {
        return Ok((false, false));
    }
    if count > PAGE_SIZE as u64 * 8 {
        return Err(Errno::EINVAL);
    }
    let mut nodes = (false, false);
    for at in 0..count.div_ceil(64) {
        let mut word = [0; 8];
        cx.read_bytes(mask.add(at as usize * 8), &mut word)?;
        let left = count - at * 64;
        let word = u64::from_ne_bytes(word) & if left < 64 { (1 << left) - 1 } else { u64::MAX };
        if at * 64 >= MAX_NODES && word != 0 {
            return Err(Errno::EINVAL);
        }
        if at == 0 {
            nodes.0 = word & 1 != 0;
            nodes.1 |= word & !1 != 0;
        } else {
            nodes.1 |= word != 0;
        }
    }
    Ok(nodes)
}

/// Writes the mask whose only member is node 0, or none, into one of `count` bits.
fn write_nodes(cx: &Cx<'_>, mask: UserAddr, count: u64, node_0: bool) -> Result<(), Errno> {
    let bytes = count.wrapping_sub(1).next_multiple_of(64) / 8;
    if bytes > PAGE_SIZE as u64 {
        return Err(Errno::EINVAL);
    }
    for at in (0..bytes as usize).step_by(8) {
        let word = u64::from(at == 0 && node_0);
        cx.write_bytes(mask.add(at), &word.to_ne_bytes())?;
    }
    Ok(())
}

/// set_mempolicy(2)
pub fn set_mempolicy(cx: &mut Cx<'_>, mode: Int, mask: UserAddr, count: ULong) -> Res<()> {
    let (node_0, others) = read_nodes(cx, mask, count.0)?;
    let policy = Policy::new(mode.0.cast_unsigned(), node_0, others)?;
    cx.thread().attributes.memory_policy.store(policy.pack().into(), Ordering::Relaxed);
    Ok(())
}

/// Pages of a range: EINVAL where it is none.
fn range(start: UserAddr, len: ULong) -> Result<Range<u64>, Errno> {
    let page = PAGE_SIZE as u64;
    if !start.0.is_multiple_of(page) {
        return Err(Errno::EINVAL);
    }
    let end = start.0.wrapping_add(len.0.wrapping_add(page - 1) & !(page - 1));
    if end < start.0 { Err(Errno::EINVAL) } else { Ok(start.0..end) }
}

/// mbind(2)
pub fn mbind(
    cx: &mut Cx<'_>,
    start: UserAddr,
    len: ULong,
    mode: ULong,
    mask: UserAddr,
    count: ULong,
    flags: Flags,
) -> Res<()> {
    const STRICT: u32 = 1;
    const MOVE: u32 = 2;
    const MOVE_ALL: u32 = 4;
    let (node_0, others) = read_nodes(cx, mask, count.0)?;
    let mode = u32::try_from(mode.0).map_err(|_| Errno::EINVAL)?;
    if flags.0 & !(STRICT | MOVE | MOVE_ALL) != 0 {
        return Err(Errno::EINVAL.into());
    }
    if flags.0 & MOVE_ALL != 0 && !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    let range = range(start, len)?;
    let policy = Policy::new(mode, node_0, others)?;
    if range.is_empty() {
        return Ok(());
    }
    with_space(|space| space.set_policy(range, policy.pack()))
}

/// set_mempolicy_home_node(2): the home is node 0 already. ENOENT where no policy is that could have one.
pub fn set_mempolicy_home_node(
    _cx: &mut Cx<'_>,
    start: UserAddr,
    len: ULong,
    home: ULong,
    flags: ULong,
) -> Res<()> {
    let range = range(start, ULong(len.0))?;
    if flags.0 != 0 || home.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    if range.is_empty() {
        return Ok(());
    }
    let policies = with_space(|space| Ok(space.policies(range)))?;
    let mut found = policies.into_iter().filter(|&word| word != 0).map(Policy::unpack).peekable();
    if found.peek().is_none() {
        return Err(Errno::ENOENT.into());
    }
    let fits = found.all(|policy| matches!(policy.mode & !MODE_FLAGS, BIND | PREFERRED_MANY));
    if fits { Ok(()) } else { Err(Errno::EOPNOTSUPP.into()) }
}

/// get_mempolicy(2)
pub fn get_mempolicy(
    cx: &mut Cx<'_>,
    mode: InOut<i32>,
    mask: UserAddr,
    count: ULong,
    addr: UserAddr,
    flags: ULong,
) -> Res<()> {
    const NODE: u64 = 1;
    const ADDR: u64 = 2;
    const ALLOWED: u64 = 4;
    if !mask.is_null() && count.0 < 1 || flags.0 & !(NODE | ADDR | ALLOWED) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let (value, node_0) = if flags.0 & ALLOWED != 0 {
        if flags.0 & (NODE | ADDR) != 0 {
            return Err(Errno::EINVAL.into());
        }
        (0, true)
    } else {
        let own = cx.thread().attributes.memory_policy.load(Ordering::Relaxed) as u16;
        let word = if flags.0 & ADDR != 0 {
            match with_space(|space| Ok(space.policy_at(addr.0)?))? {
                0 => own,
                set => set,
            }
        } else if !addr.is_null() {
            return Err(Errno::EINVAL.into());
        } else {
            own
        };
        let policy = Policy::unpack(word);
        let interleaves = matches!(policy.mode & !MODE_FLAGS, INTERLEAVE | WEIGHTED_INTERLEAVE);
        if flags.0 & NODE == 0 {
            (policy.mode.cast_signed(), policy.names_node)
        } else if flags.0 & ADDR != 0 {
            // The page is brought in to see where it comes to lie.
            cx.fault_in(addr, false)?;
            (0, policy.names_node)
        } else if interleaves {
            (0, policy.names_node)
        } else {
            return Err(Errno::EINVAL.into());
        }
    };
    if !mode.0.is_null() {
        mode.write(cx, &value)?;
    }
    if !mask.is_null() {
        write_nodes(cx, mask, count.0, node_0)?;
    }
    Ok(())
}

/// The process whose pages are to move: ESRCH, EPERM.
fn owner(cx: &Cx<'_>, pid: Pid) -> Result<alloc::sync::Arc<osv_task::Process>, Errno> {
    let process = match u32::try_from(pid.0) {
        Ok(0) => return Ok(cx.thread().process().clone()),
        Ok(pid) => registry::process(pid).ok_or(Errno::ESRCH)?,
        Err(_) => return Err(Errno::ESRCH),
    };
    let may = cx.process().credentials().may_signal(&process.credentials());
    if may && process.pid() != registry::INIT { Ok(process) } else { Err(Errno::EPERM) }
}

/// migrate_pages(2): none is anywhere that it could be moved from.
pub fn migrate_pages(cx: &mut Cx<'_>, pid: Pid, count: ULong, old: UserAddr, new: UserAddr) -> Res<u32> {
    read_nodes(cx, old, count.0)?;
    let (node_0, others) = read_nodes(cx, new, count.0)?;
    owner(cx, pid)?;
    if others && !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    if node_0 { Ok(0) } else { Err(Errno::EINVAL.into()) }
}

/// move_pages(2): tells where pages are, and moves them to node 0, where they are.
pub fn move_pages(
    cx: &mut Cx<'_>,
    pid: Pid,
    count: ULong,
    pages: UserAddr,
    nodes: UserAddr,
    status: UserAddr,
    flags: Flags,
) -> Res<()> {
    const MOVE: u32 = 2;
    const MOVE_ALL: u32 = 4;
    if flags.0 & !(MOVE | MOVE_ALL) != 0 {
        return Err(Errno::EINVAL.into());
    }
    if flags.0 & MOVE_ALL != 0 && !cx.process().credentials().is_privileged() {
        return Err(Errno::EPERM.into());
    }
    let space = owner(cx, pid)?.space().ok_or(Errno::ESRCH)?;
    for at in 0..count.0 as usize {
        let mut word = [0; 8];
        cx.read_bytes(pages.add(at.wrapping_mul(8)), &mut word)?;
        let page = u64::from_ne_bytes(word) & !(PAGE_SIZE as u64 - 1);
        if !nodes.is_null() {
            let mut node = [0; 4];
            cx.read_bytes(nodes.add(at * 4), &mut node)?;
            if node != [0; 4] {
                return Err(Errno::ENODEV.into());
            }
        }
        let here: i32 = match space.resident(page, 1) {
            Ok(vector) if vector.first().is_some_and(|page| page & 1 != 0) => 0,
            Ok(_) => Errno::ENOENT.to_ret() as i32,
            Err(_) => Errno::EFAULT.to_ret() as i32,
        };
        cx.write_bytes(status.add(at * 4), &here.to_ne_bytes())?;
        if cx.thread().entity.interrupted() {
            return Err(osv_base::Fail::Interrupted);
        }
    }
    Ok(())
}
