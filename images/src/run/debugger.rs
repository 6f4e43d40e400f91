//! `--gdb`: what a debugger needs to know of a guest, as a folder with a script and the files of the image.
//!
//! QEMU waits for gdb before the first instruction. The script lets the kernel run until it has loaded the program,
//! where a function that does nothing else tells both load addresses, adds the symbols of the program and of
//! `ld-osv.so` there, and goes on to `main`: by its symbol, else by the argument of `__libc_start_main`, else to the
//! entry point. There it adds what the link map lists.

use crate::erofs::{Bytes, Reader};
use crate::error::{Error, Result};
use crate::image::Image;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, Sym};
use object::{LittleEndian, elf};
use osv_abi::boot::LD_OSV_PATH;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

const LE: LittleEndian = LittleEndian;

/// A folder for gdb, removed in the end.
#[derive(Debug)]
pub struct Debugger {
    folder: PathBuf,
}

/// What the script is about.
struct Subject<'a> {
    folder: &'a Path,
    program: &'a Path,
    /// `main` in the program's file.
    main: Option<u64>,
    /// The entry point in the program's file.
    entry: u64,
    linker: Option<Linker>,
}

/// `ld-osv.so` and the addresses of `__libc_start_main` and `_r_debug` in it.
#[derive(Debug, Default, Clone)]
struct Linker {
    path: PathBuf,
    start_main: Option<u64>,
    r_debug: Option<u64>,
}

impl Debugger {
    /// Takes apart `image`, whose root may be on `disk`, and which is to run `program`.
    pub fn prepare(image: &[u8], disk: Option<&Path>, program: &Path) -> Result<Self> {
        let folder = env::temp_dir().join(format!("osv-gdb.{}", process::id()));
        let root = folder.join("root");
        fs::create_dir_all(&root).map_err(|error| Error::io("make", &folder, error))?;
        let debugger = Self { folder };
        debugger.write(Path::new("kernel.elf"), image)?;
        let parsed = Image::parse(Path::new("IMAGE"), image)?;
        // Files of a root on a disk stand there, and the rest in memory.
        let on_disk = disk.map(|path| File::open(path).map_err(|error| Error::io("read", path, error)));
        let on_disk = on_disk.transpose()?;
        let parts = [Some(Bytes::Memory(parsed.root()?)), on_disk.as_ref().map(Bytes::File)];
        let mut found = None;
        let mut linker = None;
        let damaged = || Error::Damaged { path: "IMAGE".into(), what: "its root cannot be read".into() };
        for part in parts.into_iter().flatten() {
            let reader = Reader::new(part).ok_or_else(damaged)?;
            for entry in reader.list().ok_or_else(damaged)? {
                if entry.mode & 0o170_000 != 0o100_000 {
                    continue;
                }
                let content = reader.content(entry.nid).ok_or_else(damaged)?;
                if !content.starts_with(&elf::ELFMAG) {
                    continue;
                }
                let relative = entry.path.strip_prefix("/").unwrap_or(&entry.path);
                debugger.write(&Path::new("root").join(relative), &content)?;
                if entry.path == program {
                    found = Some((symbol(&content, |name| name == "main"), start(&content)));
                }
                // Its folder may be reached through a link.
                if entry.path.file_name() == Path::new(LD_OSV_PATH).file_name() {
                    let start_main = symbol(&content, |name| name.ends_with("start::__libc_start_main"));
                    linker = Some(Linker {
                        path: entry.path.clone(),
                        start_main,
                        r_debug: symbol(&content, |name| name == "_r_debug"),
                    });
                }
            }
        }
        // A script is run by another program; then there is no file to look into, but still its place.
        let (main, entry) = found.unwrap_or_default();
        let subject = Subject { folder: &debugger.folder, program, main, entry, linker };
        debugger.write(Path::new("osv.gdb"), subject.script().as_bytes())?;
        Ok(debugger)
    }

