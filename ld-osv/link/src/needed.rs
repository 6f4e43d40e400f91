//! Phase *needed*: from a root object to everything that it needs, breadth first, each file once.

use crate::error::Error;
use crate::image::Image;
use crate::input::Object;
use crate::layout::Layout;
use crate::world::{File, Files, Id, Loaded, Place, Table, World};
use alloc::string::String;
use alloc::vec::Vec;

/// Deeper needs than this many objects no program has.
const MOST_OBJECTS: usize = 4096;

/// Splits a path list at `:` and `;`. An empty element is the current folder.
pub fn split_path(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| matches!(byte, b':' | b';')).map(|dir| if dir.is_empty() { &b"."[..] } else { dir })
}

/// The folder part of a path.
pub fn folder_of(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(0) => b"/",
        Some(at) => &path[..at],
        None => b".",
    }
}

/// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`.
pub fn expand(text: &[u8], origin: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    'outer: while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'$' {
            for (name, value) in
                [(&b"ORIGIN"[..], origin), (b"LIB", b"lib/x86_64-linux-gnu"), (b"PLATFORM", b"x86_64")]
            {
                let braced = tail
                    .strip_prefix(b"{")
                    .and_then(|t| t.strip_prefix(name))
                    .and_then(|t| t.strip_prefix(b"}"));
                if let Some(after) = braced.or_else(|| tail.strip_prefix(name)) {
                    out.extend_from_slice(value);
                    rest = after;
                    continue 'outer;
                }
            }
        }
        out.push(byte);
        rest = tail;
    }
    out
}

impl<'a, T: Table> World<'a, T> {
    /// Adds an object whose image is at hand (the executable that the kernel mapped).
    pub fn add_image(&mut self, image: &Image<'a>, path: &[u8], origin: &[u8]) -> Result<Id, Error> {
        let object = Object::of(image)?;
        let layout = Layout::of(image)?;
        Ok(self.push(path, origin, object, layout, None, None))
    }

    /// Adds an opened file.
    pub fn add_file(
        &mut self,
        file: File<'a>,
        path: &[u8],
        origin: &[u8],
        parent: Option<Id>,
    ) -> Result<Id, Error> {
        let image = Image::of_file(file.bytes)?;
        let object = Object::of(&image)?;
        let layout = Layout::of(&image)?;
        Ok(self.push(path, origin, object, layout, Some(file), parent))
    }

    fn push(
        &mut self,
        path: &[u8],
        origin: &[u8],
        object: Object<'a>,
        layout: Layout,
        file: Option<File<'a>>,
        parent: Option<Id>,
    ) -> Id {
        let is_musl = object.is_musl();
        self.added += 1;
        let loaded = Loaded {
            path: path.into(),
            origin: origin.into(),
            names: Vec::new(),
            object,
            layout,
            file,
            bytes: file.map_or(&[], |file| file.bytes),
            identity: file.map_or((0, 0), |file| file.identity),
            base: 0,
            tls: None,
            needs: Vec::new(),
            group: Vec::new(),
            is_deep: false,
            binds: Vec::new(),
            parent,
            is_musl,
            sequence: self.added,
            ready: false,
            started: false,
            opened: 0,
            pinned: false,
            removed: false,
        };
        // What was unloaded left a hole: ids stay few however often a plug-in comes and goes.
        let id = match self.objects.iter().position(Option::is_none) {
            Some(hole) => {
                self.objects[hole] = Some(loaded);
                hole
            }
            None => {
                self.objects.push(Some(loaded));
                self.objects.len() - 1
            }
        };
        self.fresh.push(id);
        id
    }

    /// A loaded object that goes by `name`.
    pub fn by_name(&self, name: &[u8]) -> Option<Id> {
        self.iter().find_map(|(id, loaded)| {
            let known = loaded.object.soname == Some(name)
                || loaded.path == name
                || loaded.names.iter().any(|known| known == name);
            (known && !loaded.removed).then_some(id)
        })
    }

