//! Sizes and offsets against the kernel's headers, as the `libc` of the host shows them.
use super::{process::*, signal::*, system::*, time::*};
use core::mem::{offset_of, size_of};

#[test]
fn sizes_are_those_of_linux() {
    assert_eq!(size_of::<Rusage>(), 144);
    assert_eq!(size_of::<Sysinfo>(), 112);
    assert_eq!(size_of::<Utsname>(), 390);
    assert_eq!(size_of::<Siginfo>(), 128);
    assert_eq!(size_of::<Sigaction>(), 32);
    assert_eq!(size_of::<SigStack>(), 24);
    assert_eq!(size_of::<Sigcontext>(), 256);
    assert_eq!(size_of::<Ucontext>(), 304);
    assert_eq!(size_of::<RtSigframe>(), 440);
    assert_eq!(size_of::<Sigevent>(), 64);
    assert_eq!(size_of::<CloneArgs>(), 88);
    assert_eq!(size_of::<RobustListHead>(), 24);
}

#[test]
fn the_mask_and_the_registers_are_where_debuggers_look() {
    assert_eq!(offset_of!(Ucontext, mcontext), 40);
    assert_eq!(offset_of!(Ucontext, sigmask), 296);
    assert_eq!(offset_of!(Sigcontext, rip), 128);
    assert_eq!(offset_of!(Sigcontext, fpstate), 184);
}

#[test]
fn file_structures_are_those_of_linux() {
    use super::{event::*, file::*, termios::*};
    assert_eq!(size_of::<Stat>(), 144);
    assert_eq!(size_of::<Statx>(), 256);
    assert_eq!(size_of::<Statfs>(), 120);
    assert_eq!(size_of::<Flock>(), 32);
    assert_eq!([size_of::<Termios>(), size_of::<Termios2>(), size_of::<Termio>()], [36, 44, 18]);
    assert_eq!(size_of::<EpollEvent>(), 12);
    assert_eq!(offset_of!(Statx, rdev_major), 128);
    assert_eq!((major(makedev(0x12345, 0x6789a)), minor(makedev(0x12345, 0x6789a))), (0x12345, 0x6789a));
}
