//! What /proc tells of an address space.

use super::area::{Area, AreaFlags, Backing};
use super::{AddressSpace, Inner, PAGE};
use crate::frame;
use crate::mmu::{Entry, Pte, Size};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::ops::Range;
use osv_abi::Errno;
use osv_abi::mem::USER_END;
use osv_abi::uapi::memory::Prot;
use osv_base::Res;

/// Sizes in pages, for /proc/self/status, statm and getrusage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpaceCounts {
    /// Mapped (VmSize).
    pub mapped: usize,
    /// The most ever mapped (VmPeak).
    pub mapped_peak: usize,
    /// Resident private memory (RssAnon).
    pub anonymous: usize,
    /// Resident pages of objects (RssFile and RssShmem).
    pub object: usize,
    /// The most ever resident (VmHWM).
    pub resident_peak: usize,
    /// Locked (VmLck).
    pub locked: usize,
    /// Private and writable, but for stacks (VmData).
    pub data: usize,
    /// Of areas that grow down (VmStk).
    pub stack: usize,
    /// Executable (VmExe and VmLib).
    pub text: usize,
    /// Of page tables (VmPTE).
    pub tables: usize,
    /// Areas.
    pub areas: usize,
}

impl SpaceCounts {
    /// Resident pages (VmRSS).
    pub fn resident(&self) -> usize {
        self.anonymous + self.object
    }

    pub(super) fn grows(&mut self, area: &Area) {
        let pages = (area.bytes() / PAGE) as usize;
        self.mapped += pages;
        self.mapped_peak = self.mapped_peak.max(self.mapped);
        for (count, counts) in self.kinds(area) {
            if counts {
                *count += pages;
            }
        }
    }

    pub(super) fn shrinks(&mut self, area: &Area) {
        let pages = (area.bytes() / PAGE) as usize;
        self.mapped = self.mapped.saturating_sub(pages);
        for (count, counts) in self.kinds(area) {
            if counts {
                *count = count.saturating_sub(pages);
            }
        }
    }

    fn kinds(&mut self, area: &Area) -> [(&mut usize, bool); 4] {
        let stack = area.flags.contains(AreaFlags::GROWSDOWN);
        [
            (&mut self.locked, area.flags.contains(AreaFlags::LOCKED)),
            (&mut self.data, !stack && !area.is_shared() && area.prot.contains(Prot::WRITE)),
            (&mut self.stack, stack),
            (&mut self.text, area.prot.contains(Prot::EXEC) && !area.prot.contains(Prot::WRITE)),
        ]
    }

    #[inline]
    pub(super) fn enters(&mut self, entry: &Entry) {
        if entry.flags.contains(Pte::ANON) {
            self.anonymous += entry.size.frames();
        } else {
            self.object += entry.size.frames();
        }
        self.resident_peak = self.resident_peak.max(self.resident());
    }

    #[inline]
    pub(super) fn leaves(&mut self, entry: &Entry) {
        if entry.flags.contains(Pte::ANON) {
            self.anonymous = self.anonymous.saturating_sub(entry.size.frames());
        } else if !frame::is_zero(entry.phys) {
            self.object = self.object.saturating_sub(entry.size.frames());
        }
    }
}

/// A line of /proc/self/maps, and what smaps adds.
#[derive(Clone, Debug)]
pub struct AreaReport {
    /// Addresses.
    pub range: Range<u64>,
    /// Protection.
    pub prot: Prot,
    /// Flags.
    pub flags: AreaFlags,
    /// Offset in the object.
    pub offset: u64,
    /// Device and inode of the object.
    pub device_inode: (u64, u64),
    /// Path, `[heap]`, `[stack]`, or empty.
    pub name: String,
    /// Resident pages, of which private ones; only when asked for.
    pub resident: usize,
    /// Resident private pages.
    pub anonymous: usize,
    /// Those of them that one entry maps 2 MiB of.
    pub huge: usize,
    /// Whether huge pages come by themselves (while memory is plenty).
    pub is_huge_eligible: bool,
}

