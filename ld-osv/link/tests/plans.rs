//! Plans written out, phase by phase, beside what the rules of the ELF ABI and of glibc's ld.so make of the same input
//! by hand.

mod common;

use common::NoTable;
use common::library::{DATA, Library, Relocation, Symbol};
use common::shelf::{Shelf, world};
use osv_link::elf::{self, Phdr, r};
use osv_link::image::Image;
use osv_link::layout::{Layout, Mapping};
use osv_link::reloc::{Held, TlsTarget, Undefined, Write};
use osv_link::world::{Id, Place, World};

fn name(world: &World<'static, NoTable>, id: Id) -> String {
    let soname = world.get(id).and_then(|loaded| loaded.object.soname).unwrap_or(b"gone");
    String::from_utf8_lossy(soname).into_owned()
}

fn names(world: &World<'static, NoTable>, ids: impl IntoIterator<Item = Id>) -> String {
    ids.into_iter().map(|id| name(world, id)).collect::<Vec<_>>().join(" ")
}

fn scope(world: &World<'static, NoTable>, scope: &[Place]) -> String {
    let name = |place: &Place| match place {
        Place::Object(id) => name(world, *id),
        Place::Table => "libc".into(),
    };
    scope.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn plain<'l>(soname: &'l str, needed: &'l [&'l str]) -> Library<'l> {
    Library { soname, needed, ..Default::default() }
}

#[test]
fn needs_come_breadth_first_and_start_after_their_own() {
    let mut shelf = Shelf::with(&[
        plain("a", &["c"]),
        plain("b", &["c", "d"]),
        plain("c", &[]),
        plain("d", &["e"]),
        plain("e", &["b"]),
    ]);
    let mut world = world(&["a", "b"], &mut shelf);
    assert_eq!(names(&world, world.in_order()), "program a b c d e");
    assert_eq!(scope(&world, &world.global), "program a b c d e libc");
    // From the last of the scope: e asks for b, b for c and d; d asks for e, which is on its way.
    assert_eq!(names(&world, world.start_order(&world.global)), "c d b e a program");
    for loaded in world.objects.iter_mut().flatten() {
        loaded.started = true;
    }
    assert_eq!(names(&world, world.finish_order()), "program a e b d c");
}

#[test]
fn a_library_marked_so_starts_before_all_others() {
    const DF_1_INITFIRST: u64 = 0x20;
    let first = Library { soname: "a", flags_1: DF_1_INITFIRST, needed: &["b"], ..Default::default() };
    let mut shelf = Shelf::with(&[first, plain("b", &[])]);
    let world = world(&["a", "b"], &mut shelf);
    assert_eq!(names(&world, world.start_order(&world.global)), "a b program");
}

#[test]
fn a_library_opened_later_brings_only_what_is_new() {
    let mut shelf = Shelf::with(&[plain("a", &[]), plain("b", &["a", "c"]), plain("c", &[])]);
    let mut world = world(&["a"], &mut shelf);
    let (root, plan) = world.plan_library(b"b", Some(0), &mut shelf).expect("a plan");
    assert_eq!(scope(&world, &[root]), "b");
    assert_eq!(names(&world, plan.new.clone()), "b c");
    assert_eq!(scope(&world, &plan.scope), "b a c");
    assert_eq!(scope(&world, &world.get(plan.new[1]).expect("c").group), "b a c");
    assert_eq!(scope(&world, &world.global), "program a libc");
}

#[test]
fn paths_are_searched_in_their_order() {
    let libraries = [
        Library {
            soname: "a",
            runpath: Some("$ORIGIN/run:/elsewhere"),
            needed: &["x"],
            ..Default::default()
        },
        Library { soname: "b", rpath: Some("/old"), needed: &["c"], ..Default::default() },
        plain("c", &["y"]),
    ];
    let mut shelf = Shelf::with(&libraries);
    shelf.put("/lib/run/x", &plain("x", &[]));
    shelf.put("/library/x", &plain("x", &[]));
    shelf.put("/old/y", &plain("y", &[]));
    shelf.put("/library/y", &plain("y", &[]));
    let mut world = world(&[], &mut shelf);
    let path = |world: &World<'static, NoTable>, name: &[u8]| {
        world.by_name(name).and_then(|id| world.get(id)).map(|loaded| loaded.display())
    };
    world.plan_library(b"a", Some(0), &mut shelf).expect("a plan");
    assert_eq!(path(&world, b"x").as_deref(), Some("/lib/run/x"), "without LD_LIBRARY_PATH: RUNPATH");
    // RPATH counts for what its owner's needs need, and before LD_LIBRARY_PATH.
    world.search.library_path = vec![b"/library".to_vec()];
    world.plan_library(b"b", Some(0), &mut shelf).expect("a plan");
    assert_eq!(path(&world, b"y").as_deref(), Some("/old/y"));
}

