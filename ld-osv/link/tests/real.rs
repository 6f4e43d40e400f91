//! The planner over programs of the machine, compared with what their section headers say: section headers play no
//! part in linking, so that reading them is a second opinion.

mod common;

use common::{Host, NoTable, program, search};
use osv_link::elf::{self, Sym, u16_at, u32_at, u64_at};
use osv_link::hash::{Hash, Name};
use osv_link::image::Image;
use osv_link::input::Object;
use osv_link::reloc::{Undefined, Write};
use osv_link::resolve::Use;
use osv_link::world::{Files, Place, World};
use std::collections::{BTreeMap, BTreeSet};

const PROGRAMS: [&str; 3] = ["memcached", "lua5.4", "sqlite3"];

/// The contents of a section and of the section that its `sh_link` names.
fn section(file: &[u8], kind: u32) -> Option<(&[u8], &[u8])> {
    let (table, count) = (u64_at(file, 40)? as usize, usize::from(u16_at(file, 60)?));
    let bytes = |index: usize| {
        let at = table + index * 64;
        let (from, len) = (u64_at(file, at + 24)? as usize, u64_at(file, at + 32)? as usize);
        file.get(from..from + len)
    };
    let index = (0..count).find(|index| u32_at(file, table + index * 64 + 4) == Some(kind))?;
    Some((bytes(index)?, bytes(u32_at(file, table + index * 64 + 40)? as usize)?))
}

const SHT_DYNAMIC: u32 = 6;
const SHT_DYNSYM: u32 = 11;
const SHT_VERDEF: u32 = 0x6fff_fffd;
const SHT_VERNEED: u32 = 0x6fff_fffe;
const SHT_VERSYM: u32 = 0x6fff_ffff;

fn text(strings: &[u8], at: u32) -> &[u8] {
    elf::str_at(strings, at as usize).expect("a name")
}

fn needed(file: &[u8]) -> Vec<&[u8]> {
    let (dynamic, strings) = section(file, SHT_DYNAMIC).expect("a dynamic section");
    let entries =
        dynamic.chunks_exact(16).map(|entry| (u64_at(entry, 0).unwrap(), u64_at(entry, 8).unwrap()));
    entries
        .take_while(|(tag, _)| *tag != 0)
        .filter(|(tag, _)| *tag == 1)
        .map(|(_, at)| text(strings, at as u32))
        .collect()
}

/// Symbols with their names, by index.
fn symbols(file: &[u8]) -> Vec<(Sym, &[u8])> {
    let (table, strings) = section(file, SHT_DYNSYM).expect("dynamic symbols");
    let count = (table.len() / Sym::SIZE) as u32;
    (0..count)
        .map(|index| Sym::read(table, index).unwrap())
        .map(|symbol| (symbol, text(strings, symbol.name)))
        .collect()
}

/// Version names by index, with the file that is to define them for needed ones.
fn versions(file: &[u8]) -> BTreeMap<u16, (&[u8], Option<&[u8]>)> {
    let mut found = BTreeMap::new();
    if let Some((table, strings)) = section(file, SHT_VERDEF) {
        let mut at = 0;
        loop {
            let aux = at + u32_at(table, at + 12).unwrap() as usize;
            let name = text(strings, u32_at(table, aux).unwrap());
            found.insert(u16_at(table, at + 4).unwrap(), (name, None));
            match u32_at(table, at + 16).unwrap() {
                0 => break,
                step => at += step as usize,
            }
        }
    }
    if let Some((table, strings)) = section(file, SHT_VERNEED) {
        let mut at = 0;
        loop {
            let library = text(strings, u32_at(table, at + 4).unwrap());
            let mut aux = at + u32_at(table, at + 8).unwrap() as usize;
            for _ in 0..u16_at(table, at + 2).unwrap() {
                let name = text(strings, u32_at(table, aux + 8).unwrap());
                found.insert(u16_at(table, aux + 6).unwrap(), (name, Some(library)));
                aux += u32_at(table, aux + 12).unwrap() as usize;
            }
            match u32_at(table, at + 12).unwrap() {
                0 => break,
                step => at += step as usize,
            }
        }
    }
    found
}

fn versym(file: &[u8], index: usize) -> u16 {
    section(file, SHT_VERSYM).and_then(|(table, _)| u16_at(table, index * 2)).unwrap_or(1)
}

