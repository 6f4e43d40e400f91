//! EROFS, RAM overlay, tmpfs, devfs, procfs.
#![no_std]
