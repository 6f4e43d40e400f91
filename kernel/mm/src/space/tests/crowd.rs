//! Several threads in one address space: faults share it, and what takes pages away has it alone.

use super::*;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const THREADS: u64 = 4;
const SHARED_PAGES: u64 = 64;

#[test]
fn threads_that_touch_the_same_pages_get_the_same_frames() {
    for round in 0..20 {
        let space = space();
        let at = space.map(0, SHARED_PAGES * PAGE, RW, ANON, None).unwrap();
        let threads: Vec<_> = (0..THREADS)
            .map(|me| {
                let space = space.clone();
                thread::spawn(move || {
                    for page in 0..SHARED_PAGES {
                        // From different ends, reading some first.
                        let page = if me % 2 == 0 { page } else { SHARED_PAGES - 1 - page };
                        let word = at + page * PAGE + me * 8;
                        if (page + round) % 3 == 0 {
                            assert_eq!(space.fault(word, Access::Read), Outcome::Done);
                        }
                        space.write_all(word, &(page * 10 + me).to_le_bytes()).unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no thread panics");
        }
        for page in 0..SHARED_PAGES {
            for me in 0..THREADS {
                let mut word = [0; 8];
                space.read_all(at + page * PAGE + me * 8, &mut word).unwrap();
                assert_eq!(u64::from_le_bytes(word), page * 10 + me, "page {page} of thread {me}");
            }
        }
        assert_eq!(space.counts().anonymous as u64, SHARED_PAGES);
        assert_eq!(space.counts().object, 0);
    }
}

#[test]
fn faults_beside_unmapping_forking_and_protecting_lose_nothing() {
    let space = space();
    let object = SharedMemory::new(16 * PAGE);
    let kept = space.map(0, 32 * PAGE, RW, ANON, None).unwrap();
    let of_object = Object { pager: object.clone(), offset: 0, max_prot: RW };
    let shared = space.map(0, 16 * PAGE, RW, MapFlags::SHARED, Some(of_object)).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let writes = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..THREADS)
        .map(|me| {
            let (space, done, writes) = (space.clone(), done.clone(), writes.clone());
            thread::spawn(move || {
                let mut last = 0u64;
                while !done.load(Ordering::Relaxed) {
                    for page in 0..32 {
                        let word = kept + page * PAGE + me * 8;
                        let mut before = [0; 8];
                        space.read_all(word, &mut before).unwrap();
                        assert_eq!(u64::from_le_bytes(before), last, "page {page} of thread {me}");
                        space.write_all(word, &(last + 1).to_le_bytes()).unwrap();
                        space.write_all(shared + page % 16 * PAGE + me * 8, &last.to_le_bytes()).unwrap();
                    }
                    last += 1;
                    // Memory of its own comes and goes.
                    let own = space.map(0, 8 * PAGE, RW, ANON, None).unwrap();
                    space.write_all(own + PAGE, &[7; 4 * PAGE as usize]).unwrap();
                    space.unmap(own, 8 * PAGE).unwrap();
                    writes.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut forks = 0;
    while forks < 10 || writes.load(Ordering::Relaxed) < 20 {
        let child = space.fork().unwrap();
        // Its picture stays.
        let mut then = [0; 8];
        child.read_all(kept, &mut then).unwrap();
        child.write_all(kept + 5 * PAGE, &[1; 8]).unwrap();
        space.protect(kept, 32 * PAGE, RW | Prot::EXEC).unwrap();
        space.protect(kept, 32 * PAGE, RW).unwrap();
        let mut now = [0; 8];
        child.read_all(kept, &mut now).unwrap();
        assert_eq!(then, now);
        forks += 1;
    }
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().expect("no thread panics");
    }
    assert_eq!(space.counts().anonymous, 32);
    assert_eq!(object.held(), 16);
}
