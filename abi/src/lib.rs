//! The Linux x86-64 ABI as data: errno, UAPI structs, argument types, and the one table of syscalls and symbols.
#![no_std]
