use super::*;
use std::vec::Vec;

/// A small generator, so that a failure repeats itself.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn size(&mut self) -> usize {
        let bits = self.below(22);
        self.below(1 << bits)
    }
}

/// A block with a pattern of its own in it.
struct Held {
    at: *mut u8,
    size: usize,
    mark: u8,
}

// SAFETY: a block is as good in one thread as in another.
unsafe impl Send for Held {}

impl Held {
    fn new(at: *mut u8, size: usize, mark: u8) -> Held {
        assert!(!at.is_null());
        // SAFETY: the allocator says that the block has room.
        unsafe { at.write_bytes(mark, size) };
        Held { at, size, mark }
    }

    fn check(&self) {
        // SAFETY: the block is ours until it is freed.
        let bytes = unsafe { core::slice::from_raw_parts(self.at, self.size) };
        assert!(bytes.iter().all(|&byte| byte == self.mark), "a block was written by somebody else");
    }
}

#[test]
fn classes_are_ascending_and_none_is_too_small() {
    for bytes in 0..=classes::LARGEST {
        let class = classes::of(bytes);
        assert!(classes::size(class) >= bytes);
        assert!(class == 0 || classes::size(class - 1) < bytes.max(1), "{bytes}");
    }
}

fn churn(seed: u64, rounds: usize, incoming: Vec<Held>) -> Vec<Held> {
    let mut random = Random(seed);
    let mut held: Vec<Held> = incoming;
    for round in 0..rounds {
        // SAFETY: each block is freed once, after its last use.
        unsafe {
            match random.below(10) {
                0..=4 => {
                    let size = random.size();
                    let block = malloc(size).cast::<u8>();
                    assert!(block.addr() % ALIGNMENT == 0 && malloc_usable_size(block.cast()) >= size);
                    held.push(Held::new(block, size, round as u8));
                }
                5 => {
                    let (size, alignment) = (random.size(), 1 << random.below(17));
                    let block = memalign(alignment, size).cast::<u8>();
                    assert!(block.addr() % alignment == 0);
                    held.push(Held::new(block, size, round as u8));
                }
                6 => {
                    let size = random.size();
                    let block = calloc(1, size).cast::<u8>();
                    assert!(core::slice::from_raw_parts(block, size).iter().all(|&byte| byte == 0));
                    held.push(Held::new(block, size, round as u8));
                }
                7 if !held.is_empty() => {
                    let index = random.below(held.len());
                    let old = held.swap_remove(index);
                    old.check();
                    let size = random.size().max(1);
                    let block = realloc(old.at.cast(), size).cast::<u8>();
                    Held { at: block, size: size.min(old.size), mark: old.mark }.check();
                    held.push(Held::new(block, size, round as u8));
                }
                _ if !held.is_empty() => {
                    let index = random.below(held.len());
                    let old = held.swap_remove(index);
                    old.check();
                    free(old.at.cast());
                }
                _ => {}
            }
        }
        if held.len() > 400 {
            for old in held.drain(..200) {
                old.check();
                // SAFETY: the block's only free.
                unsafe { free(old.at.cast()) };
            }
        }
    }
    held
}

#[test]
fn blocks_stay_apart_through_threads_that_free_each_others() {
    let mut pile = Vec::new();
    for generation in 0..4u64 {
        let shares: Vec<Vec<Held>> = {
            let mut shares: Vec<Vec<Held>> = (0..4).map(|_| Vec::new()).collect();
            for (index, held) in pile.drain(..).enumerate() {
                shares[index % 4].push(held);
            }
            shares
        };
        let threads: Vec<_> = shares
            .into_iter()
            .enumerate()
            .map(|(index, share)| {
                std::thread::spawn(move || {
                    let held = churn(generation * 31 + index as u64 * 7 + 1, 4000, share);
                    // SAFETY: the thread allocates no more.
                    unsafe { thread_ends() };
                    held
                })
            })
            .collect();
        for thread in threads {
            pile.extend(thread.join().unwrap());
        }
    }
    for held in pile {
        held.check();
        // SAFETY: the block's only free.
        unsafe { free(held.at.cast()) };
    }
}

#[test]
fn absurd_sizes_fail_with_enomem() {
    // SAFETY: nothing is allocated.
    unsafe {
        assert!(malloc(usize::MAX).is_null());
        assert_eq!(errno::get(), Errno::ENOMEM.get());
        assert!(calloc(usize::MAX, 2).is_null());
        assert!(malloc(isize::MAX as usize).is_null());
        let mut block = null_mut();
        assert_eq!(posix_memalign(&raw mut block, 3, 8), Errno::EINVAL.get());
    }
}

#[test]
fn a_huge_block_grows_with_its_content() {
    // SAFETY: the block is used within its size and freed once.
    unsafe {
        let mut block = malloc(2 << 20).cast::<u8>();
        block.write(42);
        block.add((2 << 20) - 1).write(43);
        for megabytes in [3usize, 9, 5, 40] {
            block = realloc(block.cast(), megabytes << 20).cast();
            assert_eq!((block.read(), block.add((2 << 20) - 1).read()), (42, 43));
        }
        free(block.cast());
        let aligned = memalign(8 << 20, 100).cast::<u8>();
        assert!(aligned.addr() % (8 << 20) == 0);
        aligned.write_bytes(1, 100);
        free(aligned.cast());
    }
}
