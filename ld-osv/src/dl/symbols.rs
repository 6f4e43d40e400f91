//! From names to addresses and back: what dlsym, dladdr and dlinfo say.

use super::maps::LinkMap;
use super::{State, index, with};
use crate::commit::pointer;
use crate::start::ARGUMENTS;
use crate::tls;
use alloc::format;
use alloc::string::String;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{null, null_mut};
use osv_link::elf::{self, Sym};
use osv_link::hash::Name;
use osv_link::resolve::{Definition, Use};
use osv_link::world::{Loaded, Place};

/// RTLD_DEFAULT.
const DEFAULT: usize = 0;
/// RTLD_NEXT.
const NEXT: usize = usize::MAX;

/// The program's name, which stands for it in messages and dladdr.
pub fn program_name() -> *const c_char {
    // SAFETY: written once at start-up; argv ends with a null pointer.
    unsafe {
        let (_, argv, _) = (&raw const ARGUMENTS).read();
        let first = pointer::<*const c_char>(argv as u64).read();
        if first.is_null() { c"<main program>".as_ptr() } else { first }
    }
}

/// An object's name for messages.
fn title(map: &LinkMap) -> String {
    if map.place == Some(Place::Object(0)) {
        // SAFETY: a string.
        return String::from_utf8_lossy(unsafe { CStr::from_ptr(program_name()) }.to_bytes()).into_owned();
    }
    String::from_utf8_lossy(map.path()).into_owned()
}

/// What a lookup found, as an address for the calling thread; runs a resolver if need be. `Err` is dlerror's text.
pub fn find(handle: usize, name: &[u8], version: Option<&[u8]>, caller: u64) -> Result<*mut c_void, String> {
    let (found, module) = with(|state| {
        let found = state.lookup_for(handle, name, version, caller)?;
        if handle == DEFAULT {
            state.hold_found(&found, caller);
        }
        let module = match found.place {
            Place::Object(owner) => state.get(owner).and_then(|loaded| loaded.tls),
            Place::Table => None,
        };
        Ok::<_, String>((found, module.map_or(0, |module| module.number)))
    })?;
    Ok(match found.kind {
        elf::STT_GNU_IFUNC => {
            // SAFETY: a resolver of a linked object.
            unsafe {
                let resolver: extern "C" fn() -> *mut c_void =
                    core::mem::transmute(pointer::<()>(found.value));
                resolver()
            }
        }
        // SAFETY: a module of a loaded object.
        elf::STT_TLS => unsafe { tls::get_addr(&tls::Index::new(module, found.value as usize)) }.cast(),
        _ => pointer(found.value),
    })
}

impl State {
    /// The table's name for what begins at `address`, as a C string that stays.
    fn table_name(&mut self, address: u64) -> Option<*const c_char> {
        let name = self.world.table.name_of(address)?;
        let text = self.table_names.entry(name).or_insert_with(|| [name.as_bytes(), b"\0"].concat().into());
        Some(text.as_ptr().cast())
    }

    /// Who finds a symbol in another library's by RTLD_DEFAULT holds that library, as if a relocation were bound to it.
    fn hold_found(&mut self, found: &Definition, caller: u64) {
        if let (Place::Object(owner), Some(asker)) = (found.place, self.world.holding(caller))
            && owner != asker
            && let Some(asker) = self.world.get_mut(asker)
            && !asker.binds.contains(&owner)
        {
            asker.binds.push(owner);
        }
    }

    fn lookup_for(
        &self,
        handle: usize,
        bytes: &[u8],
        version: Option<&[u8]>,
        caller: u64,
    ) -> Result<Definition, String> {
        let asker = self.world.holding(caller);
        let for_musl = self.get(asker.unwrap_or(0)).is_some_and(|loaded| loaded.is_musl);
        let main = || asker.map_or(Place::Object(0), Place::Object);
        let (scope, named) = match handle {
            DEFAULT => (self.scope_of(asker.unwrap_or(0)), main()),
            NEXT => {
                let asker = asker.ok_or("RTLD_NEXT used in code not dynamically loaded")?;
                (self.scope_after(asker), main())
            }
            handle => match self.maps.by_handle(handle).and_then(|map| map.place) {
                Some(Place::Object(0)) => (self.global.clone(), Place::Object(0)),
                Some(place) => (self.group_of(place), place),
                None => return Err("invalid handle".into()),
            },
        };
        let found = self.lookup(scope, &Name::new(bytes), version, Use::Call, for_musl);
        if let Some(found) = found.filter(|found| found.is_exact) {
            return Ok(found);
        }
        let object = self.maps.iter().find(|map| map.place == Some(named)).map_or_else(String::new, title);
        let mut text = format!("{object}: undefined symbol: {}", String::from_utf8_lossy(bytes));
        if let Some(version) = version {
            text.push_str(&format!(", version {}", String::from_utf8_lossy(version)));
        }
        Err(text)
    }
}

