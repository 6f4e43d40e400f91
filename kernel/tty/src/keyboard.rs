//! The three keys of a PC's keyboard that mean something to a machine without one: Ctrl-Alt-Del, which hypervisors
//! send to ask for the machine's end.

/// The codes of the first PC: a key's number when it goes down, with the high bit when it goes up, after 0xe0 for
/// those that came later.
const CTRL: u8 = 0x1d;
const ALT: u8 = 0x38;
const DELETE: u8 = 0x53;
const LATER_KEY: u8 = 0xe0;
const UP: u8 = 0x80;

/// Which of the keys are down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    ctrl: bool,
    alt: bool,
}

impl Keys {
    /// No key is down.
    pub const fn new() -> Keys {
        Keys { ctrl: false, alt: false }
    }

    /// Takes a code; `true`: it was Delete going down while the other two are.
    pub fn take(&mut self, code: u8) -> bool {
        if code == LATER_KEY {
            // Left and right Ctrl and Alt, and both Deletes, are as good.
            return false;
        }
        let down = code & UP == 0;
        match code & !UP {
            CTRL => self.ctrl = down,
            ALT => self.alt = down,
            DELETE => return down && self.ctrl && self.alt,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(codes: &[u8]) -> usize {
        let mut keys = Keys::new();
        codes.iter().filter(|&&code| keys.take(code)).count()
    }

    #[test]
    fn only_all_three_together_count() {
        assert_eq!(pressed(&[0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d]), 1);
        assert_eq!(pressed(&[0xe0, 0x1d, 0xe0, 0x38, 0x53]), 1);
        assert_eq!(pressed(&[0x1d, 0x53]), 0);
        assert_eq!(pressed(&[0x1d, 0x38, 0x9d, 0x53]), 0);
        // Letting Delete go is no press; holding the others and pressing it again is one more.
        assert_eq!(pressed(&[0x38, 0x1d, 0x53, 0xd3, 0x53]), 2);
    }
}
