//! On a host there is no fault recovery: every access to the application's memory is a [`Fault`].

use super::Fault;

pub(super) unsafe fn copy(_to: *mut u8, _from: *const u8, len: usize) -> usize {
    len
}
pub(super) unsafe fn clear(_to: *mut u8, len: usize) -> usize {
    len
}
pub(super) unsafe fn load(_at: *mut u32) -> Result<u32, Fault> {
    Err(Fault)
}
pub(super) unsafe fn swap(_at: *mut u32, _value: u32) -> Result<u32, Fault> {
    Err(Fault)
}
pub(super) unsafe fn compare_exchange(_at: *mut u32, _old: u32, _new: u32) -> Result<u32, Fault> {
    Err(Fault)
}
