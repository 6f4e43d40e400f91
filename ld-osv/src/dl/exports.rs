//! C functions that ld-osv itself provides. What they do is in the modules beside this one.

use super::{close, commit, index, message, open, symbols, with};
use crate::start::ARGUMENTS;
use crate::tls;
use alloc::string::ToString;
use core::arch::naked_asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

pub use super::maps::{_dl_debug_state, DEBUG as _r_debug, LinkMap};
pub use super::traces::{backtrace_symbols, backtrace_symbols_fd};
pub use crate::tls::get_addr as __tls_get_addr;
pub use crate::unwind::backtrace;
use osv_link::world::Place;
use symbols::Info;

type Main = unsafe extern "C" fn(c_int, usize, usize) -> c_int;

/// Where a program's `_start` goes: its constructors, main, exit.
///
/// # Safety
/// Called by the C runtime's start file.
#[unsafe(export_name = "__osv___libc_start_main")]
pub unsafe extern "C" fn __libc_start_main(
    main: Main,
    _argc: c_int,
    _argv: usize,
    init: Option<unsafe extern "C" fn(usize, usize, usize)>,
    _fini: usize,
    _rtld_fini: usize,
) -> ! {
    // SAFETY: a linked program's own routines, once.
    unsafe {
        let (argc, argv, envp) = (&raw const ARGUMENTS).read();
        let own = with(|state| {
            let exe = state.get_mut(0)?;
            exe.started = true;
            let routines = exe.object.routines;
            let first = (routines.init != 0).then(|| exe.base.wrapping_add(routines.init));
            let preinit = commit::words(exe, routines.preinit_array);
            Some((exe.is_musl, preinit, first, commit::words(exe, routines.init_array)))
        });
        if let Some((is_musl, preinit, first, array)) = own {
            // Programs made before glibc 2.34 bring an `init` that runs their arrays itself.
            match init.filter(|_| !is_musl) {
                Some(init) => init(argc, argv, envp),
                None => {
                    for address in preinit.into_iter().chain(first).chain(array) {
                        commit::call(address, argc, argv, envp);
                    }
                }
            }
        }
        osv_posix::c::exit(main(argc as c_int, argv, envp))
    }
}

