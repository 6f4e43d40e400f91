//! Small libraries made in memory: name, needs, flags, symbols, relocations. One segment holds all; behind the tables
//! lie [`DATA`] bytes of data for relocations to write to.

use osv_link::elf::dt;

/// Bytes of data.
pub const DATA: u64 = 256;

/// A symbol: name, `st_info`, section index (0: undefined), value, size.
pub type Symbol<'l> = (&'l str, u8, u16, u64, u64);
/// A relocation: offset in the data, type, symbol from 1 (0: none), addend.
pub type Relocation = (u64, u32, u32, i64);

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
    /// DT_FLAGS.
    pub flags: u64,
    /// Bytes of thread-local storage.
    pub tls: u64,
    /// Symbols, from index 1 on.
    pub symbols: &'l [Symbol<'l>],
    /// DT_RELA.
    pub relocations: &'l [Relocation],
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
        let names: Vec<u32> = self
            .symbols
            .iter()
            .map(|(name, ..)| {
                let at = strings.len() as u32;
                strings.extend_from_slice(name.as_bytes());
                strings.push(0);
                at
            })
            .collect();
        strings.resize(strings.len().next_multiple_of(8), 0);
        let dynamic = 64 + 56 * PHDRS;
        let at = dynamic + (entries.len() as u64 + 9) * 16;
        let count = self.symbols.len() as u64 + 1;
        let (symbols, hash) = (at + strings.len() as u64, at + strings.len() as u64 + count * 24);
        let relocations = (hash + (3 + count) * 4).next_multiple_of(8);
        let data = relocations + self.relocations.len() as u64 * 24;
        entries.extend([(dt::FLAGS_1, self.flags_1), (dt::FLAGS, self.flags), (dt::STRTAB, at)]);
        entries.extend([(dt::STRSZ, strings.len() as u64), (dt::SYMTAB, symbols), (dt::HASH, hash)]);
        entries.extend([(dt::RELA, relocations), (dt::RELASZ, self.relocations.len() as u64 * 24), (0, 0)]);
        let len = data + DATA;

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
            (if self.tls > 0 { 7 } else { 0 }, 4, 0, 0, self.tls, 8u64),
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
        file.resize(file.len() + 24, 0);
        for (name, (_, info, section, value, size)) in names.into_iter().zip(self.symbols) {
            file.extend_from_slice(&name.to_le_bytes());
            file.extend_from_slice(&[*info, 0]);
            file.extend_from_slice(&section.to_le_bytes());
            // What lies in the data is given from its start.
            let base = if *section == 0 || info & 15 == 6 { 0 } else { data };
            file.extend_from_slice(&(base + value).to_le_bytes());
            file.extend_from_slice(&size.to_le_bytes());
        }
        // One bucket: a chain through all symbols.
        let words = [1, count as u32, u32::from(count > 1)].into_iter();
        let chain = (0..count as u32)
            .map(|index| if index == 0 || index + 1 == count as u32 { 0 } else { index + 1 });
        for word in words.chain(chain) {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.resize(relocations as usize, 0);
        for (offset, kind, symbol, addend) in self.relocations {
            file.extend_from_slice(&(data + offset).to_le_bytes());
            file.extend_from_slice(&(u64::from(*symbol) << 32 | u64::from(*kind)).to_le_bytes());
            file.extend_from_slice(&addend.to_le_bytes());
        }
        assert_eq!(file.len() as u64, data);
        file.resize(len as usize, 0);
        file
    }

    /// Where the data begins: symbols and relocations count from here.
    pub fn data(&self) -> u64 {
        self.file().len() as u64 - DATA
    }
}
