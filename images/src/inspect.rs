//! What an image holds, in words: its segments, its boot configuration, its files.

#[cfg(test)]
mod tests;

use crate::disk::RootFile;
use crate::erofs::{Bytes, Entry, Reader};
use crate::error::{Error, Result};
use crate::image::Image;
use osv_abi::boot::{BOOT_FILE, BootConfig};
use std::fmt::Write;
use std::path::Path;

/// Describes the image `data`, read from `path`, or a disk that goes with one.
pub fn describe(path: &Path, data: &[u8]) -> Result<String> {
    let damaged = |what: &str| Error::Damaged { path: path.into(), what: what.into() };
    let image = match Image::parse(path, data) {
        Ok(image) => image,
        Err(error) => {
            return Reader::new(Bytes::Memory(data))
                .map_or(Err(error), |reader| describe_disk(path, &reader));
        }
    };
    let mut text = String::new();
    let mut say = |line: String| text.push_str(&(line + "\n"));
    say(format!("{}: {} bytes", path.display(), data.len()));
    say("segments in memory:".into());
    for (at, len, flags) in image.loads() {
        let flag = |bit, name| if flags & bit != 0 { name } else { '-' };
        say(format!(
            "  {at:#010x} {:>9} KiB {}{}{}",
            len.div_ceil(1024),
            flag(4, 'r'),
            flag(2, 'w'),
            flag(1, 'x')
        ));
    }
    if !image.is_packed() {
        say("no root file system (a kernel as it was built)".into());
        return Ok(text);
    }
    let reader = Reader::new(Bytes::Memory(image.root()?));
    let reader = reader.ok_or_else(|| damaged("its root is no EROFS file system"))?;
    let entries = reader.list().ok_or_else(|| damaged("its root file system is inconsistent"))?;
    let mut disk = None;
    if let Some(boot) = entries.iter().find(|entry| entry.path == Path::new(BOOT_FILE)) {
        say(format!("{BOOT_FILE}:"));
        let boot = reader.content(boot.nid).ok_or_else(|| damaged("its boot configuration is cut off"))?;
        String::from_utf8_lossy(&boot).lines().for_each(|line| say(format!("  {line}")));
        disk = BootConfig::parse(&boot, b"").ok().and_then(|boot| boot.disk);
    }
    say(if disk.is_some() { "files in memory:" } else { "files:" }.into());
    files(&reader, &entries, &mut text).ok_or_else(|| damaged("a link is cut off"))?;
    match disk.map(|disk| RootFile::of_image(path, &disk, None)) {
        None => {}
        Some(Ok(disk)) => text += &describe_disk(disk.path(), &disk.reader()?)?,
        // The image is what was asked about.
        Some(Err(error)) => text += &format!("root disk: {error}\n"),
    }
    Ok(text)
}

fn describe_disk(path: &Path, reader: &Reader<'_>) -> Result<String> {
    let damaged = |what: &str| Error::Damaged { path: path.into(), what: what.into() };
    let entries = reader.list().ok_or_else(|| damaged("its file system is inconsistent"))?;
    let mut text = format!("root disk {}, {}:\n", path.display(), reader.id());
    files(reader, &entries, &mut text).ok_or_else(|| damaged("a link is cut off"))?;
    Ok(text)
}

/// A line for each file; `None` where a link cannot be read.
fn files(reader: &Reader<'_>, entries: &[Entry], text: &mut String) -> Option<()> {
    for entry in entries {
        // Writing to a string cannot fail.
        let _ = write!(text, "  {:06o} {:>10}  {}", entry.mode, entry.size, entry.path.display());
        if entry.mode & 0o170_000 == 0o120_000 {
            let _ = write!(text, " -> {}", String::from_utf8_lossy(&reader.content(entry.nid)?));
        }
        text.push('\n');
    }
    Some(())
}
