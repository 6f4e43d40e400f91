//! Files, inodes, path lookup, mounts, descriptor tables.
//!
//! * [`inode`]: what a file system implements: [`Inode`]s.
//! * [`entry`]: the tree of names that the application sees, a cache over the inodes' directories. Mounting
//!   replaces an entry of this tree, so a walk crosses mounts without noticing.
//! * [`path`]: a walk along a path, with symbolic links, `..`, permissions.
//! * [`context`]: root, working directory, umask and credentials: where walks start.
//! * [`ops`]: open, create, rename and so on, by path.
//! * [`file`](mod@file): open files and open file descriptions; [`fd_table`]: descriptors.
//!
//! Nothing here touches application memory other than through the cursors of [`osv_base::io`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod clock;
pub mod context;
pub mod device;
pub mod directory;
pub mod entry;
pub mod fd_table;
pub mod file;
pub mod inode;
pub mod leases;
pub mod locks;
pub mod mount;
pub mod names;
pub mod notify;
pub mod ops;
pub mod path;
pub mod text;
pub mod xattr;

#[cfg(test)]
mod tests;

pub use context::{Creds, FsContext};
pub use entry::Entry;
pub use fd_table::{FdFlags, FdTable};
pub use file::{At, File, Io, IoctlArg, OpenFile, SignalOwner};
pub use inode::{Attr, FileSystem, Inode, Kind, SetAttr, Time};
