//! The kernel: bring-up in order, then init.
#![no_std]
#![no_main]

#[cfg(osv_guest)]
extern crate alloc;

#[cfg(osv_guest)]
mod bring_up;
#[cfg(osv_guest)]
mod channel;
#[cfg(osv_guest)]
mod devices;
#[cfg(osv_guest)]
mod disk;
#[cfg(osv_guest)]
mod doorbell;
mod ending;
#[cfg(osv_guest)]
mod init;
#[cfg(osv_guest)]
mod link;
#[cfg(osv_guest)]
mod log;
#[cfg(osv_guest)]
mod machine_info;
#[cfg(osv_guest)]
mod network;
#[cfg(osv_guest)]
mod panic;
#[cfg(osv_guest)]
mod platform;
#[cfg(osv_guest)]
mod root;
#[cfg(osv_guest)]
mod selftest;
#[cfg(osv_guest)]
mod symbols;

// Cargo builds this package for the host as well when asked for the whole workspace; there is nothing to run there.
#[cfg(not(osv_guest))]
mod host {
    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}
