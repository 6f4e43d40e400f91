//! How somebody outside asks the machine to end: ACPI's power button, and the keyboard for its Ctrl-Alt-Del.
//!
//! The power button is the fixed one of the FADT, whose registers need no interpreter. The keyboard is the 8042 as a
//! PC has it; what its codes mean is for others to say.

use crate::acpi::PowerButton;
use crate::irq::bind_line;
use crate::port::{in8, in16, out8, out16};
use alloc::sync::Arc;
use spin::Once;

/// What was found at boot: the button, and where the keyboard's interrupt arrives.
static FOUND: Once<(Option<PowerButton>, u32)> = Once::new();

const PRESSED: u16 = 1 << 8;
const SCI_ENABLED: u16 = 1;

pub(crate) fn found(button: Option<PowerButton>, keyboard_line: u32) {
    FOUND.call_once(|| (button, keyboard_line));
}

/// Has `pressed` called, from an interrupt, when the power button is; `false`: the machine has none.
pub fn listen_to_power(pressed: fn()) -> bool {
    let Some((Some(button), _)) = FOUND.get().copied() else { return false };
    let handler = move || {
        // SAFETY: the FADT names the register; writing a set bit clears it.
        let was_pressed = unsafe {
            let status = in16(button.status) & PRESSED;
            out16(button.status, status);
            status != 0
        };
        if was_pressed {
            pressed();
        }
    };
    if !bind_line(button.line, Arc::new(handler)) {
        return false;
    }
    // SAFETY: the FADT names ports and values. Nobody else uses ACPI's events here.
    unsafe {
        if in16(button.control) & SCI_ENABLED == 0
            && let Some((port, enable)) = button.switch_on
        {
            out8(port, enable);
            let mut patience = 100_000;
            while in16(button.control) & SCI_ENABLED == 0 && patience > 0 {
                patience -= 1;
            }
        }
        out16(button.status, PRESSED);
        out16(button.enable, PRESSED);
    }
    true
}

const DATA: u16 = 0x60;
const STATUS: u16 = 0x64;
const OUTPUT_FULL: u8 = 1;
const INPUT_FULL: u8 = 2;
const READ_SETTINGS: u8 = 0x20;
const WRITE_SETTINGS: u8 = 0x60;
const ENABLE_PORT: u8 = 0xae;
const ENABLE_SCANNING: u8 = 0xf4;
/// Settings of the controller: interrupt, clock off, translation to the codes of the first PC.
const INTERRUPT: u8 = 1;
const CLOCK_OFF: u8 = 1 << 4;
const TRANSLATION: u8 = 1 << 6;

/// Waits a bounded time for a status of the controller.
fn settled(mask: u8, wanted: u8) -> bool {
    // SAFETY: reading the status changes nothing.
    (0..100_000).any(|_| unsafe { in8(STATUS) } & mask == wanted)
}

fn send(port: u16, byte: u8) -> bool {
    if !settled(INPUT_FULL, 0) {
        return false;
    }
    // SAFETY: the controller has room, and its ports are nobody else's.
    unsafe { out8(port, byte) };
    true
}

fn take() -> Option<u8> {
    // SAFETY: there is something to read, for nobody else.
    settled(OUTPUT_FULL, OUTPUT_FULL).then(|| unsafe { in8(DATA) })
}

fn drain() {
    // SAFETY: reading the status changes nothing, and reading data takes what nobody will miss.
    unsafe {
        let mut stale = 0;
        while in8(STATUS) & OUTPUT_FULL != 0 && stale < 64 {
            in8(DATA);
            stale += 1;
        }
    }
}

/// The controller's settings as they are to be but for the interrupt, which is off.
fn quiet() -> Option<u8> {
    drain();
    let settings = send(STATUS, READ_SETTINGS).then(take)?? & !(CLOCK_OFF | INTERRUPT) | TRANSLATION;
    (send(STATUS, WRITE_SETTINGS) && send(DATA, settings)).then_some(settings)
}

/// Has `code` called, from an interrupt, with each code of the keyboard; `false`: there is no keyboard.
pub fn listen_to_keyboard(code: fn(u8)) -> bool {
    let Some(&(_, line)) = FOUND.get() else { return false };
    // SAFETY: reading the status changes nothing; all ones mean that there is no controller.
    if unsafe { in8(STATUS) } == 0xff {
        return false;
    }
    let handler = move || {
        for _ in 0..64 {
            // SAFETY: the data register is read when it has something.
            let byte = unsafe { (in8(STATUS) & OUTPUT_FULL != 0).then(|| in8(DATA)) };
            match byte {
                Some(byte) => code(byte),
                None => break,
            }
        }
    };
    let Some(settings) = quiet() else { return false };
    drain();
    // The line must be low when it is unmasked: some I/O APICs miss what was there before.
    bind_line(line, Arc::new(handler))
        && send(STATUS, WRITE_SETTINGS)
        && send(DATA, settings | INTERRUPT)
        && send(STATUS, ENABLE_PORT)
        && send(DATA, ENABLE_SCANNING)
}
