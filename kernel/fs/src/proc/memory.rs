//! /proc/PID/maps, which answers questions as well, and /proc/PID/pagemap.

use super::Sources;
use crate::synth::Leaf;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::mem::USER_END;
use osv_abi::uapi::file::{major, minor};
use osv_abi::uapi::memory::Prot;
use osv_base::io::Sink;
use osv_base::{Errno, PAGE_SIZE, Res};
use osv_mm::space::{AddressSpace, AreaReport};
use osv_vfs::IoctlArg;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// /proc/PID/maps.
pub(super) struct Maps {
    pub(super) sources: Arc<Sources>,
    pub(super) pid: u32,
}

impl Leaf for Maps {
    fn text(&self, to: &mut Vec<u8>) -> Res<()> {
        let Some(space) = self.sources.processes.space(self.pid) else { return Ok(()) };
        let mut text = String::new();
        for area in space.report(false)? {
            area.write_maps(&mut text).map_err(|_| Errno::ENOMEM)?;
        }
        to.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn ioctl(&self, request: u32, arg: &mut dyn IoctlArg) -> Res<usize> {
        if request != PROCMAP_QUERY {
            return Err(Errno::ENOTTY.into());
        }
        let mut query = read(arg)?;
        let space = self.sources.processes.space(self.pid).ok_or(Errno::ESRCH)?;
        let area = find(&space, &query)?;
        let (device, inode) = area.device_inode;
        query.start = area.range.start;
        query.end = area.range.end;
        query.area_flags = flags_of(&area);
        query.page_size = PAGE_SIZE as u64;
        query.offset = area.offset;
        query.inode = inode;
        (query.dev_major, query.dev_minor) = (major(device), minor(device));
        // Build identities are not looked for: as of a file without one.
        query.build_id_size = 0;
        if query.name_size > 0 {
            let name = area.name.as_bytes();
            let len = if name.is_empty() { 0 } else { name.len() + 1 };
            if len > query.name_size as usize {
                return Err(Errno::ENAMETOOLONG.into());
            }
            let text: Vec<u8> = name.iter().copied().chain([0]).take(len).collect();
            arg.write_at(query.name_addr, &text)?;
            query.name_size = len as u32;
        }
        let len = size_of::<Query>().min(query.size as usize);
        arg.write(&query.as_bytes()[..len])?;
        Ok(0)
    }
}

/// `struct procmap_query`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Query {
    size: u64,
    flags: u64,
    addr: u64,
    start: u64,
    end: u64,
    area_flags: u64,
    page_size: u64,
    offset: u64,
    inode: u64,
    dev_major: u32,
    dev_minor: u32,
    name_size: u32,
    build_id_size: u32,
    name_addr: u64,
    build_id_addr: u64,
}

/// `_IOWR('f', 17, struct procmap_query)`.
const PROCMAP_QUERY: u32 = 3 << 30 | (size_of::<Query>() as u32) << 16 | 0x66 << 8 | 17;

const READABLE: u64 = 1;
const WRITABLE: u64 = 2;
const EXECUTABLE: u64 = 4;
const SHARED: u64 = 8;
const PERMISSIONS: u64 = READABLE | WRITABLE | EXECUTABLE | SHARED;
const COVERING_OR_NEXT: u64 = 0x10;
const FILE_BACKED: u64 = 0x20;

/// Reads the question, of any version: EINVAL, E2BIG where it asks for what is not known here.
fn read(arg: &dyn IoctlArg) -> Res<Query> {
    let mut query = Query::new_zeroed();
    arg.read(&mut query.as_mut_bytes()[..8])?;
    let (size, known) = (query.size as usize, size_of::<Query>());
    if query.size > PAGE_SIZE as u64 {
        return Err(Errno::E2BIG.into());
    }
    // Up to the address at least.
    if size < 24 {
        return Err(Errno::EINVAL.into());
    }
    let mut bytes = alloc::vec![0; size];
    arg.read(&mut bytes)?;
    let (first, rest) = bytes.split_at(size.min(known));
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Errno::E2BIG.into());
    }
    query.as_mut_bytes()[..first.len()].copy_from_slice(first);
    let unknown = query.flags & !(PERMISSIONS | COVERING_OR_NEXT | FILE_BACKED) != 0;
    let half = (query.name_size == 0) != (query.name_addr == 0)
        || (query.build_id_size == 0) != (query.build_id_addr == 0);
    if unknown || half { Err(Errno::EINVAL.into()) } else { Ok(query) }
}

fn flags_of(area: &AreaReport) -> u64 {
    let bit = |on, bit| if on { bit } else { 0 };
    bit(area.prot.contains(Prot::READ), READABLE)
        | bit(area.prot.contains(Prot::WRITE), WRITABLE)
        | bit(area.prot.contains(Prot::EXEC), EXECUTABLE)
        | bit(area.is_shared(), SHARED)
}

/// The area that is asked for: ENOENT.
fn find(space: &AddressSpace, query: &Query) -> Res<AreaReport> {
    let next = query.flags & COVERING_OR_NEXT != 0;
    let wanted = query.flags & PERMISSIONS;
    let fits = |area: &AreaReport| {
        flags_of(area) & wanted == wanted && (query.flags & FILE_BACKED == 0 || area.device_inode.1 != 0)
    };
    let mut areas = space.report(false)?.into_iter().filter(|area| area.range.end > query.addr);
    let found = if next { areas.find(fits) } else { areas.next().filter(fits) };
    Ok(found.filter(|area| next || area.range.start <= query.addr).ok_or(Errno::ENOENT)?)
}

/// /proc/PID/pagemap. Where frames lie is nobody's business, as for who has no CAP_SYS_ADMIN on Linux.
pub(super) struct PageMap {
    pub(super) sources: Arc<Sources>,
    pub(super) pid: u32,
}

/// Bytes for a page.
const ENTRY: u64 = 8;
/// Pages that one read tells of at most.
const PIECE: usize = 4096;
const PRESENT: u64 = 1 << 63;
const OF_OBJECT: u64 = 1 << 61;

impl Leaf for PageMap {
    fn text(&self, _to: &mut Vec<u8>) -> Res<()> {
        Ok(())
    }

    fn read_part(&self, offset: u64, to: &mut dyn Sink) -> Option<Res<usize>> {
        Some(self.read(offset, to))
    }

    fn mode(&self) -> u32 {
        0o400
    }
}

impl PageMap {
    fn read(&self, offset: u64, to: &mut dyn Sink) -> Res<usize> {
        if !offset.is_multiple_of(ENTRY) || !to.remaining().is_multiple_of(ENTRY as usize) {
            return Err(Errno::EINVAL.into());
        }
        let Some(space) = self.sources.processes.space(self.pid) else { return Ok(0) };
        let (first, pages) = (offset / ENTRY, USER_END / PAGE_SIZE as u64);
        let count = pages.saturating_sub(first).min((to.remaining() / ENTRY as usize).min(PIECE) as u64);
        if count == 0 {
            return Ok(0);
        }
        let mut bytes = Vec::new();
        for page in space.present(first * PAGE_SIZE as u64, count as usize)? {
            let word = page.map_or(0, |anonymous| PRESENT | if anonymous { 0 } else { OF_OBJECT });
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        Ok(to.put(&bytes))
    }
}
