//! Phase *reloc*: an object's relocations as writes. Nothing is written here: whoever commits the plan does.

use crate::elf::{self, PF_W, PT_LOAD, Rela, Sym, r, u64_at};
use crate::error::Error;
use crate::hash::Name;
use crate::input::{Object, Span};
use crate::resolve::{Definition, Use};
use crate::world::{Copied, Id, Place, Table, World};
use alloc::string::String;
use alloc::vec::Vec;

/// One step of relocating an object. `at` is an address (load bias included) inside one of its writable segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Store a word.
    Word {
        /// Where.
        at: u64,
        /// What.
        value: u64,
    },
    /// Add the load bias to the word that is there.
    AddBase {
        /// Where.
        at: u64,
    },
    /// When everything else is done: store what the resolver returns, plus an addend.
    Resolver {
        /// Where.
        at: u64,
        /// Address of the function.
        resolver: u64,
        /// Constant.
        addend: u64,
    },
    /// Copy a datum into the executable, after its owner is relocated.
    Copy {
        /// Where.
        at: u64,
        /// From where.
        from: u64,
        /// How much.
        len: u64,
    },
    /// Store a TLS descriptor (two words).
    TlsDescriptor {
        /// Where.
        at: u64,
        /// What it leads to.
        target: TlsTarget,
    },
}

/// What a TLS descriptor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsTarget {
    /// At this offset from the thread pointer.
    Static(u64),
    /// At an offset in a module's block.
    Dynamic {
        /// The module.
        module: usize,
        /// The offset.
        offset: u64,
    },
    /// An undefined weak symbol, plus this: address is relative to null.
    Undefined(u64),
}

/// Writable segments of an object, for bounds checks.
struct Writable {
    spans: Vec<(u64, u64)>,
    last: usize,
}

impl Writable {
    fn of(object: &Object<'_>) -> Self {
        let any = object.flags & elf::DF_TEXTREL != 0;
        let loads =
            object.phdrs.iter().filter(|phdr| phdr.kind == PT_LOAD && (any || phdr.flags & PF_W != 0));
        Writable { spans: loads.map(|phdr| (phdr.vaddr, phdr.memsz)).collect(), last: 0 }
    }

    #[inline]
    fn check(&mut self, vaddr: u64, len: u64) -> Result<(), Error> {
        let holds = |(start, size): (u64, u64)| size >= len && vaddr.wrapping_sub(start) <= size - len;
        if self.spans.get(self.last).is_some_and(|span| holds(*span)) {
            return Ok(());
        }
        self.last = self.spans.iter().position(|span| holds(*span)).ok_or(Error::OutOfObject(vaddr))?;
        Ok(())
    }
}

/// Decides about references that nothing answers as they ask for it.
pub trait Gaps {
    /// A strong reference without a definition: an address to bind it to, or the error to end with.
    fn missing(&mut self, undefined: Undefined<'_>) -> Result<u64, Error>;

    /// A reference that the table answers with another version than the one asked for.
    fn other_version(&mut self, _reference: Undefined<'_>) {}
}

impl<F: FnMut(Undefined<'_>) -> Result<u64, Error>> Gaps for F {
    fn missing(&mut self, undefined: Undefined<'_>) -> Result<u64, Error> {
        self(undefined)
    }
}

/// What an object holds on to once it is relocated, beyond what it needs by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Objects that may be unloaded and define a symbol it uses.
    pub binds: Vec<Id>,
    /// Objects among them, or itself, that can never be unloaded: they define a unique symbol that is in use.
    pub pins: Vec<Id>,
}

impl Held {
    fn note<T: Table>(&mut self, world: &World<'_, T>, by: Id, found: &Definition) {
        let Place::Object(owner) = found.place else { return };
        if world.get(owner).is_none_or(|loaded| loaded.pinned) {
            return;
        }
        for (list, due) in [(&mut self.binds, owner != by), (&mut self.pins, found.is_unique)] {
            if due && !list.contains(&owner) {
                list.push(owner);
            }
        }
    }
}

/// A reference without a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undefined<'a> {
    /// The symbol.
    pub name: &'a [u8],
    /// The version asked for.
    pub version: Option<&'a [u8]>,
    /// The library that is to define it, where the version says so.
    pub file: Option<&'a [u8]>,
    /// STT_* as the reference has it.
    pub kind: u8,
    /// Who asks.
    pub wanted_by: &'a [u8],
}

impl Undefined<'_> {
    /// As an error.
    pub fn error(&self) -> Error {
        let mut symbol = String::from_utf8_lossy(self.name).into_owned();
        if let Some(version) = self.version {
            symbol.push('@');
            symbol.push_str(&String::from_utf8_lossy(version));
        }
        Error::Undefined { symbol, wanted_by: String::from_utf8_lossy(self.wanted_by).into_owned() }
    }
}

