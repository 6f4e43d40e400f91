//! Phase *resolve*: from a name and a scope to a definition.

use crate::elf::{self, STB_GNU_UNIQUE, STB_LOCAL, Sym};
use crate::hash::Name;
use crate::input::Object;
use crate::versions::Answer;
use crate::world::{Id, Loaded, Place, Table, World};
use alloc::vec::Vec;

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
    /// Whether there is one definition in the whole process: STB_GNU_UNIQUE.
    pub is_unique: bool,
    /// Whether it has the version that was asked for. Only the table answers without.
    pub is_exact: bool,
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
            is_unique: symbol.binding() == STB_GNU_UNIQUE,
            is_exact: true,
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
                let served = self.table.find(name, version, for_musl)?;
                let value = if usage == Use::Copy { served.address } else { self.redirect(served.address) };
                let kind = if served.is_object { elf::STT_OBJECT } else { elf::STT_FUNC };
                Some(Definition {
                    place,
                    kind,
                    value,
                    size: served.size,
                    is_unique: false,
                    is_exact: served.is_exact,
                })
            }
            Place::Object(id) => {
                if usage == Use::Copy && id == 0 {
                    return None;
                }
                let loaded = self.get(id)?;
                if !loaded.object.hash.may_hold(name) {
                    return None;
                }
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
        let own = [Place::Object(id)];
        let find = |part: &[Place]| {
            part.iter().find_map(|place| self.lookup_in(*place, &name, version, usage, loaded.is_musl))
        };
        let found = self.scopes(loaded, &own).into_iter().find_map(find)?;
        if found.is_unique && usage != Use::Copy {
            return Some(self.first_unique(&name, version, usage).unwrap_or(found));
        }
        Some(found)
    }

    /// Where references of the object `id` are looked up, in order.
    pub fn scope_of(&self, id: Id) -> Vec<Place> {
        let own = [Place::Object(id)];
        self.get(id).map_or(Vec::new(), |loaded| self.scopes(loaded, &own).concat())
    }

    /// The parts of an object's scope. `own` is the object itself.
    fn scopes<'s>(&'s self, loaded: &'s Loaded<'_>, own: &'s [Place]) -> [&'s [Place]; 4] {
        let is_symbolic = loaded.object.flags & elf::DF_SYMBOLIC != 0;
        let group = loaded.group.as_slice();
        [
            if is_symbolic { own } else { &[] },
            if loaded.is_deep { group } else { &[] },
            &self.global,
            if loaded.is_deep { &[] } else { group },
        ]
    }

    /// An object and all that it needs, breadth first: the scope of its handle.
    pub fn group_of(&self, root: Place) -> Vec<Place> {
        let mut scope = Vec::from([root]);
        let mut next = 0;
        while let Some(place) = scope.get(next).copied() {
            next += 1;
            let Place::Object(id) = place else { continue };
            for need in self.get(id).map_or(&[][..], |loaded| &loaded.needs) {
                if !scope.contains(need) {
                    scope.push(*need);
                }
            }
        }
        scope
    }

    /// What comes after the object `id` in the scope that it belongs to: RTLD_NEXT.
    pub fn scope_after(&self, id: Id) -> Vec<Place> {
        let after = |scope: &[Place]| {
            let at = scope.iter().position(|place| *place == Place::Object(id))?;
            Some(scope[at + 1..].to_vec())
        };
        let group = self.get(id).map_or(&[][..], |loaded| &loaded.group);
        after(&self.global).or_else(|| after(group)).unwrap_or_default()
    }

    /// A unique symbol's one definition: that of the object which was loaded first, whatever scope it is in.
    fn first_unique(&self, name: &Name<'_>, version: Option<&[u8]>, usage: Use) -> Option<Definition> {
        let mut first: Option<(u64, Definition)> = None;
        for (id, loaded) in self.iter().filter(|(_, loaded)| !loaded.removed) {
            if first.as_ref().is_some_and(|(sequence, _)| *sequence < loaded.sequence) {
                continue;
            }
            if let Some(found) = self.lookup_in(Place::Object(id), name, version, usage, false)
                && found.is_unique
            {
                first = Some((loaded.sequence, found));
            }
        }
        first.map(|(_, found)| found)
    }
}
