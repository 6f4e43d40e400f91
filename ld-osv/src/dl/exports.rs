//! C functions that ld-osv itself provides.

use super::{commit, for_each, open, with};
use crate::start::ARGUMENTS;
use alloc::string::ToString;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use osv_link::hash::Name;
use osv_link::resolve::Use;
use osv_link::world::Place;

pub use crate::tls::get_addr as __tls_get_addr;

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
        let own = with(|world| {
            let exe = world.get_mut(0)?;
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

static ERROR: AtomicPtr<c_char> = AtomicPtr::new(null_mut());

fn fail<T>(text: &str) -> *mut T {
    let mut bytes = alloc::vec::Vec::from(text.as_bytes());
    bytes.push(0);
    ERROR.store(bytes.leak().as_mut_ptr().cast(), Ordering::Release);
    null_mut()
}

const HANDLE: usize = 0x0d10_0000_0000;

/// `dlopen`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlopen")]
pub unsafe extern "C" fn dlopen(name: *const c_char, mode: c_int) -> *mut c_void {
    if name.is_null() {
        return core::ptr::without_provenance_mut(HANDLE);
    }
    // SAFETY: a C string, says the caller.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    match open(name, mode & 0x100 != 0) {
        Ok(Place::Object(id)) => core::ptr::without_provenance_mut(HANDLE + (id + 1) * 16),
        Ok(Place::Table) => core::ptr::without_provenance_mut(HANDLE + 8),
        Err(error) => fail(&error.to_string()),
    }
}

/// `dlmopen`: the base namespace only.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlmopen")]
pub unsafe extern "C" fn dlmopen(namespace: isize, name: *const c_char, mode: c_int) -> *mut c_void {
    if namespace != 0 {
        return fail("dlmopen: no further namespaces");
    }
    // SAFETY: as the caller promises.
    unsafe { dlopen(name, mode) }
}

/// `dlclose`: libraries stay loaded.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlclose")]
pub unsafe extern "C" fn dlclose(_handle: *mut c_void) -> c_int {
    0
}

/// `dlerror`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlerror")]
pub unsafe extern "C" fn dlerror() -> *mut c_char {
    ERROR.swap(null_mut(), Ordering::AcqRel)
}

/// `dlsym`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlsym")]
pub unsafe extern "C" fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: as the caller promises.
    unsafe { dlvsym(handle, name, null()) }
}

/// `dlvsym`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlvsym")]
pub unsafe extern "C" fn dlvsym(
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> *mut c_void {
    // SAFETY: C strings, says the caller.
    let (bytes, version) = unsafe {
        (CStr::from_ptr(name).to_bytes(), (!version.is_null()).then(|| CStr::from_ptr(version).to_bytes()))
    };
    let found = with(|world| {
        let name = Name::new(bytes);
        let scope = match handle.addr() {
            0 | HANDLE => world.global.clone(),
            usize::MAX => world.global.get(1..).unwrap_or(&[]).to_vec(),
            at if at == HANDLE + 8 => alloc::vec![Place::Table],
            at => {
                let id = (at.wrapping_sub(HANDLE) / 16).wrapping_sub(1);
                let mut scope = alloc::vec![Place::Object(id)];
                if let Some(loaded) = world.get(id) {
                    scope.extend(loaded.needs.iter().copied());
                }
                scope
            }
        };
        world.lookup(scope, &name, version, Use::Call, false)
    });
    match found {
        Some(found) if found.kind == osv_link::elf::STT_GNU_IFUNC => {
            // SAFETY: a resolver of a linked object.
            unsafe {
                let resolver: extern "C" fn() -> *mut c_void =
                    core::mem::transmute(commit::pointer::<()>(found.value));
                resolver()
            }
        }
        Some(found) => commit::pointer(found.value),
        None => fail(&alloc::format!("undefined symbol: {}", alloc::string::String::from_utf8_lossy(bytes))),
    }
}

/// `Dl_info`.
#[repr(C)]
#[derive(Debug)]
pub struct Info {
    file: *const c_char,
    base: *mut c_void,
    name: *const c_char,
    address: *mut c_void,
}

/// `dladdr`: the object; symbols are not searched.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dladdr")]
pub unsafe extern "C" fn dladdr(address: *const c_void, info: *mut Info) -> c_int {
    let at = address.addr() as u64;
    let mut found = 0;
    for_each(|_, loaded| {
        let start = loaded.base.wrapping_add(loaded.layout.start);
        if at.wrapping_sub(start) < loaded.layout.len {
            let mut path = loaded.path.clone();
            path.push(0);
            // SAFETY: the caller's struct.
            unsafe {
                info.write(Info {
                    file: path.leak().as_ptr().cast(),
                    base: commit::pointer(start),
                    name: null(),
                    address: null_mut(),
                });
            }
            found = 1;
        }
    });
    found
}

/// `dladdr1` without its extras.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dladdr1")]
pub unsafe extern "C" fn dladdr1(
    address: *const c_void,
    info: *mut Info,
    extra: *mut *mut c_void,
    _flags: c_int,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        if !extra.is_null() {
            extra.write(null_mut());
        }
        dladdr(address, info)
    }
}

/// `dlinfo`: not served yet.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dlinfo")]
pub unsafe extern "C" fn dlinfo(_handle: *mut c_void, _request: c_int, _info: *mut c_void) -> c_int {
    fail::<u8>("dlinfo: not served");
    -1
}

/// `dl_phdr_info`.
#[repr(C)]
#[derive(Debug)]
pub struct PhdrInfo {
    base: u64,
    name: *const c_char,
    phdr: u64,
    phnum: u16,
    adds: u64,
    subs: u64,
    tls_module: usize,
    tls_data: *mut c_void,
}

static GENERATION: AtomicUsize = AtomicUsize::new(1);

/// `dl_iterate_phdr`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_dl_iterate_phdr")]
pub unsafe extern "C" fn dl_iterate_phdr(
    callback: unsafe extern "C" fn(*mut PhdrInfo, usize, *mut c_void) -> c_int,
    data: *mut c_void,
) -> c_int {
    let mut infos = alloc::vec::Vec::new();
    for_each(|id, loaded| {
        let mut name = if id == 0 { alloc::vec::Vec::new() } else { loaded.path.clone() };
        name.push(0);
        let phdr = loaded.layout.start.wrapping_add(loaded.base).wrapping_add(loaded.object.phoff);
        infos.push(PhdrInfo {
            base: loaded.base,
            name: name.leak().as_ptr().cast(),
            phdr,
            phnum: loaded.object.phdrs.len() as u16,
            adds: infos.len() as u64 + GENERATION.load(Ordering::Relaxed) as u64,
            subs: 0,
            tls_module: loaded.tls.map_or(0, |module| module.number),
            tls_data: null_mut(),
        });
    });
    for mut info in infos {
        // SAFETY: the caller's callback.
        let result = unsafe { callback(&mut info, size_of::<PhdrInfo>(), data) };
        if result != 0 {
            return result;
        }
    }
    0
}
