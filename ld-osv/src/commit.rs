//! Carries out a plan: maps segments, writes relocations, seals RELRO. The only part of the link that writes memory.

use crate::tls;
use alloc::boxed::Box;
use alloc::vec::Vec;
use osv_link::Error;
use osv_link::elf::{self, PAGE, PF_R, PF_W, PF_X};
use osv_link::layout::Layout;
use osv_link::reloc::{TlsTarget, Write};
use osv_link::world::{Id, Loaded};
use osv_posix::gate::{self, Sysno};

const MAP_PRIVATE: usize = 2;
const MAP_FIXED: usize = 0x10;
const MAP_ANONYMOUS: usize = 0x20;
const MAP_FIXED_NOREPLACE: usize = 0x10_0000;

/// A pointer to an address of the process.
pub fn pointer<T>(address: u64) -> *mut T {
    core::ptr::with_exposed_provenance_mut(address as usize)
}

fn mmap(at: u64, len: u64, prot: usize, flags: usize, fd: isize, offset: u64) -> Result<u64, Error> {
    // SAFETY: fixed mappings only go inside a range that `map` reserved.
    unsafe {
        gate::try_call(Sysno::mmap, [at as usize, len as usize, prot, flags, fd as usize, offset as usize])
    }
    .map(|at| at as u64)
    .map_err(|errno| Error::Io(errno.get()))
}

fn protection(flags: u32) -> usize {
    let bit = |flag, prot| if flags & flag != 0 { prot } else { 0 };
    bit(PF_R, 1) | bit(PF_W, 2) | bit(PF_X, 4)
}

/// Maps an object's segments and returns the load bias. With `textrel` everything is writable until sealed. On an
/// error nothing stays mapped.
pub fn map(layout: &Layout, fd: i32, textrel: bool) -> Result<u64, Error> {
    let base = reserve(layout)?;
    if let Err(error) = map_segments(layout, base, fd, textrel) {
        // SAFETY: the reservation, which nothing refers to yet.
        unsafe {
            let start = base.wrapping_add(layout.start) as usize;
            gate::call(Sysno::munmap, [start, layout.len as usize]);
        }
        return Err(error);
    }
    Ok(base)
}

/// Reserves an object's range.
fn reserve(layout: &Layout) -> Result<u64, Error> {
    let base = if layout.fixed {
        let at = mmap(layout.start, layout.len, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)?;
        if at != layout.start {
            return Err(Error::Malformed("address: it is taken"));
        }
        0
    } else {
        let room = layout.len + if layout.align > PAGE { layout.align } else { 0 };
        let at = mmap(0, room, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)?;
        let bias = elf::align_up(at.wrapping_sub(layout.start), layout.align).unwrap_or(0);
        let start = bias.wrapping_add(layout.start);
        for (from, to) in [(at, start), (start + layout.len, at + room)] {
            if from < to {
                // SAFETY: the unused ends of the reservation above.
                unsafe { gate::call(Sysno::munmap, [from as usize, (to - from) as usize]) };
            }
        }
        bias
    };
    Ok(base)
}

fn map_segments(layout: &Layout, base: u64, fd: i32, textrel: bool) -> Result<(), Error> {
    for mapping in &layout.mappings {
        let prot = protection(mapping.flags) | if textrel { 2 } else { 0 };
        let start = base.wrapping_add(mapping.vaddr);
        if mapping.file_len > 0 {
            mmap(start, mapping.file_len, prot, MAP_PRIVATE | MAP_FIXED, fd as isize, mapping.file_offset)?;
        }
        if mapping.clear.0 < mapping.clear.1 && prot & 2 != 0 {
            // SAFETY: inside the writable pages just mapped.
            unsafe {
                pointer::<u8>(base.wrapping_add(mapping.clear.0))
                    .write_bytes(0, (mapping.clear.1 - mapping.clear.0) as usize)
            };
        }
        let end = base.wrapping_add(mapping.end);
        if start + mapping.file_len < end {
            let len = end - start - mapping.file_len;
            mmap(start + mapping.file_len, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)?;
        }
    }
    Ok(())
}

/// What can only be written when all objects are relocated.
#[derive(Debug, Default)]
pub struct Later {
    copies: Vec<(u64, u64, u64)>,
    resolvers: Vec<(u64, u64, u64)>,
    descriptors: Vec<(Id, Vec<Descriptor>)>,
}

