use super::*;
use std::fs;
use std::process::Command;

struct Build {
    temp: tempfile::TempDir,
}

impl Build {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Builds `source` with these arguments of gcc, run inside the folder.
    fn gcc(&self, source: &str, out: &str, args: &[&str]) {
        fs::create_dir_all(self.path(out).parent().expect("a folder")).expect("made");
        fs::write(self.path("source.c"), source).expect("written");
        let mut gcc = Command::new("gcc");
        let gcc = gcc.current_dir(self.temp.path()).args(["-w", "source.c", "-o", out]).args(args);
        let output = gcc.output().expect("gcc is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn program(&self, name: &str, guest: &str) -> Found {
        Found { host: self.path(name), guest: guest.into(), in_sysroot: false }
    }
}

fn closure(program: &Found, root: &Path) -> Result<Vec<(String, String)>> {
    let sysroot = Sysroot::new(root)?;
    let libraries = Search::new(&sysroot, Family::Table).closure(program)?;
    Ok(libraries
        .into_iter()
        .map(|library| (library.soname, library.found.guest.display().to_string()))
        .collect())
}

#[test]
fn libraries_beside_a_program_stay_beside_it() {
    let build = Build::new();
    build.gcc("int b(){return 1;}", "lib/libb.so", &["-shared", "-fPIC"]);
    build.gcc(
        "int a(){return b();}",
        "lib/liba.so",
        &["-shared", "-fPIC", "-Llib", "-lb", "-Wl,-rpath,$ORIGIN"],
    );
    let flags = ["-Llib", "-la", "-Wl,-rpath-link,lib", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib"];
    build.gcc("int main(){return a();}", "bin/prog", &flags);
    let found =
        closure(&build.program("bin/prog", "/usr/local/bin/prog"), Path::new("/")).expect("all are there");
    let expected = [("liba.so", "/usr/local/lib/liba.so"), ("libb.so", "/usr/local/lib/libb.so")];
    assert_eq!(found, expected.map(|(soname, path)| (soname.to_string(), path.to_string())));
}

#[test]
fn a_sysroot_and_its_ld_so_conf_are_honoured() {
    let build = Build::new();
    build.gcc("int a(){return 1;}", "root/opt/lib/liba.so.1", &["-shared", "-fPIC", "-Wl,-soname,liba.so.1"]);
    build.gcc("int main(){return a();}", "prog", &["root/opt/lib/liba.so.1"]);
    let program = build.program("prog", "/usr/local/bin/prog");
    let error = closure(&program, &build.path("root")).expect_err("nobody knows /opt/lib");
    assert!(
        matches!(&error, Error::MissingLibrary { soname, wanted_by, .. } if soname == "liba.so.1" && wanted_by.ends_with("prog"))
    );

    fs::create_dir_all(build.path("root/etc/ld.so.conf.d")).expect("made");
    fs::write(build.path("root/etc/ld.so.conf"), "# x\ninclude ld.so.conf.d/*.conf\n").expect("written");
    fs::write(build.path("root/etc/ld.so.conf.d/opt.conf"), "/opt/lib\n").expect("written");
    let sysroot = Sysroot::new(&build.path("root")).expect("a folder");
    let libraries = Search::new(&sysroot, Family::Table).closure(&program).expect("found");
    assert!(
        matches!(&libraries[..], [library] if library.needs_link && library.found.guest == Path::new("/opt/lib/liba.so.1"))
    );
}

#[test]
fn the_libc_family_is_ours_unless_told_otherwise() {
    let build = Build::new();
    build.gcc("int main(){return 0;}", "prog", &["-Wl,--no-as-needed", "-lm", "-lpthread", "-ldl"]);
    let program = build.program("prog", "/usr/local/bin/prog");
    assert_eq!(closure(&program, Path::new("/")).expect("none needed"), []);
    let sysroot = Sysroot::new(Path::new("/")).expect("a folder");
    let all = Search::new(&sysroot, Family::Glibc).closure(&program).expect("all are there");
    assert!(all.iter().any(|library| library.soname == "libc.so.6"));
}

#[test]
fn ld_musl_serves_itself_and_looks_where_its_file_says() {
    let build = Build::new();
    fs::create_dir_all(build.path("root/opt/musl")).expect("made");
    build.gcc(
        "int a(){return 1;}",
        "root/opt/musl/liba.so",
        &["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,liba.so"],
    );
    // What it links against is no ELF file, as /usr/lib/x86_64-linux-gnu/libc.so is none.
    build.gcc("int c(){return 1;}", "libc.so", &["-shared", "-fPIC", "-nostdlib", "-Wl,-soname,libc.so"]);
    build.gcc("int main(){return a()+c();}", "prog", &["root/opt/musl/liba.so", "libc.so"]);
    let program = build.program("prog", "/usr/local/bin/prog");
    let sysroot = Sysroot::new(&build.path("root")).expect("a folder");
    Search::new(&sysroot, Family::Musl).named("liba.so", &program).expect_err("not in the usual folders");
    fs::create_dir_all(build.path("root/etc")).expect("made");
    fs::write(build.path("root/etc/ld-musl-x86_64.path"), "/nowhere:/opt/musl\n").expect("written");
    let search = Search::new(&sysroot, Family::Musl);
    assert!(search.is_served("libc.so") && !search.is_served("liba.so"));
    let found = search.named("liba.so", &program).expect("found");
    assert_eq!(found[0].found.guest, Path::new("/opt/musl/liba.so"));
}

#[test]
fn paths_are_cleaned_by_name() {
    assert_eq!(clean(Path::new("/usr/bin/../lib/./x")), Path::new("/usr/lib/x"));
    assert_eq!(clean(Path::new("/../..")), Path::new("/"));
}
