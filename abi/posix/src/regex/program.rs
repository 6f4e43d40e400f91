//! Instructions made of a tree.

use super::parse::{Index, Kind, MANY, Place, Tree};
use super::set::{Item, Set};
use super::{Alphabet, Error};
use crate::vector::Vector;

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A character, folded.
    Char(u32),
    /// Any character that the syntax's dot takes.
    Any,
    /// A character of a set.
    Set(u32),
    /// Both ways, the first preferred.
    Fork(u32, u32),
    /// On at another place.
    Jump(u32),
    /// Notes the position: group `n` begins at slot `2n` and ends at `2n + 1`.
    Note(u32),
    /// Goes on only at such a place.
    Assert(Place),
    /// What a group matched.
    Reference(u32),
    /// Goes on only where the position changed since the loop of that number was last here.
    Progress(u32),
    /// The end.
    Match,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Program {
    /// The instructions.
    pub steps: Vector<Step>,
    /// Bracket expressions.
    pub sets: Vector<Set>,
    /// What they list.
    pub items: Vector<Item>,
    /// How many groups.
    pub groups: u32,
    /// How many loops need to be watched.
    pub loops: u32,
    /// Whether there is a back-reference.
    pub refers: bool,
    /// The characters.
    pub alphabet: Alphabet,
    /// The syntax.
    pub syntax: u64,
}

/// More instructions than that are refused.
const MOST_STEPS: usize = 1 << 18;

impl Program {
    /// Makes a program of a tree.
    pub fn new(tree: Tree, syntax: u64, alphabet: Alphabet) -> Result<Program, Error> {
        let Tree { nodes, sets, items, root, groups, refers } = tree;
        let mut program =
            Program { steps: Vector::new(), sets, items, groups, loops: 0, refers, alphabet, syntax };
        program.step(Step::Note(0))?;
        program.node(&nodes, root)?;
        program.step(Step::Note(1))?;
        program.step(Step::Match)?;
        Ok(program)
    }

    fn step(&mut self, step: Step) -> Result<u32, Error> {
        if self.steps.len() >= MOST_STEPS {
            return Err(Error::Space);
        }
        Ok(self.steps.push(step)? as u32)
    }

    fn here(&self) -> u32 {
        self.steps.len() as u32
    }

    fn node(&mut self, nodes: &[super::parse::Node], index: Index) -> Result<(), Error> {
        match nodes[index as usize].kind {
            Kind::Empty => {}
            Kind::Char(code) => drop(self.step(Step::Char(code))?),
            Kind::Any => drop(self.step(Step::Any)?),
            Kind::Set(set) => drop(self.step(Step::Set(set))?),
            Kind::Assert(place) => drop(self.step(Step::Assert(place))?),
            Kind::Reference(number) => drop(self.step(Step::Reference(number))?),
            Kind::Sequence(first) => {
                let mut at = first;
                while at != 0 {
                    self.node(nodes, at)?;
                    at = nodes[at as usize].next;
                }
            }
            Kind::Group(inner, number) => {
                self.step(Step::Note(2 * number))?;
                self.node(nodes, inner)?;
                self.step(Step::Note(2 * number + 1))?;
            }
            Kind::Choice(first) => {
                // Each branch's jump to the end waits in a chain until the end is known.
                let (mut at, mut chain) = (first, u32::MAX);
                while nodes[at as usize].next != 0 {
                    let fork = self.step(Step::Fork(0, 0))?;
                    self.node(nodes, at)?;
                    chain = self.step(Step::Jump(chain))?;
                    self.steps[fork as usize] = Step::Fork(fork + 1, self.here());
                    at = nodes[at as usize].next;
                }
                self.node(nodes, at)?;
                let end = self.here();
                while chain != u32::MAX {
                    let Step::Jump(next) = self.steps[chain as usize] else { break };
                    self.steps[chain as usize] = Step::Jump(end);
                    chain = next;
                }
            }
            Kind::Repeat(inner, least, most) => {
                for _ in 0..least {
                    self.node(nodes, inner)?;
                }
                if most == MANY {
                    let fork = self.step(Step::Fork(0, 0))?;
                    let number = self.loops;
                    self.loops += 1;
                    self.step(Step::Progress(number))?;
                    self.node(nodes, inner)?;
                    self.step(Step::Jump(fork))?;
                    self.steps[fork as usize] = Step::Fork(fork + 1, self.here());
                } else {
                    let mut chain = u32::MAX;
                    for _ in least..most {
                        chain = self.step(Step::Fork(chain, 0))?;
                        self.node(nodes, inner)?;
                    }
                    let end = self.here();
                    while chain != u32::MAX {
                        let Step::Fork(next, _) = self.steps[chain as usize] else { break };
                        self.steps[chain as usize] = Step::Fork(chain + 1, end);
                        chain = next;
                    }
                }
            }
        }
        Ok(())
    }
}
