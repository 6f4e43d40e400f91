//! Resource limits: getrlimit(2).

use core::sync::atomic::{AtomicU64, Ordering};
use osv_abi::Errno;
use osv_abi::uapi::process::{RLIM_INFINITY, Rlimit, rlimit};

/// The limits of a process.
#[derive(Debug)]
pub struct Limits([(AtomicU64, AtomicU64); rlimit::COUNT]);

const DEFAULTS: [(u64, u64); rlimit::COUNT] = {
    let mut limits = [(RLIM_INFINITY, RLIM_INFINITY); rlimit::COUNT];
    limits[rlimit::STACK] = (8 << 20, RLIM_INFINITY);
    limits[rlimit::CORE] = (0, RLIM_INFINITY);
    limits[rlimit::NOFILE] = (1024, 1 << 20);
    limits[rlimit::MEMLOCK] = (8 << 20, 8 << 20);
    limits[rlimit::NPROC] = (1 << 15, 1 << 15);
    limits[rlimit::SIGPENDING] = (1 << 15, 1 << 15);
    limits[rlimit::MSGQUEUE] = (819_200, 819_200);
    limits[rlimit::NICE] = (0, 0);
    limits[rlimit::RTPRIO] = (0, 0);
    limits
};

impl Default for Limits {
    fn default() -> Self {
        Limits(DEFAULTS.map(|(cur, max)| (AtomicU64::new(cur), AtomicU64::new(max))))
    }
}

impl Limits {
    /// A copy, as fork(2) makes.
    pub fn fork(&self) -> Self {
        Limits(core::array::from_fn(|at| {
            let limit = self.get(at).unwrap_or_default();
            (AtomicU64::new(limit.cur), AtomicU64::new(limit.max))
        }))
    }

    /// The limit of `resource`; EINVAL when there is no such thing.
    pub fn get(&self, resource: usize) -> Result<Rlimit, Errno> {
        let (cur, max) = self.0.get(resource).ok_or(Errno::EINVAL)?;
        Ok(Rlimit { cur: cur.load(Ordering::Relaxed), max: max.load(Ordering::Relaxed) })
    }

    /// The soft limit; none for what is no resource.
    pub fn soft(&self, resource: usize) -> u64 {
        self.get(resource).map_or(RLIM_INFINITY, |limit| limit.cur)
    }

    /// Changes the limit of `resource`: EPERM when an unprivileged process raises a hard limit.
    pub fn set(&self, resource: usize, new: Rlimit, privileged: bool) -> Result<(), Errno> {
        let old = self.get(resource)?;
        if new.cur > new.max {
            return Err(Errno::EINVAL);
        }
        if new.max > old.max && !privileged || resource == rlimit::NOFILE && new.max > 1 << 20 {
            return Err(Errno::EPERM);
        }
        let (cur, max) = &self.0[resource];
        cur.store(new.cur, Ordering::Relaxed);
        max.store(new.max, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_privileged_raise_a_hard_limit() {
        let limits = Limits::default();
        let raised = Rlimit { cur: 16 << 20, max: 16 << 20 };
        assert_eq!(limits.set(rlimit::MEMLOCK, raised, false), Err(Errno::EPERM));
        assert_eq!(limits.set(rlimit::MEMLOCK, raised, true), Ok(()));
        assert_eq!(limits.set(rlimit::STACK, Rlimit { cur: 2, max: 1 }, true), Err(Errno::EINVAL));
        assert_eq!(limits.set(99, raised, true), Err(Errno::EINVAL));
        assert_eq!(limits.fork().get(rlimit::MEMLOCK), Ok(raised));
    }
}
