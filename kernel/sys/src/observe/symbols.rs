//! Calls and time of libc's functions: ld-osv counts them in memory that all programs share, this prints them.

use super::summary;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::mem::offset_of;
use osv_abi::shared::{SYMBOL_COUNTS, SymbolCount};
use osv_base::PAGE_SIZE;
use osv_mm::space::SharedMemory;
use spin::Once;

const SIZE: usize = size_of::<SymbolCount>();

static MEMORY: Once<Arc<SharedMemory>> = Once::new();

/// From now on programs count.
pub(super) fn start() {
    let memory = MEMORY.call_once(|| SharedMemory::new((SYMBOL_COUNTS * SIZE) as u64));
    osv_task::exec::count_calls_in(memory.clone());
}

/// The table, or nothing if no program used ld-osv.
pub(super) fn text() -> String {
    let Some(memory) = MEMORY.get() else { return String::new() };
    let mut rows = Vec::new();
    let mut page = vec![0; PAGE_SIZE];
    for frame in (0..(SYMBOL_COUNTS * SIZE / PAGE_SIZE) as u64).filter_map(|index| memory.touched(index)) {
        frame.copy_out(0, &mut page);
        rows.extend(page.chunks_exact(SIZE).filter_map(row));
    }
    if rows.is_empty() { String::new() } else { summary::sorted("function", rows) }
}

/// What the application's side wrote: nanoseconds, calls, no errors, name.
fn row(count: &[u8]) -> Option<(u64, u64, u64, String)> {
    let word = |at: usize| Some(u64::from_le_bytes(count.get(at..at + 8)?.try_into().ok()?));
    let (calls, ticks) = (word(offset_of!(SymbolCount, calls))?, word(offset_of!(SymbolCount, ticks))?);
    let name = count.split(|&byte| byte == 0).next()?;
    (calls > 0)
        .then(|| (osv_hw::clock::nanos_of(ticks), calls, 0, String::from_utf8_lossy(name).into_owned()))
}
