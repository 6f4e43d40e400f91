use super::*;

#[test]
fn the_native_vector_reaches_the_kernel() {
    // SAFETY: getpid takes nothing and changes nothing.
    let pid = unsafe { call(Sysno::getpid, []) };
    assert_eq!(pid as u32, std::process::id());
}

#[test]
fn six_arguments_arrive_in_order() {
    // SAFETY: an anonymous private mapping disturbs nobody; it is unmapped below.
    let page = unsafe { try_call(Sysno::mmap, [0, 4096, 3, 0x22, usize::MAX, 0]) }.unwrap();
    // SAFETY: the mapping is ours.
    assert_eq!(unsafe { try_call(Sysno::munmap, [page, 4096]) }, Ok(0));
}

#[test]
fn an_error_is_told_apart() {
    // SAFETY: closing a descriptor that does not exist changes nothing.
    assert_eq!(unsafe { try_call(Sysno::close, [usize::MAX]) }, Err(Errno::EBADF));
}

#[test]
fn numbers_beyond_the_vector_are_unknown() {
    // SAFETY: no such call.
    assert_eq!(unsafe { call_number(VECTOR_LEN, [0; 6]) }, Errno::ENOSYS.to_ret());
    // SAFETY: no such call, but a stub exists.
    assert_eq!(unsafe { call_number(VECTOR_LEN - 1, [0; 6]) }, Errno::ENOSYS.to_ret());
}
