//! The first instructions: PVH enters in 32-bit mode without paging; this reaches 64-bit code in the upper half.
//!
//! The boot tables are data that the linker fills: one page directory of 2 MiB pages shows the first GiB at 0, at
//! the direct map and at the kernel image's place. They only serve until [`super::start`] has built the real ones,
//! and once more for every CPU that is started later.

use super::PhysRange;
use core::arch::global_asm;

unsafe extern "C" {
    static osv_image_start: u8;
    static osv_image_end: u8;
    static osv_text_start: u8;
    static osv_text_end: u8;
    static osv_rodata_start: u8;
    static osv_rodata_end: u8;
    static osv_ap_trampoline: u8;
    static osv_ap_trampoline_end: u8;
    static osv_ap_stack: u8;
}

/// Physical ranges of the image and its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) text: PhysRange,
    pub(crate) rodata: PhysRange,
}

fn image_phys(symbol: *const u8) -> u64 {
    symbol.addr() as u64 - crate::layout::IMAGE
}

pub(super) fn image() -> PhysRange {
    PhysRange::new((&raw const osv_image_start).addr() as u64, image_phys(&raw const osv_image_end))
}

pub(crate) fn parts() -> Parts {
    Parts {
        text: PhysRange::new(image_phys(&raw const osv_text_start), image_phys(&raw const osv_text_end)),
        rodata: PhysRange::new(
            image_phys(&raw const osv_rodata_start),
            image_phys(&raw const osv_rodata_end),
        ),
    }
}

/// The code that a starting CPU runs below 1 MiB: bytes to copy, and where in it the stack pointer goes.
pub(crate) fn trampoline() -> (&'static [u8], usize) {
    let start = &raw const osv_ap_trampoline;
    let len = (&raw const osv_ap_trampoline_end).addr() - start.addr();
    // The symbols lie in the boot part, which the direct map shows.
    let at = crate::layout::direct(osv_base::PhysAddr(start.addr() as u64)).0 as usize;
    // SAFETY: code between two labels of one section; it is not written.
    let bytes = unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at), len) };
    (bytes, (&raw const osv_ap_stack).addr() - start.addr())
}

global_asm!(
    r#"
    .pushsection .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad osv_pvh_start
    .popsection

    .pushsection .boot.text, "ax"
    .code32
    .globl osv_pvh_start
osv_pvh_start:
    cli
    cld
    mov esp, offset osv_boot_stack_top
    mov eax, 0x6a0              // PAE, PGE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, offset osv_boot_pml4
    mov cr3, eax
    mov ecx, 0xc0000080         // EFER: SCE, LME, NXE
    rdmsr
    or eax, 0x901
    wrmsr
    mov eax, 0x80010033         // PG, WP, NE, ET, MP, PE
    mov cr0, eax
    lgdt [osv_boot_gdt_pointer]
    ljmp 0x08, offset osv_boot_64
    .code64
osv_boot_64:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov edi, ebx
    xor ebp, ebp
    lea rsp, [osv_first_stack_top]
    mov rax, offset osv_kernel_start
    call rax
    ud2

    // A starting CPU begins here in real mode, copied to a page below 1 MiB; ebx becomes that page's address.
    .code16
    .balign 16
    .globl osv_ap_trampoline
osv_ap_trampoline:
    cli
    cld
    mov ax, cs
    mov ds, ax
    xor ebx, ebx
    mov bx, ax
    shl ebx, 4
    // A 32-bit lgdt through ds, and the far jump's target, relative to this page.
    mov edi, offset osv_ap_trampoline   // distances from here: Intel syntax takes no difference as an address
    lea esi, [ebx + osv_ap_32]
    sub esi, edi
    mov eax, offset osv_ap_jump
    sub eax, edi
    mov [eax], esi
    mov ecx, offset osv_ap_gdt_pointer
    sub ecx, edi
    lgdtd [ecx]
    mov edx, cr0
    or dl, 1
    mov cr0, edx
    .byte 0x66                          // a 32-bit target: the assembler drops a data32 here
    ljmp [eax]
    .code32
osv_ap_32:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, 0x6a0
    mov cr4, eax
    mov eax, offset osv_boot_pml4
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x901
    wrmsr
    mov eax, 0x80010033
    mov cr0, eax
    lgdt [osv_boot_gdt_pointer]
    ljmp 0x08, offset osv_ap_64
    .balign 8
osv_ap_jump:
    .long 0
    .word 0x18
osv_ap_gdt_pointer:
    .word 31
    .long osv_boot_gdt
    .balign 8
    .globl osv_ap_stack
osv_ap_stack:
    .quad 0                     // top of the CPU's first stack
    .quad 0                     // its argument
    .quad 0                     // the kernel's page tables
    .globl osv_ap_trampoline_end
osv_ap_trampoline_end:
    .code64
osv_ap_64:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    xor ebp, ebp
    sub rbx, offset osv_ap_trampoline
    mov rsi, [rbx + osv_ap_stack]
    mov rdi, [rbx + osv_ap_stack + 8]
    mov rdx, [rbx + osv_ap_stack + 16]
    mov rax, offset osv_ap_high
    jmp rax

    .balign 8
osv_boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff    // 0x08: 64-bit code
    .quad 0x00cf93000000ffff    // 0x10: data
    .quad 0x00cf9b000000ffff    // 0x18: 32-bit code, for CPUs on their way up
osv_boot_gdt_pointer:
    .word 31
    .quad osv_boot_gdt
    .popsection

    // In the upper half, which both tables show: from here on the kernel's own.
    .pushsection .text.osv_ap_high, "ax"
osv_ap_high:
    mov cr3, rdx
    mov rsp, rsi
    call osv_ap_start
    ud2
    .popsection

    .pushsection .boot.data, "aw"
    .balign 4096
    .globl osv_boot_pml4
osv_boot_pml4:
    .quad osv_boot_pdpt + 3
    .fill 255, 8, 0
    .quad osv_boot_pdpt + 3
    .fill 254, 8, 0
    .quad osv_boot_pdpt + 3
osv_boot_pdpt:
    .quad osv_boot_pd + 3
    .fill 509, 8, 0
    .quad osv_boot_pd + 3
    .quad 0
osv_boot_pd:
    .set at, 0x83
    .rept 512
    .quad at
    .set at, at + 0x200000
    .endr
    .popsection

    .pushsection .boot.bss, "aw", @nobits
    .balign 16
    .skip 256
osv_boot_stack_top:
    .popsection

    .pushsection .bss.osv_first_stack, "aw", @nobits
    .balign 4096
    .globl osv_first_stack
osv_first_stack:
    .skip {stack}
osv_first_stack_top:
    .popsection
"#,
    stack = const crate::layout::KERNEL_STACK_SIZE,
);
