use super::*;
use std::process::Command;

#[path = "../../tests/tiny/mod.rs"]
mod tiny;
pub(crate) use tiny::{tiny_kernel, tiny_program};

fn packed(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let kernel = tiny_kernel(folder);
    let root = crate::erofs::write(&crate::tree::Dir::default()).expect("an empty root");
    let image =
        Image::parse(Path::new("tiny.elf"), &kernel).expect("a kernel").with_root(&root).expect("packed");
    (image, root)
}

#[test]
fn the_root_is_found_again_at_the_promised_place() {
    let temp = tempfile::tempdir().expect("a folder");
    let (bytes, root) = packed(temp.path());
    let image = Image::parse(Path::new("tiny.img"), &bytes).expect("an image");
    assert_eq!(image.root().expect("packed"), root);
    let (at, len, flags) = image.loads().last().expect("segments");
    assert_eq!((at, len, flags), (0x20_0000, root.len() as u64, PF_R.0));
    assert!(matches!(image.with_root(&root), Err(Error::BadKernel { .. })), "not twice");
}

#[test]
fn public_tools_read_the_image() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("image");
    std::fs::write(&path, packed(temp.path()).0).expect("written");
    let readelf = Command::new("readelf").arg("-lnS").arg("--wide").arg(path).output().expect("binutils");
    let text = String::from_utf8_lossy(&readelf.stdout);
    assert!(
        readelf.status.success() && readelf.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&readelf.stderr)
    );
    assert!(text.contains("There are 4 program headers") && text.contains("Xen"), "{text}");
}

#[test]
fn qemu_loads_kernel_and_root_on_every_machine() {
    let temp = tempfile::tempdir().expect("a folder");
    let path = temp.path().join("image");
    std::fs::write(&path, packed(temp.path()).0).expect("written");
    for machine in ["q35", "pc", "microvm"] {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args([
            "-M",
            machine,
            "-m",
            "16M",
            "-accel",
            "tcg",
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
        ]);
        qemu.args(["-device", "isa-debug-exit,iobase=0x501,iosize=2", "-kernel"]).arg(&path);
        let status = qemu.status().expect("QEMU is installed");
        assert_eq!(status.code(), Some(1), "{machine}: the superblock was not where the descriptor says");
    }
}

#[test]
fn what_is_no_kernel_is_named() {
    let temp = tempfile::tempdir().expect("a folder");
    let kernel = tiny_kernel(temp.path());
    for broken in [&b""[..], &kernel[..100], &std::fs::read("/bin/true").expect("coreutils")] {
        assert!(matches!(Image::parse(Path::new("x"), broken), Err(Error::BadKernel { .. })));
    }
    let (bytes, _) = packed(temp.path());
    let short = &bytes[..bytes.len() - 1];
    assert!(Image::parse(Path::new("x"), short).expect("headers are whole").root().is_err());
}
