use super::*;
use osv_base::Pages;
use std::vec::Vec;

#[test]
fn a_frame_comes_zeroed_and_goes_back() {
    let frame = Frame::zeroed(Use::User).unwrap();
    assert!(frame.bytes().iter().all(|b| *b == 0));
    assert_eq!(frame.copy_in(4090, b"0123456789"), 6);
    let mut out = [0; 4];
    assert_eq!(frame.copy_out(4090, &mut out), 4);
    assert_eq!(&out, b"0123");
    assert!(frame.is_unique());
    let other = frame.clone();
    assert!(!frame.is_unique());
    drop(other);
    assert!(frame.is_unique());
}

#[test]
fn frames_in_use_are_distinct() {
    let mut seen = std::collections::BTreeSet::new();
    let frames: Vec<Frame> = (0..5000).map(|_| Frame::alloc(Use::Kernel).unwrap()).collect();
    for frame in &frames {
        assert!(seen.insert(frame.phys()));
    }
}

#[test]
fn runs_are_aligned_and_contiguous() {
    for pages in [1, 2, 3, 7, 16, 64, 100, 511, 512, 513, 1500] {
        let run = Run::zeroed(Pages(pages), 64 << 10, Use::Kernel).unwrap();
        assert!(run.phys().is_aligned(64 << 10), "{pages}");
        assert!(run.copy_in(pages * 4096 - 1, b"x"));
        assert!(!run.copy_in(pages * 4096, b"x"));
    }
    let huge = Run::alloc(Pages(512), 2 << 20, Use::User).unwrap();
    assert!(huge.phys().is_aligned(2 << 20));
}

#[test]
fn memory_that_is_not_ours_is_never_counted() {
    // SAFETY: never touched.
    let frame = unsafe { Frame::immortal(PhysAddr(0x1000)) };
    assert!(!frame.is_unique());
    drop(frame.clone());
    drop(frame);
}

mod zones {
    use super::super::record::{Record, Records};
    use super::super::zone::{Chunk, Zone};
    use super::super::*;
    use proptest::prelude::*;
    use std::boxed::Box;
    use std::collections::BTreeSet;
    use std::vec::Vec;

    fn zone(chunks: usize) -> Zone {
        let born: Vec<AtomicU8> = (0..chunks).map(|_| AtomicU8::new(0)).collect();
        let memory = Box::leak(Box::<[core::mem::MaybeUninit<Record>]>::new_uninit_slice(chunks * 512));
        // SAFETY: leaked memory of the right size.
        let records = unsafe { Records::new(memory.as_ptr().cast(), Box::leak(born.into_boxed_slice())) };
        // SAFETY: zero is a valid Chunk.
        let slice: Vec<Chunk> = (0..chunks).map(|_| unsafe { core::mem::zeroed() }).collect();
        Zone::new(Box::leak(slice.into_boxed_slice()), Box::leak(Box::new(records)))
    }

    proptest! {
        /// Whatever is taken is free, nothing is handed out twice, and all of it can be given back.
        #[test]
        fn agrees_with_a_set(
            holes in proptest::collection::vec((0u32..512 * 12, 1u32..1400), 1..6),
            steps in proptest::collection::vec((0u8..4, 1u32..700, 0u32..6, any::<bool>()), 1..80),
        ) {
            let mut zone = zone(16);
            let mut free = BTreeSet::new();
            for (start, len) in holes {
                let mut at = start;
                while at < start + len {
                    let run = (at..start + len).take_while(|f| !free.contains(f)).count() as u32;
                    if run > 0 {
                        zone.add(at..at + run);
                        free.extend(at..at + run);
                    }
                    at += run.max(1);
                }
            }
            let mut held: Vec<Range<u32>> = Vec::new();
            for (op, len, align, kernel) in steps {
                let what = if kernel { Use::Kernel } else { Use::User };
                match op {
                    0 => {
                        let got = zone.take_one(what);
                        prop_assert_eq!(got.is_some(), !free.is_empty());
                        held.extend(got.map(|f| f..f + 1));
                        if let Some(f) = got { prop_assert!(free.remove(&f)); }
                    }
                    1 | 2 => {
                        let len = if op == 1 { len % 40 + 1 } else { len };
                        if let Some(at) = zone.take_run(len, 1 << align, what) {
                            prop_assert_eq!(at % (1 << align), 0);
                            for f in at..at + len { prop_assert!(free.remove(&f)); }
                            held.push(at..at + len);
                        }
                    }
                    _ => if !held.is_empty() {
                        let run = held.swap_remove(len as usize % held.len());
                        free.extend(run.clone());
                        zone.give(run);
                    }
                }
                prop_assert_eq!(zone.free(), free.len());
            }
            for run in held { free.extend(run.clone()); zone.give(run); }
            prop_assert_eq!(zone.free(), free.len());
            let mut count = 0;
            while zone.take_one(Use::User).is_some() { count += 1; }
            prop_assert_eq!(count, free.len());
        }
    }
}