impl<T: Table> World<'_, T> {
    /// The COPY relocations of the executable (object 0): done before anything is resolved by address.
    pub fn find_copies(&mut self) -> Result<(), Error> {
        let Some(exe) = self.get(0) else { return Ok(()) };
        let mut copies = Vec::new();
        for rela in relocations(&exe.object).filter(|rela| rela.kind == r::COPY) {
            let symbol =
                Sym::read(exe.object.symbols, rela.symbol).ok_or(Error::Truncated("symbol table"))?;
            if !exe.object.contains(Span { vaddr: rela.offset, len: symbol.size }) {
                return Err(Error::OutOfObject(rela.offset));
            }
            if let Some(found) = self.resolve(0, rela.symbol, Use::Copy) {
                let len = if found.size == 0 { symbol.size } else { symbol.size.min(found.size) };
                // The original must lie in its owner: a symbol's value and size are allegations too.
                if let Place::Object(owner) = found.place {
                    let from = self.get(owner).map_or(0, |owner| found.value.wrapping_sub(owner.base));
                    let span = Span { vaddr: from, len };
                    let holds = self.get(owner).is_some_and(|owner| owner.object.contains(span));
                    if found.kind == elf::STT_TLS || !holds {
                        return Err(Error::OutOfObject(from));
                    }
                }
                copies.push(Copied { from: found.value, len, to: exe.base.wrapping_add(rela.offset) });
            }
        }
        self.copies = copies;
        Ok(())
    }

    /// Hands every relocation of `id` to `commit`, in an order in which they can be applied at once.
    pub fn relocate(
        &self,
        id: Id,
        gaps: &mut dyn Gaps,
        mut commit: impl FnMut(Write) -> Result<(), Error>,
    ) -> Result<Held, Error> {
        let mut held = Held::default();
        let Some(loaded) = self.get(id) else { return Ok(held) };
        let (object, base) = (&loaded.object, loaded.base);
        let mut writable = Writable::of(object);
        relr(object.relr, |vaddr| {
            writable.check(vaddr, 8)?;
            commit(Write::AddBase { at: base.wrapping_add(vaddr) })
        })?;

        let mut last: Option<(u32, Use, Option<Definition>)> = None;
        for rela in relocations(object) {
            let at = base.wrapping_add(rela.offset);
            let addend = rela.addend as u64;
            if rela.kind == r::NONE {
                continue;
            }
            writable.check(rela.offset, if rela.kind == r::TLSDESC { 16 } else { 8 })?;
            match rela.kind {
                r::RELATIVE => {
                    commit(Write::Word { at, value: base.wrapping_add(addend) })?;
                    continue;
                }
                r::IRELATIVE => {
                    commit(Write::Resolver { at, resolver: base.wrapping_add(addend), addend: 0 })?;
                    continue;
                }
                r::COPY => {
                    if id != 0 {
                        return Err(Error::Malformed("COPY relocation outside the executable"));
                    }
                    if let Some(copy) = self.copies.iter().find(|copy| copy.to == at) {
                        commit(Write::Copy { at, from: copy.from, len: copy.len })?;
                    } else {
                        let undefined =
                            self.undefined(id, rela.symbol).ok_or(Error::Truncated("symbol table"))?;
                        gaps.missing(undefined)?;
                    }
                    continue;
                }
                _ => {}
            }
            let usage = match rela.kind {
                r::ABS64 | r::GLOB_DAT | r::SIZE64 => Use::Address,
                r::JUMP_SLOT | r::DTPMOD64 | r::DTPOFF64 | r::TPOFF64 | r::TLSDESC => Use::Call,
                other => return Err(Error::Relocation(other)),
            };
            let is_tls = matches!(rela.kind, r::DTPMOD64 | r::DTPOFF64 | r::TPOFF64 | r::TLSDESC);
            let found = match last {
                Some((symbol, used, found)) if symbol == rela.symbol && used == usage => found,
                _ if rela.symbol == 0 => Some(Definition {
                    place: Place::Object(id),
                    kind: if is_tls { elf::STT_TLS } else { elf::STT_NOTYPE },
                    value: 0,
                    size: 0,
                    is_unique: false,
                    is_exact: true,
                }),
                _ => {
                    let found = self.resolve(id, rela.symbol, usage);
                    if let Some(found) = &found {
                        held.note(self, id, found);
                        if let Some(reference) = self.undefined(id, rela.symbol).filter(|_| !found.is_exact) {
                            gaps.other_version(reference);
                        }
                    }
                    found
                }
            };
            if rela.symbol != 0 {
                last = Some((rela.symbol, usage, found));
            }
            let Some(found) = found else {
                let undefined = self.undefined(id, rela.symbol).ok_or(Error::Truncated("symbol table"))?;
                if self.is_weak(id, rela.symbol) {
                    if rela.kind == r::TLSDESC {
                        commit(Write::TlsDescriptor { at, target: TlsTarget::Undefined(addend) })?;
                    } else if !is_tls {
                        let value = if rela.kind == r::ABS64 { addend } else { 0 };
                        commit(Write::Word { at, value })?;
                    }
                } else if is_tls {
                    return Err(undefined.error());
                } else {
                    let value = gaps.missing(undefined)?;
                    commit(Write::Word { at, value })?;
                }
                continue;
            };
            if is_tls {
                self.tls_write(&found, rela.kind, at, addend, &mut commit)?;
                continue;
            }
            if found.kind == elf::STT_TLS {
                return Err(Error::Malformed("symbol kind: thread-local where an address is due"));
            }
            let addend = if rela.kind == r::JUMP_SLOT || rela.kind == r::GLOB_DAT { 0 } else { addend };
            commit(match (rela.kind, found.kind) {
                (r::SIZE64, _) => Write::Word { at, value: found.size.wrapping_add(addend) },
                (_, elf::STT_GNU_IFUNC) => Write::Resolver { at, resolver: found.value, addend },
                _ => Write::Word { at, value: found.value.wrapping_add(addend) },
            })?;
        }
        Ok(held)
    }

    /// A relocation against a thread-local symbol.
    fn tls_write(
        &self,
        found: &Definition,
        kind: u32,
        at: u64,
        addend: u64,
        commit: &mut impl FnMut(Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let module = match found.place {
            Place::Object(owner) => self.get(owner).and_then(|loaded| loaded.tls),
            Place::Table => None,
        };
        let module = module.ok_or(Error::Malformed("TLS relocation: no TLS segment"))?;
        let value = found.value.wrapping_add(addend);
        let from_tp = |offset: u64| value.wrapping_sub(offset);
        commit(match kind {
            r::DTPMOD64 => Write::Word { at, value: module.number as u64 },
            r::DTPOFF64 => Write::Word { at, value },
            r::TPOFF64 => Write::Word { at, value: from_tp(module.offset.ok_or(Error::StaticTls)?) },
            _ => Write::TlsDescriptor {
                at,
                target: match module.offset {
                    Some(offset) => TlsTarget::Static(from_tp(offset)),
                    None => TlsTarget::Dynamic { module: module.number, offset: value },
                },
            },
        })
    }

    fn is_weak(&self, id: Id, index: u32) -> bool {
        self.get(id)
            .and_then(|loaded| Sym::read(loaded.object.symbols, index))
            .is_some_and(|symbol| symbol.binding() == elf::STB_WEAK)
    }

    fn undefined(&self, id: Id, index: u32) -> Option<Undefined<'_>> {
        let loaded = self.get(id)?;
        let symbol = Sym::read(loaded.object.symbols, index)?;
        let wanted = loaded.object.versions.wanted(index);
        Some(Undefined {
            name: loaded.object.symbol_name(&symbol)?,
            version: wanted.map(|needed| needed.name),
            file: wanted.map(|needed| needed.file),
            kind: symbol.kind(),
            wanted_by: &loaded.path,
        })
    }
}

