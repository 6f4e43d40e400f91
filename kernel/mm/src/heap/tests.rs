use super::*;
use proptest::prelude::*;
use std::vec::Vec;

/// A block with its fill byte.
struct Block(*mut u8, Layout, u8);

impl Block {
    fn new(layout: Layout, fill: u8) -> Block {
        // SAFETY: layouts here are not empty.
        let at = unsafe { KernelHeap.alloc(layout) };
        assert!(!at.is_null());
        assert_eq!(at.addr() % layout.align(), 0);
        // SAFETY: a fresh block.
        unsafe { at.write_bytes(fill, layout.size()) };
        Block(at, layout, fill)
    }
    fn check(&self) {
        // SAFETY: the block is ours and was filled.
        let bytes = unsafe { core::slice::from_raw_parts(self.0, self.1.size()) };
        assert!(bytes.iter().all(|b| *b == self.2));
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.check();
        // SAFETY: allocated with this layout, freed once.
        unsafe { KernelHeap.dealloc(self.0, self.1) };
    }
}

proptest! {
    /// Blocks do not overlap: each keeps its fill until it goes.
    #[test]
    fn blocks_keep_their_bytes(
        steps in proptest::collection::vec((1usize..6000, 0u32..8, any::<u8>(), 0u8..4), 1..300)
    ) {
        let mut blocks: Vec<Block> = Vec::new();
        for (size, align, fill, op) in steps {
            if op == 0 && !blocks.is_empty() {
                blocks.swap_remove(size % blocks.len());
            } else if op == 1 && !blocks.is_empty() {
                let i = size % blocks.len();
                let block = &mut blocks[i];
                block.check();
                // SAFETY: the block is ours, its layout is the one it has.
                let at = unsafe { KernelHeap.realloc(block.0, block.1, size) };
                let kept = block.1.size().min(size);
                // SAFETY: realloc kept that many bytes.
                assert!(unsafe { core::slice::from_raw_parts(at, kept) }.iter().all(|b| *b == block.2));
                // SAFETY: the block has `size` bytes now.
                unsafe { at.write_bytes(block.2, size) };
                block.0 = at;
                block.1 = Layout::from_size_align(size, block.1.align()).unwrap();
            } else {
                blocks.push(Block::new(Layout::from_size_align(size, 1 << align).unwrap(), fill));
            }
        }
    }
}

#[test]
fn threads_share_the_heap() {
    let threads: Vec<_> = (0..4u8)
        .map(|t| {
            std::thread::spawn(move || {
                let mut blocks = Vec::new();
                for i in 0..20_000usize {
                    blocks.push(Block::new(Layout::from_size_align(1 + i * 7 % 3000, 16).unwrap(), t));
                    if blocks.len() > 200 {
                        blocks.swap_remove(i * 31 % 200);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn empty_slabs_are_given_back() {
    let before = slab_frames();
    let blocks: Vec<_> =
        (0..10_000).map(|_| Block::new(Layout::from_size_align(512, 8).unwrap(), 1)).collect();
    assert!(slab_frames() >= before + 1000);
    drop(blocks);
    assert!(slab_frames() < before + 300);
}

#[test]
fn every_size_has_a_class_that_holds_it() {
    for size in 1..=SMALL_MAX {
        for align in [1, 8, 16, 32, 64, 256, 1024] {
            if let Some(class) = class_of(Layout::from_size_align(size, align).unwrap()) {
                let class = usize::from(CLASSES[class]);
                assert!(class >= size);
                assert!(align <= 16 || class.is_power_of_two() && class >= align);
                assert!(align != 1 || size < 64 || class <= size + size / 2 + 16);
            }
        }
    }
}
