//! What threads and processes have used: getrusage(2).

use crate::process::Process;
use crate::thread::Thread;

/// Sums over threads, or over children.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Nanoseconds on a CPU.
    pub ran_ns: u64,
    /// Page faults.
    pub faults: u64,
    /// Switches that a thread asked for by sleeping.
    pub voluntary: u64,
    /// The others.
    pub involuntary: u64,
    /// Most pages that one address space ever had resident.
    pub resident_peak: usize,
}

impl Usage {
    /// Adds what another used.
    pub fn add(&mut self, other: &Usage) {
        self.ran_ns += other.ran_ns;
        self.faults += other.faults;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
        self.resident_peak = self.resident_peak.max(other.resident_peak);
    }

    /// Of a thread.
    pub fn of_thread(thread: &Thread) -> Usage {
        let (voluntary, involuntary) = thread.entity.switches();
        Usage {
            ran_ns: thread.entity.ran_ns_now(),
            faults: thread.faults(),
            voluntary,
            involuntary,
            resident_peak: 0,
        }
    }

    /// Of a process, its ended threads included.
    pub fn of_process(process: &Process) -> Usage {
        let mut usage = *process.ended_usage.lock();
        for thread in process.threads() {
            usage.add(&Usage::of_thread(&thread));
        }
        if let Some(space) = process.space() {
            usage.resident_peak = usage.resident_peak.max(space.counts().resident_peak);
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up_and_peaks_do_not() {
        let one = Usage { ran_ns: 1, faults: 2, voluntary: 3, involuntary: 4, resident_peak: 50 };
        let mut sum = Usage { resident_peak: 40, ..one };
        sum.add(&one);
        assert_eq!(sum, Usage { ran_ns: 2, faults: 4, voluntary: 6, involuntary: 8, resident_peak: 50 });
    }
}