#[test]
fn the_environments_folders_come_before_runpath() {
    let mut shelf =
        Shelf::with(&[Library { soname: "a", runpath: Some("/run"), needed: &["x"], ..Default::default() }]);
    shelf.put("/run/x", &plain("x", &[]));
    shelf.put("/library/x", &plain("x", &[]));
    let mut world = world(&[], &mut shelf);
    world.search.library_path = vec![b"/library".to_vec()];
    world.plan_library(b"a", Some(0), &mut shelf).expect("a plan");
    let x = world.by_name(b"x").and_then(|id| world.get(id)).expect("x");
    assert_eq!(x.display(), "/library/x");
}

fn load(flags: u32, offset: u64, vaddr: u64, filesz: u64, memsz: u64) -> Phdr {
    Phdr { kind: elf::PT_LOAD, flags, offset, vaddr, filesz, memsz, align: 0x1000 }
}

#[test]
fn segments_become_mappings_with_zeroes_behind() {
    let phdrs = vec![
        load(4, 0, 0, 0x5f0, 0x5f0),
        load(5, 0x1000, 0x1000, 0x1001, 0x1001),
        load(6, 0x2db8, 0x3db8, 0x258, 0x2260),
        load(6, 0x3010, 0x7010, 0, 0x10),
    ];
    let image = Image { kind: elf::ET_DYN, entry: 0, phoff: 64, phdrs, segments: vec![] };
    let mapping = |vaddr, file_len, file_offset, end, clear, flags| Mapping {
        vaddr,
        file_len,
        file_offset,
        end,
        clear,
        flags,
    };
    let layout = Layout::of(&image).expect("a layout");
    assert_eq!((layout.start, layout.len, layout.fixed), (0, 0x8000, false));
    assert_eq!(
        layout.mappings,
        [
            mapping(0, 0x1000, 0, 0x1000, (0, 0), 4),
            mapping(0x1000, 0x2000, 0x1000, 0x3000, (0, 0), 5),
            // The file ends at 0x4010: the rest of its last page is cleared, two pages of zeroes follow.
            mapping(0x3000, 0x2000, 0x2000, 0x7000, (0x4010, 0x5000), 6),
            mapping(0x7000, 0, 0x3000, 0x8000, (0, 0), 6),
        ]
    );
}

const GLOBAL_FUNC: u8 = 0x12;
const GLOBAL_OBJECT: u8 = 0x11;
const GLOBAL_TLS: u8 = 0x16;
const WEAK_FUNC: u8 = 0x22;
const UNIQUE: u8 = 0xa1;
const IFUNC: u8 = 0x1a;

/// Opens `library` beside a program that needs `needed`, and writes down what relocating it comes to: offset in its
/// data, and what is stored; addresses as owner and offset in its data.
fn writes(needed: &[Library<'_>], library: &Library<'_>, at_start: bool) -> (Vec<String>, Held) {
    let mut all = needed.to_vec();
    all.push(*library);
    let mut shelf = Shelf::with(&all);
    let mut wanted: Vec<&str> = needed.iter().map(|library| library.soname).collect();
    if at_start {
        wanted.push(library.soname);
    }
    let mut world = world(&wanted, &mut shelf);
    if !at_start {
        world.plan_library(library.soname.as_bytes(), Some(0), &mut shelf).expect("a plan");
    }
    for (at, loaded) in world.objects.iter_mut().flatten().enumerate() {
        loaded.base = 0x10000 * at as u64;
    }
    let id = world.by_name(library.soname.as_bytes()).expect("it is loaded");
    let known: Vec<(u64, &str)> = all
        .iter()
        .map(|library| {
            let id = world.by_name(library.soname.as_bytes()).expect("it is loaded");
            (world.get(id).expect("loaded").base + library.data(), library.soname)
        })
        .collect();
    let place = |address: u64| {
        let found = known.iter().find(|(data, _)| address.wrapping_sub(*data) < DATA);
        found.map_or_else(|| format!("{address:#x}"), |(data, name)| format!("{name}+{}", address - data))
    };
    let (mut told, mut missing) = (Vec::new(), Vec::new());
    let held = world.relocate(
        id,
        &mut |undefined: Undefined<'_>| {
            missing.push(format!("missing {}", String::from_utf8_lossy(undefined.name)));
            Ok(0xbad)
        },
        |write| {
            told.push(match write {
                Write::Word { at, value } => format!("{} = {}", place(at), place(value)),
                Write::AddBase { at } => format!("{} += base", place(at)),
                Write::Resolver { at, resolver, addend } => {
                    format!("{} = call {} + {addend}", place(at), place(resolver))
                }
                Write::Copy { at, from, len } => format!("{} = {len} bytes of {}", place(at), place(from)),
                Write::TlsDescriptor { at, target } => match target {
                    TlsTarget::Static(offset) => format!("{} = tp {}", place(at), offset as i64),
                    TlsTarget::Dynamic { module, offset } => {
                        format!("{} = module {module} + {offset}", place(at))
                    }
                    TlsTarget::Undefined(addend) => format!("{} = null + {addend}", place(at)),
                },
            });
            Ok(())
        },
    );
    told.extend(missing);
    (told, held.expect("it relocates"))
}