/// A world with a program and all it needs, each object at a base of its own.
fn load(name: &str) -> (World<'static, NoTable>, osv_link::plan::Plan) {
    let mut files = Host::default();
    let path = format!("/usr/bin/{name}");
    drop(program(name));
    let file = files.open(path.as_bytes()).unwrap().expect("the program");
    let mut world = World::new(NoTable, search());
    world.add_file(file, path.as_bytes(), b"/usr/bin", None).unwrap();
    let plan = world.plan_program(&[], &mut files).unwrap();
    assert_eq!(files.open, world.objects.len(), "one open file per object");
    for id in 0..world.objects.len() {
        world.get_mut(id).unwrap().base = (id as u64 + 1) << 32;
    }
    (world, plan)
}

fn bytes(world: &World<'static, NoTable>, id: usize) -> &'static [u8] {
    world.get(id).unwrap().file.unwrap().bytes
}

#[test]
fn needs_are_loaded_breadth_first_and_started_after_their_own() {
    for name in PROGRAMS {
        let (world, plan) = load(name);
        let mut expected: Vec<Vec<u8>> = Vec::from([name.as_bytes().to_vec()]);
        let mut next = 0;
        while next < expected.len() {
            let file = if next == 0 {
                program(name)
            } else {
                common::library(std::str::from_utf8(&expected[next]).unwrap())
            };
            for need in needed(&file) {
                if !expected.iter().any(|known| known == need) {
                    expected.push(need.to_vec());
                }
            }
            next += 1;
        }
        let ids: Vec<usize> = plan
            .scope
            .iter()
            .filter_map(|place| if let Place::Object(id) = place { Some(*id) } else { None })
            .collect();
        let found: Vec<Vec<u8>> = ids
            .iter()
            .map(|id| world.get(*id).unwrap().path.rsplit(|byte| *byte == b'/').next().unwrap().to_vec())
            .collect();
        assert_eq!(found, expected, "{name}");
        assert_eq!(plan.scope.last(), Some(&Place::Table), "{name}");
        assert!(found.len() >= 5, "{name} needs libraries: {found:?}");

        assert_eq!(BTreeSet::from_iter(plan.order.iter()), BTreeSet::from_iter(ids.iter()), "{name}");
        let rank = |id: &usize| plan.order.iter().position(|other| other == id).unwrap();
        for id in &ids {
            for need in &world.get(*id).unwrap().needs {
                let Place::Object(need) = need else { continue };
                assert!(rank(need) < rank(id), "{name}: {need} starts before {id}");
            }
        }
    }
}

#[test]
fn references_bind_to_the_version_they_ask_for() {
    let mut versioned = 0;
    for name in PROGRAMS {
        let (world, plan) = load(name);
        for id in 0..world.objects.len() {
            let file = bytes(&world, id);
            let names = versions(file);
            let object = &world.get(id).unwrap().object;
            for (index, (symbol, symbol_name)) in symbols(file).into_iter().enumerate().skip(1) {
                let raw = versym(file, index);
                if symbol.is_defined() || raw & 0x7fff < 2 {
                    continue;
                }
                let (version, library) = names[&(raw & 0x7fff)];
                let wanted = object.versions.wanted(index as u32).expect("a version");
                assert_eq!((wanted.name, Some(wanted.file)), (version, library));
                // First in the scope with that name and version, or with that name and no versions at all.
                let expected = plan.scope.iter().find_map(|place| {
                    let Place::Object(owner) = *place else { return None };
                    let file = bytes(&world, owner);
                    let names = versions(file);
                    symbols(file).iter().enumerate().find_map(|(index, (symbol, name))| {
                        let raw = versym(file, index);
                        let fits = match names.get(&(raw & 0x7fff)) {
                            Some((found, None)) if raw & 0x7fff > 1 => *found == version,
                            _ => raw & 0x8000 == 0,
                        };
                        (symbol.is_defined() && symbol.binding() != elf::STB_LOCAL && *name == symbol_name)
                            .then_some(())?;
                        fits.then_some((owner, symbol.value))
                    })
                });
                let found = world.resolve(id, index as u32, Use::Call).map(|found| {
                    let Place::Object(owner) = found.place else { panic!("there is no table") };
                    let is_offset = found.kind == elf::STT_TLS;
                    (owner, found.value - if is_offset { 0 } else { world.get(owner).unwrap().base })
                });
                assert_eq!(found, expected, "{name}: {}", String::from_utf8_lossy(symbol_name));
                versioned += usize::from(found.is_some());
            }
            if id > 3 {
                break; // The large ones: comparing takes a scan per symbol.
            }
        }
    }
    assert!(versioned > 300, "only {versioned} references had a version");
}

#[test]
fn one_name_with_two_versions_has_two_definitions() {
    let file = common::library("libc.so.6");
    let image = Image::of_file(&file).unwrap();
    let object = Object::of(&image).unwrap();
    let look = |version| object.lookup(&Name::new(b"memcpy"), version, Use::Call).map(|symbol| symbol.value);
    let (old, new) = (look(Some(b"GLIBC_2.2.5")).unwrap(), look(Some(b"GLIBC_2.14")).unwrap());
    assert_ne!(old, new);
    assert_eq!(look(None), Some(new), "a reference without a version gets the default one");
    assert_eq!(look(Some(b"GLIBC_2.15")), None);
}

#[test]
fn both_hash_tables_find_what_a_scan_finds() {
    let libraries =
        ["libc.so.6", "libm.so.6", "libevent-2.1.so.7", "libssl.so.3", "libsqlite3.so.0", "libtinfo.so.6"];
    let mut tables = [0, 0];
    for library in libraries {
        let file = common::library(library);
        let image = Image::of_file(&file).unwrap();
        let phdr = image.find(elf::PT_DYNAMIC).unwrap();
        let dynamic = image.at(phdr.vaddr, phdr.filesz).unwrap();
        let tag = |tag| {
            let entry = dynamic.chunks_exact(16).find(|entry| u64_at(entry, 0) == Some(tag))?;
            u64_at(entry, 8)
        };
        let symbols = symbols(&file);
        let mut by_name: BTreeMap<&[u8], BTreeSet<u32>> = BTreeMap::new();
        let mut defined: BTreeMap<&[u8], BTreeSet<u32>> = BTreeMap::new();
        for (index, (symbol, name)) in symbols.iter().enumerate().skip(1) {
            by_name.entry(name).or_default().insert(index as u32);
            if symbol.is_defined() && symbol.binding() != elf::STB_LOCAL {
                defined.entry(name).or_default().insert(index as u32);
            }
        }
        let gnu = tag(elf::dt::GNU_HASH).map(|at| (Hash::of(&image, Some(at), None).unwrap(), &defined));
        let sysv = tag(elf::dt::HASH).map(|at| (Hash::of(&image, None, Some(at)).unwrap(), &by_name));
        for (index, (hash, expected)) in
            [gnu, sysv].into_iter().enumerate().filter_map(|(i, h)| Some((i, h?)))
        {
            tables[index] += 1;
            assert_eq!(hash.symbol_count() as usize, symbols.len(), "{library}");
            for (name, indices) in expected {
                let found: BTreeSet<u32> = hash
                    .candidates(&Name::new(name))
                    .filter(|index| symbols[*index as usize].1 == *name)
                    .collect();
                assert_eq!(found, *indices, "{library}: {}", String::from_utf8_lossy(name));
                let other = [name, &b"_not_there"[..]].concat();
                let stranger = hash
                    .candidates(&Name::new(&other))
                    .any(|index| symbols[index as usize].1 == other.as_slice());
                assert!(!stranger, "{library}");
            }
        }
    }
    assert!(tables[0] >= 6 && tables[1] >= 2, "{tables:?} GNU and System V tables met");
}

#[test]
fn programs_relocate_completely_and_inside_their_segments() {
    for name in PROGRAMS {
        let (mut world, plan) = load(name);
        world.find_copies().unwrap();
        let mut writes = 0;
        for id in plan.new {
            let loaded = world.get(id).unwrap();
            let mut missing = |undefined: Undefined<'_>| Err(undefined.error());
            world
                .relocate(id, &mut missing, |write| {
                    writes += 1;
                    let (at, len) = match write {
                        Write::Word { at, .. } | Write::AddBase { at } | Write::Resolver { at, .. } => {
                            (at, 8)
                        }
                        Write::Copy { at, len, .. } => (at, len),
                        Write::TlsDescriptor { at, .. } => (at, 16),
                    };
                    let span = osv_link::input::Span { vaddr: at - loaded.base, len };
                    assert!(loaded.object.contains(span), "{name}: {span:x?}");
                    Ok(())
                })
                .unwrap_or_else(|error| panic!("{name}: {}: {error}", loaded.display()));
        }
        assert!(writes > 1000, "{name}: {writes} writes");
    }
}
