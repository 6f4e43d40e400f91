//! Stock programs that end by themselves, with what they must print: one list for this Linux under ld-osv.so and for the
//! guest.

use crate::programs;
use std::path::{Path, PathBuf};

const SUM: &str =
    "with recursive c(x) as (values(1) union all select x+1 from c where x<1000) select sum(x) from c";
const LUA: &str = "local co=coroutine.wrap(function() for i=1,3 do coroutine.yield(i*i) end end) \
                   print(co(),co(),co(),string.format('%.3f',math.sin(1)),os.date('!%Y',0))";
const PYTHON: &str = "import hashlib,threading,json,decimal\nr=[]\n\
                      t=[threading.Thread(target=lambda i=i:r.append(i*i)) for i in range(4)]\n\
                      [x.start() for x in t]; [x.join() for x in t]\n\
                      print(sorted(r), hashlib.md5(b'a').hexdigest()[:8], decimal.Decimal(1)/7)";
const PHP: &str =
    "echo array_sum(range(1,100)),' ',date('Y',0),' ',preg_replace('/b+/','X','abbbc'),\"\\n\";";
const NODE: &str = "const c=require('crypto').createHash('sha256').update('a').digest('hex').slice(0,8);\
                    setTimeout(()=>console.log('t',c,[3,1,2].sort().join('')),10)";
const HAPROXY: &str = "global\n  maxconn 100\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n\
                       \x20 timeout server 1s\nlisten l\n  bind 127.0.0.1:8095\n  server s1 127.0.0.1:8096\n";

/// A program, how it is called, and what it prints.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What the test is called.
    pub name: &'static str,
    /// A path (of the target directory when it is relative), or a name that PATH finds.
    program: &'static str,
    /// Its arguments; `FILE` in one stands for the path of the row's file.
    pub arguments: &'static [&'static str],
    /// The name of that file and what is in it.
    file: Option<(&'static str, &'static str)>,
    /// What standard output must contain.
    pub fragment: &'static str,
    /// Paths that the guest has besides, from this machine.
    adds: &'static [&'static str],
    /// Whether Python's library comes along.
    python: bool,
    /// More flags for the guest.
    guest: &'static [&'static str],
    /// Whether ld-osv.so can run it on this Linux: not what is static.
    pub dynamic: bool,
}

const fn row(
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    fragment: &'static str,
) -> Row {
    Row {
        name,
        program,
        arguments,
        file: None,
        fragment,
        adds: &[],
        python: false,
        guest: &[],
        dynamic: true,
    }
}

/// Every row.
pub fn all() -> Vec<Row> {
    const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const SEVENTH: &str = "[0, 1, 4, 9] 0cc175b9 0.1428571428571428571428571429";
    vec![
        Row { dynamic: false, ..row("busybox", "busybox", &["printf", "%s-%s\\n", "40", "2"], "40-2") },
        row("lua5.4", "lua5.4", &["-e", LUA], "1\t4\t9\t0.841\t1970"),
        row("sqlite3", "sqlite3", &[":memory:", SUM], "500500"),
        row("ripgrep", "rg", &["-c", "root:", "/etc/passwd"], "1"),
        Row { file: Some(("abc", "abc")), ..row("openssl", "openssl", &["dgst", "-sha256", "FILE"], DIGEST) },
        Row {
            file: Some(("haproxy.cfg", HAPROXY)),
            ..row("haproxy", "haproxy", &["-f", "FILE", "-c"], "Configuration file is valid")
        },
        Row {
            python: true,
            guest: &["-m", "512M"],
            // Debian's, whatever else PATH has.
            ..row("python3.11", "/usr/bin/python3.11", &["-c", PYTHON], SEVENTH)
        },
        Row {
            // Without any time zone Debian's php fails on Linux, too.
            adds: &["/usr/share/zoneinfo/UTC"],
            ..row("php", "php", &["-n", "-r", PHP], "5050 1970 aXc")
        },
        Row {
            dynamic: false,
            file: Some(("program.ts", "let x:number=1+2; console.log(x)\n")),
            ..row("esbuild", "npm/esbuild", &["--minify", "FILE"], "let x=3;console.log(x);")
        },
        Row { guest: &["-m", "1G"], ..row("node", "node", &["-e", NODE], "t ca978112 123") },
    ]
}

/// A row's file, where it lies here.
#[derive(Debug)]
pub struct RowFiles {
    host: Option<PathBuf>,
    guest: String,
}

impl Row {
    /// Writes the row's file.
    pub fn files(&self) -> Result<RowFiles, String> {
        let Some((name, text)) = self.file else {
            return Ok(RowFiles { host: None, guest: String::new() });
        };
        let folder = programs::output().join("rows");
        let path = folder.join(name);
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(RowFiles { host: Some(path), guest: format!("/w/{name}") })
    }

    /// The program: a path here, or its name.
    pub fn program(&self) -> PathBuf {
        match self.program {
            below if below.contains('/') && !below.starts_with('/') => programs::target().join(below),
            program => program.into(),
        }
    }

    /// What osv-pack is told besides.
    pub fn flags(&self) -> Vec<String> {
        let adds = self.adds.iter().flat_map(|path| ["--add", path]).map(str::to_owned);
        let own = self.guest.iter().map(|&flag| flag.to_owned());
        let python = if self.python { python_library() } else { Vec::new() };
        own.chain(adds).chain(python).collect()
    }
}

impl RowFiles {
    /// Puts the file into the image.
    pub fn guest_flags(&self) -> Vec<String> {
        let add = self.host.iter().map(|path| format!("{}:{}", path.display(), self.guest));
        add.flat_map(|add| ["--add".to_owned(), add]).collect()
    }

    /// Arguments with the file's path in the guest.
    pub fn in_guest(&self, arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|argument| argument.replace("FILE", &self.guest)).collect()
    }

    /// Arguments with the file's path here.
    pub fn here(&self, arguments: &[&str]) -> Vec<String> {
        let path = self.host.as_deref().unwrap_or(Path::new("")).display().to_string();
        arguments.iter().map(|argument| argument.replace("FILE", &path)).collect()
    }
}

/// `--add` flags for what of Debian's Python library fits a root in memory.
pub fn python_library() -> Vec<String> {
    const LIBRARY: &str = "/usr/lib/python3.11";
    const LEFT_OUT: &[&str] =
        &["test", "idlelib", "lib2to3", "ensurepip", "tkinter", "turtledemo", "pydoc_data", "__pycache__"];
    let mut names: Vec<_> = std::fs::read_dir(LIBRARY)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !LEFT_OUT.contains(&name.as_str()) && !name.starts_with("config-"))
        .collect();
    names.sort();
    names.into_iter().flat_map(|name| ["--add".to_owned(), format!("{LIBRARY}/{name}")]).collect()
}
