//! What /proc and /sys say of the machine.

use alloc::format;
use alloc::string::String;
use core::arch::x86_64::__cpuid;
use core::time::Duration;
use osv_fs::proc::{CpuModel, Machine};
use osv_hw::clock;

/// The machine, as programs are told of it.
#[derive(Debug)]
pub struct Info {
    /// The command line.
    pub command_line: String,
}

impl Machine for Info {
    fn cpus(&self) -> usize {
        osv_sched::online()
    }

    fn cpu_model(&self) -> CpuModel {
        let text = |leaves: &[u32]| -> String {
            let words = leaves.iter().flat_map(|&leaf| {
                let r = __cpuid(leaf);
                [r.eax, r.ebx, r.ecx, r.edx]
            });
            let bytes: alloc::vec::Vec<u8> =
                words.flat_map(u32::to_le_bytes).take_while(|&b| b != 0).collect();
            String::from_utf8_lossy(&bytes).trim().into()
        };
        let zero = __cpuid(0);
        let vendor: alloc::vec::Vec<u8> =
            [zero.ebx, zero.edx, zero.ecx].into_iter().flat_map(u32::to_le_bytes).collect();
        let one = __cpuid(1);
        let extended = __cpuid(0x8000_0000).eax;
        let sizes = if extended >= 0x8000_0008 { __cpuid(0x8000_0008).eax } else { 0x3024 };
        let base = one.eax >> 8 & 15;
        CpuModel {
            vendor: String::from_utf8_lossy(&vendor).into_owned(),
            name: if extended >= 0x8000_0004 {
                text(&[0x8000_0002, 0x8000_0003, 0x8000_0004])
            } else {
                String::new()
            },
            family: if base == 15 { base + (one.eax >> 20 & 0xff) } else { base },
            model: (one.eax >> 4 & 15) | (one.eax >> 16 & 15) << 4,
            stepping: one.eax & 15,
            khz: clock::tsc_hz() / 1000,
            cache_kb: if extended >= 0x8000_0006 { __cpuid(0x8000_0006).ecx >> 16 } else { 0 },
            flags: flags(),
            physical_bits: sizes & 0xff,
            virtual_bits: sizes >> 8 & 0xff,
        }
    }

    fn uptime(&self) -> Duration {
        Duration::from_nanos(clock::now().0)
    }

    fn boot_time(&self) -> u64 {
        clock::realtime_ns().saturating_sub(clock::now().0) / 1_000_000_000
    }

    fn release(&self) -> String {
        osv_sys::system::RELEASE.into()
    }

    fn version(&self) -> String {
        concat!("osv-rs ", env!("CARGO_PKG_VERSION")).into()
    }

    fn hostname(&self) -> String {
        let name = osv_sys::system::host_name();
        let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
        String::from_utf8_lossy(&name[..end]).into_owned()
    }

    fn command_line(&self) -> String {
        self.command_line.clone()
    }
}

/// Feature names as Linux spells them, of the leaves that programs look at.
fn flags() -> String {
    const LEAF_1_EDX: [&str; 32] = [
        "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "", "sep", "mtrr", "pge",
        "mca", "cmov", "pat", "pse36", "pn", "clflush", "", "dts", "acpi", "mmx", "fxsr", "sse", "sse2",
        "ss", "ht", "tm", "ia64", "pbe",
    ];
    const LEAF_1_ECX: [&str; 32] = [
        "pni",
        "pclmulqdq",
        "dtes64",
        "monitor",
        "ds_cpl",
        "vmx",
        "smx",
        "est",
        "tm2",
        "ssse3",
        "cid",
        "sdbg",
        "fma",
        "cx16",
        "xtpr",
        "pdcm",
        "",
        "pcid",
        "dca",
        "sse4_1",
        "sse4_2",
        "x2apic",
        "movbe",
        "popcnt",
        "tsc_deadline_timer",
        "aes",
        "xsave",
        "osxsave",
        "avx",
        "f16c",
        "rdrand",
        "hypervisor",
    ];
    const LEAF_7_EBX: [&str; 32] = [
        "fsgsbase",
        "tsc_adjust",
        "sgx",
        "bmi1",
        "hle",
        "avx2",
        "",
        "smep",
        "bmi2",
        "erms",
        "invpcid",
        "rtm",
        "cqm",
        "",
        "mpx",
        "rdt_a",
        "avx512f",
        "avx512dq",
        "rdseed",
        "adx",
        "smap",
        "avx512ifma",
        "",
        "clflushopt",
        "clwb",
        "intel_pt",
        "avx512pf",
        "avx512er",
        "avx512cd",
        "sha_ni",
        "avx512bw",
        "avx512vl",
    ];
    let mut text = String::new();
    let mut add = |bits: u32, names: &[&str; 32]| {
        for (bit, name) in names.iter().enumerate() {
            if bits >> bit & 1 != 0 && !name.is_empty() && *name != "osxsave" {
                text += &format!("{name} ");
            }
        }
    };
    let one = __cpuid(1);
    add(one.edx, &LEAF_1_EDX);
    add(one.ecx, &LEAF_1_ECX);
    if __cpuid(0).eax >= 7 {
        add(core::arch::x86_64::__cpuid_count(7, 0).ebx, &LEAF_7_EBX);
    }
    let extended = __cpuid(0x8000_0001);
    for (bits, bit, name) in [
        (extended.edx, 11, "syscall"),
        (extended.edx, 20, "nx"),
        (extended.edx, 26, "pdpe1gb"),
        (extended.edx, 27, "rdtscp"),
        (extended.edx, 29, "lm"),
        (extended.ecx, 0, "lahf_lm"),
        (extended.ecx, 5, "abm"),
    ] {
        if bits >> bit & 1 != 0 {
            text += &format!("{name} ");
        }
    }
    text.truncate(text.trim_end().len());
    text
}
