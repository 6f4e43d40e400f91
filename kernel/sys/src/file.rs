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

use osv_event::Pipe;
use osv_vfs::OpenFile;

/// Whether it is a pipe, which Linux has an inode for, of the type of a FIFO.
fn is_pipe(open: &OpenFile) -> bool {
    open.file().as_any().is::<Pipe>()
}

pub(crate) use caller::Path;
pub use control::*;
pub use copy::*;
pub use directory::*;
pub use io::*;
pub use open::*;
pub use path::*;
pub use stat::*;
pub use xattr::*;
