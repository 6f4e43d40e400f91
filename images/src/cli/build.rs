//! `osv-pack build`.

use super::args::BuildArgs;
use super::progress::Progress;
use super::recipe::recipe;
use crate::error::{Error, Result};
use crate::pack::Packed;
use crate::tree::Node;
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
    let progress = Progress::start(format!("packing {}", name.display()));
    let packed = recipe.collect()?;
    let image = packed.image()?;
    write_whole(&output, &image)?;
    drop(progress);
    report(&packed, args.verbose);
    let mebibytes = image.len() as f64 / f64::from(1 << 20);
    eprintln!(
        "{}: {mebibytes:.1} MiB, {} with {} libraries",
        output.display(),
        packed.program.guest.display(),
        packed.libraries.len()
    );
    Ok(0)
}

/// Warnings, and with `verbose` what went in.
pub(super) fn report(packed: &Packed, verbose: bool) {
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
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // It may not even have been made.
        let _ = fs::remove_file(&beside);
        Error::io("write", path, error)
    })
}
