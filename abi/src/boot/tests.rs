use super::*;
use alloc::string::ToString;
use core::net::Ipv4Addr;
use proptest::collection::vec;
use proptest::prelude::*;

fn bytes(len: core::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    vec(1u8.., len)
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    bytes(0..20).prop_map(|tail| [b"/", tail.as_slice()].concat())
}

fn net() -> impl Strategy<Value = Net> {
    let addresses = (any::<Ipv4Addr>(), 0u8..=32, any::<Option<Ipv4Addr>>(), vec(any::<Ipv4Addr>(), 0..3));
    let fixed = addresses
        .prop_map(|(address, prefix, gateway, dns)| Net::Static(StaticNet { address, prefix, gateway, dns }));
    prop_oneof![Just(Net::None), Just(Net::Dhcp), fixed]
}

prop_compose! {
    fn program()(program in prop_oneof![Just(Vec::new()), path()], arg0 in proptest::option::of(bytes(0..10)),
                 args in vec(prop_oneof![bytes(0..12), Just(b"--".to_vec()), Just(b"virtio_mmio.device=1@2:3".to_vec())], 0..5),
                 env in vec(("[A-Z_]{1,4}", bytes(0..10)), 0..4), cwd in path()) -> BootConfig {
        let mut config = BootConfig { program, arg0, args, cwd, ..BootConfig::default() };
        for (name, value) in env {
            config.set_env([name.as_bytes(), b"=", &value].concat());
        }
        config
    }
}

prop_compose! {
    fn config()(program in program(), uid: u32, gid: u32, hostname in bytes(1..64), net in net(), log in 0..LOG.len(),
                image: bool, strace in proptest::option::of(prop::sample::select(&["all", "!read", "?x,openat"][..])), summary: bool, supervisor in 0..SUPERVISOR.len(), tty: Option<[bool; 3]>,
                disk in proptest::option::of((any::<[u8; 16]>(), "[^\0]{1,9}")),
                time_unix_ns: Option<u64>, tsc_hz: Option<u64>, mmio in vec(any::<(u64, u64, u32)>(), 0..3)) -> BootConfig {
        BootConfig {
            uid, gid, hostname, net, summary, time_unix_ns, tsc_hz,
            strace: strace.map(String::from),
            disk: disk.map(|(id, name)| RootDisk { id: Id(id), name }),
            libc: if image { Libc::Image } else { Libc::Table },
            log: LOG[log].1,
            supervisor: SUPERVISOR[supervisor].1,
            tty: match tty {
                Some([stdin, stdout, stderr]) => Terminals { stdin, stdout, stderr, console: false },
                None => Terminals { console: true, ..Terminals::default() },
            },
            mmio: mmio.into_iter().map(|(size, base, irq)| MmioDevice { size, base, irq }).collect(),
            ..program
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(config in config()) {
        prop_assert_eq!(BootConfig::parse(config.to_string().as_bytes(), b""), Ok(config.clone()));
        let one_line = config.to_string().replace('\n', " ");
        prop_assert_eq!(BootConfig::parse(b"", one_line.as_bytes()), Ok(config));
    }

    #[test]
    fn no_text_makes_it_panic(file in vec(any::<u8>(), 0..200), line in "(osv\\.[a-z0]{0,10}[=%,/@:0-9a-f_ -]{0,20} ?){0,4}") {
        let _ = BootConfig::parse(&file, line.as_bytes());
        let _ = BootConfig::parse(line.as_bytes(), &file);
    }
}

fn line(command_line: &str) -> BootConfig {
    let file = b"# made by osv-pack\nosv.program=/bin/echo\nosv.env=A=1\nosv.env=B=2\n--\nold\narguments\n";
    BootConfig::parse(file, command_line.as_bytes()).expect(command_line)
}

#[test]
fn the_command_line_overrides_the_file() {
    let config =
        line("osv.env=A=3 osv.env=B osv.env=C= osv.net=10.0.2.15/24,gw=10.0.2.2,dns=10.0.2.3 osv.log=debug");
    assert_eq!(config.env, [b"A=3".to_vec(), b"C=".to_vec()]);
    assert_eq!(config.log, LogLevel::Debug);
    assert_eq!(config.argv().collect::<Vec<_>>(), [&b"/bin/echo"[..], b"old", b"arguments"]);
    assert_eq!(config.net.to_string(), "10.0.2.15/24,gw=10.0.2.2,dns=10.0.2.3");
}

#[test]
fn arguments_replace_those_of_the_image() {
    let config = line("osv.arg0=echo -- a%20b %_ -- --");
    assert_eq!(config.argv().collect::<Vec<_>>(), [&b"echo"[..], b"a b", b"", b"--", b"--"]);
    assert_eq!(line("--").args, Vec::<Vec<u8>>::new());
}

#[test]
fn devices_behind_the_arguments_are_no_arguments() {
    let config = line("-- x virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=4K@0xd0000000:5");
    assert_eq!(config.args, [b"x"]);
    let devices = [(512, 0xfeb0_0e00, 12), (4096, 0xd000_0000, 5)].map(|(size, base, irq)| MmioDevice {
        size,
        base,
        irq,
    });
    assert_eq!(config.mmio, devices);
}

#[test]
fn foreign_words_are_kept_from_loaders_only() {
    assert_eq!(line("console=ttyS0 quiet").foreign, [b"console=ttyS0".to_vec(), b"quiet".to_vec()]);
    let error = BootConfig::parse(b"net=dhcp", b"").expect_err("no such key");
    assert_eq!(error.to_string(), "boot configuration: `net=dhcp`: unknown key");
}

#[test]
fn errors_name_the_word() {
    for (word, message) in [
        ("osv.nett=dhcp", "unknown key"),
        ("osv.net", "a value is missing (osv.key=value)"),
        ("osv.net=10.0.2.15", "expected dhcp, none or ADDRESS/PREFIX[,gw=ADDRESS][,dns=ADDRESS]..."),
        ("osv.uid=-1", "expected a decimal number"),
        ("osv.program=memcached", "expected an absolute path"),
        ("osv.env==x", "expected NAME=value, or NAME to remove it"),
        ("osv.cwd=/%0", "`%` needs two hexadecimal digits or `_` behind it"),
        ("osv.cwd=/%00", "a zero byte cannot be part of it"),
        ("osv.disk=0123/x", "expected 32 hexadecimal digits, a slash and the name of a file"),
        ("osv.log=loud", "expected off, error, warn, info, debug or trace"),
        ("virtio_mmio.device=1@2", "expected SIZE@BASE:IRQ"),
    ] {
        let error = BootConfig::parse(b"", word.as_bytes()).expect_err(word);
        assert_eq!(error.to_string(), alloc::format!("boot configuration: `{word}`: {message}"));
    }
}

#[test]
fn the_root_descriptor_survives_the_file() {
    let descriptor = RootDescriptor { phys_addr: 0x40_0000, len: 0x1000, ..RootDescriptor::EMPTY };
    assert_eq!(RootDescriptor::from_bytes(descriptor.to_bytes()), Some(descriptor));
    assert_eq!(RootDescriptor::from_bytes([0; 24]), None);
    assert_eq!(&ROOT_MAGIC.to_be_bytes()[..], b"TOORSVO\0");
}
