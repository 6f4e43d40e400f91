//! Tables of names that give back the room of those that are gone.

use core::borrow::Borrow;
use core::hash::Hash;
use hashbrown::HashMap;

/// Tables of so few are left alone.
const SMALL: usize = 64;

/// Takes `name` out. A directory that once had many names does not keep the memory of all of them.
pub fn remove<K: Borrow<[u8]> + Hash + Eq, V>(table: &mut HashMap<K, V>, name: &[u8]) -> Option<V> {
    let value = table.remove(name);
    // Halves at least, so each shrinking is paid for by as many removals.
    if table.capacity() > SMALL && table.len() <= table.capacity() / 8 {
        table.shrink_to(table.len() * 2);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::format;

    #[test]
    fn a_table_shrinks_with_what_it_holds() {
        let mut table = HashMap::<Box<[u8]>, u32>::new();
        for n in 0..10_000 {
            table.insert(format!("{n}").into_bytes().into(), n);
        }
        for n in 0..9_990 {
            assert_eq!(remove(&mut table, format!("{n}").as_bytes()), Some(n));
            assert!(
                table.capacity() <= (16 * table.len()).max(2 * SMALL),
                "{} of {}",
                table.len(),
                table.capacity()
            );
        }
        assert_eq!(remove(&mut table, b"1"), None);
        for n in 9_990..10_000 {
            assert_eq!(table.get(format!("{n}").as_bytes()), Some(&n));
        }
    }
}
