//! The planner over objects that lie: no input may make it panic, overflow, run without end, or ask for a write
//! outside the object's own writable segments. Overflow checks are on in the test profile; numbers have fixed seeds,
//! and a failure names the case, which `OSV_LINK_CASE=group:number` runs alone.

mod common;

use common::{Random, library, program};
use osv_link::elf::{PAGE, PF_W, Phdr, align_up, dt, u64_at};
use osv_link::hash::Name;
use osv_link::image::Image;
use osv_link::input::{Object, Span};
use osv_link::reloc::{Undefined, Write, interposed};
use osv_link::resolve::Use;
use osv_link::world::{File, Files, Id, Place, Search, Served, Table, World};
use osv_link::{Error, elf};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Longer than this no case may take; the usual one takes a fraction of a millisecond.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stands for every library but the one under test, and answers half of the names.
struct Half;

impl Table for Half {
    fn serves(&self, soname: &[u8]) -> bool {
        soname != MUTANT
    }

    fn find(&self, name: &Name<'_>, _: Option<&[u8]>, _: bool) -> Option<Served> {
        let is_object = name.bytes.len().is_multiple_of(3);
        name.bytes.len().is_multiple_of(2).then_some(Served {
            address: 0x7000_0000_0000 + name.bytes.len() as u64 * 16,
            size: if is_object { 64 } else { 0 },
            is_object,
            is_exact: true,
        })
    }
}

const MUTANT: &[u8] = b"mutant.so";

/// One library.
struct Only<'a> {
    bytes: &'a [u8],
    open: usize,
}

impl<'a> Files<'a> for Only<'a> {
    fn open(&mut self, path: &[u8]) -> Result<Option<File<'a>>, Error> {
        if !path.ends_with(MUTANT) {
            return Ok(None);
        }
        self.open += 1;
        Ok(Some(File { bytes: self.bytes, identity: (1, 2), handle: 3 }))
    }

    fn close(&mut self, _: File<'a>) {
        self.open -= 1;
    }
}

fn world<'a>() -> World<'a, Half> {
    World::new(Half, Search { library_path: Vec::new(), default_path: Some(Vec::from([b"/lib".to_vec()])) })
}

/// Where commit might put an object.
fn place_at(world: &mut World<'_, Half>, id: Id) {
    let loaded = world.get_mut(id).expect("just planned");
    loaded.base = if loaded.layout.fixed { 0 } else { (id as u64 + 1) << 48 };
}

/// What whoever commits relies on.
fn check_layout(world: &World<'_, Half>, id: Id, len: usize) {
    let loaded = world.get(id).expect("just planned");
    let layout = &loaded.layout;
    assert!(layout.align.is_power_of_two() && layout.align >= PAGE && layout.start.is_multiple_of(PAGE));
    let mut at = layout.start;
    for mapping in &layout.mappings {
        assert!(mapping.vaddr >= at && mapping.vaddr % PAGE == 0 && mapping.end % PAGE == 0, "{mapping:x?}");
        assert!(mapping.file_len % PAGE == 0 && mapping.file_offset % PAGE == 0, "{mapping:x?}");
        assert!(mapping.vaddr + mapping.file_len <= mapping.end, "{mapping:x?}");
        assert!(
            mapping.file_len == 0
                || mapping.file_offset + mapping.file_len <= align_up(len as u64, PAGE).unwrap(),
            "{mapping:x?} leaves a file of {len:#x} bytes"
        );
        let (from, to) = mapping.clear;
        assert!(from <= to && (from == to || from >= mapping.vaddr && to <= mapping.end), "{mapping:x?}");
        at = mapping.end;
    }
    assert_eq!(at, layout.start + layout.len);
    if let (Some(segment), Some(module)) = (loaded.object.tls, loaded.tls)
        && let Some(offset) = module.offset
    {
        assert_eq!(offset.wrapping_add(segment.image.vaddr) % segment.align, 0);
        assert!(offset >= segment.size && offset <= world.tls.used && segment.image.len <= segment.size);
    }
}

/// Whether a segment that the loader makes writable holds the span.
fn is_writable(object: &Object<'_>, span: Span) -> bool {
    let any = object.flags & elf::DF_TEXTREL != 0;
    object.phdrs.iter().filter(|phdr| phdr.kind == elf::PT_LOAD && (any || phdr.flags & PF_W != 0)).any(
        |phdr| {
            span.vaddr >= phdr.vaddr
                && span
                    .vaddr
                    .checked_add(span.len)
                    .is_some_and(|end| end <= phdr.vaddr.saturating_add(phdr.memsz))
        },
    )
}

