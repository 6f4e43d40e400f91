//! The last lines of a stream, for when something went wrong.

use std::collections::VecDeque;

/// Lines kept: with the message around them they fit on one screen.
const LINES: usize = 24;
/// Longest line that is kept whole.
const LINE: usize = 400;

/// Keeps the last lines of what goes by.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<String>,
    partial: Vec<u8>,
}

impl Tail {
    /// Takes more of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                _ if self.partial.len() < LINE => self.partial.push(*byte),
                _ => {}
            }
        }
    }

    /// The lines, oldest first.
    pub fn lines(mut self) -> Vec<String> {
        if !self.partial.is_empty() {
            self.end_line();
        }
        self.lines.into()
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.partial)
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        self.partial.clear();
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}
