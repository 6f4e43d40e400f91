//! What file calls need of the caller: descriptors, where paths start, credentials.

use crate::cx::Cx;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::Deref;
use osv_abi::Errno;
use osv_abi::arg::{CStrPtr, Fd, PATH_MAX};
use osv_base::{Fail, Res};
use osv_vfs::path::From;
use osv_vfs::{Creds, Entry, FdFlags, File, FsContext, OpenFile};

/// A path as the application gave it. Short ones stay on the stack.
pub(crate) enum Path {
    Short([u8; Path::SHORT], usize),
    Long(Box<[u8]>),
}

impl Path {
    const SHORT: usize = 128;

    /// Copies a path in: EFAULT, ENAMETOOLONG.
    pub(crate) fn read(cx: &Cx<'_>, path: CStrPtr) -> Result<Path, Errno> {
        let mut short = [0; Path::SHORT];
        match path.read(cx, &mut short) {
            Ok(text) => {
                let len = text.len();
                return Ok(Path::Short(short, len));
            }
            Err(Errno::ENAMETOOLONG) => {}
            Err(errno) => return Err(errno),
        }
        let mut long = alloc::vec![0; PATH_MAX];
        let len = path.read(cx, &mut long)?.len();
        long.truncate(len);
        Ok(Path::Long(long.into()))
    }
}

impl Deref for Path {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Path::Short(bytes, len) => &bytes[..*len],
            Path::Long(bytes) => bytes,
        }
    }
}

impl Cx<'_> {
    /// The open file description behind `fd`: EBADF.
    #[inline]
    pub(crate) fn description(&self, fd: Fd) -> Result<Arc<OpenFile>, Errno> {
        self.process().fds().get(fd.0)
    }

    /// As [`Cx::description`], for what an O_PATH descriptor may not do: EBADF.
    pub(crate) fn file(&self, fd: Fd) -> Result<Arc<OpenFile>, Errno> {
        let open = self.description(fd)?;
        if open.is_path() { Err(Errno::EBADF) } else { Ok(open) }
    }

    /// Gives the lowest free descriptor to `file`.
    pub(crate) fn install(&self, file: OpenFile, cloexec: bool) -> Res<Fd> {
        self.install_from(Arc::new(file), cloexec, 0)
    }

    /// As [`Cx::install`], from `from` on.
    pub(crate) fn install_from(&self, file: Arc<OpenFile>, cloexec: bool, from: u32) -> Res<Fd> {
        self.process().fds().insert(file, FdFlags { cloexec }, from, self.nofile_limit()).map(Fd)
    }

    /// Describes a new file with the status flags `flags` and gives it a descriptor.
    pub(crate) fn install_new(&self, file: Arc<dyn File>, flags: u32, cloexec: bool) -> Res<Fd> {
        self.install(OpenFile::new(file, flags), cloexec)
    }

    /// Descriptors stay below this (RLIMIT_NOFILE).
    pub(crate) fn nofile_limit(&self) -> u64 {
        self.process().nofile_limit()
    }

    /// Root, working directory, umask.
    pub(crate) fn fs(&self) -> &FsContext {
        self.process().fs()
    }

    /// Credentials for file operations.
    pub(crate) fn creds(&self) -> Creds {
        self.process().creds()
    }

    /// Where `path` starts, relative to `dir`.
    pub(crate) fn start<'c>(&self, dir: Fd, path: &[u8], creds: &'c Creds) -> Res<From<'c>> {
        let root = self.fs().root();
        let dir = match path.first() {
            Some(b'/') => root.clone(),
            _ => self.directory(dir)?,
        };
        Ok(From { root, dir, creds })
    }

    /// The entry that `fd` stands for; AT_FDCWD is the working directory. ENOTDIR when it has none.
    pub(crate) fn directory(&self, fd: Fd) -> Res<Arc<Entry>> {
        if fd == Fd::CWD {
            return Ok(self.fs().cwd());
        }
        self.description(fd)?.entry().cloned().ok_or(Fail::Errno(Errno::ENOTDIR))
    }

    /// A write met a pipe or socket that nobody reads: SIGPIPE goes with the error.
    pub(crate) fn broken_pipe<T>(&self, result: Res<T>) -> Res<T> {
        if let Err(Fail::Errno(Errno::EPIPE)) = result {
            self.raise_sigpipe();
        }
        result
    }

    /// A file would grow beyond RLIMIT_FSIZE: SIGXFSZ goes with the error.
    #[cold]
    pub(crate) fn file_too_large(&self) -> Errno {
        use osv_abi::uapi::signal::{Siginfo, code, sig};
        let user = self.process().credentials().user.real;
        let info = Siginfo::sent(sig::XFSZ, code::SI_USER, self.process().pid(), user, 0);
        osv_task::signal::send::to_thread(self.thread(), info);
        Errno::EFBIG
    }

    #[cold]
    fn raise_sigpipe(&self) {
        osv_task::signal::send::sigpipe(self.thread());
    }
}
