//! What lies between a keyboard and a program: canonical lines with their editing, echo, special characters, and the
//! post-processing of output (termios(3)). No I/O, no clock, no processes.
//!
//! [`Discipline::receive`] takes what comes from the device and says by [`Effect`]s what it means beyond bytes;
//! [`Discipline::read`] gives it to the program. [`Discipline::write`] takes what the program writes, and
//! [`Discipline::take_output`] gives it, with the echo, to the device.
//!
//! Input is a queue of cells: a byte, and whether it ends a line. In canonical mode the first `ready` cells are whole
//! lines and can be read; those behind them are the line that is being edited. In the other mode all can be read. An
//! end of file is a cell with a zero byte that ends a line, which the reader swallows.

mod edit;
mod output;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use osv_abi::uapi::signal::sig;
use osv_abi::uapi::termios::{Termios, cc, iflag as i, lflag as l};
use osv_base::io::Sink;

/// Most cells of input; a line is one shorter, so that there is always room for its end.
pub const INPUT_MAX: usize = 4096;
/// Output that waits beyond which a writer waits. Echo may go a little further.
pub const OUTPUT_MAX: usize = 12 << 10;
/// Output that waits beyond which echo is dropped.
const ECHO_MAX: usize = OUTPUT_MAX + 4096;

/// The zero byte means that a special character is switched off.
const DISABLED: u8 = 0;
const ENDS_LINE: u16 = 0x100;
const END_OF_FILE: u16 = ENDS_LINE;

/// What a received byte means beyond input and echo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Send this signal to the foreground process group.
    Signal(u32),
    /// Input and output that waited were thrown away, as a signal does without NOFLSH.
    Flushed,
    /// Output was stopped.
    Stopped,
    /// Output goes on.
    Started,
}

/// A line discipline with its settings.
#[derive(Debug)]
pub struct Discipline {
    termios: Termios,
    input: VecDeque<u16>,
    /// Cells of whole lines, in canonical mode.
    ready: usize,
    output: VecDeque<u8>,
    /// Output while it is stopped: the echo.
    held: VecDeque<u8>,
    stopped: bool,
    /// The next byte is taken literally (VLNEXT).
    literal: bool,
    /// Between the `\` and the `/` of ECHOPRT.
    erasing: bool,
    /// Column of the cursor, modulo nothing: as many as there were since the start of the line.
    column: usize,
    /// Column where the line that is being edited began.
    line_column: usize,
}

/// `b` as the C locale's iscntrl has it.
fn is_control(b: u8) -> bool {
    b < 0x20 || b == 0x7f
}

/// `b` as a small letter, in Latin-1.
fn lower(b: u8) -> u8 {
    if matches!(b, b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde) { b + 0x20 } else { b }
}

/// `b` as a capital letter, in Latin-1. Linux makes one of the two small letters that have none there, too.
fn upper(b: u8) -> u8 {
    if matches!(b, b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff) { b - 0x20 } else { b }
}

impl Discipline {
    /// With the settings `termios`.
    pub fn new(termios: Termios) -> Discipline {
        Discipline {
            termios,
            input: VecDeque::new(),
            ready: 0,
            output: VecDeque::new(),
            held: VecDeque::new(),
            stopped: false,
            literal: false,
            erasing: false,
            column: 0,
            line_column: 0,
        }
    }

    /// The settings.
    pub fn termios(&self) -> &Termios {
        &self.termios
    }

    fn input_flag(&self, flag: u32) -> bool {
        self.termios.iflag & flag != 0
    }

    fn local_flag(&self, flag: u32) -> bool {
        self.termios.lflag & flag != 0
    }

    /// Whether `b` is the special character at `which`.
    fn is(&self, b: u8, which: usize) -> bool {
        b != DISABLED && self.termios.cc[which] == b
    }

    /// Whether input is by lines.
    pub fn is_canonical(&self) -> bool {
        self.local_flag(l::ICANON)
    }

