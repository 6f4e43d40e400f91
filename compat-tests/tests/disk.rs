//! Roots on a disk, the page cache under pressure, and mounts, in the guest. Filter by name as with any test.

use libtest_mimic::{Arguments, Failed, Trial};
use osv_compat_tests::guest::{Guest, osv_pack};
use osv_compat_tests::programs::{self, Build};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Files of the large folder, and pages of each: 256 MiB, four times the memory of the guest that reads them.
const FILES: u64 = 32;
const PAGES: u64 = 2048;

fn main() {
    let mut trials = Vec::new();
    for cpus in ["1", "2"] {
        trials.push(trial(format!("small.c{cpus}"), move || small(cpus)));
        trials.push(trial(format!("pressure.c{cpus}"), move || pressure(cpus)));
        trials.push(trial(format!("mounts.c{cpus}"), move || mounts(Build::Glibc, cpus)));
        trials.push(trial(format!("python.c{cpus}"), move || python(cpus)));
        trials.push(trial(format!("node.c{cpus}"), move || node(cpus)));
    }
    trials.push(trial("mounts.static", || mounts(Build::GlibcStatic, "1")));
    trials.push(trial("mounts.linux", mounts_on_linux));
    for machine in ["pc", "microvm"] {
        trials.push(trial(format!("machine.{machine}"), move || on_machine(machine)));
    }
    trials.push(trial("images_share_a_disk", images_share_a_disk));
    trials.push(trial("a_wrong_disk_is_named", a_wrong_disk_is_named));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: impl Into<String>, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, test)
}

/// A fresh folder for what a test writes.
fn folder(name: &str) -> Result<PathBuf, Failed> {
    let folder = programs::output().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn small(cpus: &str) -> Result<(), Failed> {
    let program = programs::build("hello.c", Build::Glibc)?;
    let guest = Guest::new(program).flags(&["--disk", "always", "-c", cpus]);
    Ok(guest.run()?.expect(0, "thread t=42")?)
}

/// Other buses and interrupts than q35's.
fn on_machine(machine: &str) -> Result<(), Failed> {
    let program = programs::build("hello.c", Build::Glibc)?;
    let guest = Guest::new(program).flags(&["--disk", "always", "--machine", machine]);
    Ok(guest.run()?.expect(0, "thread t=42")?)
}

/// The folder that programs/disk/pressure.c reads.
fn large_folder(folder: &Path) -> Result<(), Failed> {
    for file in 0..FILES {
        let mut out = std::io::BufWriter::new(std::fs::File::create(folder.join(file.to_string()))?);
        for page in 0..PAGES {
            for word in 0..512 {
                out.write_all(&(file << 40 | page << 16 | word).to_le_bytes())?;
            }
        }
        out.flush()?;
    }
    Ok(())
}

fn pressure(cpus: &str) -> Result<(), Failed> {
    let program = programs::build("disk/pressure.c", Build::Glibc)?;
    let folder = folder(&format!("pressure.{cpus}"))?;
    large_folder(&folder)?;
    let add = format!("{}:/data", folder.display());
    let guest = Guest::new(program)
        .flags(&["-m", "64M", "-c", cpus, "--add", &add])
        .args(&["/data", &FILES.to_string(), &PAGES.to_string()])
        .timeout(Duration::from_secs(300));
    let outcome = guest.run();
    std::fs::remove_dir_all(&folder)?;
    Ok(outcome?.expect(0, "cached much\nthen less\nall of it was read\n")?)
}

fn mounts(build: Build, cpus: &str) -> Result<(), Failed> {
    let program = programs::build("disk/mounts.c", build)?;
    let guest = Guest::new(program).flags(&["-c", cpus]).timeout(Duration::from_secs(120));
    Ok(guest.run()?.expect(0, " passed, 0 failed")?)
}

/// The cases are about Linux: it must pass them, in a namespace where nobody is disturbed.
fn mounts_on_linux() -> Result<(), Failed> {
    let program = programs::build("disk/mounts.c", Build::Glibc)?;
    let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
    let mut command = Command::new(if is_root { "unshare" } else { "sudo" });
    if !is_root {
        command.args(["-n", "unshare"]);
    }
    let output = command.arg("-m").arg(program).output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&text)).into())
}

/// Debian's Python with its whole library, which does not fit a root in memory.
fn python(cpus: &str) -> Result<(), Failed> {
    let flags = ["--add", "/usr/lib/python3.11", "-c", cpus];
    let script = "import os, json, email.parser, unittest, asyncio, decimal\n\
                  count = sum(len(files) for _, _, files in os.walk('/usr/lib/python3.11'))\n\
                  print(json.dumps({'files': count > 500, 'sum': sum(range(10))}))";
    let guest = Guest::new("/usr/bin/python3.11").flags(&flags).flags(&["--disk", "always"]);
    let guest = guest.args(&["-c", script]).timeout(Duration::from_secs(180));
    Ok(guest.run()?.expect(0, "{\"files\": true, \"sum\": 45}\n")?)
}

fn node(cpus: &str) -> Result<(), Failed> {
    let guest = Guest::new("/usr/bin/node").flags(&["-m", "512M", "-c", cpus]);
    let guest = guest.args(&["-e", "console.log(6 * 7)"]).timeout(Duration::from_secs(180));
    Ok(guest.run()?.expect(0, "42\n")?)
}

fn pack(folder: &Path, args: &[&str]) -> Result<(), Failed> {
    let output = Command::new(osv_pack()?).arg("build").args(args).current_dir(folder).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// One disk, and an image with a program that the disk lacks.
fn images_share_a_disk() -> Result<(), Failed> {
    let folder = folder("shared")?;
    pack(
        &folder,
        &["/usr/bin/busybox", "--disk", "always", "-o", "base.img", "--add", "/etc/passwd:/etc/base"],
    )?;
    std::fs::write(folder.join("mine"), "only in the image\n")?;
    pack(
        &folder,
        &["/usr/bin/busybox", "--root-disk", "base.img.root", "-o", "app.img", "--add", "mine:/etc/mine"],
    )?;
    let app = folder.join("app.img");
    let guest = Guest::new(&app).args(&[
        "sh",
        "-c",
        "cat /etc/mine; ls /etc/base; echo more >/etc/base && tail -n 1 /etc/base",
    ]);
    Ok(guest.run()?.expect(0, "only in the image\n/etc/base\nmore\n")?)
}

/// The kernel finds its disk by name, not by place, and says which one is missing.
fn a_wrong_disk_is_named() -> Result<(), Failed> {
    let folder = folder("wrong")?;
    let program = programs::build("hello.c", Build::Glibc)?;
    let program = program.to_string_lossy();
    pack(&folder, &[&*program, "--disk", "always", "-o", "one.img"])?;
    pack(&folder, &[&*program, "--disk", "always", "-o", "two.img", "--add", "/etc/passwd:/other"])?;
    let line =
        Command::new(osv_pack()?).args(["run", "--dry-run", "one.img"]).current_dir(&folder).output()?.stdout;
    let line = String::from_utf8(line)?
        .replace("one.img.root", "two.img.root")
        .replace("osv.supervisor=console", "");
    let output =
        Command::new("timeout").args(["60", "sh", "-c", line.trim()]).current_dir(&folder).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = "the disk with the root file system is not attached: one.img.root";
    if said.contains(expected) { Ok(()) } else { Err(format!("no {expected:?} in\n{said}").into()) }
}
