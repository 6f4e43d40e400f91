//! Files and directories.

pub(crate) mod aio;
mod cache;
mod caller;
mod control;
mod copy;
mod directory;
mod dnotify;
mod handle;
mod io;
mod lease;
mod mount;
mod open;
mod path;
mod pipes;
mod signals;
mod stat;
mod xattr;

use osv_event::Pipe;
use osv_vfs::OpenFile;

/// Whether it is a pipe, which Linux has an inode for, of the type of a FIFO.
fn is_pipe(open: &OpenFile) -> bool {
    open.file().as_any().is::<Pipe>()
}

pub use aio::{io_cancel, io_destroy, io_getevents, io_pgetevents, io_setup, io_submit};
pub use cache::*;
pub(crate) use caller::Path;
pub use control::*;
pub use copy::*;
pub use directory::*;
pub use handle::*;
pub use io::*;
pub use mount::*;
pub use open::*;
pub use path::*;
pub use pipes::*;
pub use stat::*;
pub use xattr::*;