    /// Changes the settings. What was typed in the other mode can be read in this one.
    pub fn set_termios(&mut self, termios: Termios) -> Option<Effect> {
        let old = core::mem::replace(&mut self.termios, termios);
        if (old.lflag ^ termios.lflag) & l::ICANON != 0 {
            for cell in &mut self.input {
                *cell &= !ENDS_LINE;
            }
            self.ready = 0;
            if self.is_canonical()
                && let Some(last) = self.input.back_mut()
            {
                *last |= ENDS_LINE;
                self.ready = self.input.len();
            }
            (self.erasing, self.literal) = (false, false);
        }
        // What a stop character stopped, nobody could start any more.
        (old.iflag & i::IXON != 0 && !self.input_flag(i::IXON)).then(|| self.start()).flatten()
    }

    /// How many more bytes [`Discipline::receive`] takes now. In the middle of a line there is always room for its
    /// end, and what else comes replaces the line's last byte.
    fn input_room(&self) -> usize {
        let room = INPUT_MAX - 1 - self.input.len().min(INPUT_MAX - 1);
        if room == 0 && self.is_canonical() && self.ready == 0 { 1 } else { room }
    }

    /// Takes bytes from the device, as many as there is room for; gives how many.
    pub fn receive(&mut self, bytes: &[u8], effect: &mut dyn FnMut(Effect)) -> usize {
        for (at, &b) in bytes.iter().enumerate() {
            if self.input_room() == 0 {
                return at;
            }
            if self.input.len() >= INPUT_MAX {
                self.input.pop_back();
            }
            self.receive_one(b, effect);
        }
        bytes.len()
    }

    fn receive_one(&mut self, mut b: u8, effect: &mut dyn FnMut(Effect)) {
        if self.input_flag(i::ISTRIP) {
            b &= 0x7f;
        }
        if self.input_flag(i::IUCLC) && self.local_flag(l::IEXTEN) {
            b = lower(b);
        }
        if core::mem::take(&mut self.literal) {
            return self.plain(b, false, effect);
        }
        if self.input_flag(i::IXON) {
            if self.is(b, cc::VSTART) {
                return self.start().into_iter().for_each(effect);
            }
            if self.is(b, cc::VSTOP) {
                return self.stop().into_iter().for_each(effect);
            }
        }
        if self.local_flag(l::ISIG) {
            for (which, signo) in [(cc::VINTR, sig::INT), (cc::VQUIT, sig::QUIT), (cc::VSUSP, sig::TSTP)] {
                if self.is(b, which) {
                    return self.signal(b, signo, effect);
                }
            }
        }
        // A newline that no mode looks at is a control character like others.
        let mut ends_line = b == b'\n' && self.is_canonical();
        match b {
            b'\r' if self.input_flag(i::IGNCR) => return,
            b'\r' if self.input_flag(i::ICRNL) => (b, ends_line) = (b'\n', true),
            b'\n' if self.input_flag(i::INLCR) => (b, ends_line) = (b'\r', false),
            _ => {}
        }
        if self.is_canonical() && self.edit(b) {
            return self.restart_by_any(effect);
        }
        self.plain(b, ends_line, effect);
    }

    /// With IXANY any byte lets output go on.
    fn restart_by_any(&mut self, effect: &mut dyn FnMut(Effect)) {
        if self.stopped && self.input_flag(i::IXON) && self.input_flag(i::IXANY) {
            self.start().into_iter().for_each(effect);
        }
    }

    /// A byte that means itself; a newline is shown as one if it `ends_line`.
    fn plain(&mut self, b: u8, ends_line: bool, effect: &mut dyn FnMut(Effect)) {
        self.restart_by_any(effect);
        if self.local_flag(l::ECHO) {
            self.finish_erasing();
            if ends_line {
                self.echo_raw(b);
            } else {
                self.mark_line_start();
                self.echo(b);
            }
        }
        self.put(b);
    }

    /// Queues a byte, doubled where PARMRK would make it look like a mark.
    fn put(&mut self, b: u8) {
        if b == 0xff && self.input_flag(i::PARMRK) {
            self.input.push_back(b.into());
        }
        self.input.push_back(b.into());
    }

