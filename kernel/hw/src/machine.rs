//! The machine's own devices, set up in the one order that works.

use crate::boot::BootInfo;
use crate::clock::Source;
use crate::{acpi, clock, irq, smp};

/// Sets up interrupt controllers, the clock and the list of CPUs. Memory management works already; interrupts are
/// off and stay so. Gives where the TSC's rate came from.
pub fn init(boot: &BootInfo, tsc_hz: Option<u64>, unix_ns: Option<u64>) -> Source {
    let mut machine = acpi::read(boot.rsdp);
    let line = |line: u32| machine.isa_lines.get(line as usize).copied().unwrap_or(line);
    let button = machine.power_button.map(|button| acpi::PowerButton { line: line(button.line), ..button });
    crate::button::found(button, line(1));
    irq::init(&machine);
    smp::init(&mut machine);
    clock::init(tsc_hz, unix_ns, &machine)
}
