//! From a working kernel to the application, and from its end to power-off. Runs on a kernel thread.

use crate::channel::{self, Channel, Port};
use crate::devices::{self, Devices};
use crate::machine_info::Info;
use crate::root::RamImage;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use osv_abi::Errno;
use osv_abi::boot::{BOOT_FILE, BootConfig, Libc, Supervisor};
use osv_abi::channel::Exit;
use osv_abi::trace::Filter;
use osv_abi::uapi::file::open;
use osv_abi::uapi::signal::sig;
use osv_abi::uapi::termios::Winsize;
use osv_base::{Fail, Res, error, info, warn};
use osv_fs::console::Streams;
use osv_fs::erofs;
use osv_hw::boot::BootInfo;
use osv_hw::power;
use osv_sys::system::Power;
use osv_task::creds::Credentials;
use osv_task::init::{self, Application};
use osv_task::{Process, Status};
use osv_vfs::path::From;
use osv_vfs::{Creds, FdFlags, FdTable, FsContext, Inode, Io, OpenFile, ops};
use osv_virtio::supervisor::Event;
use osv_virtio::transport::Transport;
use spin::Once;

static APPLICATION: Once<Arc<Process>> = Once::new();
static CHANNEL: Once<Arc<Channel>> = Once::new();
static STREAMS: Once<Arc<Streams>> = Once::new();

/// All of it; never returns.
pub fn run(boot: BootInfo) -> ! {
    osv_sys::system::register_kernel_log(&crate::log::Kept);
    osv_sys::system::register_power(end_machine);
    let mut config = BootConfig::default();
    // The supervisor's place and the log level must be known before the root can be read.
    let early = config.apply(boot.cmdline, osv_abi::boot::Source::CommandLine);
    if let Err(problem) = early {
        error!("{problem}");
    }
    crate::selftest::crash_if_wanted(&config.foreign);
    let mut devices = devices::probe(&config.mmio, channel::ring);
    let (network, disks) = (core::mem::take(&mut devices.net), core::mem::take(&mut devices.disks));
    let channel = open_channel(config.supervisor, devices);
    let streams = Streams::new(channel.clone(), config.tty);
    channel.connect(&streams);
    STREAMS.call_once(|| streams.clone());
    let serving = channel.clone();
    if osv_task::spawn_kernel("channel", move || serving.serve()).is_err() {
        error!("no memory for the channel's thread");
    }
    let exit = match application(boot, &streams, network, disks) {
        Ok(application) => {
            APPLICATION.call_once(|| application.clone());
            crate::ending::listen();
            ended(init::wait_for(&application))
        }
        Err(fail) => not_started(fail),
    };
    info!("the application ended: {exit:?}, {} ticks after the reset", osv_hw::cpu::rdtsc());
    osv_sys::observe::finish();
    channel.farewell(exit);
    power::off(exit.status())
}

fn open_channel(supervisor: Supervisor, devices: Devices) -> Arc<Channel> {
    let (port, framed) = match (supervisor, devices.console) {
        (Supervisor::Console, Some(console)) => (Port::Virtio(Box::new(console)), true),
        (Supervisor::Console, None) => {
            error!("the supervisor wants a virtio console, and there is none: plain text on the serial port");
            (Port::Serial, false)
        }
        (Supervisor::Serial, _) => (Port::Serial, true),
        (Supervisor::None, _) => (Port::Serial, false),
    };
    if matches!(port, Port::Serial) {
        channel::listen_to_serial();
    }
    if framed {
        crate::log::queue();
    }
    CHANNEL.call_once(|| Channel::new(port, framed, on_event)).clone()
}

/// reboot(2).
fn end_machine(power: Power) -> ! {
    let exit = Exit::Exited(0);
    info!("the machine ends: reboot(2) asks for it");
    if let Some(channel) = CHANNEL.get() {
        channel.farewell(exit);
    }
    match power {
        Power::Off => power::off(exit.status()),
        Power::Restart => power::reset(),
    }
}

fn on_event(event: Event) {
    match event {
        Event::Signal(signo) => {
            if let Some(application) = APPLICATION.get() {
                init::signal(application, signo.into());
            }
        }
        Event::WindowSize(size) => {
            let window =
                Winsize { rows: size.rows, cols: size.columns, xpixel: size.x_pixels, ypixel: size.y_pixels };
            let is_told = STREAMS.get().is_some_and(|streams| streams.set_window(window));
            if let Some(application) = APPLICATION.get().filter(|_| !is_told) {
                init::signal(application, sig::WINCH);
            }
        }
        Event::ReportRequest => {
            let mut text = String::new();
            let _ = osv_task::report::write(&mut text);
            if let Some(channel) = CHANNEL.get() {
                channel.report(text.as_bytes());
            }
        }
        Event::PowerOff => power::off(143),
        Event::Stdin | Event::ExitAcknowledged => {}
    }
}

