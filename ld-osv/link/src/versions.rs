//! Symbol versions: which version a symbol is defined with, or asked for with, and from which file.

use crate::elf::{str_at, u16_at, u32_at};
use crate::error::Error;
use crate::image::Image;
use alloc::vec::Vec;

/// A version that an object asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The soname of the library that is to define it.
    pub file: &'a [u8],
}

/// An object's version tables.
#[derive(Clone, Debug, Default)]
pub struct Versions<'a> {
    /// One half-word per symbol; empty when the object has no versions.
    symbols: &'a [u8],
    /// Names of defined versions, by index.
    defined: Vec<(u16, &'a [u8])>,
    /// Needed versions, by index.
    needed: Vec<(u16, Needed<'a>)>,
}

/// Bit of a version index: not the default version.
const HIDDEN: u16 = 0x8000;
/// `vd_flags`: the file's own name, no version.
const VER_FLG_BASE: u16 = 1;

impl<'a> Versions<'a> {
    /// Reads DT_VERSYM, DT_VERDEF and DT_VERNEED.
    pub fn of(
        image: &Image<'a>,
        strings: &'a [u8],
        versym: Option<u64>,
        (verdef, verdefs): (Option<u64>, Option<u64>),
        (verneed, verneeds): (Option<u64>, Option<u64>),
    ) -> Result<Self, Error> {
        let Some(versym) = versym else { return Ok(Versions::default()) };
        let mut versions = Versions {
            symbols: image.tail(versym).ok_or(Error::Truncated("symbol versions"))?,
            ..Default::default()
        };
        if let (Some(at), Some(count)) = (verdef, verdefs) {
            let table = image.tail(at).unwrap_or(&[]);
            versions.read_defined(table, strings, count).ok_or(Error::Truncated("version definitions"))?;
        }
        if let (Some(at), Some(count)) = (verneed, verneeds) {
            let table = image.tail(at).unwrap_or(&[]);
            versions.read_needed(table, strings, count).ok_or(Error::Truncated("version needs"))?;
        }
        Ok(versions)
    }

    fn read_defined(&mut self, table: &'a [u8], strings: &'a [u8], count: u64) -> Option<()> {
        let mut at = 0usize;
        for _ in 0..count.min(0x8000) {
            let (flags, index) = (u16_at(table, at + 2)?, u16_at(table, at + 4)?);
            let (aux, next) = (u32_at(table, at + 12)? as usize, u32_at(table, at + 16)? as usize);
            if flags & VER_FLG_BASE == 0 {
                let name = u32_at(table, at.checked_add(aux)?)? as usize;
                self.defined.push((index & !HIDDEN, str_at(strings, name)?));
            }
            if next == 0 {
                break;
            }
            at = at.checked_add(next)?;
        }
        Some(())
    }

    fn read_needed(&mut self, table: &'a [u8], strings: &'a [u8], count: u64) -> Option<()> {
        let mut at = 0usize;
        for _ in 0..count.min(0x8000) {
            let auxes = u16_at(table, at + 2)?;
            let file = str_at(strings, u32_at(table, at + 4)? as usize)?;
            let (first, next) = (u32_at(table, at + 8)? as usize, u32_at(table, at + 12)? as usize);
            let mut aux = at.checked_add(first)?;
            for _ in 0..auxes {
                let index = u16_at(table, aux + 6)?;
                let name = str_at(strings, u32_at(table, aux + 8)? as usize)?;
                if self.needed.len() > 0x8000 {
                    return None;
                }
                self.needed.push((index & !HIDDEN, Needed { name, file }));
                match u32_at(table, aux + 12)? as usize {
                    0 => break,
                    step => aux = aux.checked_add(step)?,
                }
            }
            if next == 0 {
                break;
            }
            at = at.checked_add(next)?;
        }
        Some(())
    }

    /// The raw index of a symbol; `None` when the object has no versions.
    fn index(&self, symbol: u32) -> Option<u16> {
        u16_at(self.symbols, symbol as usize * 2)
    }

    /// The version by which the object asks for its undefined symbol.
    pub fn wanted(&self, symbol: u32) -> Option<Needed<'a>> {
        let index = self.index(symbol)? & !HIDDEN;
        if index < 2 {
            return None;
        }
        // A symbol that the object itself defines is asked for by its own definition's version.
        self.needed.iter().find(|(found, _)| *found == index).map(|(_, needed)| *needed).or_else(|| {
            let (_, name) = self.defined.iter().find(|(found, _)| *found == index)?;
            Some(Needed { name, file: b"" })
        })
    }

    /// The name of the version that symbol `symbol` is defined with, and whether it is the default one.
    pub fn defined(&self, symbol: u32) -> Option<(&'a [u8], bool)> {
        let raw = self.index(symbol)?;
        let (_, name) = self.defined.iter().find(|(found, _)| *found == raw & !HIDDEN)?;
        Some((name, raw & HIDDEN == 0))
    }

    /// Whether the definition `symbol` answers a reference with version `wanted`.
    pub fn answers(&self, symbol: u32, wanted: Option<&[u8]>) -> Answer {
        let Some(raw) = self.index(symbol) else { return Answer::Yes };
        let (index, hidden) = (raw & !HIDDEN, raw & HIDDEN != 0);
        match wanted {
            Some(wanted) => match self.defined.iter().find(|(found, _)| *found == index) {
                Some((_, name)) if *name == wanted => Answer::Yes,
                Some(_) => Answer::No,
                // Local and global without a version name: an unversioned definition fits any reference.
                None if hidden => Answer::No,
                None => Answer::Yes,
            },
            None if hidden => Answer::No,
            // The base version and the first one are what unversioned programs meant.
            None if index < 3 => Answer::Yes,
            None => Answer::IfAlone,
        }
    }

    /// All versions asked for, with the files that are to define them.
    pub fn needed(&self) -> impl Iterator<Item = Needed<'a>> + '_ {
        self.needed.iter().map(|(_, needed)| *needed)
    }
}

/// See [`Versions::answers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does.
    Yes,
    /// It does if nothing else of that name does better.
    IfAlone,
    /// It does not.
    No,
}
