//! `backtrace` and its kin of execinfo.h.

use super::symbols;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::ptr::null_mut;
use osv_posix::gate::{self, Sysno};
use osv_posix::malloc::slots;
use osv_posix::report::Text;

/// Writes one address as glibc does: `file(symbol+offset) [address]`.
fn describe(to: &mut impl Write, address: u64) -> fmt::Result {
    let located = symbols::locate(address);
    if let Some(located) = &located {
        let text = |name: *const c_char| {
            // SAFETY: names of objects and symbols are C strings.
            alloc::string::String::from_utf8_lossy(unsafe { CStr::from_ptr(name) }.to_bytes())
        };
        let (name, from) = located.symbol().unwrap_or((c"".as_ptr(), located.bias));
        let offset = address.wrapping_sub(from);
        write!(to, "{}({}+{offset:#x}) ", text(located.info.file), text(name))?;
    }
    write!(to, "[{address:#x}]")
}

/// `backtrace_symbols`: one block of malloc's, pointers first.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_backtrace_symbols")]
pub unsafe extern "C" fn backtrace_symbols(buffer: *const *mut c_void, size: c_int) -> *mut *mut c_char {
    let count = usize::try_from(size).unwrap_or(0);
    let mut lines: Vec<alloc::string::String> = Vec::new();
    for index in 0..count {
        let mut line = alloc::string::String::new();
        // SAFETY: the caller's buffer is that long.
        let _ = describe(&mut line, unsafe { buffer.add(index).read() }.addr() as u64);
        line.push('\0');
        lines.push(line);
    }
    let pointers = count * size_of::<*mut c_char>();
    let bytes = lines.iter().map(alloc::string::String::len).sum::<usize>();
    // SAFETY: the block is as long as what is written.
    unsafe {
        let block = slots::malloc(pointers + bytes);
        if block.is_null() {
            return null_mut();
        }
        let table: *mut *mut c_char = block.cast();
        let mut text: *mut u8 = block.cast::<u8>().add(pointers);
        for (index, line) in lines.iter().enumerate() {
            text.copy_from(line.as_ptr(), line.len());
            table.add(index).write(text.cast());
            text = text.add(line.len());
        }
        table
    }
}

/// `backtrace_symbols_fd`.
///
/// # Safety
/// As the manual page says.
#[unsafe(export_name = "__osv_backtrace_symbols_fd")]
pub unsafe extern "C" fn backtrace_symbols_fd(buffer: *const *mut c_void, size: c_int, file: c_int) {
    for index in 0..usize::try_from(size).unwrap_or(0) {
        let mut line = Text::<1024>::new();
        // SAFETY: the caller's buffer is that long; the line is ours.
        unsafe {
            let _ = describe(&mut line, buffer.add(index).read().addr() as u64);
            let _ = line.write_char('\n');
            let bytes = line.as_bytes();
            gate::call(Sysno::write, [file as usize, bytes.as_ptr().addr(), bytes.len()]);
        }
    }
}
