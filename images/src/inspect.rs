//! What an image holds, in words: its segments, its boot configuration, its files.

#[cfg(test)]
mod tests;

use crate::erofs::Reader;
use crate::error::{Error, Result};
use crate::image::Image;
use osv_abi::boot::BOOT_FILE;
use std::fmt::Write;
use std::path::Path;

/// Describes the image `data`, read from `path`.
pub fn describe(path: &Path, data: &[u8]) -> Result<String> {
    let image = Image::parse(path, data)?;
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
    let damaged = |what: &str| Error::Damaged { path: path.into(), what: what.into() };
    let reader = Reader::new(image.root()?).ok_or_else(|| damaged("its root is no EROFS file system"))?;
    let entries = reader.list().ok_or_else(|| damaged("its root file system is inconsistent"))?;
    if let Some(boot) = entries.iter().find(|entry| entry.path == Path::new(BOOT_FILE)) {
        say(format!("{BOOT_FILE}:"));
        let boot = reader.content(boot.nid).ok_or_else(|| damaged("its boot configuration is cut off"))?;
        String::from_utf8_lossy(&boot).lines().for_each(|line| say(format!("  {line}")));
    }
    say("files:".into());
    for entry in &entries {
        let mut line = format!("  {:06o} {:>10}  {}", entry.mode, entry.size, entry.path.display());
        if entry.mode & 0o170_000 == 0o120_000 {
            let target = reader.content(entry.nid).ok_or_else(|| damaged("a link is cut off"))?;
            let _ = write!(line, " -> {}", String::from_utf8_lossy(&target));
        }
        say(line);
    }
    Ok(text)
}
