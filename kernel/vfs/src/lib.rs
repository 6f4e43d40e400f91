//! Files, inodes, path lookup, mounts, descriptor tables.
#![no_std]