    fn write(&self, path: &Path, content: &[u8]) -> Result<()> {
        let path = self.folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, content));
        made.map_err(|error| Error::io("write", path, error))
    }

    /// QEMU's arguments.
    pub fn arguments(&self) -> [OsString; 5] {
        let mut socket = OsString::from("socket,id=gdb,server=on,wait=off,path=");
        socket.push(self.folder.join("socket"));
        ["-S".into(), "-chardev".into(), socket, "-gdb".into(), "chardev:gdb".into()]
    }

    /// How gdb is started.
    pub fn command(&self) -> String {
        format!("gdb -q -x {}", self.folder.join("osv.gdb").display())
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        // What is left in a folder for temporary files is merely untidy.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Subject<'_> {
    fn script(&self) -> String {
        let (folder, program) = (self.folder.display(), self.program.display());
        let root = self.folder.join("root");
        let number =
            |value: Option<u64>| value.map_or_else(|| "None".to_owned(), |value| format!("{value:#x}"));
        let linker = self.linker.clone().unwrap_or_default();
        let mut text = format!(
            "# Made by osv-pack run --gdb.\n\
             set pagination off\nset confirm off\nset architecture i386:x86-64\nset sysroot {root}\n\
             file {folder}/kernel.elf\ntarget remote {folder}/socket\n\
             thbreak osv_debug_exec\ncontinue\n",
            root = root.display()
        );
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "python\n\
             import gdb, os\n\
             ROOT, PROGRAM, LINKER = {root:?}, {program:?}, {linker:?}\n\
             MAIN, ENTRY, START_MAIN, R_DEBUG = {main}, {entry:#x}, {start_main}, {r_debug}\n",
            root = root.display().to_string(),
            program = program.to_string(),
            linker = linker.path.display().to_string(),
            main = number(self.main),
            entry = self.entry,
            start_main = number(linker.start_main),
            r_debug = number(linker.r_debug),
        );
        text.push_str(PYTHON);
        text.push_str("end\n");
        text
    }
}

/// What the script does once the program is loaded.
const PYTHON: &str = r##"
def register(name):
    return int(gdb.parse_and_eval("$" + name)) & (1 << 64) - 1

def word(at):
    return int.from_bytes(gdb.selected_inferior().read_memory(at, 8), "little")

def add(path, bias):
    file = ROOT + path
    if os.path.exists(file):
        gdb.execute("add-symbol-file %s -o %#x" % (file, bias))

def run_to(address):
    gdb.execute("thbreak *%#x" % address)
    gdb.execute("continue")

program, linker = register("rdi"), register("rsi")
add(PROGRAM, program)
if linker:
    add(LINKER, linker)
if MAIN is not None:
    run_to(program + MAIN)
elif linker and START_MAIN is not None:
    run_to(linker + START_MAIN)
    run_to(register("rdi"))
else:
    run_to(program + ENTRY)
# What the link map lists beyond these two.
if linker and R_DEBUG is not None:
    at = word(linker + R_DEBUG + 8)
    known = {program, linker}
    while at:
        bias, name = word(at), word(at + 8)
        path = gdb.selected_inferior().read_memory(name, 256).tobytes().split(b"\0")[0].decode()
        if bias not in known and path:
            known.add(bias)
            add(path, bias)
        at = word(at + 24)
"##;

fn start(data: &[u8]) -> u64 {
    FileHeader64::<LittleEndian>::parse(data).map_or(0, |header| header.e_entry(LE))
}

/// The address of the first function or object whose readable name is `wanted`.
fn symbol(data: &[u8], wanted: impl Fn(&str) -> bool) -> Option<u64> {
    let header = FileHeader64::<LittleEndian>::parse(data).ok()?;
    let sections = header.sections(LE, data).ok()?;
    [elf::SHT_SYMTAB, elf::SHT_DYNSYM].into_iter().find_map(|kind| {
        let symbols = sections.symbols(LE, data, kind).ok()?;
        symbols.iter().find_map(|symbol| {
            let name = symbol.name(LE, symbols.strings()).ok()?;
            let name = format!("{:#}", rustc_demangle::demangle(std::str::from_utf8(name).ok()?));
            (symbol.st_shndx(LE) != elf::SHN_UNDEF && wanted(&name)).then(|| symbol.st_value(LE))
        })
    })
}
