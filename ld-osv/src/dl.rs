//! The linker at run time: the world behind its lock, hooks for the libc half, and the dl* functions.

use crate::commit::{self, Later};
use crate::files::Disk;
use crate::start::ARGUMENTS;
use crate::table::Libc;
use crate::tls;
use core::ffi::c_void;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use osv_link::Error;
use osv_link::reloc::{Undefined, interposed};
use osv_link::world::{Files, Id, Loaded, World};
use osv_posix::gate::{self, Sysno};
use osv_posix::hooks::Hooks;
use osv_posix::lock::Lock;
use osv_posix::malloc::slots::Slots;

static mut WORLD: Option<World<'static, Libc>> = None;
static LOCK: Lock = Lock::new();
/// Thread that holds `LOCK`: constructors and dl_iterate_phdr callbacks may call back.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// Takes the world over from start-up.
///
/// # Safety
/// Called once, before there are threads.
pub unsafe fn install(world: World<'static, Libc>, _own: usize) {
    // SAFETY: the caller's promise.
    unsafe { (&raw mut WORLD).write(Some(world)) };
}

/// Runs `body` with the world, under the recursive lock.
pub fn with<R>(body: impl FnOnce(&mut World<'static, Libc>) -> R) -> R {
    // SAFETY: a plain read of the own thread's id; 0 before there is a thread block.
    let me = unsafe { gate::call(Sysno::gettid, []) } as i32;
    let nested = OWNER.load(Relaxed) == me;
    if !nested {
        LOCK.lock();
        OWNER.store(me, Relaxed);
    }
    // SAFETY: under the lock; a nested use is by the same thread, which holds no borrow over a call out.
    let result = unsafe {
        match (&raw mut WORLD).as_mut().and_then(Option::as_mut) {
            Some(world) => body(world),
            None => osv_posix::report::fatal("ld-osv: used before start-up"),
        }
    };
    if !nested {
        OWNER.store(0, Relaxed);
        // SAFETY: taken above.
        unsafe { LOCK.unlock() };
    }
    result
}

/// Calls `body` for each loaded object.
pub fn for_each(mut body: impl FnMut(Id, &Loaded<'static>)) {
    with(|world| world.iter().for_each(|(id, loaded)| body(id, loaded)));
}

/// Maps a planned object, if it came as a file.
pub fn map(world: &mut World<'static, Libc>, id: Id) -> Result<(), Error> {
    let Some(loaded) = world.get_mut(id) else { return Ok(()) };
    if let Some(file) = loaded.file.take() {
        let textrel = loaded.object.flags & osv_link::elf::DF_TEXTREL != 0;
        loaded.base =
            commit::map(&loaded.layout, file.handle, textrel).map_err(|e| e.in_object(&loaded.display()))?;
        // SAFETY: the descriptor is ours and done with; the read-only map stays, tables are read from it.
        unsafe { gate::call(Sysno::close, [file.handle as usize]) };
    }
    Ok(())
}

/// A strong reference that nothing answers is bound to a stub that names itself when it is called.
pub fn missing(undefined: Undefined<'_>) -> Result<u64, Error> {
    Ok(stubs::make(undefined))
}

/// Stubs of missing functions.
mod stubs {
    use super::Undefined;

    /// Code of one stub: loads its text's address and calls the reporter.
    pub fn make(undefined: Undefined<'_>) -> u64 {
        let text = alloc::format!(
            "osv: {} (wanted by {}) is missing",
            alloc::string::String::from_utf8_lossy(undefined.name),
            alloc::string::String::from_utf8_lossy(undefined.wanted_by)
        );
        let text: &'static mut alloc::string::String = alloc::boxed::Box::leak(alloc::boxed::Box::new(text));
        let page = crate::heap::map(4096);
        if page.is_null() {
            return 0;
        }
        // movabs rdi, text; movabs rax, report; jmp rax
        let mut code = alloc::vec![0x48, 0xbf];
        code.extend_from_slice(&((&raw const *text).expose_provenance() as u64).to_le_bytes());
        code.extend_from_slice(&[0x48, 0xb8]);
        code.extend_from_slice(&(called as *const () as u64).to_le_bytes());
        code.extend_from_slice(&[0xff, 0xe0]);
        // SAFETY: the page is ours and large enough; afterwards it is code.
        unsafe {
            page.copy_from(code.as_ptr(), code.len());
            osv_posix::gate::call(osv_posix::gate::Sysno::mprotect, [page.expose_provenance(), 4096, 5]);
        }
        page.expose_provenance() as u64
    }

    extern "C" fn called(text: &alloc::string::String) -> ! {
        osv_posix::report::fatal(text)
    }
}

/// The functions that the libc half calls.
pub fn hooks() -> Hooks {
    Hooks { tls_size: || tls::size(), tls_init: tls::init, tls_free: tls::free, finish, fork }
}

/// The malloc family as the program's scope defines it, for libc's own calls.
///
/// # Safety
/// The program's objects are relocated; no other thread runs.
pub unsafe fn fill_malloc() {
    let scope = |name: &[u8]| with(|world| interposed(world, name).map_or(0, |found| found.value as usize));
    // SAFETY: definitions of these names have these types.
    unsafe {
        osv_posix::malloc::slots::fill(Slots {
            malloc: core::mem::transmute::<usize, unsafe extern "C" fn(usize) -> *mut c_void>(scope(
                b"malloc",
            )),
            free: core::mem::transmute::<usize, unsafe extern "C" fn(*mut c_void)>(scope(b"free")),
            calloc: core::mem::transmute::<usize, unsafe extern "C" fn(usize, usize) -> *mut c_void>(scope(
                b"calloc",
            )),
            realloc: core::mem::transmute::<usize, unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void>(
                scope(b"realloc"),
            ),
            memalign: core::mem::transmute::<usize, unsafe extern "C" fn(usize, usize) -> *mut c_void>(
                scope(b"memalign"),
            ),
        });
    }
}

unsafe fn fork(phase: i32) {
    match phase {
        0 => LOCK.lock(),
        // SAFETY: taken before the fork by this thread.
        _ => unsafe { LOCK.unlock() },
    }
}

/// Sets program_invocation_name and kin.
///
/// # Safety
/// `argv` is the program's.
pub unsafe fn set_names(argv: *mut usize) {
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

/// Runs the constructors of `order` but those of the executable, which `__libc_start_main` runs.
pub fn start_objects(order: &[Id], skip: Id) {
    // SAFETY: written once at start-up.
    let (argc, argv, envp) = unsafe { (&raw const ARGUMENTS).read() };
    for id in order.iter().filter(|id| **id != skip) {
        let routines = with(|world| {
            let loaded = world.get_mut(*id)?;
            loaded.started = true;
            let init = loaded.object.routines.init;
            let first = (init != 0).then(|| loaded.base.wrapping_add(init));
            Some((first, commit::words(loaded, loaded.object.routines.init_array)))
        });
        if let Some((first, rest)) = routines {
            for address in first.into_iter().chain(rest) {
                // SAFETY: constructors of a linked object.
                unsafe { commit::call(address, argc, argv, envp) };
            }
        }
    }
}

/// Runs every started object's destructors, last started first.
unsafe fn finish() {
    let order = with(|world| {
        let scope = world.global.clone();
        for loaded in world.objects.iter_mut().flatten() {
            loaded.started = false;
        }
        world.start_order(&scope)
    });
    for id in order.iter().rev() {
        let routines = with(|world| {
            let loaded = world.get(*id)?;
            let fini = loaded.object.routines.fini;
            let last = (fini != 0).then(|| loaded.base.wrapping_add(fini));
            Some((commit::words(loaded, loaded.object.routines.fini_array), last))
        });
        if let Some((array, last)) = routines {
            for address in array.into_iter().rev().chain(last) {
                // SAFETY: destructors of a linked object.
                unsafe { commit::call(address, 0, 0, 0) };
            }
        }
    }
}

/// Loads a library at run time.
fn open(name: &[u8], global: bool) -> Result<osv_link::world::Place, Error> {
    let mut disk = Disk;
    let (root, order) = with(|world| {
        let (root, plan) = world.plan_library(name, Some(0), &mut disk)?;
        let mut later = Later::default();
        for id in &plan.new {
            map(world, *id)?;
        }
        for id in plan.new.iter().rev() {
            let base = world.get(*id).map_or(0, |loaded| loaded.base);
            world.relocate(*id, &mut missing, |write| {
                later.apply(base, write);
                Ok(())
            })?;
        }
        later.resolve();
        for id in &plan.new {
            if let Some(loaded) = world.get(*id) {
                commit::seal(loaded);
            }
        }
        if global {
            for place in &plan.scope {
                if !world.global.contains(place) {
                    world.global.push(*place);
                }
            }
        }
        Ok::<_, Error>((root, plan.order))
    })?;
    start_objects(&order, 0);
    Ok(root)
}

/// Whether a file can be opened (keeps the trait in scope).
const _: fn(&mut Disk, &[u8]) -> Result<Option<osv_link::world::File<'static>>, Error> =
    <Disk as Files>::open;

/// The C functions of `link` rows.
pub mod exports;
