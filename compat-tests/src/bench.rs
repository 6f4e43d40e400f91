//! `make bench`: one table, ours beside Linux's.
//!
//! Every row runs the same ELF file in the same QEMU, on the same machine with the same flags: once packed on our
//! kernel, once on the distribution's Linux with the distribution's libc. Time is counted in guest instructions
//! (`-icount`), so a loaded host changes nothing.
//!
//! * [`rows`] lists the rows and says what each needs; [`table`] holds figures, prints them, and writes JSON.
//! * [`machine`] runs one QEMU; [`linux`] gets a Linux kernel and makes its initramfs ([`cpio`]); [`ours`] packs.
//! * [`measure`] goes through the rows that are asked for.

pub mod cpio;
pub mod linux;
pub mod machine;
pub mod measure;
pub mod ours;
pub mod rows;
pub mod table;

#[cfg(test)]
mod tests;
