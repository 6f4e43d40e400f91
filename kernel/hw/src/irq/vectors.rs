//! Handing out vectors, and calling what is bound to them.

use super::{AFTER_DEVICES, CALL, FIRST_DEVICE, Handler, Message, RESCHEDULE, TIMER};
use super::{io_apic, lapic};
use crate::acpi::Machine;
use crate::gate::InterruptFrame;
use crate::percpu;
use crate::port::out8;
use alloc::boxed::Box;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use osv_sync::SpinLock;

/// `int 0x80`, which 64-bit programs have no use for: a fault, and no device's vector.
const LEGACY_SYSTEM_CALL: u8 = 0x80;
const DEVICES: usize = (AFTER_DEVICES - FIRST_DEVICE) as usize;

/// A handler bound to a vector; never freed.
struct Bound {
    handler: Handler,
    next: *const Bound,
}

/// Heads of the lists of handlers, one for each device vector.
static BOUND: [AtomicPtr<Bound>; DEVICES] = [const { AtomicPtr::new(ptr::null_mut()) }; DEVICES];
static NEXT: AtomicU8 = AtomicU8::new(FIRST_DEVICE);
/// Vector of each interrupt line, 0 while it has none.
static LINES: SpinLock<[u8; 256]> = SpinLock::new([0; 256]);

/// Sets up the interrupt controllers of the machine, and this CPU's.
pub(crate) fn init(machine: &Machine) {
    // The old controllers: vectors out of the exceptions' way, everything masked.
    // SAFETY: the standard ports of the 8259 pair.
    unsafe {
        for (port, value) in [
            (0x20, 0x11),
            (0xa0, 0x11),
            (0x21, 0x20),
            (0xa1, 0x28),
            (0x21, 4),
            (0xa1, 2),
            (0x21, 1),
            (0xa1, 1),
            (0x21, 0xff),
            (0xa1, 0xff),
        ] {
            out8(port, value);
        }
    }
    assert!(lapic::init(), "no room to map the local APIC");
    lapic::enable();
    io_apic::init(machine.io_apic);
}

fn take_vector() -> Option<u8> {
    let vector = next_vector()?;
    if vector == LEGACY_SYSTEM_CALL { next_vector() } else { Some(vector) }
}

fn next_vector() -> Option<u8> {
    NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| (next < AFTER_DEVICES).then(|| next + 1))
        .ok()
}

fn bind(vector: u8, handler: Handler) {
    let head = &BOUND[usize::from(vector - FIRST_DEVICE)];
    let bound = Box::into_raw(Box::new(Bound { handler, next: head.load(Ordering::Acquire) }));
    // Callers hold the lock or own the vector, so nobody pushes at the same time.
    head.store(bound, Ordering::Release);
}

/// Gives `handler` a vector on CPU `cpu`; `None` when vectors have run out.
pub fn bind_msi(cpu: usize, handler: Handler) -> Option<Message> {
    let apic = crate::smp::apic_id(cpu)?;
    let vector = take_vector()?;
    bind(vector, handler);
    Some(Message { address: 0xfee0_0000 | u64::from(apic & 0xff) << 12, data: vector.into() })
}

/// Adds `handler` to those of interrupt line `line` (a global system interrupt), which may be shared.
pub fn bind_line(line: u32, handler: Handler) -> bool {
    let mut lines = LINES.lock();
    let Some(slot) = lines.get_mut(line as usize) else { return false };
    if *slot != 0 {
        bind(*slot, handler);
        return true;
    }
    let Some(vector) = take_vector() else { return false };
    bind(vector, handler);
    let Some(apic) = crate::smp::apic_id(0) else { return false };
    if !io_apic::route(line, vector, apic) {
        return false;
    }
    *slot = vector;
    true
}

/// A device's interrupt, the timer's, or another CPU's. Interrupts are off.
pub(crate) fn dispatch(frame: &mut InterruptFrame) {
    let head = percpu::head();
    let vector = frame.vector as u8;
    if vector == LEGACY_SYSTEM_CALL {
        super::exceptions::software_interrupt(frame);
        return;
    }
    if !(FIRST_DEVICE..super::SPURIOUS).contains(&vector) {
        return;
    }
    let depth = head.preempt_count.load(Ordering::Relaxed);
    head.preempt_count.store(depth + 1, Ordering::Relaxed);
    match vector {
        FIRST_DEVICE..AFTER_DEVICES => {
            let mut at: *const Bound = BOUND[usize::from(vector - FIRST_DEVICE)].load(Ordering::Acquire);
            // SAFETY: what is bound is never freed.
            while let Some(bound) = unsafe { at.as_ref() } {
                (bound.handler)();
                at = bound.next;
            }
            lapic::end_of_interrupt();
        }
        TIMER => {
            lapic::end_of_interrupt();
            crate::clock::fired();
        }
        RESCHEDULE => {
            lapic::end_of_interrupt();
            percpu::set_need_resched();
            if let Some(upcalls) = crate::upcall::get() {
                (upcalls.reschedule_ipi)();
            }
        }
        CALL => {
            lapic::end_of_interrupt();
            crate::smp::serve();
        }
        _ => lapic::end_of_interrupt(),
    }
    let depth = head.preempt_count.load(Ordering::Relaxed);
    head.preempt_count.store(depth - 1, Ordering::Relaxed);
}
