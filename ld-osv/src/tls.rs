//! Thread-local storage of the linked objects: [dtv][surplus and static TLS][Tcb] in each thread's area.

use crate::commit::pointer;
use crate::dl;
use core::arch::naked_asm;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use osv_link::input::TlsSegment;
use osv_link::tls::MOST_MODULES;
use osv_link::world::{Id, Loaded};
use osv_posix::tcb::{self, Tcb};
use osv_posix::thread::list;

/// A thread's vector: a place for each module that a process can have.
const DTV_BYTES: usize = (MOST_MODULES + 1) * 8;

/// Sizes that the plan fixed before the first thread: bytes below the thread pointer, alignment.
static BELOW: AtomicUsize = AtomicUsize::new(0);
static ALIGN: AtomicUsize = AtomicUsize::new(64);
static CANARY: AtomicUsize = AtomicUsize::new(0);
/// The highest module number that a thread has had a block for.
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// Notes what the plan says.
pub fn fix(limit: u64, align: u64, canary: usize) {
    BELOW.store(limit as usize, Relaxed);
    ALIGN.store(align.max(64) as usize, Relaxed);
    CANARY.store(canary, Relaxed);
}

/// See [`Hooks::tls_size`](osv_posix::hooks::Hooks).
pub fn size() -> usize {
    let align = ALIGN.load(Relaxed);
    (DTV_BYTES + BELOW.load(Relaxed) + size_of::<Tcb>() + 2 * align).next_multiple_of(64)
}

/// See [`Hooks::tls_init`](osv_posix::hooks::Hooks).
///
/// # Safety
/// `area` is zeroed, writable, aligned to 16 and `size` long, which is at least [`size`].
pub unsafe fn init(area: *mut u8, size: usize) -> *mut Tcb {
    let align = ALIGN.load(Relaxed);
    let end = area.addr() + size - size_of::<Tcb>();
    let tp = end & !(align - 1);
    // SAFETY: tp and the blocks below it lie inside the area by construction of `size`.
    unsafe {
        let block: *mut Tcb = area.byte_add(tp - area.addr()).cast();
        let dtv: *mut usize = area.cast();
        (*block).this = block;
        (*block).dtv = dtv;
        (*block).canary = CANARY.load(Relaxed);
        dtv.write(MOST_MODULES);
        dl::for_each_ready(|_, loaded| fill_static(block, loaded));
        block
    }
}

/// Copies a module's image to `at`.
unsafe fn copy_image(at: *mut u8, segment: &TlsSegment, base: u64) {
    // SAFETY: the caller has room for the segment; its image lies in the object.
    unsafe {
        at.copy_from(pointer(base.wrapping_add(segment.image.vaddr)), segment.image.len as usize);
        let rest = (segment.size - segment.image.len) as usize;
        at.add(segment.image.len as usize).write_bytes(0, rest);
    }
}

/// Gives a thread the block of a module that has a place in every thread's static area.
unsafe fn fill_static(block: *mut Tcb, loaded: &Loaded<'_>) {
    if let (Some(segment), Some(module)) = (loaded.object.tls, loaded.tls)
        && let Some(offset) = module.offset
    {
        // SAFETY: the plan keeps the places inside the area and apart.
        unsafe {
            let at = block.cast::<u8>().byte_sub(offset as usize);
            (*block).dtv.add(module.number).write(at.expose_provenance());
            copy_image(at, &segment, loaded.base);
        }
    }
}

/// Gives every live thread, and from now on every new one, the TLS of newly loaded objects.
pub fn publish(new: &[Id]) {
    list::for_each(|block| {
        dl::with(|state| {
            for id in new {
                if let Some(loaded) = state.get_mut(*id) {
                    loaded.ready = true;
                    // SAFETY: a live thread's block, under the list's lock; nobody knows of the module yet.
                    unsafe { fill_static(block, loaded) };
                }
            }
        });
    });
}

/// Takes the TLS of objects that are being unloaded from every thread.
pub fn withdraw(gone: &[Id]) {
    list::for_each(|block| {
        dl::with(|state| {
            for id in gone {
                let Some(loaded) = state.get_mut(*id) else { continue };
                loaded.ready = false;
                if let Some(module) = loaded.tls {
                    // SAFETY: a live thread's block, under the list's lock; the object's code does not run any more.
                    unsafe {
                        let at = (*block).dtv.add(module.number).replace(0);
                        free_unless_static(block, at);
                    }
                }
            }
        });
    });
}

/// Gives back a block that `slow` took from malloc.
unsafe fn free_unless_static(block: *mut Tcb, at: usize) {
    // SAFETY: the vector begins the area that the block ends; what lies elsewhere came from malloc.
    unsafe {
        let is_static = at >= (*block).dtv.addr() && at < block.addr();
        if at != 0 && !is_static {
            osv_posix::malloc::free(pointer::<core::ffi::c_void>(at as u64).cast());
        }
    }
}

/// The calling thread's block of a module, if it has one.
pub fn block_if_any(module: usize) -> *mut u8 {
    if module == 0 || module > MOST_MODULES {
        return core::ptr::null_mut();
    }
    // SAFETY: the thread's own vector.
    unsafe { pointer((*(*tcb::current()).dtv.add(module)) as u64) }
}

/// See [`Hooks::tls_free`](osv_posix::hooks::Hooks).
///
/// # Safety
/// The thread is gone.
pub unsafe fn free(block: *mut Tcb) {
    // SAFETY: the vector is nobody's any more.
    unsafe {
        for module in 1..=HIGHEST.load(Relaxed) {
            let at = (*block).dtv.add(module).replace(0);
            free_unless_static(block, at);
        }
        dl::message::free(block);
    }
}