/// `Dl_info`.
#[repr(C)]
#[derive(Debug)]
pub struct Info {
    /// The object's name.
    pub file: *const c_char,
    base: *mut c_void,
    name: *const c_char,
    address: *mut c_void,
}

/// What lies at an address.
#[derive(Debug)]
pub struct Located {
    /// As dladdr says it.
    pub info: Info,
    /// The object's map.
    pub map: *const LinkMap,
    /// Its load bias.
    pub bias: u64,
    /// Its symbol table's entry.
    pub symbol: *const c_void,
}

impl Located {
    /// The symbol's name and address, if there is one.
    pub fn symbol(&self) -> Option<(*const c_char, u64)> {
        (!self.info.name.is_null()).then_some((self.info.name, self.info.address.addr() as u64))
    }
}

/// Finds object and symbol at `address`.
pub fn locate(address: u64) -> Option<Located> {
    let reader = index::read();
    let entry = *reader.find(address)?;
    // SAFETY: the map of an indexed object lives while the reader does.
    let map = unsafe { &*entry.map };
    let file = if map.place == Some(Place::Object(0)) { program_name() } else { map.name() };
    let mut located = Located {
        info: Info { file, base: pointer(entry.start), name: null(), address: null_mut() },
        map,
        bias: entry.info.base,
        symbol: null(),
    };
    match map.place {
        Some(Place::Object(id)) => with(|state| {
            if let Some(loaded) = state.get(id)
                && let Some((name, symbol, at)) = nearest(loaded, address)
            {
                located.info.name = name;
                located.info.address = pointer(at);
                located.symbol = symbol;
            }
        }),
        Some(Place::Table) => {
            // The table knows where functions begin, not where they end: unwind tables know that.
            let begin = crate::unwind::function_at(&entry, address).unwrap_or(address);
            if let Some(name) = with(|state| state.table_name(begin)) {
                located.info.name = name;
                located.info.address = pointer(begin);
            }
        }
        None => {}
    }
    Some(located)
}

/// The symbol of `loaded` that holds `address`: name, table entry, address.
fn nearest(loaded: &Loaded<'_>, address: u64) -> Option<(*const c_char, *const c_void, u64)> {
    let object = &loaded.object;
    let at = address.wrapping_sub(loaded.base);
    let mut best: Option<(u32, Sym)> = None;
    for index in 1..object.hash.symbol_count() {
        let Some(symbol) = Sym::read(object.symbols, index) else { break };
        let holds =
            if symbol.size == 0 { at == symbol.value } else { at.wrapping_sub(symbol.value) < symbol.size };
        let fits = symbol.is_defined() && symbol.kind() != elf::STT_TLS && symbol.shndx != elf::SHN_ABS;
        if holds && fits && best.is_none_or(|(_, best)| best.value < symbol.value) {
            best = Some((index, symbol));
        }
    }
    let (index, symbol) = best?;
    let name = object.symbol_name(&symbol)?;
    let entry = object.symbols.get(index as usize * Sym::SIZE..)?;
    Some((name.as_ptr().cast(), entry.as_ptr().cast(), loaded.base.wrapping_add(symbol.value)))
}

/// Answers dlinfo. `Err` is dlerror's text.
///
/// # Safety
/// `info` leads to what the request demands.
pub unsafe fn inform(handle: usize, request: c_int, info: *mut c_void) -> Result<c_int, &'static str> {
    const LMID: c_int = 1;
    const LINKMAP: c_int = 2;
    const ORIGIN: c_int = 6;
    const TLS_MODID: c_int = 9;
    const TLS_DATA: c_int = 10;
    const PHDR: c_int = 11;
    let (origin, module, phdrs) = with(|state| {
        let place = state.maps.by_handle(handle)?.place?;
        Some(match place {
            Place::Object(id) => {
                let loaded = state.get(id)?;
                let at = loaded.object.phdrs_at().map_or(0, |at| loaded.base.wrapping_add(at));
                let module = loaded.tls.map_or(0, |module| module.number);
                (loaded.origin.clone(), module, (at, loaded.object.phdrs.len()))
            }
            Place::Table => (b"/".to_vec(), 0, (0, 0)),
        })
    })
    .ok_or("invalid handle")?;
    // SAFETY: the caller's promise.
    unsafe {
        match request {
            LMID => info.cast::<isize>().write(0),
            LINKMAP => info.cast::<usize>().write(handle),
            ORIGIN => {
                info.cast::<u8>().copy_from(origin.as_ptr(), origin.len());
                info.cast::<u8>().add(origin.len()).write(0);
            }
            TLS_MODID => info.cast::<usize>().write(module),
            TLS_DATA => info.cast::<*mut u8>().write(tls::block_if_any(module)),
            PHDR => {
                info.cast::<u64>().write(phdrs.0);
                return Ok(phdrs.1 as c_int);
            }
            _ => return Err("unsupported dlinfo request"),
        }
    }
    Ok(0)
}
