//! The linker at run time: what is loaded behind its locks, and the functions of dlfcn.h and link.h.
//!
//! Three locks, taken in this order:
//! 1. *load*: one dlopen or dlclose at a time, from the first look at a name to the last constructor. Recursive:
//!    constructors and destructors open and close libraries.
//! 2. the libc half's list of threads, where every thread's TLS has to change at once;
//! 3. *state*: [`State`] itself, for short looks and changes. No code of the program runs under it.
//!
//! Unwinders must not wait for any of them, they use [`index`].

pub mod close;
pub mod exports;
pub mod gaps;
pub mod index;
pub mod maps;
pub mod message;
pub mod open;
pub mod order;
pub mod symbols;
pub mod traces;

use crate::commit::{self, Later};
use crate::counts;
use crate::files::read_link;
use crate::table::Libc;
use crate::tls;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicUsize};
use index::Foreign;
use maps::{LinkMap, Position};
use osv_link::elf::{PF_W, PT_LOAD};
use osv_link::reloc::interposed;
use osv_link::world::{Id, Loaded, Place, World};
use osv_posix::hooks::Hooks;
use osv_posix::lock::Lock;
use osv_posix::malloc::slots::Slots;
use osv_posix::tcb;

/// A lock that its holder may take again.
struct Recursive {
    lock: Lock,
    /// The holder's thread block; 1 before there is one.
    owner: AtomicUsize,
    depth: AtomicUsize,
}

/// Whether fs is set: until then there is one thread without a block.
static HAS_THREADS: AtomicBool = AtomicBool::new(false);

impl Recursive {
    const fn new() -> Self {
        Recursive { lock: Lock::new(), owner: AtomicUsize::new(0), depth: AtomicUsize::new(0) }
    }

    fn lock(&self) {
        let me = if HAS_THREADS.load(Acquire) { tcb::current().addr() } else { 1 };
        if self.owner.load(Relaxed) != me {
            self.lock.lock();
            self.owner.store(me, Relaxed);
        }
        self.depth.fetch_add(1, Relaxed);
    }

    fn unlock(&self) {
        if self.depth.fetch_sub(1, Relaxed) == 1 {
            self.owner.store(0, Relaxed);
            // SAFETY: each `unlock` follows a `lock` of the same thread.
            unsafe { self.lock.unlock() };
        }
    }

    /// In the child of a fork: forgets a holder that is not there; whether there was one.
    fn forget_others(&self) -> bool {
        let is_others = self.owner.load(Relaxed) != tcb::current().addr() && self.depth.swap(0, Relaxed) > 0;
        if is_others {
            self.owner.store(0, Relaxed);
            // SAFETY: the holder is no thread of this process.
            unsafe { self.lock.unlock() };
        }
        is_others
    }
}

static LOAD: Recursive = Recursive::new();
static STATE_LOCK: Recursive = Recursive::new();

/// Holds the load lock while it lives.
struct Loading;

impl Loading {
    fn begin() -> Self {
        LOAD.lock();
        Loading
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        LOAD.unlock();
    }
}

/// All that the linker knows of the process.
pub struct State {
    /// What is loaded.
    pub world: World<'static, Libc>,
    /// The list that debuggers and programs walk.
    pub maps: maps::Maps,
    /// Objects that came, and went, since start-up.
    pub adds: u64,
    /// See `adds`.
    pub subs: u64,
    /// What readers of an older index may still use.
    retired: Vec<index::Retired>,
    /// Names of the table's functions, as C strings, as far as they were asked for.
    table_names: BTreeMap<&'static str, Box<[u8]>>,
}

impl Deref for State {
    type Target = World<'static, Libc>;

    fn deref(&self) -> &Self::Target {
        &self.world
    }
}

impl DerefMut for State {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.world
    }
}

static mut STATE: Option<State> = None;

/// Takes the world over from start-up.
///
/// # Safety
/// Called once, before there are threads.
pub unsafe fn install(world: World<'static, Libc>) {
    let state = State {
        world,
        maps: maps::Maps::default(),
        adds: 0,
        subs: 0,
        retired: Vec::new(),
        table_names: BTreeMap::new(),
    };
    // SAFETY: the caller's promise.
    unsafe { (&raw mut STATE).write(Some(state)) };
}

