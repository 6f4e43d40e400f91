//! Concatenating and sorting the rows at compile time.

use super::{Kind, Provider, Symbol};

/// How many rows the areas have together.
pub(super) const fn total(areas: &[&[Symbol]]) -> usize {
    let (mut count, mut area) = (0, 0);
    while area < areas.len() {
        count += areas[area].len();
        area += 1;
    }
    count
}

/// All areas' rows, one after the other.
pub(super) const fn concatenate<const N: usize>(areas: &[&[Symbol]]) -> [Symbol; N] {
    const BLANK: Symbol = Symbol {
        name: "",
        area: "",
        target: "",
        kind: Kind::Func,
        provider: Provider::Rust,
        versions: &[],
        status: crate::table::Status::Full,
        on_musl: None,
    };
    let mut rows = [BLANK; N];
    let (mut filled, mut area) = (0, 0);
    while area < areas.len() {
        let mut row = 0;
        while row < areas[area].len() {
            rows[filled] = areas[area][row];
            filled += 1;
            row += 1;
        }
        area += 1;
    }
    rows
}

/// The rows' indices in the order of their names: a bottom-up merge sort.
pub(super) const fn sorted<const N: usize>(rows: &[Symbol; N]) -> [u16; N] {
    assert!(N <= u16::MAX as usize);
    let mut from = [0u16; N];
    let mut into = [0u16; N];
    let mut index = 0;
    while index < N {
        from[index] = index as u16;
        index += 1;
    }
    let mut width = 1;
    while width < N {
        let mut start = 0;
        while start < N {
            let middle = least(start + width, N);
            let end = least(start + 2 * width, N);
            let (mut left, mut right, mut out) = (start, middle, start);
            while out < end {
                let take_left = left < middle
                    && (right == end
                        || !precedes(rows[from[right] as usize].name, rows[from[left] as usize].name));
                if take_left {
                    into[out] = from[left];
                    left += 1;
                } else {
                    into[out] = from[right];
                    right += 1;
                }
                out += 1;
            }
            start += 2 * width;
        }
        (from, into) = (into, from);
        width *= 2;
    }
    from
}

/// Whether the order is strict, which also says that no name occurs twice.
pub(super) const fn is_strictly_ascending<const N: usize>(rows: &[Symbol; N], order: &[u16; N]) -> bool {
    let mut index = 1;
    while index < N {
        if !precedes(rows[order[index - 1] as usize].name, rows[order[index] as usize].name) {
            return false;
        }
        index += 1;
    }
    true
}

const fn precedes(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut index = 0;
    while index < left.len() && index < right.len() {
        if left[index] != right[index] {
            return left[index] < right[index];
        }
        index += 1;
    }
    left.len() < right.len()
}

const fn least(left: usize, right: usize) -> usize {
    if left < right { left } else { right }
}
