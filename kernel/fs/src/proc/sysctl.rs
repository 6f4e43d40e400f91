//! /proc/sys. The values are facts about this kernel, or limits that it keeps; but for a few they cannot be written.

use super::{Sources, from};
use crate::synth::{Leaf, Node, Table, made};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use osv_base::{Errno, Res, random};

/// A version 4 UUID of 16 random bytes.
fn uuid(mut bytes: [u8; 16], to: &mut String) {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    for (at, byte) in bytes.iter().enumerate() {
        let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
        let _ = write!(to, "{dash}{byte:02x}");
    }
    to.push('\n');
}

fn random_uuid(to: &mut String) {
    let mut bytes = [0; 16];
    random::fill(&mut bytes);
    uuid(bytes, to);
}

/// A number from 1 to 4 drops what caches hold, whichever kind Linux would mean by it.
struct DropCaches;

impl Leaf for DropCaches {
    fn text(&self, to: &mut Vec<u8>) -> Res<()> {
        to.extend_from_slice(b"0\n");
        Ok(())
    }
    fn store(&self, text: &[u8]) -> Res<()> {
        match text.trim_ascii() {
            b"1" | b"2" | b"3" | b"4" => {
                osv_mm::pressure::drop_caches();
                Ok(())
            }
            _ => Err(Errno::EINVAL.into()),
        }
    }
    fn mode(&self) -> u32 {
        0o644
    }
}

pub(super) fn fill(table: &mut Table, sources: &Arc<Sources>) {
    table.put(
        "sys/kernel/hostname",
        from(sources, |sources, to| writeln!(to, "{}", sources.machine.hostname())),
    );
    table.put(
        "sys/kernel/osrelease",
        from(sources, |sources, to| writeln!(to, "{}", sources.machine.release())),
    );
    table.put(
        "sys/kernel/version",
        from(sources, |sources, to| writeln!(to, "{}", sources.machine.version())),
    );
    table.put("sys/vm/drop_caches", Node::Leaf(Arc::new(DropCaches)));
    let open_files = made(|to| {
        let _ = writeln!(to, "{}\t0\t9223372036854775807", osv_vfs::file::open_files());
        Ok(())
    });
    table.put("sys/fs/file-nr", open_files);
    let fresh = made(|to| {
        random_uuid(to);
        Ok(())
    });
    table.put("sys/kernel/random/uuid", fresh);
    let boot_id: spin::Once<String> = spin::Once::new();
    let boot_id = made(move |to| {
        to.push_str(boot_id.call_once(|| {
            let mut id = String::new();
            random_uuid(&mut id);
            id
        }));
        Ok(())
    });
    table.put("sys/kernel/random/boot_id", boot_id);
    table.put_fixed(&[
        ("sys/kernel/ostype", "Linux\n"),
        ("sys/kernel/domainname", "(none)\n"),
        ("sys/kernel/pid_max", "4194304\n"),
        ("sys/kernel/threads-max", "32768\n"),
        ("sys/kernel/cap_last_cap", "40\n"),
        ("sys/kernel/ngroups_max", "65536\n"),
        ("sys/kernel/overflowuid", "65534\n"),
        ("sys/kernel/overflowgid", "65534\n"),
        ("sys/kernel/core_pattern", "core\n"),
        ("sys/kernel/core_uses_pid", "0\n"),
        ("sys/kernel/randomize_va_space", "2\n"),
        ("sys/kernel/perf_event_paranoid", "4\n"),
        ("sys/kernel/sched_rt_runtime_us", "950000\n"),
        ("sys/kernel/sched_rt_period_us", "1000000\n"),
        ("sys/kernel/shmmax", "18446744073692774399\n"),
        ("sys/kernel/shmall", "18446744073692774399\n"),
        ("sys/kernel/shmmni", "4096\n"),
        ("sys/kernel/sem", "32000\t1024000000\t500\t32000\n"),
        ("sys/kernel/msgmax", "8192\n"),
        ("sys/kernel/msgmnb", "16384\n"),
        ("sys/kernel/msgmni", "32000\n"),
        ("sys/kernel/tainted", "0\n"),
        ("sys/kernel/random/entropy_avail", "256\n"),
        ("sys/kernel/random/poolsize", "256\n"),
        ("sys/vm/overcommit_memory", "0\n"),
        ("sys/vm/overcommit_ratio", "50\n"),
        ("sys/vm/max_map_count", "65530\n"),
        ("sys/vm/mmap_min_addr", "4096\n"),
        ("sys/vm/swappiness", "0\n"),
        ("sys/vm/nr_hugepages", "0\n"),
        ("sys/fs/file-max", "9223372036854775807\n"),
        ("sys/fs/nr_open", "1048576\n"),
        ("sys/fs/pipe-max-size", "1048576\n"),
        ("sys/fs/pipe-user-pages-soft", "16384\n"),
        ("sys/fs/protected_hardlinks", "0\n"),
        ("sys/fs/protected_symlinks", "0\n"),
        ("sys/net/core/somaxconn", "4096\n"),
        ("sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
        ("sys/net/ipv4/ip_unprivileged_port_start", "1024\n"),
        ("sys/net/ipv4/ip_forward", "0\n"),
        ("sys/net/ipv6/bindv6only", "0\n"),
        ("sys/net/ipv6/conf/all/disable_ipv6", "0\n"),
        ("sys/net/ipv6/conf/default/disable_ipv6", "0\n"),
    ]);
}
