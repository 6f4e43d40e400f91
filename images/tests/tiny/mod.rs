//! Stand-ins for what is not built yet, or would be too large for tests.
//!
//! [`tiny_kernel`]: a kernel as far as packing is concerned: loadable at 1 MiB, with a PVH note and a root descriptor. When booted, it
//! leaves by isa-debug-exit, with status 1 if the root's superblock is where the descriptor says, else with 3.

use std::path::Path;
use std::process::Command;

/// Builds it in `folder`, and gives its bytes.
pub fn tiny_kernel(folder: &Path) -> Vec<u8> {
    const SOURCE: &str = r#"
        .section .osv.root, "aw"
        .globl OSV_ROOT_DESCRIPTOR
        OSV_ROOT_DESCRIPTOR: .quad 0x544f4f5253564f00, 0, 0
        .section .note.pvh, "a"
        .long 4, 4, 18
        .asciz "Xen"
        .long start
        .text
        .code32
        .globl start
        start:
        movl OSV_ROOT_DESCRIPTOR + 8, %esi
        movl 1024(%esi), %eax
        xorl $0xe0f5e1e2, %eax
        jz 1f
        movl $1, %eax
        1: movl $0x501, %edx
        outb %al, %dx
        hlt
    "#;
    const SCRIPT: &str = r"
        ENTRY(start)
        PHDRS { note PT_NOTE FLAGS(4); text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
        SECTIONS {
            . = 0x100000;
            .note : { *(.note.pvh) } :text :note
            .text : { *(.text) } :text
            . = ALIGN(4096);
            .osv.root : { *(.osv.root) } :data
            .bss : { . += 300000; } :data
            /DISCARD/ : { *(.note.gnu*) *(.comment) }
        }";
    let (source, script, out) = (folder.join("tiny.s"), folder.join("tiny.ld"), folder.join("tiny.elf"));
    std::fs::write(&source, SOURCE).expect("written");
    std::fs::write(&script, SCRIPT).expect("written");
    let mut gcc = Command::new("gcc");
    gcc.args(["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,-z,noexecstack", "-o"])
        .arg(&out);
    let gcc =
        gcc.arg(format!("-Wl,-T,{}", script.display())).arg(&source).output().expect("gcc is installed");
    assert!(gcc.status.success(), "{}", String::from_utf8_lossy(&gcc.stderr));
    std::fs::read(out).expect("made")
}

/// Builds a dynamic program that needs nobody, as `prog` in `folder`.
pub fn tiny_program(folder: &Path) {
    let source = folder.join("prog.c");
    std::fs::write(&source, "void _start(void) { for (;;); }").expect("written");
    let mut gcc = Command::new("gcc");
    let gcc = gcc.args(["-nostdlib", "-pie", "-fPIE", "-o"]).arg(folder.join("prog")).arg(&source).output();
    assert!(gcc.expect("gcc is installed").status.success());
}