/// What a TLS descriptor of an object points to: it has to live as long as the object.
#[derive(Debug)]
pub struct Descriptor(#[expect(dead_code, reason = "kept for its address")] Box<[u64; 2]>);

impl Later {
    /// Applies one write to the object `id`, or keeps it.
    pub fn apply(&mut self, id: Id, base: u64, write: Write) {
        // SAFETY: the planner checked that each address lies in a writable segment of the object.
        unsafe {
            match write {
                Write::Word { at, value } => pointer::<u64>(at).write_unaligned(value),
                Write::AddBase { at } => {
                    let word = pointer::<u64>(at);
                    word.write_unaligned(word.read_unaligned().wrapping_add(base));
                }
                Write::Resolver { at, resolver, addend } => self.resolvers.push((at, resolver, addend)),
                Write::Copy { at, from, len } => self.copies.push((at, from, len)),
                Write::TlsDescriptor { at, target } => {
                    let (function, argument) = match target {
                        TlsTarget::Static(offset) => (tls::descriptor_static as *const () as u64, offset),
                        TlsTarget::Undefined(addend) => {
                            (tls::descriptor_undefined as *const () as u64, addend)
                        }
                        TlsTarget::Dynamic { module, offset } => {
                            let pair = Box::new([module as u64, offset]);
                            let at = (&raw const *pair).expose_provenance() as u64;
                            self.keep(id, Descriptor(pair));
                            (tls::descriptor_dynamic as *const () as u64, at)
                        }
                    };
                    pointer::<u64>(at).write_unaligned(function);
                    pointer::<u64>(at + 8).write_unaligned(argument);
                }
            }
        }
    }

    fn keep(&mut self, id: Id, pair: Descriptor) {
        match self.descriptors.last_mut().filter(|(owner, _)| *owner == id) {
            Some((_, pairs)) => pairs.push(pair),
            None => self.descriptors.push((id, Vec::from([pair]))),
        }
    }

    /// The descriptors' targets of the object `id`.
    pub fn take_descriptors(&mut self, id: Id) -> Vec<Descriptor> {
        let at = self.descriptors.iter().position(|(owner, _)| *owner == id);
        at.map_or(Vec::new(), |at| self.descriptors.swap_remove(at).1)
    }

    /// Copies data into the executable, once every original is relocated.
    pub fn copy(&mut self) {
        for (at, from, len) in self.copies.drain(..) {
            // SAFETY: both ranges were checked against their owners.
            unsafe { pointer::<u8>(at).copy_from(pointer(from), len as usize) };
        }
    }

    /// Calls resolvers. Needs fs.
    pub fn resolve(&mut self) {
        for (at, resolver, addend) in self.resolvers.drain(..) {
            // SAFETY: an IRELATIVE or IFUNC resolver of a relocated object takes nothing and returns an address.
            unsafe {
                let resolver: extern "C" fn() -> u64 = core::mem::transmute(pointer::<()>(resolver));
                pointer::<u64>(at).write_unaligned(resolver().wrapping_add(addend));
            }
        }
    }
}

/// Makes RELRO read-only, and what was writable for text relocations what it should be.
pub fn seal(loaded: &Loaded<'_>) {
    let protect = |from: u64, to: u64, prot: usize| {
        if from < to {
            // SAFETY: pages of the object itself.
            unsafe { gate::call(Sysno::mprotect, [from as usize, (to - from) as usize, prot]) };
        }
    };
    if loaded.object.flags & elf::DF_TEXTREL != 0 {
        for mapping in loaded.layout.mappings.iter().filter(|mapping| mapping.flags & PF_W == 0) {
            protect(loaded.base + mapping.vaddr, loaded.base + mapping.end, protection(mapping.flags));
        }
    }
    if let Some(relro) = loaded.object.relro.filter(|relro| loaded.object.contains(*relro)) {
        let from = loaded.base.wrapping_add(relro.vaddr);
        protect(elf::align_down(from, PAGE), elf::align_down(from + relro.len, PAGE), 1);
    }
}

/// Calls a constructor or destructor.
///
/// # Safety
/// `address` is a function of a linked object.
pub unsafe fn call(address: u64, argc: usize, argv: usize, envp: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let function: extern "C" fn(usize, usize, usize) = core::mem::transmute(pointer::<()>(address));
        function(argc, argv, envp);
    }
}

/// The words of an array in a linked object, as they are now.
pub fn words(loaded: &Loaded<'_>, span: osv_link::input::Span) -> Vec<u64> {
    if !loaded.object.contains(span) {
        return Vec::new();
    }
    let at = pointer::<u64>(loaded.base.wrapping_add(span.vaddr));
    // SAFETY: inside the object's memory.
    (0..span.len as usize / 8).map(|index| unsafe { at.add(index).read_unaligned() }).collect()
}
