//! KVM's paravirtual clock: tells the TSC's rate and the wall time.

use crate::cpu::Msr;
use core::arch::x86_64::__cpuid;
use core::cell::UnsafeCell;
use osv_base::VirtAddr;

/// `struct pvclock_vcpu_time_info`.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct TimeInfo {
    version: u32,
    pad0: u32,
    tsc_timestamp: u64,
    system_time: u64,
    tsc_to_system_mul: u32,
    tsc_shift: i8,
    flags: u8,
    pad: [u8; 2],
}

/// `struct pvclock_wall_clock`.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct WallClock {
    version: u32,
    sec: u32,
    nsec: u32,
}

struct Shared<T>(UnsafeCell<T>);
// SAFETY: the host writes, the boot CPU alone reads, volatile.
unsafe impl<T> Sync for Shared<T> {}
static TIME: Shared<TimeInfo> = Shared(UnsafeCell::new(TimeInfo {
    version: 0,
    pad0: 0,
    tsc_timestamp: 0,
    system_time: 0,
    tsc_to_system_mul: 0,
    tsc_shift: 0,
    flags: 0,
    pad: [0; 2],
}));
static WALL: Shared<WallClock> = Shared(UnsafeCell::new(WallClock { version: 0, sec: 0, nsec: 0 }));

const SYSTEM_TIME: Msr = Msr(0x4b56_4d01);
const WALL_CLOCK: Msr = Msr(0x4b56_4d00);

fn present() -> bool {
    if !crate::cpu::features().hypervisor {
        return false;
    }
    let leaf = __cpuid(0x4000_0000);
    // "KVMKVMKVM", and the second set of clock registers.
    leaf.ebx == 0x4b4d_564b && leaf.ecx == 0x564b_4d56 && __cpuid(0x4000_0001).eax & 1 << 3 != 0
}

fn phys<T>(shared: &'static Shared<T>) -> u64 {
    crate::layout::phys_of(VirtAddr(shared.0.get().expose_provenance() as u64)).0
}

/// Copies what the host writes, between two equal, even versions.
fn read<T: Copy>(shared: &Shared<T>, version: impl Fn(&T) -> u32) -> Option<T> {
    for _ in 0..1000 {
        // SAFETY: the host may write at any time; a torn copy is found by the version and dropped.
        let (first, second) = unsafe { (shared.0.get().read_volatile(), shared.0.get().read_volatile()) };
        if version(&first) == version(&second) && version(&first) & 1 == 0 && version(&first) != 0 {
            return Some(first);
        }
    }
    None
}

pub(super) fn tsc_hz() -> Option<u64> {
    if !present() {
        return None;
    }
    // SAFETY: KVM says it has the register; it fills the structure once and on changes until 0 is written.
    unsafe { SYSTEM_TIME.write(phys(&TIME) | 1) };
    let time = read(&TIME, |time| time.version);
    // SAFETY: as above; the host stops writing.
    unsafe { SYSTEM_TIME.write(0) };
    let time = time.filter(|time| time.tsc_to_system_mul != 0)?;
    let hz = (1_000_000_000u128 << 32) / u128::from(time.tsc_to_system_mul);
    let hz = if time.tsc_shift < 0 { hz << time.tsc_shift.unsigned_abs() } else { hz >> time.tsc_shift };
    u64::try_from(hz).ok()
}

/// Wall time at this moment, to the precision of the host's structure.
pub(super) fn wall_clock_ns() -> Option<u64> {
    if !present() {
        return None;
    }
    // The wall time at boot, plus the system time now.
    // SAFETY: as in `tsc_hz`.
    unsafe {
        WALL_CLOCK.write(phys(&WALL));
        SYSTEM_TIME.write(phys(&TIME) | 1);
    }
    let (wall, time) = (read(&WALL, |wall| wall.version), read(&TIME, |time| time.version));
    // SAFETY: as in `tsc_hz`.
    unsafe { SYSTEM_TIME.write(0) };
    let wall = wall.filter(|wall| wall.sec != 0)?;
    Some(u64::from(wall.sec) * 1_000_000_000 + u64::from(wall.nsec) + time?.system_time)
}
