//! Files about the machine.

use super::{CpuModel, Sources, from};
use crate::synth::Table;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{self, Write};
use core::time::Duration;
use osv_mm::meminfo::MemInfo;

/// Ticks of a hundredth second, the unit of /proc/stat (USER_HZ).
pub(super) fn ticks(time: Duration) -> u64 {
    (time.as_millis() / 10) as u64
}

fn cpuinfo(sources: &Sources, to: &mut String) -> fmt::Result {
    let cpus = sources.machine.cpus();
    let model = sources.machine.cpu_model();
    let CpuModel { vendor, name, family, model: number, stepping, khz, cache_kb, flags, .. } = &model;
    for cpu in 0..cpus {
        writeln!(
            to,
            "processor\t: {cpu}\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {number}"
        )?;
        writeln!(to, "model name\t: {name}\nstepping\t: {stepping}\nmicrocode\t: 0x0")?;
        writeln!(to, "cpu MHz\t\t: {}.{:03}\ncache size\t: {cache_kb} KB", khz / 1000, khz % 1000)?;
        writeln!(to, "physical id\t: 0\nsiblings\t: {cpus}\ncore id\t\t: {cpu}\ncpu cores\t: {cpus}")?;
        writeln!(to, "apicid\t\t: {cpu}\ninitial apicid\t: {cpu}\nfpu\t\t: yes\nfpu_exception\t: yes")?;
        writeln!(to, "cpuid level\t: 13\nwp\t\t: yes\nflags\t\t: {flags}\nbugs\t\t:")?;
        writeln!(
            to,
            "bogomips\t: {}.{:02}\nclflush size\t: 64\ncache_alignment\t: 64",
            khz / 500,
            khz / 5 % 100
        )?;
        let (physical, virtual_) = (model.physical_bits, model.virtual_bits);
        writeln!(
            to,
            "address sizes\t: {physical} bits physical, {virtual_} bits virtual\npower management:\n"
        )?;
    }
    Ok(())
}

fn stat(sources: &Sources, to: &mut String) -> fmt::Result {
    let machine = &sources.machine;
    let times = |cpu| {
        let times = machine.cpu_times(cpu);
        (ticks(times.user), ticks(times.system), ticks(times.idle))
    };
    let all = (0..machine.cpus()).map(times).fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    writeln!(to, "cpu  {} 0 {} {} 0 0 0 0 0 0", all.0, all.1, all.2)?;
    for cpu in 0..machine.cpus() {
        let (user, system, idle) = times(cpu);
        writeln!(to, "cpu{cpu} {user} 0 {system} {idle} 0 0 0 0 0 0")?;
    }
    let pids = sources.processes.pids();
    let running = pids.iter().filter_map(|&pid| sources.processes.process(pid));
    let running = running.filter(|info| info.state == super::State::Running).count();
    writeln!(
        to,
        "intr {}\nctxt {}\nbtime {}",
        machine.interrupts(),
        machine.switches(),
        machine.boot_time()
    )?;
    writeln!(to, "processes {}", pids.iter().max().unwrap_or(&0))?;
    writeln!(to, "procs_running {running}\nprocs_blocked 0")
}

fn uptime(sources: &Sources, to: &mut String) -> fmt::Result {
    let machine = &sources.machine;
    let up = ticks(machine.uptime());
    let idle: u64 = (0..machine.cpus()).map(|cpu| ticks(machine.cpu_times(cpu).idle)).sum();
    writeln!(to, "{}.{:02} {}.{:02}", up / 100, up % 100, idle / 100, idle % 100)
}

fn loadavg(sources: &Sources, to: &mut String) -> fmt::Result {
    let pids = sources.processes.pids();
    let threads: usize = pids.iter().map(|&pid| sources.processes.tids(pid).len()).sum();
    for load in sources.machine.load() {
        write!(to, "{}.{:02} ", load / 100, load % 100)?;
    }
    writeln!(to, "1/{threads} {}", pids.iter().max().unwrap_or(&0))
}

pub(super) fn fill(table: &mut Table, sources: &Arc<Sources>) {
    let mut put =
        |path: &str, make: fn(&Sources, &mut String) -> fmt::Result| table.put(path, from(sources, make));
    put("cpuinfo", cpuinfo);
    put("stat", stat);
    put("uptime", uptime);
    put("loadavg", loadavg);
    put("meminfo", |_, to| MemInfo::now().write(to));
    put("version", |sources, to| {
        let (release, version) = (sources.machine.release(), sources.machine.version());
        writeln!(to, "Linux version {release} (osv-rs) (rustc) {version}")
    });
    put("cmdline", |sources, to| writeln!(to, "{}", sources.machine.command_line()));
    put("vmstat", |_, to| {
        let info = MemInfo::now();
        writeln!(to, "nr_free_pages {}\nnr_file_pages {}\nnr_shmem {}", info.free, info.cached, info.shared)
    });
    table.put_fixed(&[
        (
            "filesystems",
            "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\toverlay\n\terofs\n",
        ),
        ("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"),
        ("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
        ("partitions", "major minor  #blocks  name\n\n"),
        ("modules", ""),
        ("diskstats", ""),
        ("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n"),
        ("misc", ""),
    ]);
}
