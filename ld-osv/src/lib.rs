//! ld-osv.so: the dynamic linker and POSIX table as one self-relocating object.
#![no_std]