fn relocate(world: &World<'_, Half>, id: Id) {
    let loaded = world.get(id).expect("just planned");
    let inside = |address: u64, len: u64, of: Id| {
        let of = world.get(of).expect("a loaded object");
        is_writable(&of.object, Span { vaddr: address.wrapping_sub(of.base), len })
    };
    let _ = world.relocate(id, &mut |undefined: Undefined<'_>| Ok(undefined.name.len() as u64), |write| {
        let (at, len) = match write {
            Write::Word { at, .. } | Write::AddBase { at } | Write::Resolver { at, .. } => (at, 8),
            Write::TlsDescriptor { at, .. } => (at, 16),
            Write::Copy { at, from, len } => {
                let in_table = from >= 0x7000_0000_0000 && len <= 64 && from < 0x7000_1000_0000;
                let in_object = world.iter().any(|(_, owner)| {
                    owner.object.contains(Span { vaddr: from.wrapping_sub(owner.base), len })
                });
                assert!(len == 0 || in_table || in_object, "copy of {len} bytes from {from:#x}");
                (at, len)
            }
        };
        assert!(inside(at, len, id), "{write:x?} outside {:x?}", loaded.layout);
        Ok(())
    });
}

/// The whole path for an executable.
fn plan_executable(bytes: &[u8]) -> Result<(), Error> {
    let image = Image::of_file(bytes)?;
    let mut world = world();
    world.add_image(&image, b"/usr/bin/program", b"/usr/bin")?;
    let mut files = Only { bytes, open: 0 };
    let plan = world.plan_program(&[], &mut files)?;
    for id in plan.new {
        check_layout(&world, id, bytes.len());
        place_at(&mut world, id);
    }
    world.find_copies()?;
    (0..world.objects.len()).for_each(|id| relocate(&world, id));
    interposed(&world, b"malloc");
    Ok(())
}

/// The whole path for a library below a sound executable, as a preload or loaded at run time.
fn plan_library(program: &Image<'_>, bytes: &[u8], at_run_time: bool) -> Result<(), Error> {
    let mut world = world();
    world.add_image(program, b"/usr/bin/program", b"/usr/bin").expect("a sound program");
    let mut files = Only { bytes, open: 0 };
    let preload = if at_run_time { Vec::new() } else { Vec::from([MUTANT.to_vec()]) };
    let plan = world.plan_program(&preload, &mut files)?;
    if at_run_time {
        place_at(&mut world, 0);
        let before = (world.objects.len(), world.tls.clone());
        if let Err(error) = world.plan_library(MUTANT, Some(0), &mut files) {
            assert_eq!((world.objects.len(), world.tls.clone()), before, "a failed plan leaves no trace");
            assert_eq!(files.open, 0, "a failed plan closes its files");
            return Err(error);
        }
    } else if plan.new.len() == 1 {
        assert_eq!(files.open, 0, "a file that was refused is closed");
        return Object::of(&Image::of_file(bytes)?).map(drop);
    }
    for id in 0..world.objects.len() {
        place_at(&mut world, id);
    }
    for id in 1..world.objects.len() {
        check_layout(&world, id, bytes.len());
        let object = &world.get(id).unwrap().object;
        object.hash.symbol_count();
        for name in [&b"malloc"[..], b"", b"pow", b"environ"] {
            for usage in [Use::Call, Use::Address, Use::Copy] {
                world.lookup_in(Place::Object(id), &Name::new(name), Some(b"GLIBC_2.2.5"), usage, false);
                world.lookup_in(Place::Object(id), &Name::new(name), None, usage, false);
            }
        }
        object.versions.needed().for_each(drop);
    }
    world.find_copies()?;
    (0..world.objects.len()).for_each(|id| relocate(&world, id));
    Ok(())
}

/// Runs `count` cases, each from a seed of its own, and watches over them. Returns how many were linked.
fn run(group: &'static str, count: u64, mut case: impl FnMut(&mut Random) -> bool + Send + 'static) -> u64 {
    let wanted = std::env::var("OSV_LINK_CASE").ok();
    let only = wanted.as_deref().map(|wanted| {
        let number = wanted.strip_prefix(group).and_then(|rest| rest.strip_prefix(':'));
        number.map(|number| number.parse::<u64>().expect("group:number"))
    });
    let current = Arc::new(AtomicU64::new(0));
    let at = Arc::clone(&current);
    let worker = std::thread::spawn(move || {
        let mut linked = 0;
        for number in 0..count {
            if only.is_some_and(|only| only != Some(number)) {
                continue;
            }
            at.store(number, Ordering::Relaxed);
            let seed = group.bytes().fold(number << 16, |seed, byte| seed.wrapping_mul(31) ^ u64::from(byte));
            let outcome = catch_unwind(AssertUnwindSafe(|| case(&mut Random(seed))));
            linked += u64::from(outcome.unwrap_or_else(|_| panic!("case {group}:{number} panicked")));
        }
        linked
    });
    let (mut seen, mut since) = (0, Instant::now());
    while !worker.is_finished() {
        std::thread::sleep(Duration::from_millis(5));
        let now = current.load(Ordering::Relaxed);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "case {group}:{now} does not end");
    }
    worker.join().unwrap_or_else(|_| panic!("group {group} failed, see above"))
}

