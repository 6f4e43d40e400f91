//! Thread attributes, in the layout of [`Attr`](super::create::Attr).

use super::create::Attr;
use core::ffi::{c_int, c_void};
use core::ptr::with_exposed_provenance_mut;
use osv_abi::errno::Errno;

/// PTHREAD_STACK_MIN.
const LEAST_STACK: usize = 16384;

/// Sets a field to one of the values that it may have.
fn choose(field: &mut c_int, value: c_int, most: c_int) -> c_int {
    if !(0..=most).contains(&value) {
        return Errno::EINVAL.get();
    }
    *field = value;
    0
}

/// Notes the CPUs of a set: 64 have room.
///
/// # Safety
/// As pthread_attr_setaffinity_np(3) says.
pub(crate) unsafe fn set_affinity(attr: *mut Attr, size: usize, set: *const u8) -> c_int {
    // SAFETY: the caller's attributes and its set of that size.
    unsafe {
        let mut cpus = 0;
        if !set.is_null() {
            for index in 0..size {
                match (*set.add(index), index) {
                    (0, _) => {}
                    (bits, 0..8) => cpus |= u64::from(bits) << (8 * index),
                    _ => return Errno::EINVAL.get(),
                }
            }
        }
        (*attr).affinity = cpus;
    }
    0
}

/// Gives the CPUs noted, or all.
///
/// # Safety
/// As pthread_attr_getaffinity_np(3) says.
pub(crate) unsafe fn get_affinity(attr: *const Attr, size: usize, set: *mut u8) -> c_int {
    // SAFETY: the caller's attributes and its set of that size.
    unsafe {
        let cpus = (*attr).affinity;
        if cpus == 0 {
            set.write_bytes(0xff, size);
            return 0;
        }
        if size < 8 && cpus >> (8 * size) != 0 {
            return Errno::EINVAL.get();
        }
        set.write_bytes(0, size);
        set.copy_from_nonoverlapping(cpus.to_le_bytes().as_ptr(), size.min(8));
    }
    0
}

posix! {
    fn pthread_attr_destroy(_attr: *mut Attr) -> c_int {
        0
    }
    fn pthread_attr_setdetachstate(attr: *mut Attr, state: c_int) -> c_int {
        choose(&mut (*attr).detached, state, 1)
    }
    fn pthread_attr_getdetachstate(attr: *const Attr, state: *mut c_int) -> c_int {
        state.write((*attr).detached);
        0
    }
    fn pthread_attr_setguardsize(attr: *mut Attr, size: usize) -> c_int {
        (*attr).guard_size = size;
        0
    }
    fn pthread_attr_getguardsize(attr: *const Attr, size: *mut usize) -> c_int {
        size.write((*attr).guard_size);
        0
    }
    fn pthread_attr_setstacksize(attr: *mut Attr, size: usize) -> c_int {
        if size < LEAST_STACK {
            return Errno::EINVAL.get();
        }
        (*attr).stack_size = size;
        0
    }
    fn pthread_attr_getstacksize(attr: *const Attr, size: *mut usize) -> c_int {
        size.write((*attr).stack_size);
        0
    }
    fn pthread_attr_setstack(attr: *mut Attr, lowest: *mut c_void, size: usize) -> c_int {
        if size < LEAST_STACK {
            return Errno::EINVAL.get();
        }
        (*attr).stack_top = lowest.expose_provenance() + size;
        (*attr).stack_size = size;
        0
    }
    fn pthread_attr_getstack(attr: *const Attr, lowest: *mut *mut c_void, size: *mut usize) -> c_int {
        let bottom = (*attr).stack_top.wrapping_sub((*attr).stack_size);
        lowest.write(with_exposed_provenance_mut(bottom));
        size.write((*attr).stack_size);
        0
    }
    fn pthread_attr_setstackaddr(attr: *mut Attr, top: *mut c_void) -> c_int {
        (*attr).stack_top = top.expose_provenance();
        0
    }
    fn pthread_attr_getstackaddr(attr: *const Attr, top: *mut *mut c_void) -> c_int {
        top.write(with_exposed_provenance_mut((*attr).stack_top));
        0
    }
    fn pthread_attr_setscope(_attr: *mut Attr, scope: c_int) -> c_int {
        match scope {
            0 => 0,
            1 => Errno::ENOTSUP.get(),
            _ => Errno::EINVAL.get(),
        }
    }
    fn pthread_attr_getscope(_attr: *const Attr, scope: *mut c_int) -> c_int {
        scope.write(0);
        0
    }
    fn pthread_attr_setinheritsched(attr: *mut Attr, explicit: c_int) -> c_int {
        choose(&mut (*attr).explicit_scheduling, explicit, 1)
    }
    fn pthread_attr_getinheritsched(attr: *const Attr, explicit: *mut c_int) -> c_int {
        explicit.write((*attr).explicit_scheduling);
        0
    }
    fn pthread_attr_setschedpolicy(attr: *mut Attr, policy: c_int) -> c_int {
        choose(&mut (*attr).policy, policy, 2)
    }
    fn pthread_attr_getschedpolicy(attr: *const Attr, policy: *mut c_int) -> c_int {
        policy.write((*attr).policy);
        0
    }
    // glibc's sched_param is the priority alone.
    fn pthread_attr_setschedparam(attr: *mut Attr, priority: *const c_int) -> c_int {
        (*attr).priority = priority.read();
        0
    }
    fn pthread_attr_getschedparam(attr: *const Attr, priority: *mut c_int) -> c_int {
        priority.write((*attr).priority);
        0
    }
}
