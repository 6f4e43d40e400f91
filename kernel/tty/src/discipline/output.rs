//! Towards the device: what programs write, and the echo.

use super::{Discipline, ECHO_MAX, OUTPUT_MAX, is_control, upper};
use osv_abi::uapi::termios::{lflag as l, oflag as o};

impl Discipline {
    /// How many bytes [`Discipline::write`] should be given now; 0: its caller waits.
    pub fn output_room(&self) -> usize {
        if self.stopped { 0 } else { OUTPUT_MAX.saturating_sub(self.output.len()) }
    }

    /// Takes what a program writes, all of it.
    pub fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.process(b);
        }
    }

    /// Output that waits for the device.
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// The output that waits, in two pieces: for a device that looks before it takes.
    pub fn output(&self) -> (&[u8], &[u8]) {
        self.output.as_slices()
    }

    /// The device took `count` bytes of output.
    pub fn take_output(&mut self, count: usize) {
        self.output.drain(..count.min(self.output.len()));
    }

    /// A byte past all processing: VSTART and VSTOP of tcflow(3).
    pub fn send(&mut self, b: u8) {
        self.output.push_back(b);
    }

    pub(super) fn show(&mut self, b: u8) {
        let queue = if self.stopped { &mut self.held } else { &mut self.output };
        // Only echo comes here without asking for room.
        if queue.len() < ECHO_MAX + 8 * OUTPUT_MAX {
            queue.push_back(b);
        }
    }

    /// Echoes `b`, a control character as `^X` where ECHOCTL says so.
    pub(super) fn echo(&mut self, b: u8) {
        if self.local_flag(l::ECHOCTL) && is_control(b) && b != b'\t' {
            self.show(b'^');
            self.show(b ^ 0x40);
            self.column += 2;
        } else {
            self.echo_raw(b);
        }
    }

    /// Echoes `b` as a program would write it.
    pub(super) fn echo_raw(&mut self, b: u8) {
        if self.output.len().max(self.held.len()) >= ECHO_MAX {
            return;
        }
        if b == 0xff {
            // Linux echoes this byte as it is.
            self.show(b);
            self.column += 1;
        } else {
            self.process(b);
        }
    }

    fn process(&mut self, mut b: u8) {
        let flags = self.termios.oflag;
        let has = |flag: u32| flags & flag != 0;
        if !has(o::OPOST) {
            return self.show(b);
        }
        match b {
            b'\n' => {
                if has(o::ONLRET) {
                    self.column = 0;
                }
                if has(o::ONLCR) {
                    self.column = 0;
                    self.show(b'\r');
                }
                self.line_column = self.column;
            }
            b'\r' if has(o::ONOCR) && self.column == 0 => return,
            b'\r' => {
                if has(o::OCRNL) {
                    b = b'\n';
                }
                if !has(o::OCRNL) || has(o::ONLRET) {
                    (self.column, self.line_column) = (0, 0);
                }
            }
            b'\t' => {
                let spaces = 8 - self.column % 8;
                self.column += spaces;
                if flags & o::TABDLY == o::XTABS {
                    return (0..spaces).for_each(|_| self.show(b' '));
                }
            }
            8 => self.column = self.column.saturating_sub(1),
            _ if is_control(b) => {}
            _ => {
                if has(o::OLCUC) {
                    b = upper(b);
                }
                if !self.is_continuation(b) {
                    self.column += 1;
                }
            }
        }
        self.show(b);
    }
}
