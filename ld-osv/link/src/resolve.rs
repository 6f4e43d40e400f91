//! Phase *resolve*: from a name and a scope to a definition.

use crate::elf::{self, STB_GNU_UNIQUE, STB_LOCAL, Sym};
use crate::hash::Name;
use crate::input::Object;
use crate::versions::Answer;
use crate::world::{Id, Loaded, Place, Table, World};

/// What a reference resolved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Who defines it.
    pub place: Place,
    /// STT_*.
    pub kind: u8,
    /// Address; for TLS symbols, the offset in the module's block.
    pub value: u64,
    /// Size.
    pub size: u64,
}

/// How a reference is used, which decides what may answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The address of a function to call, or a TLS symbol: an undefined entry with a value does not answer.
    Call,
    /// An address: the executable's PLT entry may be a function's canonical address.
    Address,
    /// The original of a COPY: the executable itself does not answer.
    Copy,
}

impl<'a> Object<'a> {
    /// The object's own definition of `name`.
    pub fn lookup(&self, name: &Name<'_>, version: Option<&[u8]>, usage: Use) -> Option<Sym> {
        let mut alone = None;
        let mut several = false;
        for index in self.hash.candidates(name) {
            let Some(symbol) = Sym::read(self.symbols, index) else { continue };
            if symbol.binding() == STB_LOCAL
                || symbol.kind() > elf::STT_TLS && symbol.kind() != elf::STT_GNU_IFUNC
            {
                continue;
            }
            let is_reference = !symbol.is_defined();
            let has_value =
                symbol.value != 0 || symbol.shndx == elf::SHN_ABS || symbol.kind() == elf::STT_TLS;
            if !has_value && (is_reference || symbol.shndx == elf::SHN_UNDEF) {
                continue;
            }
            if is_reference && usage != Use::Address {
                continue;
            }
            if self.symbol_name(&symbol) != Some(name.bytes) {
                continue;
            }
            match self.versions.answers(index, version) {
                Answer::Yes => return Some(symbol),
                Answer::IfAlone if alone.is_none() => alone = Some(symbol),
                Answer::IfAlone => several = true,
                Answer::No => {}
            }
        }
        if several { None } else { alone }
    }
}

impl Loaded<'_> {
    /// The definition that a symbol of this object is.
    pub fn definition(&self, id: Id, symbol: &Sym) -> Definition {
        let is_absolute = symbol.shndx == elf::SHN_ABS || symbol.kind() == elf::STT_TLS;
        Definition {
            place: Place::Object(id),
            kind: symbol.kind(),
            value: if is_absolute { symbol.value } else { self.base.wrapping_add(symbol.value) },
            size: symbol.size,
        }
    }
}

impl<T: Table> World<'_, T> {
    /// Looks `name` up in one place.
    pub fn lookup_in(
        &self,
        place: Place,
        name: &Name<'_>,
        version: Option<&[u8]>,
        usage: Use,
        for_musl: bool,
    ) -> Option<Definition> {
        match place {
            Place::Table => {
                let served = self.table.find(name, for_musl)?;
                let value = if usage == Use::Copy { served.address } else { self.redirect(served.address) };
                let kind = if served.is_object { elf::STT_OBJECT } else { elf::STT_FUNC };
                Some(Definition { place, kind, value, size: served.size })
            }
            Place::Object(id) => {
                if usage == Use::Copy && id == 0 {
                    return None;
                }
                let loaded = self.get(id)?;
                let symbol = loaded.object.lookup(name, version, usage)?;
                let mut found = loaded.definition(id, &symbol);
                if usage != Use::Copy && found.kind != elf::STT_TLS {
                    found.value = self.redirect(found.value);
                }
                Some(found)
            }
        }
    }

    /// Looks `name` up in a scope: the first that answers.
    pub fn lookup(
        &self,
        scope: impl IntoIterator<Item = Place>,
        name: &Name<'_>,
        version: Option<&[u8]>,
        usage: Use,
        for_musl: bool,
    ) -> Option<Definition> {
        scope.into_iter().find_map(|place| self.lookup_in(place, name, version, usage, for_musl))
    }

    /// What the symbol `index` means to the object `id`. `None`: undefined.
    pub fn resolve(&self, id: Id, index: u32, usage: Use) -> Option<Definition> {
        let loaded = self.get(id)?;
        let object = &loaded.object;
        let symbol = Sym::read(object.symbols, index)?;
        let is_own = symbol.is_defined()
            && (symbol.binding() == STB_LOCAL
                || symbol.other & 3 != 0
                || symbol.binding() == STB_GNU_UNIQUE && id == 0);
        if is_own && usage != Use::Copy {
            return Some(loaded.definition(id, &symbol));
        }
        let name = Name::new(object.symbol_name(&symbol)?);
        let wanted = object.versions.wanted(index);
        let version = wanted.map(|needed| needed.name);
        let own = (object.flags & elf::DF_SYMBOLIC != 0).then_some(Place::Object(id));
        let scope = own.into_iter().chain(self.global.iter().copied()).chain(loaded.group.iter().copied());
        self.lookup(scope, &name, version, usage, loaded.is_musl)
    }
}
