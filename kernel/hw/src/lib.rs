//! The only kernel crate that knows x86: entry and exit, page tables, interrupts, clocks, CPUs.
//!
//! What the crates above use:
//!
//! * [`gate`]: the call vector and the `syscall` trap, both of which build one [`gate::Frame`] on the thread's
//!   kernel stack; [`gate::enter_application`] leaves with a full register file.
//! * [`upcall`]: the functions that upper crates register for faults, ticks, preemption and the exit path.
//! * [`context`]: switching between threads.
//! * [`usercopy`]: copies from and to the application that recover from faults.
//! * [`paging`]: page tables, the direct map, shoot-down of translations.
//! * [`irq`], [`clock`], [`smp`], [`power`], [`button`], [`serial`]: devices of the machine itself.
//!
//! `unsafe` is at home here. On a host the crate compiles so that the crates above can be tested; what only makes
//! sense in ring 0 then aborts.
#![no_std]
#![cfg_attr(not(osv_guest), expect(dead_code, reason = "much of it only runs in ring 0"))]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(osv_guest)]
mod acpi;
#[cfg(osv_guest)]
pub mod backtrace;
pub mod boot;
#[cfg(osv_guest)]
pub mod button;
pub mod clock;
pub mod context;
pub mod cpu;
pub mod gate;
pub mod irq;
pub mod layout;
#[cfg(osv_guest)]
pub mod machine;
pub mod paging;
pub mod percpu;
pub mod port;
pub mod power;
pub mod serial;
pub mod smp;
#[cfg(osv_guest)]
mod string;
pub mod upcall;
pub mod usercopy;