    /// Finds the object that `name` means for `parent`: the table, what is loaded already, or a file, which is then
    /// added.
    pub fn want(
        &mut self,
        name: &[u8],
        parent: Option<Id>,
        files: &mut impl Files<'a>,
    ) -> Result<Place, Error> {
        if self.table.serves(name.rsplit(|&byte| byte == b'/').next().unwrap_or(name)) {
            return Ok(Place::Table);
        }
        if let Some(id) = self.by_name(name) {
            return Ok(Place::Object(id));
        }
        if self.objects.len() >= MOST_OBJECTS {
            return Err(Error::Malformed("needs: too many objects"));
        }
        let origin = parent.and_then(|id| self.get(id)).map_or(&b"."[..], |loaded| &loaded.origin).to_vec();
        let found = if name.contains(&b'/') {
            let path = expand(name, &origin);
            files.open(&path)?.map(|file| (file, path))
        } else {
            self.find_file(name, parent, files)?
        };
        let Some((file, path)) = found else {
            let wanted_by = parent.and_then(|id| self.get(id)).map_or_else(String::new, Loaded::display);
            return Err(Error::NotFound { name: String::from_utf8_lossy(name).into_owned(), wanted_by });
        };
        let same = self.iter().find(|(_, loaded)| {
            loaded.identity == file.identity && file.identity != (0, 0) && !loaded.removed
        });
        let id = match same.map(|(id, _)| id) {
            Some(id) => {
                files.close(file);
                id
            }
            None => {
                let folder = folder_of(&files.absolute(&path)).to_vec();
                self.add_file(file, &path, &folder, parent)
                    .inspect_err(|_| files.close(file))
                    .map_err(|error| error.in_object(&String::from_utf8_lossy(&path)))?
            }
        };
        if let Some(loaded) = self.get_mut(id) {
            loaded.names.push(name.into());
        }
        Ok(Place::Object(id))
    }

    /// Searches the folders that `parent` and the environment name, in glibc's order.
    fn find_file(
        &mut self,
        name: &[u8],
        parent: Option<Id>,
        files: &mut impl Files<'a>,
    ) -> Result<Option<(File<'a>, Vec<u8>)>, Error> {
        let mut dirs: Vec<Vec<u8>> = Vec::new();
        let requester = parent.and_then(|id| self.get(id));
        let runpath = requester.and_then(|loaded| loaded.object.runpath);
        if runpath.is_none() {
            // DT_RPATH counts for everything below the object that has it.
            let mut at = requester;
            let mut left = MOST_OBJECTS;
            let mut asked_main = false;
            while let Some(loaded) = at.filter(|_| left > 0) {
                asked_main |= loaded.sequence == 1;
                if let (Some(rpath), None) = (loaded.object.rpath, loaded.object.runpath) {
                    dirs.extend(split_path(rpath).map(|dir| expand(dir, &loaded.origin)));
                }
                at = loaded.parent.and_then(|id| self.get(id));
                left -= 1;
            }
            if let Some(main) = self.get(0).filter(|main| !asked_main && main.object.runpath.is_none()) {
                let rpath = main.object.rpath.unwrap_or(b"");
                dirs.extend(
                    split_path(rpath).filter(|_| !rpath.is_empty()).map(|dir| expand(dir, &main.origin)),
                );
            }
        }
        dirs.extend(self.search.library_path.iter().cloned());
        if let (Some(runpath), Some(loaded)) = (runpath, requester) {
            dirs.extend(split_path(runpath).map(|dir| expand(dir, &loaded.origin)));
        }
        // Folders of ld.so.conf are read only when a library is nowhere else.
        let first = self.open_first(dirs, name, files)?;
        if first.is_some() {
            return Ok(first);
        }
        let defaults =
            self.search.default_path.get_or_insert_with(|| crate::conf::default_path(files)).clone();
        self.open_first(defaults, name, files)
    }

    /// The file `name` in the first of `dirs` that has one for this machine.
    fn open_first(
        &self,
        dirs: Vec<Vec<u8>>,
        name: &[u8],
        files: &mut impl Files<'a>,
    ) -> Result<Option<(File<'a>, Vec<u8>)>, Error> {
        for mut path in dirs {
            path.push(b'/');
            path.extend_from_slice(name);
            if let Some(file) = files.open(&path)? {
                // Another machine's library of that name is passed over, as in a tree with several architectures.
                if matches!(Image::of_file(file.bytes), Err(Error::WrongMachine)) {
                    files.close(file);
                    continue;
                }
                return Ok(Some((file, path)));
            }
        }
        Ok(None)
    }

    /// Loads everything that `roots` need, breadth first. Returns roots and needs in that order: a lookup scope.
    pub fn load_needed(&mut self, roots: &[Place], files: &mut impl Files<'a>) -> Result<Vec<Place>, Error> {
        let mut scope: Vec<Place> = Vec::new();
        for root in roots {
            if !scope.contains(root) {
                scope.push(*root);
            }
        }
        let mut next = 0;
        while let Some(place) = scope.get(next).copied() {
            next += 1;
            let Place::Object(id) = place else { continue };
            let Some(loaded) = self.get(id) else { continue };
            let needed = loaded.object.needed.clone();
            let known = loaded.needs.clone();
            let mut needs = Vec::with_capacity(needed.len());
            for (index, name) in needed.iter().enumerate() {
                let place = match known.get(index) {
                    Some(place) => *place,
                    None => self.want(name, Some(id), files)?,
                };
                needs.push(place);
                if !scope.contains(&place) {
                    scope.push(place);
                }
            }
            if let Some(loaded) = self.get_mut(id) {
                loaded.needs = needs;
            }
        }
        Ok(scope)
    }
}
