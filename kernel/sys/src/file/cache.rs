//! cachestat(2).

use crate::cx::Cx;
use osv_abi::Errno;
use osv_abi::arg::{CacheRange, CacheStat, Fd, Flags, In, Out};
use osv_base::{Fail, PAGE_SIZE, Res};

/// Pages that are looked at before a signal is.
const PIECE: u64 = 1 << 16;

/// cachestat(2): how many pages of a file are in memory. None of them waits to be written anywhere.
pub fn cachestat(
    cx: &mut Cx<'_>,
    fd: Fd,
    range: In<CacheRange>,
    to: Out<CacheStat>,
    flags: Flags,
) -> Res<()> {
    let open = cx.file(fd)?;
    let range = range.read(cx)?;
    if flags.0 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let page = PAGE_SIZE as u64;
    let mut stat = CacheStat::default();
    if let Some(pager) = open.pager() {
        let size = pager.len().div_ceil(page);
        let end = match range.len {
            0 => size,
            len => range.off.saturating_add(len).div_ceil(page).min(size),
        };
        for index in range.off / page..end {
            stat.cached += u64::from(pager.cached(index).is_some());
            if index % PIECE == PIECE - 1 && cx.thread().entity.interrupted() {
                return Err(Fail::Interrupted);
            }
        }
    }
    Ok(to.write(cx, &stat)?)
}
