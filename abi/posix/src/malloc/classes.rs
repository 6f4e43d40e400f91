//! Block sizes: steps of 16 bytes up to 128, then four sizes to each doubling, up to 64 KiB.

/// How many sizes there are.
pub const COUNT: usize = 44;
/// The largest size that a class serves.
pub const LARGEST: usize = size(COUNT - 1);

/// The class that serves `bytes`, at most [`LARGEST`].
#[inline(always)]
pub const fn of(bytes: usize) -> usize {
    if bytes <= 1024 {
        return SMALL[bytes.div_ceil(16)] as usize;
    }
    compute(bytes)
}

const fn compute(bytes: usize) -> usize {
    if bytes <= 128 {
        return if bytes <= 16 { 0 } else { bytes.div_ceil(16) - 1 };
    }
    let last = bytes - 1;
    let bit = last.ilog2() as usize;
    8 + (bit - 7) * 4 + (last >> (bit - 2)) - 4
}

/// The size of a class's blocks.
pub const fn size(class: usize) -> usize {
    if class < 8 {
        return (class + 1) * 16;
    }
    let (doubling, quarter) = ((class - 8) / 4, (class - 8) % 4);
    (5 + quarter) << (doubling + 5)
}

/// The class that serves `bytes` with blocks at multiples of `alignment`, a power of two; `None` if none does.
pub fn aligned(bytes: usize, alignment: usize) -> Option<usize> {
    if bytes > LARGEST || alignment > LARGEST {
        return None;
    }
    (of(bytes.max(alignment))..COUNT).find(|&class| size(class).is_multiple_of(alignment))
}

/// The class for each multiple of 16 bytes up to 1 KiB.
static SMALL: [u8; 65] = {
    let mut table = [0; 65];
    let mut step = 0;
    while step < 65 {
        table[step] = compute(step * 16) as u8;
        step += 1;
    }
    table
};
