//! Running a program over a text.

use super::parse::Place;
use super::program::{Program, Step};
use super::syntax::{DOT_NEWLINE, DOT_NOT_NULL};
use super::{Error, STRAY};
use crate::vector::Vector;

/// A text and what its ends are.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// The whole text; places look at what stands before a search's start, too.
    pub bytes: &'a [u8],
    /// Its start is no line's start.
    pub not_bol: bool,
    /// Its end is no line's end.
    pub not_eol: bool,
    /// Newlines end lines.
    pub lines: bool,
}

/// A slot without position.
pub const NONE: usize = usize::MAX;
/// A search with back-references takes so many steps, then gives up for want of space, as glibc may.
const MOST_TRIES: usize = 20_000_000;

impl Program {
    fn is_at(&self, text: &Text<'_>, place: Place, at: usize) -> bool {
        let bytes = text.bytes;
        let is_word = |code: Option<u32>| code.is_some_and(|code| self.alphabet.is_word(code));
        let words = || {
            let after = bytes.get(at..).filter(|rest| !rest.is_empty());
            let before = is_word(self.alphabet.before(bytes, at));
            (before, is_word(after.map(|rest| self.alphabet.decode(rest).0)))
        };
        match place {
            Place::LineStart => {
                (at == 0 && !text.not_bol) || (text.lines && at > 0 && bytes[at - 1] == b'\n')
            }
            Place::LineEnd => {
                (at == bytes.len() && !text.not_eol) || (text.lines && bytes.get(at) == Some(&b'\n'))
            }
            Place::TextStart => at == 0,
            Place::TextEnd => at == bytes.len(),
            Place::WordStart => words() == (false, true),
            Place::WordEnd => words() == (true, false),
            Place::WordEdge => {
                let (before, after) = words();
                before != after
            }
            Place::NoWordEdge => {
                let (before, after) = words();
                before == after
            }
        }
    }

    /// Whether a step that takes a character takes this one.
    fn takes(&self, step: Step, code: u32) -> bool {
        match step {
            Step::Char(wanted) => self.alphabet.folded(code) == wanted,
            Step::Any => {
                code < STRAY
                    && !(code == u32::from(b'\n') && self.syntax & DOT_NEWLINE == 0)
                    && !(code == 0 && self.syntax & DOT_NOT_NULL != 0)
            }
            Step::Set(set) => self.sets[set as usize].has(&self.items, code, self.alphabet),
            _ => false,
        }
    }

    /// The leftmost longest match that begins at `first` to `last`: its start and end.
    pub fn find(&self, text: &Text<'_>, first: usize, last: usize) -> Result<Option<(usize, usize)>, Error> {
        let mut run = Run::new(self)?;
        let mut best: Option<(usize, usize)> = None;
        let mut at = first;
        loop {
            if best.is_none() && at <= last {
                run.add(self, text, 0, at, at, &mut best)?;
            }
            if run.current.is_empty() && (best.is_some() || at >= last) {
                return Ok(best);
            }
            if at >= text.bytes.len() {
                return Ok(best);
            }
            let (code, length) = self.alphabet.decode(&text.bytes[at..]);
            core::mem::swap(&mut run.current, &mut run.previous);
            run.current.clear();
            run.turn += 1;
            for index in 0..run.previous.len() {
                let (at_step, start) = run.previous[index];
                if best.is_some_and(|(leftmost, _)| start > leftmost) {
                    break;
                }
                if self.takes(self.steps[at_step as usize], code) {
                    run.add(self, text, at_step + 1, start, at + length, &mut best)?;
                }
            }
            at += length;
        }
    }

