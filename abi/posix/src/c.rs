//! Every C function and object of this crate under the name that the symbol rows use.

pub use crate::errno::{__errno_location, __h_errno_location};
