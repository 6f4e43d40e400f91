//! Libraries made of nothing but a name, needs and flags: enough for everything before relocation.

use osv_link::elf::dt;

/// What a library is to say of itself.
#[derive(Clone, Copy, Default)]
pub struct Library<'l> {
    /// DT_SONAME.
    pub soname: &'l str,
    /// DT_NEEDED.
    pub needed: &'l [&'l str],
    /// DT_RUNPATH.
    pub runpath: Option<&'l str>,
    /// DT_RPATH.
    pub rpath: Option<&'l str>,
    /// DT_FLAGS_1.
    pub flags_1: u64,
    /// Bytes of thread-local storage.
    pub tls: u64,
}

const PHDRS: u64 = 3;

impl Library<'_> {
    /// The file: headers, dynamic section, strings, all in one segment.
    pub fn file(&self) -> Vec<u8> {
        let mut strings = vec![0u8];
        let mut entries: Vec<(u64, u64)> = Vec::new();
        let texts = [(dt::SONAME, Some(self.soname)), (dt::RUNPATH, self.runpath), (dt::RPATH, self.rpath)];
        let needs = self.needed.iter().map(|name| (dt::NEEDED, Some(*name)));
        for (tag, text) in texts.into_iter().chain(needs) {
            if let Some(text) = text {
                entries.push((tag, strings.len() as u64));
                strings.extend_from_slice(text.as_bytes());
                strings.push(0);
            }
        }
        let dynamic = 64 + 56 * PHDRS;
        let at = dynamic + (entries.len() as u64 + 4) * 16;
        entries.extend([
            (dt::FLAGS_1, self.flags_1),
            (dt::STRTAB, at),
            (dt::STRSZ, strings.len() as u64),
            (0, 0),
        ]);
        let len = at + strings.len() as u64;

        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(64, 0);
        for (at, value) in [(16, 3u16), (18, 62), (52, 64), (54, 56), (56, PHDRS as u16)] {
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        file[20] = 1;
        file[32] = 64;
        let dynamic_len = entries.len() as u64 * 16;
        for (kind, flags, offset, filesz, memsz, align) in [
            (1u32, 6u32, 0, len, len, 4096),
            (2, 6, dynamic, dynamic_len, dynamic_len, 8),
            (if self.tls > 0 { 7 } else { 0 }, 4, 0, 0, self.tls, 8),
        ] {
            file.extend_from_slice(&kind.to_le_bytes());
            file.extend_from_slice(&flags.to_le_bytes());
            for word in [offset, offset, offset, filesz, memsz, align] {
                file.extend_from_slice(&u64::to_le_bytes(word));
            }
        }
        for (tag, value) in entries {
            file.extend_from_slice(&tag.to_le_bytes());
            file.extend_from_slice(&value.to_le_bytes());
        }
        file.extend_from_slice(&strings);
        file
    }
}