/// Mounts the root, reads the configuration in it, starts the program.
fn application(
    boot: BootInfo,
    streams: &Arc<Streams>,
    network: Vec<Box<dyn Transport>>,
    disks: Vec<Box<dyn Transport>>,
) -> Res<Arc<Process>> {
    let mut images = Vec::new();
    match boot.root {
        // SAFETY: boot kept the range out of what it gave to the allocator.
        Some(range) => images.push(erofs::mount(Arc::new(unsafe { RamImage::new(range) }))?),
        None => error!("there is no root file system: this kernel was not packed, and no -initrd was given"),
    }
    let file = images.first().map(|image| read_boot_file(&image.root())).transpose()?.unwrap_or_default();
    let config = BootConfig::parse(&file, boot.cmdline).map_err(|problem| {
        error!("{problem}");
        Errno::EINVAL
    })?;
    configure(&config);
    if let Some(disk) = &config.disk {
        images.push(crate::disk::root(disk, disks)?);
    }
    let command_line = String::from_utf8_lossy(boot.cmdline).into_owned();
    let machine = Arc::new(Info { command_line });
    let mounts = osv_fs::assemble(&images, machine, Arc::new(osv_sys::proc::TaskProcesses), streams)?;
    osv_vfs::mount::register(&mounts);
    let creds = Creds::root();
    let root = From { root: mounts.root(), dir: mounts.root(), creds: &creds };
    crate::network::start(&config.net, network);
    if let Some(text) = crate::network::resolv_conf()
        && let Err(fail) = write_new(&root, b"/etc/resolv.conf", text.as_bytes())
        && fail != Errno::EEXIST.into()
    {
        warn!("/etc/resolv.conf: {fail}");
    }
    if config.program.is_empty() {
        error!("no program is named (osv.program=/path)");
        return Err(Errno::ENOENT.into());
    }
    let fs = FsContext::new(mounts.root());
    fs.set_cwd(ops::find(&root, &config.cwd, true)?);
    let fds = FdTable::new();
    if streams.tty().is_some() {
        let flags = open::RDWR | open::NOCTTY;
        let how = ops::How { flags, mode: 0, umask: 0, resolve: Default::default() };
        let console = Arc::new(ops::open(&root, b"/dev/console", how)?);
        for _ in 0..3 {
            fds.insert(console.clone(), FdFlags::default(), 0, 3)?;
        }
    } else {
        for (number, stream) in streams.files().into_iter().enumerate() {
            let mode = if number == 0 { open::RDONLY } else { open::WRONLY };
            fds.insert(Arc::new(OpenFile::new(stream, mode)), FdFlags::default(), 0, 3)?;
        }
    }
    init::start(Application {
        path: config.program.clone(),
        args: config.argv().map(<[u8]>::to_vec).collect(),
        env: config.env.clone(),
        credentials: Credentials::new(config.uid, config.gid),
        fs: Arc::new(fs),
        fds: Arc::new(fds),
        terminal: streams.tty().cloned(),
    })
    .inspect_err(|fail| error!("{}: {fail}", config.program.escape_ascii()))
}

fn configure(config: &BootConfig) {
    crate::bring_up::set_log_level(config.log);
    osv_sys::system::set_host_name(&config.hostname);
    osv_task::exec::use_image_libc(config.libc == Libc::Image);
    observe(config);
    for word in &config.foreign {
        info!("`{}` on the command line is not ours", word.escape_ascii());
    }
}

/// Looks on as the configuration wants.
fn observe(config: &BootConfig) {
    let filter = config.strace.as_deref().map(Filter::parse).transpose();
    let filter = filter.unwrap_or_else(|problem| {
        error!("osv.strace: {problem}");
        None
    });
    osv_sys::observe::start(filter, config.summary, |text| {
        // A channel that fails has nobody at its end.
        if let Some(channel) = CHANNEL.get() {
            let _ = channel.trace(text);
        }
    });
}

/// The boot configuration that the image in memory holds; empty without one.
fn read_boot_file(root: &Arc<dyn Inode>) -> Res<Vec<u8>> {
    let mut inode = root.clone();
    for name in BOOT_FILE.split('/').filter(|name| !name.is_empty()) {
        inode = match inode.lookup(name.as_bytes()) {
            Err(fail) if fail == Errno::ENOENT.into() => return Ok(Vec::new()),
            found => found?,
        };
    }
    let file = inode.open(open::RDONLY)?;
    let mut bytes = alloc::vec![0; (file.size() as usize).min(1 << 20)];
    let mut sink = osv_base::io::SliceSink::new(&mut bytes);
    let n = file.read(osv_vfs::At::Offset(0), &mut sink, Io::default())?;
    bytes.truncate(n);
    Ok(bytes)
}

/// Writes a file unless there is one of that name: EEXIST.
fn write_new(from: &From<'_>, path: &[u8], bytes: &[u8]) -> Res<()> {
    if let Some(end) = path.iter().rposition(|&b| b == b'/').filter(|&end| end > 0)
        && let Err(fail) = ops::mkdir(from, &path[..end], 0o755, 0)
        && fail != Errno::EEXIST.into()
    {
        return Err(fail);
    }
    let flags = open::WRONLY | open::CREAT | open::EXCL;
    let file = ops::open(from, path, ops::How { flags, mode: 0o644, umask: 0, resolve: Default::default() })?;
    let mut source = osv_base::io::SliceSource::new(bytes);
    file.file().write(osv_vfs::At::Offset(0), &mut source, file.io()).map(drop)
}

fn ended(status: Status) -> Exit {
    match status.signal() {
        Some(signo) => Exit::Killed(signo as u8),
        None => Exit::Exited(status.code()),
    }
}

fn not_started(fail: Fail) -> Exit {
    let missing = [Errno::ENOENT, Errno::ENOTDIR].map(Fail::Errno).contains(&fail);
    Exit::NotStarted(if missing { 127 } else { 126 })
}
