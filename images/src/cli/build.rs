//! `osv-pack build`.

use super::args::BuildArgs;
use super::progress::Progress;
use super::recipe::recipe;
use crate::disk::{DiskChoice, RootFile, beside};
use crate::erofs::Written;
use crate::error::{Error, Result};
use crate::pack::{Packed, Recipe};
use crate::tree::Node;
use osv_abi::boot::RootDisk;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn execute(args: &BuildArgs) -> Result<u8> {
    let (recipe, config) = recipe(&args.input)?;
    let name = Path::new(&recipe.program).file_name().unwrap_or(recipe.program.as_ref());
    let output = args.output.clone().or(config.output).unwrap_or_else(|| {
        let mut file = name.to_owned();
        file.push(".img");
        PathBuf::from(file)
    });
    let root_disk = args.input.root_disk.clone().or(config.root_disk);
    let choice = disk_choice(args.input.disk, config.disk.as_deref())?;
    let progress = Progress::start(format!("packing {}", name.display()));
    let packed = recipe.collect()?;
    let folder = output.parent().unwrap_or(Path::new(""));
    let mut said = None;
    let image = match root_disk {
        Some(path) => {
            let disk = RootFile::open(&path)?;
            let named = disk.named_in(folder);
            said =
                Some(format!("{}: shared with it, holds the rest of its root file system", path.display()));
            packed.image_sharing(&disk, named)?
        }
        None if packed.wants_disk(choice) && recipe.home.is_some() => {
            let disk = runtime_disk(&recipe, folder)?;
            let path = disk.path().display();
            said = Some(format!(
                "{path}: for every image of this runtime, holds the rest of its root file system"
            ));
            packed.image_sharing(&disk, disk.named_in(folder))?
        }
        None if packed.wants_disk(choice) => {
            let path = beside(&output);
            let written = write_disk(&packed, &path)?;
            said = Some(format!(
                "{}: {:.1} MiB, its root file system",
                path.display(),
                mebibytes(written.bytes)
            ));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            packed.image_on_disk(RootDisk { id: written.id, name })?
        }
        None => packed.image()?,
    };
    write_whole(&output, &image)?;
    drop(progress);
    report(&packed, args.verbose);
    eprintln!(
        "{}: {:.1} MiB, {} with {} libraries",
        output.display(),
        mebibytes(image.len() as u64),
        packed.program.guest.display(),
        packed.libraries.len()
    );
    if let Some(said) = said {
        eprintln!("{said}; a read-only disk of the machine, which `osv-pack run` attaches by itself");
    }
    Ok(0)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// What the flag says, else the file.
pub(super) fn disk_choice(flag: Option<DiskChoice>, file: Option<&str>) -> Result<DiskChoice> {
    let in_file = || file.map(str::parse).transpose();
    let wrong = |what| Error::usage(format!("osv.toml: disk = {what}"), "correct it in the file");
    Ok(match flag {
        Some(flag) => flag,
        None => in_file().map_err(wrong)?.unwrap_or_default(),
    })
}

/// The disk with the runtime that a recipe found: one for all images in `folder` that have the same runtime, under a
/// name that says which.
fn runtime_disk(recipe: &Recipe, folder: &Path) -> Result<RootFile> {
    let runtime = recipe.runtime().map_or_else(|| recipe.collect(), |runtime| runtime.collect())?;
    let home = recipe.home.as_ref().and_then(|home| home.path.file_name()).unwrap_or("runtime".as_ref());
    // Moved to the name that its contents give it.
    let first = beside(&folder.join(home));
    let written = write_disk(&runtime, &first)?;
    let mut name = home.to_owned();
    name.push(format!("-{}.root", &written.id.to_string()[..8]));
    let path = folder.join(name);
    fs::rename(&first, &path).map_err(|error| Error::io("write", &path, error))?;
    RootFile::open(&path)
}

/// As [`write_whole`], of the root as a disk.
fn write_disk(packed: &Packed, path: &Path) -> Result<Written> {
    let unfinished = unfinished(path);
    let written = fs::File::create(&unfinished)
        .map_err(|error| Error::io("write", path, error))
        .and_then(|mut file| packed.write_disk(&mut file, path))
        .and_then(|written| {
            let renamed = fs::rename(&unfinished, path);
            renamed.map(|()| written).map_err(|error| Error::io("write", path, error))
        });
    written.inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

/// Warnings and notes, and with `verbose` what went in.
pub(super) fn report(packed: &Packed, verbose: bool) {
    packed.notes.iter().for_each(|note| eprintln!("note: {note}"));
    packed.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    if verbose {
        packed.tree.walk(&mut |path, node| match node {
            Node::Dir(_) => {}
            Node::Link(target) => eprintln!("{:>10}  {} -> {}", "link", path.display(), target.display()),
            Node::File(file) => eprintln!("{:>10}  {}", file.content.len(), path.display()),
        });
    }
}

/// Writes beside the file and renames, so that a failure leaves nothing half done.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = unfinished(path);
    let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| {
        // It may not even have been made.
        let _ = fs::remove_file(&unfinished);
        Error::io("write", path, error)
    })
}

fn unfinished(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    beside.into()
}
