//! A walk along a path (path_resolution(7)).
//!
//! A [`Walk`] keeps where it stands and what is left of the path. [`Walk::to_last`] goes up to the last component,
//! which the operation decides about (creates it, removes it, follows it); [`Walk::follow`] replaces a symbolic
//! link by its target and goes on.

use crate::context::{Creds, MAY_EXEC};
use crate::entry::Entry;
use crate::file::File;
use crate::inode::{Kind, LinkTarget};
use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use osv_base::{Errno, Res};

/// Symbolic links that one walk follows at most.
const LINKS_MAX: u32 = 40;

/// Where a walk starts, and for whom.
#[derive(Clone, Debug)]
pub struct From<'a> {
    /// The process's root directory.
    pub root: Arc<Entry>,
    /// Where relative paths start.
    pub dir: Arc<Entry>,
    /// On whose behalf.
    pub creds: &'a Creds,
}

/// The last component of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Last {
    /// A name: these bytes of the walk's text.
    Name(Range<usize>),
    /// Nothing (the path was `/`), or `.`.
    Here,
    /// `..`.
    Up,
}

/// What a walk may not do: the RESOLVE flags of openat2(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolve(pub u64);

impl Resolve {
    /// Stays on its mount.
    pub const NO_XDEV: u64 = 1;
    /// Follows none of /proc's links that jump.
    pub const NO_MAGICLINKS: u64 = 2;
    /// Follows no symbolic link at all.
    pub const NO_SYMLINKS: u64 = 4;
    /// Stays below the directory where it starts, and fails where it would leave that.
    pub const BENEATH: u64 = 8;
    /// Takes the directory where it starts for the root.
    pub const IN_ROOT: u64 = 16;

    fn has(self, flags: u64) -> bool {
        self.0 & flags != 0
    }
}

/// A walk under way.
#[derive(Debug)]
pub struct Walk<'a> {
    root: Arc<Entry>,
    creds: &'a Creds,
    text: Cow<'a, [u8]>,
    /// Next byte of `text` to look at.
    next: usize,
    links: u32,
    at: Arc<Entry>,
    resolve: Resolve,
}

/// What a link leads to, when it is not a path.
#[derive(Debug)]
pub enum Jump {
    /// An entry: the walk went on from there.
    Walked,
    /// A file that has no entry.
    File(Arc<dyn File>),
}

impl<'a> Walk<'a> {
    /// Starts. An empty path is ENOENT.
    pub fn new(from: &From<'a>, path: &'a [u8]) -> Res<Self> {
        Walk::within(from, path, Resolve::default())
    }

    /// Starts a walk that may not do all that others may.
    pub fn within(from: &From<'a>, path: &'a [u8], resolve: Resolve) -> Res<Self> {
        if path.is_empty() {
            return Err(Errno::ENOENT.into());
        }
        let is_absolute = path[0] == b'/';
        if is_absolute && resolve.has(Resolve::BENEATH) {
            return Err(Errno::EXDEV.into());
        }
        let confined = resolve.has(Resolve::BENEATH | Resolve::IN_ROOT);
        let root = if confined { &from.dir } else { &from.root };
        let at = if is_absolute { root } else { &from.dir };
        Ok(Walk {
            resolve,
            root: root.clone(),
            creds: from.creds,
            text: Cow::Borrowed(path),
            next: 0,
            links: 0,
            at: at.clone(),
        })
    }

    /// Where it stands.
    pub fn at(&self) -> &Arc<Entry> {
        &self.at
    }
    /// The bytes of a [`Last::Name`].
    pub fn name(&self, range: &Range<usize>) -> &[u8] {
        &self.text[range.clone()]
    }
    /// Whether the path goes on with slashes behind `range`: what it names must be a directory.
    pub fn has_trailing_slash(&self, range: &Range<usize>) -> bool {
        range.end < self.text.len()
    }

    fn component(&self) -> Option<(Range<usize>, bool)> {
        let text = &self.text[self.next..];
        let start = text.iter().position(|&b| b != b'/')?;
        let text = &text[start..];
        let len = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
        let is_last = text[len..].iter().all(|&b| b == b'/');
        let start = self.next + start;
        Some((start..start + len, is_last))
    }

    fn may_search(&self) -> Res<()> {
        if !self.at.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        if self.creds.is_root() {
            return Ok(());
        }
        self.creds.may(&self.at.inode().attr(), MAY_EXEC)
    }

    /// Walks until only the last component is left. Then [`Walk::at`] is a directory that may be searched.
    pub fn to_last(&mut self) -> Res<Last> {
        loop {
            self.may_search()?;
            let Some((range, is_last)) = self.component() else { return Ok(Last::Here) };
            let name = &self.text[range.clone()];
            self.next = range.end;
            match name {
                b"." if is_last => return Ok(Last::Here),
                b"." => {}
                b".." if is_last => return Ok(Last::Up),
                b".." => self.up()?,
                _ if is_last => return Ok(Last::Name(range)),
                _ => {
                    let next = self.at.lookup(name)?;
                    match next.kind() {
                        Kind::Symlink => match self.follow(&next)? {
                            Jump::Walked => {}
                            Jump::File(_) => return Err(Errno::ENOTDIR.into()),
                        },
                        _ => self.go(next)?,
                    }
                }
            }
        }
    }

