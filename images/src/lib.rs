//! osv-pack: one Linux binary in, one bootable image out.
#![no_std]