    /// Ends the line with `cell`: it can be read.
    fn end_line(&mut self, cell: u16) {
        self.input.push_back(cell | ENDS_LINE);
        self.ready = self.input.len();
    }

    fn signal(&mut self, b: u8, signo: u32, effect: &mut dyn FnMut(Effect)) {
        effect(Effect::Signal(signo));
        if !self.local_flag(l::NOFLSH) {
            self.flush_input();
            self.held.clear();
            effect(Effect::Flushed);
        }
        if self.input_flag(i::IXON) {
            self.start().into_iter().for_each(effect);
        }
        if self.local_flag(l::ECHO) {
            self.echo(b);
        }
    }

    /// Throws away what was typed and not read.
    pub fn flush_input(&mut self) {
        self.input.clear();
        self.ready = 0;
        (self.erasing, self.literal) = (false, false);
    }

    /// Throws away output that waits.
    pub fn flush_output(&mut self) {
        self.output.clear();
        self.held.clear();
    }

    /// Stops output (Ctrl-S, tcflow(3)); `None`: it was stopped.
    pub fn stop(&mut self) -> Option<Effect> {
        (!core::mem::replace(&mut self.stopped, true)).then_some(Effect::Stopped)
    }

    /// Lets output go on; `None`: it was not stopped.
    pub fn start(&mut self) -> Option<Effect> {
        if !core::mem::replace(&mut self.stopped, false) {
            return None;
        }
        self.output.append(&mut self.held);
        Some(Effect::Started)
    }

    /// Whether output is stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Bytes that can be read now.
    pub fn available(&self) -> usize {
        if self.is_canonical() { self.ready } else { self.input.len() }
    }

    /// Bytes that FIONREAD tells: ends of file are none.
    pub fn waiting(&self) -> usize {
        let ends = self.input.iter().take(self.available()).filter(|&&cell| cell == END_OF_FILE).count();
        self.available() - ends
    }

    /// The least that a read waits for: VMIN, where input is not by lines.
    pub fn minimum(&self) -> usize {
        if self.is_canonical() { 1 } else { self.termios.cc[cc::VMIN].into() }
    }

    /// VTIME in tenths of a second; nothing where input is by lines.
    pub fn tenths(&self) -> u8 {
        if self.is_canonical() { 0 } else { self.termios.cc[cc::VTIME] }
    }

    /// Whether poll(2) finds something to read: with VMIN and no VTIME, that much.
    pub fn is_readable(&self) -> bool {
        let least = if self.tenths() == 0 { self.minimum().max(1) } else { 1 };
        self.available() >= least
    }

    /// Reads what there is, at most one line in canonical mode. Gives how much, and whether anything was taken from
    /// the queue: an end of file is taken and gives nothing.
    pub fn read(&mut self, to: &mut dyn Sink) -> (usize, bool) {
        let by_lines = self.is_canonical();
        let mut done = 0;
        loop {
            let mut chunk = [0; 128];
            let (mut n, mut last) = (0, 0);
            for &cell in self.input.iter().take(chunk.len().min(to.remaining()).min(self.available())) {
                last = cell;
                if by_lines && cell == END_OF_FILE {
                    break;
                }
                [chunk[n], _] = cell.to_le_bytes();
                n += 1;
                if by_lines && cell & ENDS_LINE != 0 {
                    break;
                }
            }
            let put = to.put(&chunk[..n]);
            self.consume(put);
            done += put;
            if put < n {
                return (done, done > 0);
            }
            if by_lines && last & ENDS_LINE != 0 {
                let at_end = last == END_OF_FILE;
                self.consume(usize::from(at_end));
                return (done, true);
            }
            if n == 0 {
                break;
            }
        }
        // A buffer that the line fills exactly takes the end of file behind it along: the next read would take that
        // for one of its own.
        if by_lines && done > 0 && self.ready > 0 && self.input.front() == Some(&END_OF_FILE) {
            self.consume(1);
        }
        (done, done > 0)
    }

    /// Takes cells off the front.
    fn consume(&mut self, count: usize) {
        self.input.drain(..count);
        self.ready = self.ready.saturating_sub(count);
    }
}
