//! From the kernel's initial stack to the program's entry.

use crate::commit::{self, Later, pointer};
use crate::counts::Counts;
use crate::dl::{self, gaps::Policy};
use crate::files::{Disk, read_link};
use crate::{runtime, table::Libc, tls};
use alloc::vec::Vec;
use osv_link::elf::{self, Phdr};
use osv_link::image::{Image, Segment};
use osv_link::needed::{folder_of, split_path};
use osv_link::world::{Files, Search, World};
use osv_link::{Error, reloc};
use osv_posix::gate::{self, Sysno};
use osv_posix::hooks::Hooks;
use osv_posix::report;

/// argc, argv, envp of the program.
pub static mut ARGUMENTS: (usize, usize, usize) = (0, 0, 0);

const AT_PHDR: usize = 3;
const AT_PHNUM: usize = 5;
const AT_ENTRY: usize = 9;
const AT_RANDOM: usize = 25;
const AT_EXECFN: usize = 31;
const AT_SYSINFO_EHDR: usize = 33;

/// Entry and stack pointer, in the two registers in which a pair is returned.
#[repr(C)]
pub struct Entered {
    entry: usize,
    stack: usize,
}

/// The bytes of a C string.
unsafe fn string(at: usize) -> &'static [u8] {
    // SAFETY: the caller has a string of the kernel's or the program's.
    unsafe { core::ffi::CStr::from_ptr(core::ptr::with_exposed_provenance(at)) }.to_bytes()
}

/// Called by [`entry`](crate::entry) with the initial stack and the own load base.
pub unsafe extern "C" fn start(stack: *mut usize, own: usize) -> Entered {
    // SAFETY: the kernel's initial stack.
    match unsafe { link(stack, own) } {
        Ok(entered) => entered,
        Err(error) => {
            report::line(format_args!("ld-osv: {error}"));
            runtime::exit(127)
        }
    }
}