/// The argument of `__tls_get_addr`.
#[repr(C)]
#[derive(Debug)]
pub struct Index {
    module: usize,
    offset: usize,
}

impl Index {
    /// The place at `offset` in a module's block.
    pub fn new(module: usize, offset: usize) -> Self {
        Index { module, offset }
    }
}

/// `__tls_get_addr`.
///
/// # Safety
/// Called by compiled code with a GOT pair that the linker filled.
#[unsafe(naked)]
pub unsafe extern "C" fn get_addr(index: *const Index) -> *mut u8 {
    naked_asm!(
        "mov rax, fs:8",
        "mov rcx, [rdi]",
        "mov rax, [rax + rcx * 8]",
        "test rax, rax",
        "je 2f",
        "add rax, [rdi + 8]",
        "ret",
        "2:",
        // Old compilers call with a misaligned stack.
        "push rbp",
        "mov rbp, rsp",
        "and rsp, -16",
        "call {slow}",
        "leave",
        "ret",
        slow = sym slow,
    )
}

/// First use of a module by a thread: makes its block.
unsafe extern "C" fn slow(index: *const Index) -> *mut u8 {
    // SAFETY: the GOT pair is the linker's; the vector is this thread's own.
    unsafe {
        let number = (*index).module;
        let mut found = core::ptr::null_mut::<u8>();
        dl::for_each_ready(|_, loaded| {
            if let (Some(segment), Some(module)) = (loaded.object.tls, loaded.tls)
                && module.number == number
            {
                let align = (segment.align as usize).max(16);
                found = osv_posix::malloc::memalign(align, (segment.size as usize).max(1)).cast();
                if !found.is_null() {
                    copy_image(found, &segment, loaded.base);
                }
            }
        });
        if found.is_null() {
            osv_posix::report::fatal("ld-osv: cannot allocate thread-local storage");
        }
        HIGHEST.fetch_max(number, Relaxed);
        (*tcb::current()).dtv.add(number).write(found.expose_provenance());
        found.byte_add((*index).offset)
    }
}

/// TLS descriptor: a fixed offset from the thread pointer.
#[unsafe(naked)]
pub unsafe extern "C" fn descriptor_static() {
    naked_asm!("mov rax, [rax + 8]", "ret")
}

/// TLS descriptor of an undefined weak symbol: its address is the addend.
#[unsafe(naked)]
pub unsafe extern "C" fn descriptor_undefined() {
    naked_asm!("mov rax, [rax + 8]", "sub rax, fs:0", "ret")
}

/// Vector state that the slow way of a descriptor has to keep, as XSAVE's mask; 0: FXSAVE is all there is.
static SAVED: AtomicUsize = AtomicUsize::new(0);
/// x87, SSE, AVX, AVX-512. Tile registers are in no code on the slow way.
const KEPT: u64 = 0xe7;
/// Where XSAVE's standard format ends when it holds `KEPT`.
const AREA: usize = 2688;

/// Asks the processor which vector registers there are.
pub fn find_vector_state() {
    const OSXSAVE: u32 = 1 << 27;
    if core::arch::x86_64::__cpuid(1).ecx & OSXSAVE != 0 {
        let (low, high): (u32, u32);
        // SAFETY: XGETBV is there when OSXSAVE is.
        unsafe {
            core::arch::asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack));
        }
        let enabled = u64::from(high) << 32 | u64::from(low);
        SAVED.store((enabled & KEPT) as usize, Relaxed);
    }
}

/// TLS descriptor: a module's block. Preserves every register but rax, as callers expect of a descriptor.
#[unsafe(naked)]
pub unsafe extern "C" fn descriptor_dynamic() {
    naked_asm!(
        "push rdi",
        "push rcx",
        "mov rdi, [rax + 8]",
        "mov rax, fs:8",
        "mov rcx, [rdi]",
        "mov rax, [rax + rcx * 8]",
        "test rax, rax",
        "je 2f",
        "add rax, [rdi + 8]",
        "sub rax, fs:0",
        "pop rcx",
        "pop rdi",
        "ret",
        "2:",
        "push rbp",
        "mov rbp, rsp",
        "push rdx",
        "push rsi",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "push rbx",
        "sub rsp, {area}",
        "and rsp, -64",
        "mov rbx, [rip + {saved}]",
        "test rbx, rbx",
        "je 3f",
        // XRSTOR wants the header's other words to be zero.
        "xor eax, eax",
        "mov [rsp + 512], rax",
        "mov [rsp + 520], rax",
        "mov [rsp + 528], rax",
        "mov [rsp + 536], rax",
        "mov [rsp + 544], rax",
        "mov [rsp + 552], rax",
        "mov [rsp + 560], rax",
        "mov [rsp + 568], rax",
        "mov eax, ebx",
        "xor edx, edx",
        "xsave64 [rsp]",
        "call {slow}",
        "mov rcx, rax",
        "mov eax, ebx",
        "xor edx, edx",
        "xrstor64 [rsp]",
        "mov rax, rcx",
        "jmp 4f",
        "3:",
        "fxsave64 [rsp]",
        "call {slow}",
        "fxrstor64 [rsp]",
        "4:",
        "sub rax, fs:0",
        "lea rsp, [rbp - 56]",
        "pop rbx",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rsi",
        "pop rdx",
        "pop rbp",
        "pop rcx",
        "pop rdi",
        "ret",
        slow = sym slow,
        saved = sym SAVED,
        area = const AREA,
    )
}
