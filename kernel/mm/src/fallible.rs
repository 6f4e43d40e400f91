//! Allocations whose size an application chose: an error where the language's own would end the kernel.

use crate::OutOfMemory;
use alloc::vec::Vec;

/// An empty vector with room for `capacity` values.
pub fn with_capacity<T>(capacity: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(capacity)?;
    Ok(vec)
}

/// `len` copies of `value`.
pub fn filled<T: Clone>(value: T, len: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut vec = with_capacity(len)?;
    vec.resize(len, value);
    Ok(vec)
}

/// A copy of `slice`.
pub fn copied<T: Clone>(slice: &[T]) -> Result<Vec<T>, OutOfMemory> {
    let mut vec = with_capacity(slice.len())?;
    vec.extend_from_slice(slice);
    Ok(vec)
}

/// Adds `value`, growing the vector if need be.
pub fn push<T>(vec: &mut Vec<T>, value: T) -> Result<(), OutOfMemory> {
    vec.try_reserve(1)?;
    vec.push(value);
    Ok(())
}