    /// The groups of the match from `start` to `end`, which is one; into `slots`, two for each group.
    pub fn groups(
        &self,
        text: &Text<'_>,
        start: usize,
        end: usize,
        slots: &mut Vector<usize>,
    ) -> Result<(), Error> {
        let width = slots.len();
        let mut run = Run::new(self)?;
        let (mut notes, mut old_notes) = (Vector::new(), Vector::new());
        let mut found = false;
        run.add_noting(self, text, 0, start, end, slots, &mut notes, &mut found)?;
        let mut at = start;
        while at < end {
            let (code, length) = self.alphabet.decode(&text.bytes[at..]);
            core::mem::swap(&mut run.current, &mut run.previous);
            core::mem::swap(&mut notes, &mut old_notes);
            run.current.clear();
            notes.clear();
            run.turn += 1;
            at += length;
            for index in 0..run.previous.len() {
                let (at_step, _) = run.previous[index];
                if self.takes(self.steps[at_step as usize], code) {
                    slots.copy_from_slice(&old_notes[index * width..][..width]);
                    run.add_noting(self, text, at_step + 1, at, end, slots, &mut notes, &mut found)?;
                    if found {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The longest match that begins at `start`, one path after the other; its end. For back-references.
    pub fn try_paths(
        &self,
        text: &Text<'_>,
        start: usize,
        slots: &mut Vector<usize>,
        tries: &mut usize,
    ) -> Result<Option<usize>, Error> {
        #[derive(Clone, Copy)]
        enum Later {
            Path(u32, usize),
            Slot(u32, usize),
            Loop(u32, usize),
        }
        let mut own = Vector::new();
        own.extend(NONE, slots.len().max(2 * (self.groups as usize + 1)))?;
        let mut loops = Vector::new();
        loops.extend(NONE, self.loops as usize)?;
        let mut later = Vector::new();
        let mut best = None;
        later.push(Later::Path(0, start))?;
        while let Some(next) = later.pop() {
            let (mut at_step, mut at) = match next {
                Later::Path(step, at) => (step, at),
                Later::Slot(slot, value) => {
                    own[slot as usize] = value;
                    continue;
                }
                Later::Loop(number, value) => {
                    loops[number as usize] = value;
                    continue;
                }
            };
            loop {
                *tries += 1;
                if *tries > MOST_TRIES {
                    return Err(Error::Space);
                }
                match self.steps[at_step as usize] {
                    Step::Match => {
                        if best.is_none_or(|end| at > end) {
                            best = Some(at);
                            let width = slots.len();
                            slots.copy_from_slice(&own[..width]);
                        }
                        if at == text.bytes.len() {
                            return Ok(best);
                        }
                        break;
                    }
                    Step::Fork(preferred, other) => {
                        later.push(Later::Path(other, at))?;
                        at_step = preferred;
                        continue;
                    }
                    Step::Jump(to) => {
                        at_step = to;
                        continue;
                    }
                    Step::Note(slot) => {
                        later.push(Later::Slot(slot, own[slot as usize]))?;
                        own[slot as usize] = at;
                    }
                    Step::Progress(number) => {
                        if loops[number as usize] == at {
                            break;
                        }
                        later.push(Later::Loop(number, loops[number as usize]))?;
                        loops[number as usize] = at;
                    }
                    Step::Assert(place) => {
                        if !self.is_at(text, place, at) {
                            break;
                        }
                    }
                    Step::Reference(group) => {
                        let (from, to) = (own[2 * group as usize], own[2 * group as usize + 1]);
                        if from == NONE || to == NONE || from > to {
                            break;
                        }
                        let wanted = &text.bytes[from..to];
                        let Some(there) = text.bytes.get(at..at + wanted.len()) else { break };
                        let same = if self.alphabet.fold {
                            there.eq_ignore_ascii_case(wanted)
                        } else {
                            there == wanted
                        };
                        if !same {
                            break;
                        }
                        at += wanted.len();
                    }
                    step => {
                        if at >= text.bytes.len() {
                            break;
                        }
                        let (code, length) = self.alphabet.decode(&text.bytes[at..]);
                        if !self.takes(step, code) {
                            break;
                        }
                        at += length;
                    }
                }
                at_step += 1;
            }
        }
        Ok(best)
    }
}

/// The threads of a run: steps that take a character, each with the start of its match.
struct Run {
    current: Vector<(u32, usize)>,
    previous: Vector<(u32, usize)>,
    /// The turn in which a step was last reached.
    seen: Vector<u32>,
    turn: u32,
    stack: Vector<u32>,
}

impl Run {
    fn new(program: &Program) -> Result<Run, Error> {
        let mut seen = Vector::new();
        seen.extend(0, program.steps.len())?;
        Ok(Run { current: Vector::new(), previous: Vector::new(), seen, turn: 1, stack: Vector::new() })
    }

    /// Follows all that takes no character.
    fn add(
        &mut self,
        program: &Program,
        text: &Text<'_>,
        step: u32,
        start: usize,
        at: usize,
        best: &mut Option<(usize, usize)>,
    ) -> Result<(), Error> {
        self.stack.push(step)?;
        while let Some(step) = self.stack.pop() {
            if self.seen[step as usize] == self.turn {
                continue;
            }
            self.seen[step as usize] = self.turn;
            match program.steps[step as usize] {
                Step::Match => {
                    if best.is_none_or(|(leftmost, end)| start < leftmost || (start == leftmost && at > end))
                    {
                        *best = Some((start, at));
                    }
                }
                Step::Fork(preferred, other) => {
                    self.stack.push(other)?;
                    self.stack.push(preferred)?;
                }
                Step::Jump(to) => drop(self.stack.push(to)?),
                Step::Note(_) | Step::Progress(_) => drop(self.stack.push(step + 1)?),
                Step::Assert(place) => {
                    if program.is_at(text, place, at) {
                        self.stack.push(step + 1)?;
                    }
                }
                _ => drop(self.current.push((step, start))?),
            }
        }
        Ok(())
    }

    /// The same with positions noted; `found` once the match at `end` is reached, with `slots` as they are there.
    #[expect(clippy::too_many_arguments, reason = "the run's state is all of it")]
    fn add_noting(
        &mut self,
        program: &Program,
        text: &Text<'_>,
        step: u32,
        at: usize,
        end: usize,
        slots: &mut Vector<usize>,
        notes: &mut Vector<usize>,
        found: &mut bool,
    ) -> Result<(), Error> {
        #[derive(Clone, Copy)]
        enum Later {
            Step(u32),
            Slot(u32, usize),
        }
        let mut later = Vector::new();
        later.push(Later::Step(step))?;
        while let Some(next) = later.pop() {
            let step = match next {
                Later::Step(step) => step,
                Later::Slot(slot, value) => {
                    slots[slot as usize] = value;
                    continue;
                }
            };
            if self.seen[step as usize] == self.turn {
                continue;
            }
            self.seen[step as usize] = self.turn;
            match program.steps[step as usize] {
                Step::Match if at == end => {
                    *found = true;
                    return Ok(());
                }
                Step::Match => {}
                Step::Fork(preferred, other) => {
                    later.push(Later::Step(other))?;
                    later.push(Later::Step(preferred))?;
                }
                Step::Jump(to) => drop(later.push(Later::Step(to))?),
                Step::Note(slot) => {
                    if let Some(value) = slots.get_mut(slot as usize) {
                        later.push(Later::Slot(slot, *value))?;
                        *value = at;
                    }
                    later.push(Later::Step(step + 1))?;
                }
                Step::Progress(_) => drop(later.push(Later::Step(step + 1))?),
                Step::Assert(place) => {
                    if program.is_at(text, place, at) {
                        later.push(Later::Step(step + 1))?;
                    }
                }
                _ => {
                    self.current.push((step, at))?;
                    for index in 0..slots.len() {
                        notes.push(slots[index])?;
                    }
                }
            }
        }
        Ok(())
    }
}
