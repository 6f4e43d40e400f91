//! /sys, as far as programs read it: CPUs, one memory node, huge pages, the clock source.

use crate::proc::Machine;
use crate::synth::{Folder, Node, SynthFs, Table, fixed, link, made};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;
use osv_vfs::{FileSystem, Kind};

struct Empty;

impl Folder for Empty {
    fn find(&self, _name: &[u8]) -> Option<Node> {
        None
    }
    fn names(&self) -> Vec<(String, Kind)> {
        Vec::new()
    }
    fn mode(&self) -> u32 {
        0o755
    }
}

/// A list of CPUs or nodes as Linux writes it: `0-3`, or `0`.
fn range(count: usize) -> String {
    if count > 1 { format!("0-{}\n", count - 1) } else { "0\n".into() }
}

fn text(text: String) -> Node {
    made(move |to| {
        to.push_str(&text);
        Ok(())
    })
}

/// Makes what goes on /sys.
pub fn file_system(machine: &Arc<dyn Machine>) -> Arc<dyn FileSystem> {
    let mut table = Table::default();
    let cpus = machine.cpus();
    let cpu = "devices/system/cpu";
    for name in ["online", "possible", "present"] {
        table.put(format!("{cpu}/{name}"), text(range(cpus)));
    }
    table.put(format!("{cpu}/offline"), fixed("\n"));
    table.put(format!("{cpu}/kernel_max"), text(format!("{}\n", cpus.saturating_sub(1))));
    for n in 0..cpus {
        let dir = format!("{cpu}/cpu{n}");
        if n > 0 {
            table.put(format!("{dir}/online"), fixed("1\n"));
        }
        let mask = format!("{:x}\n", 1u128.checked_shl(n as u32).unwrap_or(0));
        for (name, value) in [
            ("core_id", format!("{n}\n")),
            ("physical_package_id", "0\n".into()),
            ("core_cpus_list", format!("{n}\n")),
            ("thread_siblings_list", format!("{n}\n")),
            ("thread_siblings", mask),
            ("package_cpus_list", range(cpus)),
            ("core_siblings_list", range(cpus)),
        ] {
            table.put(format!("{dir}/topology/{name}"), text(value));
        }
    }
    let node = "devices/system/node";
    for name in ["online", "possible", "has_cpu", "has_memory", "has_normal_memory"] {
        table.put(format!("{node}/{name}"), fixed("0\n"));
    }
    table.put(format!("{node}/node0/cpulist"), text(range(cpus)));
    table.put(format!("{node}/node0/distance"), fixed("10\n"));
    table.put(
        format!("{node}/node0/meminfo"),
        made(|to| {
            let mut lines = String::new();
            let _ = osv_mm::meminfo::MemInfo::now().write(&mut lines);
            for line in lines.lines().filter(|line| line.starts_with("Mem")) {
                let _ = writeln!(to, "Node 0 {line}");
            }
            Ok(())
        }),
    );
    let source = "devices/system/clocksource/clocksource0";
    let clock = machine.clock_source();
    for name in ["current_clocksource", "available_clocksource"] {
        table.put(format!("{source}/{name}"), text(format!("{clock}\n")));
    }
    table.put_fixed(&[
        // Large areas get huge pages by themselves, and nothing else does: "always", with no defragmentation.
        ("kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
        ("kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise madvise [never]\n"),
        ("kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force\n"),
        ("kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152\n"),
        ("kernel/mm/transparent_hugepage/use_zero_page", "1\n"),
        ("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n"),
        ("kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "0\n"),
        ("kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "0\n"),
        ("kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages", "0\n"),
        ("kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages", "0\n"),
        ("kernel/uevent_seqnum", "0\n"),
    ]);
    table.put("fs/cgroup", Node::Folder(Arc::new(Empty)));
    table.put("kernel/debug", Node::Folder(Arc::new(Empty)));
    table.put("block", Node::Folder(Arc::new(Empty)));
    table.put("class/net/lo", link("../../devices/virtual/net/lo"));
    table.put_fixed(&[
        ("devices/virtual/net/lo/mtu", "65536\n"),
        ("devices/virtual/net/lo/operstate", "unknown\n"),
        ("devices/virtual/net/lo/type", "772\n"),
    ]);
    SynthFs::new("sysfs", 0x6265_6572, true, table.into_folder())
}
