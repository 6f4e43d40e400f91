//! Memory.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_memory {
    ($callback:ident) => {
        $callback! {
            9 mmap [memory::mmap] (addr: UserAddr, len: Size, prot: Prot, flags: MapFlags, fd: Fd, offset: ULong) [partial("no MAP_HUGETLB pool: ENOMEM; MAP_SYNC: EOPNOTSUPP")] call;
            10 mprotect [memory::mprotect] (addr: UserAddr, len: Size, prot: Prot) [full] call;
            11 munmap [memory::munmap] (addr: UserAddr, len: Size) [full] call;
            12 brk [memory::brk] (addr: UserAddr) [full] call;
            25 mremap [memory::mremap] (old: UserAddr, old_len: Size, new_len: Size, flags: RemapFlags, new: UserAddr) [full] call;
            26 msync [memory::msync] (addr: UserAddr, len: Size, flags: SyncFlags) [full] call;
            27 mincore [memory::mincore] (addr: UserAddr, len: Size, vec: UserAddr) [full] call;
            28 madvise [memory::madvise] (addr: UserAddr, len: Size, advice: Advice) [partial("MADV_FREE frees at once; MADV_REMOVE: EOPNOTSUPP; no page merging, no memory-failure injection: EINVAL")] call;
            29 shmget [memory::shmget] (key: Int, size: Size, flags: Flags) [full] call;
            30 shmat [memory::shmat] (id: Int, addr: UserAddr, flags: Flags) [full] call;
            31 shmctl [memory::shmctl] (id: Int, command: Int, buf: UserAddr) [partial("the times of an attachment that ends by exec or exit are not noted")] call;
            67 shmdt [memory::shmdt] (addr: UserAddr) [full] call;
            149 mlock [memory::mlock] (addr: UserAddr, len: Size) [full] call;
            150 munlock [memory::munlock] (addr: UserAddr, len: Size) [full] call;
            151 mlockall [memory::mlockall] (flags: LockAllFlags) [full] call;
            152 munlockall [memory::munlockall] () [full] call;
            216 remap_file_pages [] () [stub(ENOSYS)] call;
            237 mbind [] () [stub(ENOSYS)] call;
            238 set_mempolicy [] () [stub(ENOSYS)] call;
            239 get_mempolicy [] () [stub(ENOSYS)] call;
            256 migrate_pages [] () [stub(ENOSYS)] call;
            279 move_pages [] () [stub(ENOSYS)] call;
            310 process_vm_readv [] () [stub(ENOSYS)] call;
            311 process_vm_writev [] () [stub(ENOSYS)] call;
            323 userfaultfd [] () [stub(ENOSYS)] call;
            325 mlock2 [memory::mlock2] (addr: UserAddr, len: Size, flags: LockFlags) [full] call;
            329 pkey_mprotect [] () [stub(ENOSYS)] call;
            330 pkey_alloc [] () [stub(ENOSYS)] call;
            331 pkey_free [] () [stub(ENOSYS)] call;
            440 process_madvise [] () [stub(ENOSYS)] call;
            448 process_mrelease [] () [stub(ENOSYS)] call;
            450 set_mempolicy_home_node [] () [stub(ENOSYS)] call;
            453 map_shadow_stack [] () [stub(ENOSYS)] call;
            462 mseal [] () [stub(ENOSYS)] call;
        }
    };
}

pub(super) const AREA: &str = "memory";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_memory!(rows);
