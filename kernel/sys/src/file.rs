//! Files and directories.

mod caller;
mod control;
mod copy;
mod directory;
mod io;
mod open;
mod path;
mod signals;
mod stat;
mod xattr;

pub(crate) use caller::Path;
pub use control::*;
pub use copy::*;
pub use directory::*;
pub use io::*;
pub use open::*;
pub use path::*;
pub use stat::*;
pub use xattr::*;
