//! `osv-pack build`, `check` and `inspect` as a process: what is written, what is said, and with which status.

#[path = "tiny/mod.rs"]
mod tiny;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

struct Setup {
    temp: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a folder");
        fs::write(temp.path().join("kernel.elf"), tiny::tiny_kernel(temp.path())).expect("written");
        fs::write(temp.path().join("ld-osv.so"), "stands for it").expect("written");
        tiny::tiny_program(temp.path());
        Self { temp }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osv-pack"));
        command.args(args).env("OSV_HOME", self.temp.path()).current_dir(self.temp.path());
        command
    }

    fn osv_pack(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("it runs")
    }

    /// Expects failure with this status and these words, on one screen, and nothing left behind.
    fn fails(&self, args: &[&str], status: i32, expected: &[&str]) {
        let before = fs::read_dir(self.temp.path()).expect("a folder").count();
        let output = self.osv_pack(args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {stderr}");
        expected.iter().for_each(|part| assert!(stderr.contains(part), "{args:?}: no {part:?} in {stderr}"));
        assert!(stderr.lines().count() <= 24, "{stderr}");
        assert_eq!(
            fs::read_dir(self.temp.path()).expect("a folder").count(),
            before,
            "{args:?} leaves something behind"
        );
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_same_input_gives_the_same_image_whatever_the_times() {
    let setup = Setup::new();
    assert!(setup.osv_pack(&["./prog"]).status.success());
    let first = fs::read(setup.path("prog.img")).expect("the default name");
    let mut touch = Command::new("touch");
    let touched =
        touch.args(["-d", "2001-01-01", "prog", "kernel.elf"]).current_dir(setup.temp.path()).status();
    assert!(touched.expect("coreutils").success());
    assert!(setup.osv_pack(&["build", "./prog", "-o", "other.img"]).status.success());
    assert_eq!(fs::read(setup.path("other.img")).expect("written"), first);
}

#[test]
fn osv_toml_says_what_the_flags_say() {
    let setup = Setup::new();
    fs::create_dir(setup.path("site")).expect("made");
    fs::write(setup.path("site/index.html"), "hi").expect("written");
    let toml = r#"
        program = "./prog"
        args = ["-x", "a b"]
        output = "from-file.img"
        add = ["site:/srv/www"]
        env = { LANG = "C" }
        cwd = "/srv"
        hostname = "shop"
        net = "10.0.0.9/8"
    "#;
    fs::write(setup.path("osv.toml"), toml).expect("written");
    let flags =
        ["./prog", "--add", "site:/srv/www", "-e", "LANG=C", "-o", "from-flags.img", "--", "-x", "a b"];
    assert!(setup.osv_pack(&["--config", "osv.toml"]).status.success());
    assert!(setup.osv_pack(&flags).status.success());
    let described = |name| text(&setup.osv_pack(&["inspect", name]).stdout);
    let (file, flags) = (described("from-file.img"), described("from-flags.img"));
    for line in [
        "osv.env=LANG=C\n",
        "  -x\n  a%20b\n",
        "          2  /srv/www/index.html\n",
        "osv.program=/usr/local/bin/prog\n",
    ] {
        assert!(file.contains(line) && flags.contains(line), "no {line:?} in {file} and {flags}");
    }
    for line in ["osv.cwd=/srv\n", "osv.hostname=shop\n", "osv.net=10.0.0.9/8\n"] {
        assert!(file.contains(line), "no {line:?} in {file}");
    }
}

#[test]
fn a_root_on_a_disk_is_a_file_beside_the_image_and_inspect_shows_both() {
    let setup = Setup::new();
    let built = setup.osv_pack(&["./prog", "--disk", "always"]);
    assert!(built.status.success(), "{}", text(&built.stderr));
    for part in ["prog.img: ", "prog.img.root: ", "osv-pack run"] {
        assert!(text(&built.stderr).contains(part), "{}", text(&built.stderr));
    }
    let disk = fs::read(setup.path("prog.img.root")).expect("written");
    let both = text(&setup.osv_pack(&["inspect", "prog.img"]).stdout);
    for line in [
        "osv.disk=",
        "files in memory:\n",
        "  /.osv/boot\n",
        "root disk prog.img.root, ",
        "  /usr/local/bin/prog\n",
    ] {
        assert!(both.contains(line), "no {line:?} in {both}");
    }
    let alone = text(&setup.osv_pack(&["inspect", "prog.img.root"]).stdout);
    assert!(both.ends_with(&alone) && !alone.contains("/.osv/boot"), "{alone}");
    // The image's arguments are not on the disk, so the disk is the same for all of them.
    assert!(setup.osv_pack(&["./prog", "--disk", "always", "-o", "b.img", "--", "other"]).status.success());
    assert_eq!(fs::read(setup.path("b.img.root")).expect("written"), disk);
    assert_eq!(
        fs::read_dir(setup.temp.path())
            .expect("a folder")
            .filter(|entry| {
                entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().contains(".root."))
            })
            .count(),
        0,
        "nothing unfinished is left"
    );
}

#[test]
fn images_share_a_disk() {
    let setup = Setup::new();
    fs::write(setup.path("extra"), "only here").expect("written");
    assert!(setup.osv_pack(&["./prog", "--disk", "always", "-o", "base.img"]).status.success());
    fs::write(
        setup.path("osv.toml"),
        "program = './prog'\nroot_disk = 'base.img.root'\nadd = ['extra:/opt/extra']\noutput = 'app.img'\n",
    )
    .expect("written");
    let built = setup.osv_pack(&["--config", "osv.toml"]);
    assert!(built.status.success(), "{}", text(&built.stderr));
    let shown = text(&setup.osv_pack(&["inspect", "app.img"]).stdout);
    let (memory, disk) = shown.split_once("root disk base.img.root").expect("both");
    assert!(memory.contains("/opt/extra\n") && !memory.contains("  /usr/local/bin/prog\n"), "{memory}");
    assert!(disk.contains("/usr/local/bin/prog\n") && !disk.contains("/opt/extra\n"), "{disk}");
    assert!(!setup.path("app.img.root").exists());
}

/// A runtime above 64 MiB with the sign of a JDK; its java is any program.
fn runtime(setup: &Setup) {
    let home = setup.path("root/usr/lib/jvm/jdk-0");
    for folder in ["bin", "lib", "jmods"] {
        fs::create_dir_all(home.join(folder)).expect("made");
    }
    fs::copy(setup.path("prog"), home.join("bin/java")).expect("copied");
    fs::write(home.join("jmods/a"), "not taken").expect("written");
    let modules = fs::File::create(home.join("lib/modules")).expect("made");
    modules.set_len(65 << 20).expect("sparse");
}

#[test]
fn images_of_one_runtime_share_its_disk() {
    let setup = Setup::new();
    runtime(&setup);
    for name in ["a", "b"] {
        fs::write(setup.path(&format!("{name}.jar")), name).expect("written");
        let (jar, image) = (format!("{name}.jar"), format!("{name}.img"));
        let built = setup.osv_pack(&["--root", "root", "--recipe", "jvm", &jar, "-o", &image]);
        assert!(built.status.success(), "{}", text(&built.stderr));
        let shown = text(&setup.osv_pack(&["inspect", &image]).stdout);
        let (memory, disk) = shown.split_once("root disk jdk-0-").expect("both");
        assert!(memory.contains(&format!("/app/{jar}\n")), "{memory}");
        assert!(disk.contains("/usr/lib/jvm/jdk-0/lib/modules\n") && !disk.contains("/app"), "{disk}");
        assert!(!disk.contains("jmods"), "{disk}");
    }
    let listing = fs::read_dir(setup.temp.path()).expect("a folder").flatten();
    let disks = listing.filter(|entry| entry.file_name().to_string_lossy().ends_with(".root"));
    assert_eq!(disks.count(), 1);
}

#[test]
fn a_disk_that_is_missing_or_another_one_is_named() {
    let setup = Setup::new();
    assert!(setup.osv_pack(&["./prog", "--disk", "always"]).status.success());
    setup.fails(&["run", "prog.img", "--disk", "never"], 125, &["--disk cannot change prog.img"]);
    setup.fails(&["./prog", "--disk", "maybe"], 2, &["expected auto, always or never"]);
    setup.fails(&["./prog", "--root-disk", "prog"], 1, &["prog is damaged", "holds no root"]);
    let line = text(&setup.osv_pack(&["run", "--dry-run", "prog.img"]).stdout);
    assert!(
        line.contains("readonly=on,file=prog.img.root") && line.contains("virtio-blk-pci,drive=root"),
        "{line}"
    );
    fs::rename(setup.path("prog.img.root"), setup.path("elsewhere")).expect("renamed");
    setup.fails(&["run", "prog.img"], 125, &["prog.img.root is not there", "--root-disk"]);
    let line = text(&setup.osv_pack(&["run", "--dry-run", "prog.img", "--root-disk", "elsewhere"]).stdout);
    assert!(line.contains("readonly=on,file=elsewhere"), "{line}");
    fs::write(setup.path("ld-osv.so"), "another").expect("written");
    assert!(setup.osv_pack(&["./prog", "--disk", "always", "-o", "new.img"]).status.success());
    fs::rename(setup.path("new.img.root"), setup.path("prog.img.root")).expect("renamed");
    setup.fails(&["run", "prog.img"], 125, &["prog.img was packed with another disk than prog.img.root"]);
}

#[test]
fn what_cannot_be_packed_is_refused_with_advice() {
    let setup = Setup::new();
    let prog = fs::read(setup.path("prog")).expect("built");
    let mut foreign = prog.clone();
    foreign[18] = 183;
    fs::write(setup.path("foreign"), foreign).expect("written");
    fs::write(setup.path("short"), &prog[..prog.len() / 3]).expect("written");
    fs::write(setup.path("script"), "#!/usr/bin/lua5.4\nprint(1)\n").expect("written");
    fs::write(setup.path("bad.toml"), "progam = 'x'\n").expect("written");
    fs::write(setup.path("object.o"), [&prog[..16], &[1, 0], &prog[18..]].concat()).expect("written");
    for (args, status, expected) in [
        (&["./script"][..], 1, &["is a script for /usr/bin/lua5.4", "--add"][..]),
        (&["./foreign"], 1, &["for another machine: AArch64"]),
        (&["./short"], 1, &["damaged", "cut off"]),
        (&["./object.o"], 1, &["an object file (.o)"]),
        (&["./absent"], 1, &["there is no program ./absent"]),
        (&["prog"], 1, &["there is no program prog", "write ./prog"]),
        (&["--config", "bad.toml"], 1, &["bad.toml", "unknown field `progam`"]),
        (&["--config", "absent.toml"], 1, &["absent.toml", "No such file"]),
        (&["./prog", "--add", "nothing:/x"], 1, &["cannot add nothing"]),
        (&["./prog", "--add", "prog:x"], 1, &["must be absolute"]),
        (&["./prog", "-e", "=x"], 1, &["a name is missing"]),
        (&["./prog", "--libc", "glibc"], 1, &["expected auto, table or image"]),
        (&["./prog", "-o", "no/such/folder"], 1, &["cannot write no/such/folder"]),
        (&["build"], 1, &["no program is given"]),
        (&["inspect", "prog"], 1, &["not a kernel or image of osv-rs"]),
        (&["build", "./prog", "--frob"], 2, &["--frob"]),
    ] {
        setup.fails(args, status, expected);
    }
}

#[test]
fn a_missing_library_is_named_with_who_wants_it() {
    let setup = Setup::new();
    let gcc = |args: &[&str]| {
        let status = Command::new("gcc").args(args).current_dir(setup.temp.path()).status();
        assert!(status.expect("gcc is installed").success());
    };
    fs::write(setup.path("a.c"), "int a(void) { return 1; }").expect("written");
    fs::write(setup.path("b.c"), "int a(void); void _start(void) { a(); }").expect("written");
    gcc(&["-shared", "-fPIC", "-nostdlib", "a.c", "-o", "liba.so", "-Wl,-soname,liba.so.7"]);
    gcc(&["-nostdlib", "-pie", "-fPIE", "b.c", "-o", "b", "liba.so"]);
    setup.fails(
        &["./b"],
        1,
        &["the library liba.so.7 is missing", "/b needs it", "--add liba.so.7:/usr/lib/liba.so.7"],
    );
}

#[test]
fn missing_parts_of_our_own_are_named() {
    let setup = Setup::new();
    fs::remove_file(setup.path("kernel.elf")).expect("it was there");
    setup.fails(&["./prog"], 1, &["kernel.elf is missing", "make"]);
}

#[test]
fn a_flag_that_would_change_an_image_is_refused() {
    let setup = Setup::new();
    assert!(setup.osv_pack(&["./prog"]).status.success());
    setup.fails(&["run", "prog.img", "--add", "prog:/x"], 125, &["--add cannot change prog.img"]);
    setup.fails(&["run", "kernel.elf"], 125, &["without a root file system"]);
    let image = fs::read(setup.path("prog.img")).expect("built");
    fs::write(setup.path("short.img"), &image[..image.len() - 4096]).expect("written");
    setup.fails(&["run", "short.img"], 125, &["short.img", "cut off"]);
}

#[test]
fn check_fails_on_what_is_missing_and_lists_it() {
    let setup = Setup::new();
    fs::write(setup.path("x.c"), "int frobnicate(void); int f(void) { return frobnicate(); }")
        .expect("written");
    let gcc = Command::new("gcc")
        .args(["-shared", "-fPIC", "x.c", "-o", "x"])
        .current_dir(setup.temp.path())
        .status();
    assert!(gcc.expect("gcc is installed").success());
    let output = setup.osv_pack(&["check", "./x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("frobnicate: x\n"), "{}", text(&output.stdout));
    let fine = setup.osv_pack(&["check", "./prog", "--strict"]);
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine.stdout));
}

#[test]
fn help_teaches_by_examples() {
    let setup = Setup::new();
    for (args, expected) in [
        (&["--help"][..], "osv-pack run memcached.img -p 11211:11211"),
        (&["run", "--help"], "127.0.0.1:2000:11211"),
        (&["build", "--help"], "[run]"),
        (&["build", "--help"], "IMAGE.root"),
        (&["check", "--help"], "undecidable"),
    ] {
        let output = setup.osv_pack(args);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains(expected), "{}", text(&output.stdout));
    }
}
