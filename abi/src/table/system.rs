//! The system as a whole, and what belongs nowhere else.

/// Hands this area's rows to `$callback`.
#[macro_export]
macro_rules! syscalls_system {
    ($callback:ident) => {
        $callback! {
            63 uname [system::uname] (buf: Out<Utsname>) [full] call;
            99 sysinfo [system::sysinfo] (info: Out<Sysinfo>) [partial("no load averages")] call;
            103 syslog [system::syslog] (action: Int, buf: UserAddr, len: Int) [full] call;
            153 vhangup [] () [stub(ENOSYS)] call;
            156 _sysctl [] () [stub(ENOSYS)] call;
            169 reboot [system::reboot] (magic: UInt, magic2: UInt, operation: UInt, arg: UserAddr) [partial("no LINUX_REBOOT_CMD_CAD_ON, no kexec, no suspension: EINVAL")] call;
            170 sethostname [system::sethostname] (name: InBuf) [full] call;
            171 setdomainname [system::setdomainname] (name: InBuf) [full] call;
            172 iopl [system::iopl] (level: Int) [partial("only level 0")] call;
            173 ioperm [system::ioperm] (from: ULong, count: ULong, on: Int) [partial("ports are the kernel's: EPERM")] call;
            174 create_module [] () [stub(ENOSYS)] call;
            175 init_module [] () [stub(ENOSYS)] call;
            176 delete_module [] () [stub(ENOSYS)] call;
            177 get_kernel_syms [] () [stub(ENOSYS)] call;
            178 query_module [] () [stub(ENOSYS)] call;
            180 nfsservctl [] () [stub(ENOSYS)] call;
            181 getpmsg [] () [stub(ENOSYS)] call;
            182 putpmsg [] () [stub(ENOSYS)] call;
            183 afs_syscall [] () [stub(ENOSYS)] call;
            184 tuxcall [] () [stub(ENOSYS)] call;
            185 security [] () [stub(ENOSYS)] call;
            236 vserver [] () [stub(ENOSYS)] call;
            246 kexec_load [] () [stub(ENOSYS)] call;
            248 add_key [] () [stub(ENOSYS)] call;
            249 request_key [] () [stub(ENOSYS)] call;
            250 keyctl [] () [stub(ENOSYS)] call;
            298 perf_event_open [] () [stub(ENOSYS)] call;
            313 finit_module [] () [stub(ENOSYS)] call;
            317 seccomp [] () [stub(ENOSYS)] call;
            318 getrandom [system::getrandom] (buf: OutBuf, flags: Flags) [full] call;
            320 kexec_file_load [] () [stub(ENOSYS)] call;
            321 bpf [] () [stub(ENOSYS)] call;
            335 uretprobe [] () [stub(ENOSYS)] call;
            336 uprobe [] () [stub(ENOSYS)] call;
            444 landlock_create_ruleset [] () [stub(ENOSYS)] call;
            445 landlock_add_rule [] () [stub(ENOSYS)] call;
            446 landlock_restrict_self [] () [stub(ENOSYS)] call;
            459 lsm_get_self_attr [] () [stub(ENOSYS)] call;
            460 lsm_set_self_attr [] () [stub(ENOSYS)] call;
            461 lsm_list_modules [] () [stub(ENOSYS)] call;
        }
    };
}

pub(super) const AREA: &str = "system";
use super::rows;
pub(super) static ROWS: &[super::Row] = crate::syscalls_system!(rows);