/// Values that have broken parsers before.
const EDGES: [u64; 20] = [
    0,
    1,
    2,
    7,
    8,
    0x40,
    0xfff,
    0x1000,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 46,
    1 << 47,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 0xfff,
    u64::MAX,
];

/// A sound object and where its tables lie in the file.
struct Subject {
    bytes: Vec<u8>,
    regions: Vec<(usize, usize)>,
}

impl Subject {
    fn new(bytes: Vec<u8>) -> Self {
        let image = Image::of_file(&bytes).expect("a sound object");
        let object = Object::of(&image).expect("a sound object");
        let at = |table: &[u8], most: usize| {
            let from = table.as_ptr() as usize - bytes.as_ptr() as usize;
            (from, table.len().min(most))
        };
        let dynamic = image.find(elf::PT_DYNAMIC).unwrap();
        let dynamic = image.at(dynamic.vaddr, dynamic.filesz).unwrap();
        let value = |tag| {
            let entry = dynamic.chunks_exact(16).find(|entry| u64_at(entry, 0) == Some(tag))?;
            u64_at(entry, 8)
        };
        let mut regions = Vec::from([
            (0, 64),
            (object.phoff as usize, object.phdrs.len() * Phdr::SIZE),
            at(dynamic, 1 << 20),
        ]);
        for tag in [dt::GNU_HASH, dt::HASH, dt::VERSYM, dt::VERDEF, dt::VERNEED, dt::SYMTAB, dt::STRTAB] {
            regions.extend(value(tag).and_then(|vaddr| image.tail(vaddr)).map(|table| at(table, 4096)));
        }
        for table in [object.rela, object.jmprel, object.relr] {
            if !table.is_empty() {
                regions.push(at(table, 2048));
            }
        }
        Subject { bytes: bytes.clone(), regions }
    }