/// Makes the list of what start-up loaded, and shows it to a debugger. RELRO is not sealed yet.
///
/// As a command, ld-osv is what the debugger started: it comes first in the list then, and the program has a name.
///
/// # Safety
/// Called once, by start-up.
pub unsafe fn begin(new: &[Id], later: &mut Later, is_command: bool) {
    with(|state| {
        for id in new {
            let is_nameless = *id == 0 && !is_command;
            state.add_map(*id, later.take_descriptors(*id), is_nameless.then_some(b""));
        }
        if let Some(vdso) = Foreign::vdso() {
            state.maps.add(LinkMap::new(vdso.base, b"linux-vdso.so.1", vdso.dynamic, None), Position::Second);
        }
        if let Some(own) = Foreign::own() {
            // As glibc: by the name that the program asks for its interpreter by.
            let path = match state.get(0).and_then(|exe| exe.object.interpreter).filter(|_| !is_command) {
                Some(interpreter) => interpreter.to_vec(),
                None => read_link(c"/proc/self/exe").unwrap_or_else(|| b"ld-osv.so".to_vec()),
            };
            let map = LinkMap::new(own.base, &path, own.dynamic, Some(Place::Table));
            state.maps.add(map, if is_command { Position::First } else { Position::Last });
        }
        state.adds = new.len() as u64;
        state.publish();
        if let Some((exe, at)) = state.get(0).and_then(|exe| Some((exe, exe.object.debug?))) {
            let is_writable = exe.object.phdrs.iter().any(|phdr| {
                phdr.kind == PT_LOAD && phdr.flags & PF_W != 0 && at.wrapping_sub(phdr.vaddr) < phdr.memsz
            });
            if is_writable {
                // SAFETY: a word of the executable's dynamic section.
                unsafe { commit::pointer::<u64>(exe.base.wrapping_add(at)).write(maps::address_to_show()) };
            }
        }
    });
}

/// From now on a thread is known by its block.
pub fn has_threads() {
    HAS_THREADS.store(true, Release);
}

/// Runs `body` with the state, under its lock.
pub fn with<R>(body: impl FnOnce(&mut State) -> R) -> R {
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            STATE_LOCK.unlock();
        }
    }
    STATE_LOCK.lock();
    let _held = Held;
    // SAFETY: under the lock; `body` is code of this crate that calls no code of the program, so that only a signal
    // handler could come back here, which glibc's linker does not allow either.
    match unsafe { (&raw mut STATE).as_mut().and_then(Option::as_mut) } {
        Some(state) => body(state),
        None => osv_posix::report::fatal("ld-osv: used before start-up"),
    }
}

/// Calls `body` for each object whose TLS threads have.
pub fn for_each_ready(mut body: impl FnMut(Id, &Loaded<'static>)) {
    with(|state| state.iter().filter(|(_, loaded)| loaded.ready).for_each(|(id, loaded)| body(id, loaded)));
}

/// The functions that the libc half calls.
pub fn hooks() -> Hooks {
    Hooks {
        tls_size: || tls::size(),
        tls_init: tls::init,
        tls_free: tls::free,
        finish: order::finish,
        fork,
        hold,
    }
}

/// The malloc family as the program's scope defines it, for libc's own calls.
///
/// # Safety
/// The program's objects are relocated; no other thread runs.
pub unsafe fn fill_malloc() {
    // libc's own calls are not the program's: they are not counted.
    let scope = |name: &[u8]| {
        with(|state| interposed(state, name).map_or(0, |found| counts::behind(found.value) as usize))
    };
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

/// Around a fork. The load lock is left out: its holder may be waiting for the list of threads, which the forking
/// thread has. A load that another thread was in the middle of stays unfinished in the child.
unsafe fn fork(phase: i32) {
    if phase == 0 {
        STATE_LOCK.lock();
        crate::heap::lock_for_fork();
        return;
    }
    // SAFETY: taken before the fork by this thread, whose block has the same address in the child.
    unsafe { crate::heap::unlock_after_fork() };
    STATE_LOCK.unlock();
    if phase == 2 && LOAD.forget_others() {
        close::forget();
        // What has no map is in the middle of being loaded: nobody will find it.
        with(|state| {
            for id in state.in_order() {
                if state.maps.of(Place::Object(id)).is_none()
                    && let Some(loaded) = state.get_mut(id)
                {
                    loaded.removed = true;
                }
            }
        });
    }
}

/// See [`Hooks::hold`].
unsafe fn hold(address: usize) {
    with(|state| {
        if let Some(id) = state.holding(address as u64)
            && let Some(loaded) = state.get_mut(id)
        {
            loaded.pinned = true;
        }
    });
}
