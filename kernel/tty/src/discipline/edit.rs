//! Editing of the line that is being typed.

use super::{DISABLED, Discipline, END_OF_FILE, INPUT_MAX, is_control};
use osv_abi::uapi::termios::{cc, iflag as i, lflag as l};

/// A letter, a digit or an underscore, in Latin-1 as far as bytes say: what a word of VWERASE is made of.
fn is_of_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || (b >= 0xc0 && b != 0xd7 && b != 0xf7)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Erase {
    Character,
    Word,
    Line,
}

impl Discipline {
    /// What `b` does to the line; `false`: it is an ordinary byte.
    pub(super) fn edit(&mut self, b: u8) -> bool {
        let extended = self.local_flag(l::IEXTEN);
        let echoes = self.local_flag(l::ECHO);
        if self.is(b, cc::VERASE) {
            self.erase(b, Erase::Character);
        } else if self.is(b, cc::VKILL) {
            self.erase(b, Erase::Line);
        } else if extended && self.is(b, cc::VWERASE) {
            self.erase(b, Erase::Word);
        } else if extended && self.is(b, cc::VLNEXT) {
            self.literal = true;
            if echoes {
                self.finish_erasing();
                if self.local_flag(l::ECHOCTL) {
                    self.echo_raw(b'^');
                    self.echo_raw(8);
                }
            }
        } else if extended && echoes && self.is(b, cc::VREPRINT) {
            self.finish_erasing();
            self.echo(b);
            self.echo_raw(b'\n');
            for at in self.ready..self.input.len() {
                let [byte, _] = self.input[at].to_le_bytes();
                self.echo(byte);
            }
        } else if b == b'\n' {
            if echoes || self.local_flag(l::ECHONL) {
                self.finish_erasing();
                self.echo_raw(b);
            }
            self.end_line(b.into());
        } else if self.is(b, cc::VEOF) {
            self.end_line(END_OF_FILE);
        } else if self.is(b, cc::VEOL) || extended && self.is(b, cc::VEOL2) {
            if echoes {
                self.mark_line_start();
                self.echo(b);
            }
            if b == 0xff && self.input_flag(i::PARMRK) && self.input.len() < INPUT_MAX - 1 {
                self.input.push_back(b.into());
            }
            self.end_line(b.into());
        } else {
            return false;
        }
        true
    }

    /// Whether `b` is a later byte of a UTF-8 character.
    pub(super) fn is_continuation(&self, b: u8) -> bool {
        self.input_flag(i::IUTF8) && b & 0xc0 == 0x80
    }

    fn byte(&self, at: usize) -> u8 {
        self.input[at].to_le_bytes()[0]
    }

    fn erase(&mut self, b: u8, what: Erase) {
        if self.input.len() == self.ready {
            return;
        }
        let echoes = self.local_flag(l::ECHO);
        let erases_all = [l::ECHOK, l::ECHOKE, l::ECHOE].iter().all(|&flag| self.local_flag(flag));
        if what == Erase::Line && !(echoes && erases_all) {
            self.input.truncate(self.ready);
            if echoes {
                self.finish_erasing();
                self.echo(b);
                if self.local_flag(l::ECHOK) {
                    self.echo_raw(b'\n');
                }
            }
            return;
        }
        let mut in_word = false;
        while self.input.len() > self.ready {
            let mut head = self.input.len() - 1;
            while self.is_continuation(self.byte(head)) && head > self.ready {
                head -= 1;
            }
            let first = self.byte(head);
            if self.is_continuation(first) {
                break;
            }
            if what == Erase::Word {
                if is_of_word(first) {
                    in_word = true;
                } else if in_word {
                    break;
                }
            }
            let rest: alloc::vec::Vec<u8> =
                self.input.drain(head..).skip(1).map(|cell| cell.to_le_bytes()[0]).collect();
            if echoes {
                self.echo_erased(first, &rest, what);
            }
            if what == Erase::Character {
                break;
            }
        }
        if self.input.len() == self.ready && echoes {
            self.finish_erasing();
        }
    }

    /// Shows that the character `first`, `rest` is gone.
    fn echo_erased(&mut self, first: u8, rest: &[u8], what: Erase) {
        if self.local_flag(l::ECHOPRT) {
            if !self.erasing {
                self.echo_raw(b'\\');
                self.erasing = true;
            }
            self.echo(first);
            for &b in rest {
                self.echo_raw(b);
                self.column = self.column.saturating_sub(1);
            }
        } else if what == Erase::Character && !self.local_flag(l::ECHOE) {
            let b = self.termios.cc[cc::VERASE];
            self.echo(if b == DISABLED { 0 } else { b });
        } else if first == b'\t' {
            self.erase_tab();
        } else {
            let shown_as_two = is_control(first) && self.local_flag(l::ECHOCTL);
            let times = usize::from(shown_as_two) + usize::from(!is_control(first) || shown_as_two);
            for _ in 0..times {
                [8, b' ', 8].into_iter().for_each(|b| self.echo_raw(b));
            }
        }
    }

    /// Goes back to where the cursor stood before a tab: after the tab before it, or where the line began.
    fn erase_tab(&mut self) {
        let mut columns = 0;
        let mut after_tab = false;
        for at in (self.ready..self.input.len()).rev() {
            let b = self.byte(at);
            if b == b'\t' {
                after_tab = true;
                break;
            }
            columns += match is_control(b) {
                true => 2 * usize::from(self.local_flag(l::ECHOCTL)),
                false => usize::from(!self.is_continuation(b)),
            };
        }
        if !after_tab {
            columns += self.line_column;
        }
        for _ in 0..8 - columns % 8 {
            self.show(8);
            self.column = self.column.saturating_sub(1);
        }
    }

    /// The next echo is the first of a line: remembers where that starts.
    pub(super) fn mark_line_start(&mut self) {
        if self.input.len() == self.ready {
            self.line_column = self.column;
        }
    }

    /// Ends what ECHOPRT shows of erased characters.
    pub(super) fn finish_erasing(&mut self) {
        if core::mem::take(&mut self.erasing) {
            self.echo_raw(b'/');
        }
    }
}