    /// Goes to the parent directory, but not above the process's root.
    pub fn up(&mut self) -> Res<()> {
        if Arc::ptr_eq(&self.at, &self.root) {
            return if self.resolve.has(Resolve::BENEATH) { Err(Errno::EXDEV.into()) } else { Ok(()) };
        }
        self.go(self.at.parent())
    }

    /// Stands at `next` from now on.
    fn go(&mut self, next: Arc<Entry>) -> Res<()> {
        self.may_go(&next)?;
        self.at = next;
        Ok(())
    }

    /// Whether the walk may come to `next`: EXDEV for another mount where it must stay on its own.
    pub fn may_go(&self, next: &Arc<Entry>) -> Res<()> {
        let dev = |entry: &Arc<Entry>| entry.inode().fs().dev();
        if self.resolve.has(Resolve::NO_XDEV) && dev(next) != dev(&self.at) {
            return Err(Errno::EXDEV.into());
        }
        Ok(())
    }

    /// Follows `link`, an entry of the directory where the walk stands: the walk's text becomes the target and
    /// what was left behind the link.
    pub fn follow(&mut self, link: &Arc<Entry>) -> Res<Jump> {
        self.links += 1;
        if self.links > LINKS_MAX || self.resolve.has(Resolve::NO_SYMLINKS) {
            return Err(Errno::ELOOP.into());
        }
        let rest = self.text[self.next..].to_vec();
        let target = link.inode().link_target()?;
        if !matches!(target, LinkTarget::Path(_)) {
            if self.resolve.has(Resolve::NO_MAGICLINKS) {
                return Err(Errno::ELOOP.into());
            }
            if self.resolve.has(Resolve::BENEATH | Resolve::IN_ROOT) {
                return Err(Errno::EXDEV.into());
            }
        }
        let (text, jump) = match target {
            LinkTarget::Path(target) => {
                match target.first() {
                    None => return Err(Errno::ENOENT.into()),
                    Some(b'/') if self.resolve.has(Resolve::BENEATH) => return Err(Errno::EXDEV.into()),
                    Some(b'/') => self.go(self.root.clone())?,
                    Some(_) => {}
                }
                let mut text: Vec<u8> = target;
                text.extend_from_slice(&rest);
                (text, Jump::Walked)
            }
            LinkTarget::Entry(entry) => {
                self.go(entry)?;
                (rest, Jump::Walked)
            }
            LinkTarget::File(file) => (rest, Jump::File(file)),
        };
        self.text = Cow::Owned(text);
        self.next = 0;
        Ok(jump)
    }

    /// Whether a link led to an entry and the path ends there: [`Walk::at`] is what it names, and need not be a
    /// directory.
    pub fn arrived(&self) -> bool {
        self.text.is_empty()
    }

    /// Walks to the end. With `follow`, a symbolic link at the end is followed; so is one before a slash.
    pub fn to_end(mut self, follow: bool) -> Res<Target> {
        loop {
            let last = self.to_last()?;
            let range = match last {
                Last::Here => return Ok(Target::Entry(self.at)),
                Last::Up => {
                    self.up()?;
                    return Ok(Target::Entry(self.at));
                }
                Last::Name(range) => range,
            };
            let slash = self.has_trailing_slash(&range);
            let found = self.at.lookup(self.name(&range))?;
            if found.kind() == Kind::Symlink && (follow || slash) {
                match self.follow(&found)? {
                    // The link may have led to a file: `to_last` would insist on a directory.
                    Jump::Walked if self.arrived() => return Ok(Target::Entry(self.at)),
                    Jump::Walked => {}
                    Jump::File(file) if !slash => return Ok(Target::File(file)),
                    Jump::File(_) => return Err(Errno::ENOTDIR.into()),
                }
                continue;
            }
            if slash && !found.is_dir() {
                return Err(Errno::ENOTDIR.into());
            }
            self.may_go(&found)?;
            return Ok(Target::Entry(found));
        }
    }
}

/// What a path names.
#[derive(Debug)]
pub enum Target {
    /// An entry of the tree.
    Entry(Arc<Entry>),
    /// A file without a name, reached by a link in /proc/self/fd.
    File(Arc<dyn File>),
}

impl Target {
    /// The entry; ENOENT for a file that has none.
    pub fn entry(self) -> Res<Arc<Entry>> {
        match self {
            Target::Entry(entry) => Ok(entry),
            Target::File(_) => Err(Errno::ENOENT.into()),
        }
    }
}