/// DT_RELA, then DT_JMPREL.
pub fn relocations<'o>(object: &'o Object<'_>) -> impl Iterator<Item = Rela> + 'o {
    // Some linkers let DT_RELASZ include the PLT's relocations; then they would be applied twice, which is harmless.
    [object.rela, object.jmprel]
        .into_iter()
        .flat_map(|table| table.chunks_exact(Rela::SIZE).filter_map(|record| Rela::read(record, 0)))
}

/// Decodes DT_RELR: addresses of words to which the load bias is added.
fn relr(table: &[u8], mut each: impl FnMut(u64) -> Result<(), Error>) -> Result<(), Error> {
    let mut next = 0u64;
    for word in table.chunks_exact(8) {
        let word = u64_at(word, 0).unwrap_or(0);
        if word & 1 == 0 {
            each(word)?;
            next = word.wrapping_add(8);
            continue;
        }
        let mut bits = word >> 1;
        let mut vaddr = next;
        while bits != 0 {
            if bits & 1 != 0 {
                each(vaddr)?;
            }
            bits >>= 1;
            vaddr = vaddr.wrapping_add(8);
        }
        next = next.wrapping_add(63 * 8);
    }
    Ok(())
}

/// Looks up a malloc-family name as any object of the program would see it, for the slots of ld-osv's own calls.
pub fn interposed<T: Table>(world: &World<'_, T>, name: &[u8]) -> Option<Definition> {
    world.lookup(world.global.iter().copied(), &Name::new(name), None, Use::Call, false)
}
