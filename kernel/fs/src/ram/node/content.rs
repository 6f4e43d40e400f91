//! A node's bytes: as a file, and as what is mapped.

use super::super::data::MAX_LEN;
use super::{Body, Node};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::Ordering;
use osv_abi::uapi::event::memfd;
use osv_abi::uapi::file::mode;
use osv_base::io::{Sink, Source};
use osv_base::{Errno, Res};
use osv_mm::frame::Frame;
use osv_mm::pager::{Mappings, ObjectId, Pager};
use osv_sync::Mutex;
use osv_vfs::file::Allocate;
use osv_vfs::{At, File, Inode, Io, clock};

impl File for Node {
    fn read(&self, at: At, to: &mut dyn Sink, _io: Io) -> Res<usize> {
        let At::Offset(offset) = at else { return Err(Errno::ESPIPE.into()) };
        let data = self.data()?.lock();
        let Some(lower) = data.unchanged() else { return data.read(offset, to) };
        // The lower file may be on a disk: others need not wait for that.
        drop(data);
        lower.read(offset, to)
    }

    fn write(&self, at: At, from: &mut dyn Source, io: Io) -> Res<usize> {
        let At::Offset(offset) = at else { return Err(Errno::ESPIPE.into()) };
        let n = {
            let mut data = self.data()?.lock();
            let offset = if io.append { data.size() } else { offset };
            if data.seals != 0 {
                let grows = offset.saturating_add(from.remaining() as u64) > data.size();
                let blocked =
                    memfd::SEAL_WRITE | memfd::SEAL_FUTURE_WRITE | if grows { memfd::SEAL_GROW } else { 0 };
                if data.seals & blocked != 0 {
                    return Err(Errno::EPERM.into());
                }
            }
            let n = data.write(offset, from)?;
            self.unlock(data);
            n
        };
        if n > 0 {
            let now = clock::now();
            let mut meta = self.meta.lock();
            (meta.mtime, meta.ctime) = (now, now);
            // Who changes a program takes its set-id bits away.
            if meta.mode & (mode::ISUID | mode::ISGID) != 0 {
                meta.mode &= !mode::ISUID & if meta.mode & 0o010 != 0 { !mode::ISGID } else { !0 };
            }
        }
        Ok(n)
    }

    fn seekable(&self) -> bool {
        true
    }

    fn size(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    fn pager(&self) -> Option<Arc<dyn Pager>> {
        match self.body {
            Body::File(_) => Some(self.this.upgrade()?),
            _ => None,
        }
    }

    fn is_sealed(&self) -> bool {
        self.write_sealed.load(Ordering::SeqCst)
    }

    fn inode(&self) -> Option<Arc<dyn Inode>> {
        Some(self.this.upgrade()?)
    }

    fn allocate(&self, start: u64, end: u64, how: Allocate) -> Res<()> {
        if end > MAX_LEN {
            return Err(Errno::EFBIG.into());
        }
        {
            let mut data = self.data()?.lock();
            let grows = end > data.size()
                && matches!(
                    how,
                    Allocate::Reserve { keep_size: false } | Allocate::Zero { keep_size: false }
                );
            if grows && data.seals & memfd::SEAL_GROW != 0
                || how == Allocate::PunchHole
                    && data.seals & (memfd::SEAL_WRITE | memfd::SEAL_FUTURE_WRITE) != 0
            {
                return Err(Errno::EPERM.into());
            }
            match how {
                Allocate::Reserve { .. } => data.reserve(start, end)?,
                Allocate::PunchHole | Allocate::Zero { .. } => data.zero(start, end)?,
            }
            if grows {
                data.grow(end);
            }
            self.unlock(data);
        }
        self.modified();
        Ok(())
    }

    fn sync(&self) -> Res<()> {
        Ok(())
    }

    fn seek_data(&self, from: u64, data: bool) -> Res<u64> {
        self.data()?.lock().seek(from, data)
    }

    fn describe(&self) -> Vec<u8> {
        b"/memfd: (deleted)".to_vec()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Pager for Node {
    fn object(&self) -> ObjectId {
        self.object
    }
    fn page(&self, index: u64, write: bool) -> Res<Frame> {
        loop {
            let mut data = self.data()?.lock();
            let Some(lower) = data.shines_through(index).filter(|_| !write) else {
                let frame = data.page(index, write)?;
                self.unlock(data);
                return Ok(frame);
            };
            drop(data);
            let frame = lower.page(index, false)?;
            // Unless it was written meanwhile.
            if self.data()?.lock().shines_through(index).is_some() {
                return Ok(frame);
            }
        }
    }
    fn is_backed(&self) -> bool {
        self.data().ok().and_then(Mutex::try_lock).is_some_and(|data| data.is_backed())
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.data().ok()?.try_lock()?.cached(index)
    }
    fn len(&self) -> u64 {
        self.size()
    }
    fn is_sealed(&self) -> bool {
        File::is_sealed(self)
    }
    fn mappings(&self) -> Option<&Mappings> {
        Some(&self.mappings)
    }
    fn device_inode(&self) -> (u64, u64) {
        (self.fs.dev, self.ino)
    }
}
