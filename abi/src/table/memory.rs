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
            216 remap_file_pages [memory::remap_file_pages] (addr: UserAddr, len: Size, prot: ULong, page: ULong, flags: ULong) [full] call;
            237 mbind [memory::mbind] (start: UserAddr, len: ULong, mode: ULong, mask: UserAddr, count: ULong, flags: Flags) [full] call;
            238 set_mempolicy [memory::set_mempolicy] (mode: Int, mask: UserAddr, count: ULong) [full] call;
            239 get_mempolicy [memory::get_mempolicy] (mode: InOut<i32>, mask: UserAddr, count: ULong, addr: UserAddr, flags: ULong) [full] call;
            256 migrate_pages [memory::migrate_pages] (pid: Pid, count: ULong, old: UserAddr, new: UserAddr) [full] call;
            279 move_pages [memory::move_pages] (pid: Pid, count: ULong, pages: UserAddr, nodes: UserAddr, status: UserAddr, flags: Flags) [full] call;
            310 process_vm_readv [process::process_vm_readv] (pid: Pid, local: UserAddr, local_count: ULong, remote: UserAddr, remote_count: ULong, flags: ULong) [full] call;
            311 process_vm_writev [process::process_vm_writev] (pid: Pid, local: UserAddr, local_count: ULong, remote: UserAddr, remote_count: ULong, flags: ULong) [full] call;
            323 userfaultfd [] () [stub(ENOSYS)] call;
            325 mlock2 [memory::mlock2] (addr: UserAddr, len: Size, flags: LockFlags) [full] call;
            329 pkey_mprotect [memory::pkey_mprotect] (addr: UserAddr, len: Size, prot: Prot, key: Int) [full] call;
            330 pkey_alloc [memory::pkey_alloc] (flags: ULong, rights: ULong) [stub(ENOSPC)] call;
            331 pkey_free [] (key: Int) [stub(EINVAL)] call;
            440 process_madvise [process::process_madvise] (fd: Fd, vectors: UserAddr, count: Size, advice: Advice, flags: Flags) [full] call;
            448 process_mrelease [process::process_mrelease] (fd: Fd, flags: Flags) [full] call;
            450 set_mempolicy_home_node [memory::set_mempolicy_home_node] (start: UserAddr, len: ULong, home: ULong, flags: ULong) [full] call;
            453 map_shadow_stack [] () [stub(ENOSYS)] call;
            462 mseal [memory::mseal] (addr: UserAddr, len: Size, flags: ULong) [full] call;
        }
    };
}

pub(super) const AREA: &str = "memory";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_memory!(rows);
