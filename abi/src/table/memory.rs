//! Memory.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_memory {
    ($callback:ident) => {
        $callback! {
            9 mmap [] () [stub(ENOSYS)] call;
            10 mprotect [] () [stub(ENOSYS)] call;
            11 munmap [] () [stub(ENOSYS)] call;
            12 brk [] () [stub(ENOSYS)] call;
            25 mremap [] () [stub(ENOSYS)] call;
            26 msync [] () [stub(ENOSYS)] call;
            27 mincore [] () [stub(ENOSYS)] call;
            28 madvise [] () [stub(ENOSYS)] call;
            29 shmget [] () [stub(ENOSYS)] call;
            30 shmat [] () [stub(ENOSYS)] call;
            31 shmctl [] () [stub(ENOSYS)] call;
            67 shmdt [] () [stub(ENOSYS)] call;
            149 mlock [] () [stub(ENOSYS)] call;
            150 munlock [] () [stub(ENOSYS)] call;
            151 mlockall [] () [stub(ENOSYS)] call;
            152 munlockall [] () [stub(ENOSYS)] call;
            216 remap_file_pages [] () [stub(ENOSYS)] call;
            237 mbind [] () [stub(ENOSYS)] call;
            238 set_mempolicy [] () [stub(ENOSYS)] call;
            239 get_mempolicy [] () [stub(ENOSYS)] call;
            256 migrate_pages [] () [stub(ENOSYS)] call;
            279 move_pages [] () [stub(ENOSYS)] call;
            310 process_vm_readv [] () [stub(ENOSYS)] call;
            311 process_vm_writev [] () [stub(ENOSYS)] call;
            323 userfaultfd [] () [stub(ENOSYS)] call;
            325 mlock2 [] () [stub(ENOSYS)] call;
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