impl AddressSpace {
    /// Sizes now.
    pub fn counts(&self) -> SpaceCounts {
        let inner = self.inner.read();
        let pages = inner.pages.lock();
        SpaceCounts { tables: pages.table.tables(), areas: inner.areas.len(), ..pages.counts }
    }

    /// The areas in order; `resident`: with the counts of smaps, which take a walk over the tables.
    pub fn report(&self, resident: bool) -> Res<Vec<AreaReport>> {
        // Alone: the walk for `resident` is too long for the lock that spins.
        let mut inner = self.inner.write();
        let Inner { areas, pages, layout, .. } = &mut *inner;
        let table = &pages.get_mut().table;
        let mut lines = Vec::new();
        lines.try_reserve_exact(areas.len()).map_err(|_| Errno::ENOMEM)?;
        for area in areas.overlapping(0..USER_END) {
            let mut line = AreaReport {
                range: area.range.clone(),
                prot: area.prot,
                flags: area.flags,
                offset: 0,
                device_inode: (0, 0),
                name: String::new(),
                resident: 0,
                anonymous: 0,
                huge: 0,
                is_huge_eligible: super::fault::may_be_huge(areas, area),
            };
            match &area.backing {
                Backing::Object { pager, offset } => {
                    line.offset = *offset;
                    line.device_inode = pager.device_inode();
                    let _ = pager.name(&mut line.name);
                }
                Backing::Anonymous if area.flags.contains(AreaFlags::BRK) => line.name.push_str("[heap]"),
                Backing::Anonymous if area.range.contains(&(layout.stack_top - 1)) => {
                    line.name.push_str("[stack]");
                }
                Backing::Anonymous => {}
            }
            if resident {
                table.visit(area.range.clone(), &mut |_, entry| {
                    if !frame::is_zero(entry.phys) {
                        line.resident += entry.size.frames();
                        if entry.flags.contains(Pte::ANON) {
                            line.anonymous += entry.size.frames();
                            line.huge += if entry.size == Size::Huge { entry.size.frames() } else { 0 };
                        }
                    }
                });
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// Which of `count` pages from `addr` on are there, and whether they are private memory. Call it in pieces.
    pub fn present(&self, addr: u64, count: usize) -> Res<Vec<Option<bool>>> {
        let mut found = Vec::new();
        found.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        found.resize(count, None);
        let end = addr.saturating_add(count as u64 * PAGE).min(USER_END);
        let mut inner = self.inner.write();
        inner.table().visit(addr..end, &mut |at, entry| {
            for here in (at..).step_by(PAGE as usize).take(entry.size.frames()) {
                if let Some(slot) =
                    here.checked_sub(addr).and_then(|from| found.get_mut((from / PAGE) as usize))
                {
                    *slot = Some(entry.flags.contains(Pte::ANON));
                }
            }
        });
        Ok(found)
    }
}

impl AreaReport {
    /// Whether writes reach the object.
    pub fn is_shared(&self) -> bool {
        self.flags.contains(AreaFlags::SHARED)
    }

    /// Writes the line of /proc/self/maps, with its newline.
    pub fn write_maps(&self, to: &mut dyn Write) -> core::fmt::Result {
        let bit = |prot, c| if self.prot.contains(prot) { c } else { '-' };
        let (device, inode) = self.device_inode;
        let mut line = String::new();
        write!(
            line,
            "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {}",
            self.range.start,
            self.range.end,
            bit(Prot::READ, 'r'),
            bit(Prot::WRITE, 'w'),
            bit(Prot::EXEC, 'x'),
            if self.flags.contains(AreaFlags::SHARED) { 's' } else { 'p' },
            self.offset,
            device >> 8 & 0xfff,
            device & 0xff,
            inode
        )?;
        if self.name.is_empty() { writeln!(to, "{line} ") } else { writeln!(to, "{line:<72} {}", self.name) }
    }
}