#[test]
fn relocations_of_every_kind() {
    let libc = Library {
        soname: "base",
        symbols: &[("function", GLOBAL_FUNC, 1, 16, 8), ("datum", GLOBAL_OBJECT, 1, 32, 24)],
        ..Default::default()
    };
    let symbols: &[Symbol<'_>] = &[
        ("function", GLOBAL_FUNC, 0, 0, 0),
        ("datum", GLOBAL_OBJECT, 0, 0, 0),
        ("own", GLOBAL_FUNC, 1, 48, 8),
        ("absent", WEAK_FUNC, 0, 0, 0),
        ("gone", GLOBAL_FUNC, 0, 0, 0),
        ("chosen", IFUNC, 1, 56, 8),
    ];
    let relocations: &[Relocation] = &[
        (0, r::RELATIVE, 0, 0x123),
        (8, r::JUMP_SLOT, 1, 99),
        (16, r::GLOB_DAT, 2, 0),
        (24, r::ABS64, 2, 8),
        (32, r::SIZE64, 2, 1),
        (40, r::GLOB_DAT, 3, 0),
        (48, r::GLOB_DAT, 4, 0),
        (56, r::ABS64, 4, 5),
        (64, r::JUMP_SLOT, 5, 0),
        (72, r::IRELATIVE, 0, 0x77),
        (80, r::GLOB_DAT, 6, 0),
        (88, r::NONE, 0, 0),
    ];
    let library = Library { soname: "lib", symbols, relocations, ..Default::default() };
    let (told, held) = writes(&[libc], &library, true);
    assert_eq!(
        told,
        [
            "lib+0 = 0x20123",
            "lib+8 = base+16",
            "lib+16 = base+32",
            "lib+24 = base+40",
            "lib+32 = 0x19",
            "lib+40 = lib+48",
            "lib+48 = 0x0",
            "lib+56 = 0x5",
            "lib+64 = 0xbad",
            "lib+72 = call 0x20077 + 0",
            "lib+80 = call lib+56 + 0",
            "missing gone",
        ]
    );
    assert_eq!(held, Held::default(), "what starts with the program is never unloaded");
}

#[test]
fn thread_local_relocations_at_start_and_later() {
    let symbols: &[Symbol<'_>] = &[("variable", GLOBAL_TLS, 1, 8, 8), ("absent", 0x26, 0, 0, 0)];
    let relocations: &[Relocation] = &[
        (0, r::DTPMOD64, 1, 0),
        (8, r::DTPOFF64, 1, 2),
        (16, r::TLSDESC, 1, 4),
        (32, r::TLSDESC, 2, 3),
        (48, r::DTPMOD64, 0, 0),
    ];
    let library = Library { soname: "lib", tls: 32, symbols, relocations, ..Default::default() };
    // The only module at start: its block of 32 bytes ends at the thread pointer.
    let at_start = ["lib+0 = 0x1", "lib+8 = 0xa", "lib+16 = tp -20", "lib+32 = null + 3", "lib+48 = 0x1"];
    assert_eq!(writes(&[], &library, true).0, at_start);
    let later = ["lib+0 = 0x1", "lib+8 = 0xa", "lib+16 = module 1 + 12", "lib+32 = null + 3", "lib+48 = 0x1"];
    assert_eq!(writes(&[], &library, false).0, later);
    const DF_STATIC_TLS: u64 = 0x10;
    let initial = Library { flags: DF_STATIC_TLS, relocations: &[(0, r::TPOFF64, 1, 0)], ..library };
    assert_eq!(writes(&[], &initial, false).0, [format!("lib+0 = {:#x}", (-24i64) as u64)]);
}

#[test]
fn the_scope_decides_who_answers() {
    let defines =
        |soname| Library { soname, symbols: &[("name", GLOBAL_FUNC, 1, 0, 8)], ..Default::default() };
    let relocations: &[Relocation] = &[(64, r::GLOB_DAT, 1, 0)];
    let library = Library { relocations, ..defines("lib") };
    assert_eq!(writes(&[defines("a"), defines("b")], &library, false).0, ["lib+64 = a+0"]);
    const DF_SYMBOLIC: u64 = 2;
    let symbolic = Library { flags: DF_SYMBOLIC, ..library };
    assert_eq!(writes(&[defines("a")], &symbolic, false).0, ["lib+64 = lib+0"]);
}

#[test]
fn a_unique_symbol_pins_its_owner() {
    let symbols: &[Symbol<'_>] = &[("unique", UNIQUE, 1, 8, 8)];
    let library =
        Library { soname: "lib", symbols, relocations: &[(64, r::GLOB_DAT, 1, 0)], ..Default::default() };
    let (told, held) = writes(&[], &library, false);
    assert_eq!(told, ["lib+64 = lib+8"]);
    assert_eq!((held.binds.len(), held.pins.len()), (0, 1));
}
