//! Thread-local storage of the linked objects: [dtv][surplus and static TLS][Tcb] in each thread's area.

use crate::commit::pointer;
use crate::dl;
use core::arch::naked_asm;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use osv_link::world::{Id, Loaded};
use osv_posix::tcb::Tcb;

/// Entries of a thread's vector: modules that a process can have.
const MODULES: usize = 512;
const DTV_BYTES: usize = (MODULES + 1) * 8;

/// Sizes that the plan fixed before the first thread: bytes below the thread pointer, alignment.
static BELOW: AtomicUsize = AtomicUsize::new(0);
static ALIGN: AtomicUsize = AtomicUsize::new(64);
static CANARY: AtomicUsize = AtomicUsize::new(0);

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
        dtv.write(MODULES);
        dl::for_each(|_, loaded| {
            if let (Some(segment), Some(module)) = (loaded.object.tls, loaded.tls)
                && let Some(offset) = module.offset
            {
                let at = block.cast::<u8>().byte_sub(offset as usize);
                if module.number <= MODULES {
                    dtv.add(module.number).write(at.expose_provenance());
                }
                at.copy_from(
                    pointer(loaded.base.wrapping_add(segment.image.vaddr)),
                    segment.image.len as usize,
                );
            }
        });
        block
    }
}

/// See [`Hooks::tls_free`](osv_posix::hooks::Hooks).
///
/// # Safety
/// The thread is gone.
pub unsafe fn free(block: *mut Tcb) {
    // SAFETY: entries of modules without a static place are blocks that `slow` took from malloc.
    unsafe {
        let dtv = (*block).dtv;
        dl::for_each(|_, loaded| {
            if let Some(module) = loaded.tls
                && module.offset.is_none()
                && module.number <= MODULES
            {
                let at = dtv.add(module.number).replace(0);
                if at != 0 {
                    osv_posix::malloc::free(pointer::<core::ffi::c_void>(at as u64).cast());
                }
            }
        });
    }
}

/// The argument of `__tls_get_addr`.
#[repr(C)]
#[derive(Debug)]
pub struct Index {
    module: usize,
    offset: usize,
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
        dl::for_each(|_: Id, loaded: &Loaded<'_>| {
            if let (Some(segment), Some(module)) = (loaded.object.tls, loaded.tls)
                && module.number == number
            {
                let block: *mut u8 = osv_posix::malloc::memalign(
                    (segment.align as usize).max(16),
                    (segment.size as usize).max(1),
                )
                .cast();
                if !block.is_null() {
                    block.write_bytes(0, segment.size as usize);
                    block.copy_from(
                        pointer(loaded.base.wrapping_add(segment.image.vaddr)),
                        segment.image.len as usize,
                    );
                }
                found = block;
            }
        });
        if found.is_null() || number > MODULES {
            osv_posix::report::fatal("ld-osv: cannot allocate thread-local storage");
        }
        (*(*osv_posix::tcb::current()).dtv.add(number)) = found.expose_provenance();
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

/// TLS descriptor: a module's block. Preserves every register but rax.
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
        "sub rsp, 528",
        "and rsp, -16",
        "fxsave64 [rsp]",
        "call {slow}",
        "fxrstor64 [rsp]",
        "sub rax, fs:0",
        "lea rsp, [rbp - 48]",
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
    )
}
