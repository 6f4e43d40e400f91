//! Libraries in memory as files of a folder, and a world with a program that needs some of them.

use super::NoTable;
use super::library::Library;
use osv_link::Error;
use osv_link::image::Image;
use osv_link::world::{File, Files, Search, World};
use std::collections::BTreeMap;

/// Files by path, which count who is open.
#[derive(Default)]
pub struct Shelf {
    files: BTreeMap<Vec<u8>, &'static [u8]>,
    /// Opened and not closed.
    pub open: usize,
}

impl Shelf {
    /// Each library under `/lib/SONAME`.
    pub fn with(libraries: &[Library<'_>]) -> Self {
        let path = |library: &Library<'_>| format!("/lib/{}", library.soname).into_bytes();
        let leak = |library: &Library<'_>| &*library.file().leak();
        Shelf { files: libraries.iter().map(|library| (path(library), leak(library))).collect(), open: 0 }
    }

    /// One more, at this path.
    pub fn put(&mut self, path: &str, library: &Library<'_>) {
        self.files.insert(path.into(), library.file().leak());
    }
}

impl Files<'static> for Shelf {
    fn open(&mut self, path: &[u8]) -> Result<Option<File<'static>>, Error> {
        let found = self.files.iter().position(|(known, _)| known == path);
        self.open += usize::from(found.is_some());
        Ok(found.zip(self.files.get(path)).map(|(at, bytes)| File {
            bytes,
            identity: (1, at as u64),
            handle: 0,
        }))
    }

    fn close(&mut self, _: File<'static>) {
        self.open -= 1;
    }
}

/// A world with a program that needs `needed`.
pub fn world(needed: &[&str], shelf: &mut Shelf) -> World<'static, NoTable> {
    let file = Library { soname: "program", needed, ..Default::default() }.file().leak();
    let search = Search { library_path: vec![], default_path: Some(vec![b"/lib".to_vec()]) };
    let mut world = World::new(NoTable, search);
    let image = Image::of_file(file).expect("an image");
    world.add_image(&image, b"/bin/program", b"/bin").expect("a program");
    world.plan_program(&[], shelf).expect("a plan");
    world
}