/// Defines an export that passes the address it was called from as a further argument, in the register named.
macro_rules! with_caller {
    ($( $(#[$meta:meta])* $export:literal $name:ident($($ty:ty),*) -> $ret:ty, $register:literal => $to:path; )*) => { $(
        $(#[$meta])*
        ///
        /// # Safety
        /// As the manual page says.
        #[unsafe(naked)]
        #[unsafe(export_name = $export)]
        pub unsafe extern "C" fn $name($(_: $ty),*) -> $ret {
            naked_asm!(concat!("mov ", $register, ", [rsp]"), "jmp {to}", to = sym $to)
        }
    )* };
}

with_caller! {
    /// `dlopen`.
    "__osv_dlopen" dlopen(*const c_char, c_int) -> *mut c_void, "rdx" => open_from;
    /// `dlmopen`: the base namespace only.
    "__osv_dlmopen" dlmopen(isize, *const c_char, c_int) -> *mut c_void, "rcx" => open_in_from;
    /// `dlsym`.
    "__osv_dlsym" dlsym(*mut c_void, *const c_char) -> *mut c_void, "rdx" => symbol_from;
    /// `dlvsym`.
    "__osv_dlvsym" dlvsym(*mut c_void, *const c_char, *const c_char) -> *mut c_void, "rcx" => version_from;
}

fn fail<T>(text: &str) -> *mut T {
    message::set(text.into());
    null_mut()
}

unsafe extern "C" fn open_from(name: *const c_char, mode: c_int, caller: u64) -> *mut c_void {
    message::clear();
    let binding = mode & 3;
    // SAFETY: a C string or null, says the caller.
    let name = if name.is_null() { b"" } else { unsafe { CStr::from_ptr(name) }.to_bytes() };
    if binding == 0 || binding == 3 {
        let name = alloc::string::String::from_utf8_lossy(name);
        return fail(&alloc::format!("{name}: invalid mode for dlopen(): Invalid argument"));
    }
    if name.is_empty() {
        let handle = with(|state| state.maps.of(Place::Object(0)).map(|map| &raw mut *map));
        return handle.unwrap_or(null_mut()).cast();
    }
    match open::open(name, mode, caller) {
        Ok(handle) => core::ptr::with_exposed_provenance_mut(handle),
        Err(open::Failure::Error(error)) => fail(&error.to_string()),
        Err(open::Failure::NotLoaded) => null_mut(),
    }
}

unsafe extern "C" fn open_in_from(
    namespace: isize,
    name: *const c_char,
    mode: c_int,
    caller: u64,
) -> *mut c_void {
    if namespace != 0 {
        return fail("dlmopen: there is no namespace but LM_ID_BASE");
    }
    // SAFETY: as the caller promises.
    unsafe { open_from(name, mode, caller) }
}

/// `dlclose`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlclose")]
pub unsafe extern "C" fn dlclose(handle: *mut c_void) -> c_int {
    message::clear();
    if close::close(handle.addr()) {
        return 0;
    }
    fail::<u8>("shared object not open");
    -1
}

/// `dlerror`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlerror")]
pub unsafe extern "C" fn dlerror() -> *mut c_char {
    message::take()
}

unsafe extern "C" fn symbol_from(handle: *mut c_void, name: *const c_char, caller: u64) -> *mut c_void {
    // SAFETY: a C string, says the caller.
    find(handle, unsafe { CStr::from_ptr(name) }, None, caller)
}

unsafe extern "C" fn version_from(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
    caller: u64,
) -> *mut c_void {
    // SAFETY: C strings, says the caller.
    unsafe { find(handle, CStr::from_ptr(name), Some(CStr::from_ptr(version)), caller) }
}

fn find(handle: *mut c_void, name: &CStr, version: Option<&CStr>, caller: u64) -> *mut c_void {
    message::clear();
    symbols::find(handle.addr(), name.to_bytes(), version.map(CStr::to_bytes), caller)
        .unwrap_or_else(|text| fail(&text))
}

/// `dladdr`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dladdr")]
pub unsafe extern "C" fn dladdr(address: *const c_void, info: *mut Info) -> c_int {
    match symbols::locate(address.addr() as u64) {
        Some(located) => {
            // SAFETY: the caller's struct.
            unsafe { info.write(located.info) };
            1
        }
        None => 0,
    }
}

/// `dladdr1`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dladdr1")]
pub unsafe extern "C" fn dladdr1(
    address: *const c_void,
    info: *mut Info,
    extra: *mut *const c_void,
    flags: c_int,
) -> c_int {
    const SYMENT: c_int = 1;
    const LINKMAP: c_int = 2;
    let Some(located) = symbols::locate(address.addr() as u64) else { return 0 };
    // SAFETY: the caller's structs.
    unsafe {
        match flags {
            SYMENT => extra.write(located.symbol),
            LINKMAP => extra.write(located.map.cast()),
            _ => {}
        }
        info.write(located.info);
    }
    1
}

/// `dlinfo`: all requests but those of profiling and of the search path's list.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlinfo")]
pub unsafe extern "C" fn dlinfo(handle: *mut c_void, request: c_int, info: *mut c_void) -> c_int {
    message::clear();
    // SAFETY: the caller's struct is what the request demands.
    match unsafe { symbols::inform(handle.addr(), request, info) } {
        Ok(result) => result,
        Err(text) => {
            fail::<u8>(text);
            -1
        }
    }
}

/// `dl_iterate_phdr`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dl_iterate_phdr")]
pub unsafe extern "C" fn dl_iterate_phdr(
    callback: unsafe extern "C" fn(*mut index::PhdrInfo, usize, *mut c_void) -> c_int,
    data: *mut c_void,
) -> c_int {
    let reader = index::read();
    let mut result = 0;
    for entry in &reader.entries {
        let mut info = entry.info;
        info.tls_data = tls::block_if_any(info.tls_module).cast();
        // SAFETY: the caller's callback.
        result = unsafe { callback(&mut info, size_of::<index::PhdrInfo>(), data) };
        if result != 0 {
            break;
        }
    }
    drop(reader);
    index::reclaim();
    result
}

/// `struct dl_find_object` of x86-64.
#[repr(C)]
#[derive(Debug)]
pub struct Found {
    flags: u64,
    start: u64,
    end: u64,
    map: *const LinkMap,
    unwind: u64,
    reserved: [u64; 7],
}

/// `_dl_find_object`: may be called from signal handlers.
///
/// # Safety
/// As the manual says.
#[unsafe(export_name = "__osv__dl_find_object")]
pub unsafe extern "C" fn _dl_find_object(address: *mut c_void, found: *mut Found) -> c_int {
    let reader = index::read();
    let Some(entry) = reader.find(address.addr() as u64) else { return -1 };
    // SAFETY: the caller's struct.
    unsafe {
        found.write(Found {
            flags: 0,
            start: entry.start,
            end: entry.end,
            map: entry.map,
            unwind: entry.unwind,
            reserved: [0; 7],
        });
    }
    0
}