unsafe fn link(mut stack: *mut usize, own: usize) -> Result<Entered, Error> {
    // SAFETY: layout of the initial stack: argc, argv, 0, envp, 0, auxv.
    unsafe {
        let mut argc = *stack;
        let envp = stack.add(argc + 2);
        let mut end = envp;
        while *end != 0 {
            end = end.add(1);
        }
        let auxv = end.add(1);
        let mut entries: [usize; 64] = [0; 64];
        let mut at = auxv;
        let mut counts = 0;
        while *at != 0 {
            if *at < 64 {
                entries[*at] = *at.add(1);
            } else if *at == osv_abi::shared::AT_OSV_VECTOR as usize {
                gate::set_vector(core::ptr::with_exposed_provenance(*at.add(1)));
            } else if *at == osv_abi::shared::AT_OSV_COUNTS as usize {
                counts = *at.add(1);
            }
            at = at.add(2);
        }
        let own_entry = own + *core::ptr::with_exposed_provenance::<usize>(own + 24);
        let environment = |name: &[u8]| -> Option<&'static [u8]> {
            let mut at = envp;
            while *at != 0 {
                if let Some(value) = string(*at).strip_prefix(name) {
                    return Some(value);
                }
                at = at.add(1);
            }
            None
        };
        let secure = entries[23] != 0;
        let list = |name: &[u8], separators: &[u8]| -> Vec<Vec<u8>> {
            let value = environment(name).filter(|_| !secure).unwrap_or(b"");
            value
                .split(|b| separators.contains(b))
                .filter(|part| !part.is_empty())
                .map(<[u8]>::to_vec)
                .collect()
        };
        let library_path = || -> Vec<Vec<u8>> {
            let value = environment(b"LD_LIBRARY_PATH=").filter(|value| !secure && !value.is_empty());
            value.map_or(Vec::new(), |value| split_path(value).map(<[u8]>::to_vec).collect())
        };
        let preload = list(b"LD_PRELOAD=", b": ");
        let search = Search { library_path: library_path(), default_path: None };
        let mut world = World::new(Libc::new(Counts::at(counts)), search);
        let mut disk = Disk;

        let is_command = entries[AT_ENTRY] == own_entry;
        if is_command {
            // As a command: the first argument is the program.
            if argc < 2 {
                report::line(format_args!("usage: ld-osv.so PROGRAM [ARGUMENTS]"));
                runtime::exit(127);
            }
            let path = string(*stack.add(2));
            let mut path = path.to_vec();
            if !path.contains(&b'/') {
                path.splice(0..0, *b"./");
            }
            let file = disk.open(&path)?.ok_or(Error::NotFound {
                name: alloc::string::String::from_utf8_lossy(&path).into_owned(),
                wanted_by: "the command line".into(),
            })?;
            let name = alloc::format!("/proc/self/fd/{}\0", file.handle);
            let real = core::ffi::CStr::from_bytes_with_nul(name.as_bytes()).ok().and_then(read_link);
            let real = real.unwrap_or_else(|| disk.absolute(&path));
            let id = world.add_file(file, &path, folder_of(&real), None)?;
            // argv shifts by one word; the stack keeps its alignment when argc and argv move up.
            argc -= 1;
            stack = stack.add(1);
            *stack = argc;
            if stack.addr() & 15 != 0 {
                // Moves argc, argv, envp and auxv down by one word again.
                let words = (at.add(2).addr() - stack.addr()) / 8;
                stack.sub(1).copy_from(stack, words);
                stack = stack.sub(1);
            }
            debug_assert_eq!(id, 0);
        } else {
            let image = mapped(entries[AT_PHDR], entries[AT_PHNUM], entries[AT_ENTRY])?;
            let path = if entries[AT_EXECFN] == 0 { b"" } else { string(entries[AT_EXECFN]) };
            let real = read_link(c"/proc/self/exe").unwrap_or_else(|| disk.absolute(path));
            let id = world.add_image(&image.0, path, folder_of(&real))?;
            if let Some(loaded) = world.get_mut(id) {
                loaded.base = image.1;
            }
        }
        let argv = stack.add(1);
        let envp = argv.add(argc + 1);
        let mut auxv = envp;
        while *auxv != 0 {
            auxv = auxv.add(1);
        }
        auxv = auxv.add(1);
        ARGUMENTS = (argc, argv.expose_provenance(), envp.expose_provenance());

        let plan = world.plan_program(&preload, &mut disk)?;
        for (name, error) in &plan.not_preloaded {
            let name = alloc::string::String::from_utf8_lossy(name);
            let reason = match error {
                Error::NotFound { .. } => "cannot open shared object file".into(),
                other => alloc::format!("{other}"),
            };
            report::line(format_args!(
                "ERROR: ld-osv.so: object '{name}' from LD_PRELOAD cannot be preloaded ({reason}): ignored."
            ));
        }
        for id in &plan.new {
            dl::open::map(&mut world, *id)?;
        }
        world.find_copies()?;
        let canary = match entries[AT_RANDOM] {
            0 => 0x5bd1_e995_97f4_a700,
            at => *core::ptr::with_exposed_provenance::<usize>(at) & !0xff,
        };
        tls::fix(world.tls.limit.unwrap_or(0), world.tls.align, canary);
        let mut later = Later::default();
        // Libraries first, the executable last, so that COPY finds relocated originals.
        for id in plan.new.iter().rev() {
            let Some(loaded) = world.get(*id) else { continue };
            let base = loaded.base;
            world
                .relocate(*id, &mut Policy { is_strict: false }, |write| {
                    later.apply(*id, base, write);
                    Ok(())
                })
                .map_err(|error| error.in_object(&loaded.display()))?;
        }
        later.copy();
        own_copies(&world, own);
        for loaded in world.objects.iter_mut().flatten() {
            loaded.ready = true;
        }
        let copy_of_debug = world.redirect(dl::maps::address());
        dl::install(world);
        dl::index::begin(own, entries[AT_SYSINFO_EHDR]);
        dl::maps::begin(own, copy_of_debug);
        dl::begin(&plan.new, &mut later, is_command);

        tls::find_vector_state();
        let size = tls::size();
        let area = crate::heap::map(size);
        let block = tls::init(area, size);
        gate::call(Sysno::arch_prctl, [0x1002, block.expose_provenance()]);
        dl::has_threads();
        static mut HOOKS: core::mem::MaybeUninit<Hooks> = core::mem::MaybeUninit::uninit();
        (&raw mut HOOKS).write(core::mem::MaybeUninit::new(dl::hooks()));
        let hooks: *const Hooks = (&raw const HOOKS).cast();
        osv_posix::hooks::register(&*hooks);
        *osv_posix::musl::environ() = envp.cast();
        later.resolve();
        dl::for_each_ready(|_, loaded| commit::seal(loaded));
        osv_posix::start::init(auxv);
        dl::fill_malloc();
        set_names(argv);
        dl::maps::announce(dl::maps::Change::None);
        dl::order::start(&plan.order);
        let entry = dl::with(|state| state.get(0).map_or(0, |exe| exe.base.wrapping_add(exe.object.entry)));
        Ok(Entered { entry: entry as usize, stack: stack.expose_provenance() })
    }
}

