//! One QEMU from reset to its end: the machine that both kernels get.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Both kernels find a console, a timer and an interrupt controller here; neither needs a driver.
const MACHINE: &str = "microvm,acpi=off";
/// Without these, `rep movsb` would count as one instruction for each byte and hide what memory costs.
const CPU: &str = "max,erms=off,fsrm=off";
/// Virtual time is the number of instructions, and runs on by itself while the guest waits.
const COUNTED: [&str; 4] = ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"];

/// A kernel to boot.
#[derive(Clone, Debug)]
pub struct Boot {
    /// An ELF file with a PVH entry, or a bzImage.
    pub kernel: PathBuf,
    /// Linux's initramfs.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line.
    pub command_line: String,
}

/// How to run it.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Memory in MiB.
    pub memory: u32,
    /// Whether to count instructions.
    pub counted: bool,
    /// A plugin and the file that it writes the number of instructions to.
    pub counter: Option<(PathBuf, PathBuf)>,
    /// After this it is killed.
    pub timeout: Duration,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine { memory: 256, counted: true, counter: None, timeout: Duration::from_secs(180) }
    }
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Output {
    /// What came over the serial port.
    pub text: String,
    /// What QEMU said.
    pub messages: String,
    /// The status that the guest left with, `None` when it did not end by itself.
    pub status: Option<i32>,
}

impl Machine {
    /// QEMU's arguments.
    pub fn arguments(&self, boot: &Boot) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        let mut say = |words: &[&str]| arguments.extend(words.iter().map(|&word| word.to_owned()));
        say(&["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-seed", "1"]);
        say(&["-machine", MACHINE, "-accel", "tcg", "-cpu", CPU, "-smp", "1"]);
        say(&["-m", &format!("{}M", self.memory)]);
        if self.counted {
            say(&COUNTED);
        }
        if let Some((plugin, out)) = &self.counter {
            say(&["-plugin", &format!("{},out={}", plugin.display(), out.display())]);
        }
        say(&["-serial", "stdio", "-device", "isa-debug-exit,iobase=0x501,iosize=0x04"]);
        say(&["-kernel", &boot.kernel.display().to_string()]);
        if let Some(initrd) = &boot.initrd {
            say(&["-initrd", &initrd.display().to_string()]);
        }
        say(&["-append", &boot.command_line]);
        arguments
    }

    /// Boots it and waits for its end.
    pub fn run(&self, boot: &Boot) -> Result<Output, String> {
        let mut command = Command::new(qemu());
        command.args(self.arguments(boot));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", qemu().display()))?;
        let (text, messages) = (read(child.stdout.take()), read(child.stderr.take()));
        let deadline = Instant::now() + self.timeout;
        let status = loop {
            match child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break status.code(),
                None if Instant::now() > deadline => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let [text, messages] = [text, messages]
            .map(|reader| String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned());
        // isa-debug-exit makes `status << 1 | 1` of a status. What QEMU leaves with when it cannot start looks like
        // status 0, so a run that is to count must also have printed what it should.
        let status = status.filter(|status| status & 1 == 1).map(|status| status >> 1);
        Ok(Output { text, messages, status })
    }

    /// Boots it and counts its instructions from reset to the end.
    pub fn count(&self, boot: &Boot, folder: &Path) -> Result<(Output, u64), String> {
        let plugin = counter(folder)?;
        let out = folder.join("instructions");
        // What an earlier run wrote is not this run's.
        let _ = fs::remove_file(&out);
        let output = Machine { counter: Some((plugin, out.clone())), ..self.clone() }.run(boot)?;
        let text = fs::read_to_string(&out)
            .map_err(|_| format!("{} did not count instructions: it may lack plugins", qemu().display()))?;
        let count = text.trim().parse().map_err(|_| format!("{}: {text:?}", out.display()))?;
        Ok((output, count))
    }
}

impl Output {
    /// How it ended, and all that was said, for a failure's report.
    pub fn account(&self) -> String {
        let end = match self.status {
            Some(status) => format!("status {status}"),
            None => "the machine did not come to an end by itself".to_owned(),
        };
        format!("{end}\n{}{}", self.text, self.messages)
    }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is what there is to show.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}

/// QEMU: `OSV_QEMU`, or the one in PATH.
pub fn qemu() -> PathBuf {
    std::env::var_os("OSV_QEMU").map_or_else(|| "qemu-system-x86_64".into(), PathBuf::from)
}

/// What QEMU says of itself, in short.
pub fn version() -> Result<String, String> {
    let output = Command::new(qemu()).arg("--version").output();
    let output = output.map_err(|error| format!("{}: {error}", qemu().display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split("version ").nth(1).and_then(|rest| rest.split_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| format!("{}: no version in {text:?}", qemu().display()))
}

/// Builds the plugin that counts instructions. QEMU takes plugins of interface 1 up to 8.x, of 2 and more from 9.0.
fn counter(folder: &Path) -> Result<PathBuf, String> {
    let version = version()?;
    let major: u32 = version.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let interface = if major < 9 { 1 } else { 2 };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/count_instructions.c");
    let to = folder.join("count_instructions.so");
    let mut command = Command::new("gcc");
    command.args(["-O2", "-shared", "-fPIC", &format!("-DINTERFACE={interface}"), "-o"]).arg(&to).arg(source);
    let built = command.output().map_err(|error| format!("gcc: {error}"))?;
    if built.status.success() {
        Ok(to)
    } else {
        Err(format!("count_instructions.c: {}", String::from_utf8_lossy(&built.stderr)))
    }
}
