use super::*;
use std::vec::Vec;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn a_move_is_right_for_every_length_and_overlap() {
    for rep_from in [usize::MAX, 300] {
        REP_FROM.store(rep_from, Relaxed);
        for length in (0..400).chain([1000, 2048, 5000]) {
            for shift in [0isize, 1, 5, 16, 63, 64, 65, 200, -1, -5, -16, -63, -64, -65, -200] {
                let base = 256usize;
                let mut ours = pattern(base * 2 + length);
                let mut naive = ours.clone();
                let to = base.wrapping_add_signed(shift);
                naive.copy_within(base..base + length, to);
                let at = ours.as_mut_ptr();
                // SAFETY: both ranges lie inside the buffer.
                let result = unsafe { memmove(at.add(to).cast(), at.add(base).cast(), length) };
                assert_eq!(result, at.wrapping_add(to).cast());
                assert_eq!(ours, naive, "length {length}, shift {shift}");
            }
        }
    }
    REP_FROM.store(usize::MAX, Relaxed);
}

#[test]
fn a_fill_touches_its_bytes_and_no_others() {
    for length in (0..300).chain([1000, 4096]) {
        let mut ours = pattern(length + 32);
        let mut naive = ours.clone();
        naive[16..16 + length].fill(0xa5);
        // SAFETY: the range lies inside the buffer.
        unsafe { memset(ours.as_mut_ptr().add(16).cast(), 0x1a5, length) };
        assert_eq!(ours, naive, "length {length}");
    }
}

#[test]
fn a_comparison_has_the_sign_of_the_first_difference() {
    for length in 0..100 {
        let left = pattern(length);
        for at in 0..length {
            let mut right = left.clone();
            right[at] = right[at].wrapping_add(1);
            let expected = left.cmp(&right) as i32;
            // SAFETY: both have that length.
            let ours = unsafe { memcmp(left.as_ptr().cast(), right.as_ptr().cast(), length) };
            assert_eq!(ours.signum(), expected);
        }
        // SAFETY: as above.
        assert_eq!(unsafe { memcmp(left.as_ptr().cast(), left.as_ptr().cast(), length) }, 0);
    }
}

#[test]
fn a_length_is_that_up_to_the_null_byte() {
    for start in 0..32 {
        for length in 0..100 {
            let mut text = std::vec![0u8; start];
            text.extend(std::iter::repeat_n(b'x', length));
            text.extend([0, b'y', 0]);
            // SAFETY: the text ends with a null byte.
            assert_eq!(unsafe { strlen(text.as_ptr().add(start)) }, length);
        }
    }
}