/// Sets program_invocation_name and kin.
unsafe fn set_names(argv: *mut usize) {
    unsafe extern "C" {
        static mut __progname: *mut u8;
        static mut __progname_full: *mut u8;
    }
    // SAFETY: musl's variables; argv[0] is a string or null.
    unsafe {
        let full: *mut u8 = core::ptr::with_exposed_provenance_mut(*argv);
        if !full.is_null() {
            let bytes = core::ffi::CStr::from_ptr(full.cast()).to_bytes();
            let base = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
            __progname_full = full;
            __progname = full.add(base);
        }
    }
}

/// The executable as the kernel mapped it, and its load bias.
unsafe fn mapped(phdr: usize, count: usize, entry: usize) -> Result<(Image<'static>, u64), Error> {
    // SAFETY: AT_PHDR and AT_PHNUM are the kernel's word; segments are mapped as they say.
    unsafe {
        let table: &'static [u8] =
            core::slice::from_raw_parts(core::ptr::with_exposed_provenance(phdr), count * Phdr::SIZE);
        let phdrs: Vec<Phdr> = (0..count).filter_map(|index| Phdr::read(table, index * Phdr::SIZE)).collect();
        let own = phdrs.iter().find(|phdr| phdr.kind == elf::PT_PHDR);
        let bias = own.map_or(0, |own| (phdr as u64).wrapping_sub(own.vaddr));
        let phoff = own.map_or(64, |own| own.offset);
        let segments = phdrs
            .iter()
            .filter(|phdr| phdr.kind == elf::PT_LOAD && phdr.flags & elf::PF_R != 0)
            .map(|phdr| Segment {
                vaddr: phdr.vaddr,
                bytes: core::slice::from_raw_parts(
                    pointer(bias.wrapping_add(phdr.vaddr)),
                    phdr.filesz as usize,
                ),
            })
            .collect();
        let kind = if bias == 0 { elf::ET_EXEC } else { elf::ET_DYN };
        Ok((Image { kind, entry: (entry as u64).wrapping_sub(bias), phoff, phdrs, segments }, bias))
    }
}

/// Walks the own GOT again: what the executable holds a copy of is the copy from now on.
unsafe fn own_copies(world: &World<'static, Libc>, own: usize) {
    if world.copies.is_empty() {
        return;
    }
    // SAFETY: the own, mapped and relocated image; RELRO is not sealed yet.
    unsafe {
        let header = core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<u8>(own), 4096);
        let (Some(phoff), Some(count)) = (elf::u64_at(header, 32), elf::u16_at(header, 56)) else { return };
        let entry = own as u64 + elf::u64_at(header, 24).unwrap_or(0);
        let Ok((image, _)) = mapped(own + phoff as usize, usize::from(count), entry as usize) else { return };
        let bias = own as u64;
        let segments = image
            .phdrs
            .iter()
            .filter(|phdr| phdr.kind == elf::PT_LOAD)
            .map(|phdr| Segment {
                vaddr: phdr.vaddr,
                bytes: core::slice::from_raw_parts(pointer(bias + phdr.vaddr), phdr.filesz as usize),
            })
            .collect();
        let image = Image { segments, ..image };
        let Ok(object) = osv_link::input::Object::of(&image) else { return };
        for rela in reloc::relocations(&object) {
            if matches!(rela.kind, elf::r::GLOB_DAT | elf::r::ABS64 | elf::r::JUMP_SLOT) {
                let word = pointer::<u64>(bias + rela.offset);
                word.write(world.redirect(word.read()));
            }
        }
    }
}

/// What a glibc program's entry gets in rdx: it registers it to run at exit. Finalisers run from `exit` itself.
pub extern "C" fn finish_from_entry() {}