    /// Runs `with` over a damaged copy, made in place and mended afterwards: no copying of large files.
    fn damaged<R>(&mut self, random: &mut Random, with: impl FnOnce(&[u8]) -> R) -> R {
        let mut undo = Vec::new();
        for _ in 0..=random.below(6) {
            let (from, len) = random.pick(&self.regions);
            // Half of the damage goes to headers and tables' starts, where the counts are.
            let len = if random.below(2) == 0 { len.min(32) } else { len };
            let width = random.pick(&[1usize, 2, 4, 8]);
            let at = from + random.below(len) / width * width;
            let Some(old) = self.bytes.get(at..at + width).map(<[u8]>::to_vec) else { continue };
            let mut word = [0; 8];
            word[..width].copy_from_slice(&old);
            let word = u64::from_le_bytes(word);
            let word = match random.below(5) {
                0 => word ^ 1 << random.below(width * 8),
                1 => random.pick(&EDGES),
                2 => word.wrapping_add(random.pick(&EDGES)),
                3 => random.next(),
                _ => random.below(1 << 16) as u64,
            };
            self.bytes[at..at + width].copy_from_slice(&word.to_le_bytes()[..width]);
            undo.push((at, old));
        }
        let end = if random.below(8) == 0 { random.below(self.bytes.len() + 1) } else { self.bytes.len() };
        let result = catch_unwind(AssertUnwindSafe(|| with(&self.bytes[..end])));
        for (at, old) in undo.into_iter().rev() {
            self.bytes[at..at + old.len()].copy_from_slice(&old);
        }
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

#[test]
fn damaged_programs() {
    let mut subjects = ["memcached", "lua5.4", "sqlite3"].map(|name| Subject::new(program(name)));
    let linked = run("program", 30_000, move |random| {
        let which = random.below(3);
        subjects[which].damaged(random, |bytes| plan_executable(bytes).is_ok())
    });
    assert!(
        linked > 1000 || std::env::var_os("OSV_LINK_CASE").is_some(),
        "only {linked} cases went all the way"
    );
}

#[test]
fn damaged_libraries() {
    let names = ["libm.so.6", "libz.so.1", "libtinfo.so.6", "libsasl2.so.2", "libc.so.6"];
    let mut subjects = names.map(|name| Subject::new(library(name)));
    // The same without DT_GNU_HASH: lookups go through DT_HASH.
    let mut sysv = library("libm.so.6");
    let subject = &subjects[0];
    let (at, len) = subject.regions[2];
    let entry = (at..at + len).step_by(16).find(|at| u64_at(&sysv, *at) == Some(dt::GNU_HASH));
    let entry = entry.expect("libm has both tables");
    sysv[entry..entry + 8].copy_from_slice(&0x6000_0000u64.to_le_bytes());
    let mut sysv = Subject::new(sysv);
    let program = program("memcached");
    let linked = run("library", 30_000, move |random| {
        let program = Image::of_file(&program).expect("a sound program");
        let which = random.below(subjects.len() + 2);
        let subject = subjects.get_mut(which).unwrap_or(&mut sysv);
        let at_run_time = random.below(2) == 0;
        subject.damaged(random, |bytes| plan_library(&program, bytes, at_run_time).is_ok())
    });
    assert!(
        linked > 1000 || std::env::var_os("OSV_LINK_CASE").is_some(),
        "only {linked} cases went all the way"
    );
}

/// A small object made of nothing but sound outer headers and numbers that are wrong in likely ways.
fn invent(random: &mut Random) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..2048 / 8).flat_map(|_| (random.next() >> random.below(64)).to_le_bytes()).collect();
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    let number = |random: &mut Random| match random.below(8) {
        0 => random.pick(&EDGES),
        1 => random.next(),
        _ => random.below(2048 / 8) as u64 * 8,
    };
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &random.pick(&[2u16, 3]).to_le_bytes());
    put(18, &62u16.to_le_bytes());
    put(20, &1u32.to_le_bytes());
    put(32, &64u64.to_le_bytes());
    put(54, &56u16.to_le_bytes());
    put(56, &6u16.to_le_bytes());
    let kinds = [elf::PT_LOAD, elf::PT_DYNAMIC, elf::PT_TLS, elf::PT_GNU_RELRO, elf::PT_INTERP, elf::PT_LOAD];
    for (index, kind) in kinds.into_iter().enumerate() {
        let at = 64 + index * 56;
        let sound = random.below(16) != 0;
        let (offset, filesz) = match kind {
            elf::PT_LOAD if index == 0 => (0, 2048),
            elf::PT_DYNAMIC => (448, 640),
            _ => (random.below(256) as u64 * 8, random.below(64) as u64),
        };
        let kind = if index > 1 && random.below(4) == 0 { 0 } else { kind };
        put(at, &kind.to_le_bytes());
        put(at + 4, &random.pick(&[6u32, 6, 6, 7, 4]).to_le_bytes());
        let vaddr = if index == 5 { offset + 0x10000 } else { offset };
        let fields =
            [offset, vaddr, vaddr, filesz, filesz + random.below(2) as u64 * 64, 1 << random.below(13)];
        for (index, field) in fields.into_iter().enumerate() {
            let field = if sound || random.below(4) != 0 { field } else { number(random) };
            put(at + 8 + index * 8, &field.to_le_bytes());
        }
    }
    let tags = [
        dt::NEEDED,
        dt::HASH,
        dt::STRTAB,
        dt::STRSZ,
        dt::SYMTAB,
        dt::RELA,
        dt::RELASZ,
        dt::JMPREL,
        dt::PLTRELSZ,
        dt::RELR,
        dt::RELRSZ,
        dt::GNU_HASH,
        dt::VERSYM,
        dt::VERDEF,
        dt::VERDEFNUM,
        dt::VERNEED,
        dt::VERNEEDNUM,
        dt::SONAME,
        dt::RPATH,
        dt::RUNPATH,
        dt::FLAGS,
        dt::INIT_ARRAY,
        dt::INIT_ARRAYSZ,
        dt::DEBUG,
    ];
    for index in 0..random.below(40) {
        let tag = random.pick(&tags);
        put(448 + index * 16, &tag.to_le_bytes());
        put(456 + index * 16, &number(random).to_le_bytes());
    }
    // A hash table whose counts are small, and relocations that aim at the object.
    for at in (1088..2000).step_by(24) {
        put(at, &number(random).to_le_bytes());
        let kind = random.pick(&[1u64, 5, 6, 7, 8, 16, 17, 18, 33, 36, 37]);
        put(at + 8, &((random.below(40) as u64) << 32 | kind).to_le_bytes());
    }
    let end = if random.below(16) == 0 { random.below(2048) } else { 2048 };
    bytes.truncate(end);
    bytes
}

#[test]
fn invented_objects() {
    let program = program("memcached");
    let linked = run("invented", 40_000, move |random| {
        let bytes = invent(random);
        if random.below(4) != 0 {
            return plan_executable(&bytes).is_ok();
        }
        let program = Image::of_file(&program).expect("a sound program");
        plan_library(&program, &bytes, random.below(2) == 0).is_ok()
    });
    assert!(
        linked > 100 || std::env::var_os("OSV_LINK_CASE").is_some(),
        "only {linked} cases went all the way"
    );
}
