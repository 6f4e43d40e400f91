//! Everything that is loaded, and how it is found: the state that plans start from and add to.

use crate::error::Error;
use crate::hash::Name;
use crate::input::Object;
use crate::layout::Layout;
use crate::tls::{Module, StaticTls};
use alloc::string::String;
use alloc::vec::Vec;

/// Index of an object in [`World`].
pub type Id = usize;

/// A member of a lookup scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A loaded object.
    Object(Id),
    /// The table that stands for libc and its kin.
    Table,
}

/// A symbol that the table serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Its address.
    pub address: u64,
    /// Its size, 0 for functions.
    pub size: u64,
    /// Whether it is a datum.
    pub is_object: bool,
    /// Whether the table has the version that was asked for; what has another one answers all the same.
    pub is_exact: bool,
}

/// What stands for libc.so.6 and its kin.
pub trait Table {
    /// Whether the table serves the library of this soname.
    fn serves(&self, soname: &[u8]) -> bool;
    /// Looks up a symbol. `for_musl`: on behalf of a program built against musl.
    fn find(&self, name: &Name<'_>, version: Option<&[u8]>, for_musl: bool) -> Option<Served>;
}

/// A file, opened and readable in full.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Tells two names of one file.
    pub identity: (u64, u64),
    /// The opener's handle.
    pub handle: i32,
}

/// Opens files for the planner.
pub trait Files<'a> {
    /// Opens `path`; `None` when there is no such file, or no permission.
    fn open(&mut self, path: &[u8]) -> Result<Option<File<'a>>, Error>;
    /// Gives a file back that is not needed after all.
    fn close(&mut self, file: File<'a>);
    /// The names in a folder, in any order; none when it cannot be read.
    fn list(&mut self, _folder: &[u8]) -> Vec<Vec<u8>> {
        Vec::new()
    }
    /// `path` from the root on; symbolic links stay.
    fn absolute(&mut self, path: &[u8]) -> Vec<u8> {
        path.into()
    }
}

/// A loaded object.
#[derive(Clone, Debug)]
pub struct Loaded<'a> {
    /// Path by which it was found.
    pub path: Vec<u8>,
    /// The folder that `$ORIGIN` stands for.
    pub origin: Vec<u8>,
    /// Names by which it was asked for.
    pub names: Vec<Vec<u8>>,
    /// What the file says.
    pub object: Object<'a>,
    /// Its mappings.
    pub layout: Layout,
    /// The file, while its segments are not mapped.
    pub file: Option<File<'a>>,
    /// The file's bytes, which the tables lie in; empty for what the kernel mapped.
    pub bytes: &'a [u8],
    /// Its identity.
    pub identity: (u64, u64),
    /// Load bias, known when mapped.
    pub base: u64,
    /// TLS module.
    pub tls: Option<Module>,
    /// Direct dependencies, in order.
    pub needs: Vec<Place>,
    /// For what dlopen loaded: the group whose symbols it sees after the global ones.
    pub group: Vec<Place>,
    /// Its own group goes before the global scope: RTLD_DEEPBIND.
    pub is_deep: bool,
    /// Objects beyond `needs` whose symbols its relocations hold.
    pub binds: Vec<Id>,
    /// Who asked for it first.
    pub parent: Option<Id>,
    /// Whether it was built against musl.
    pub is_musl: bool,
    /// Position in the order of loading.
    pub sequence: u64,
    /// Mapped and relocated: threads have its TLS, unwinders and debuggers may see it.
    pub ready: bool,
    /// Constructors have been run, or are being run.
    pub started: bool,
    /// Explicit dlopen calls that hold it.
    pub opened: usize,
    /// Never unloaded.
    pub pinned: bool,
    /// On its way out: a new dlopen does not find it.
    pub removed: bool,
}

impl Loaded<'_> {
    /// The path for messages.
    pub fn display(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    /// Whether `address` lies in the range of its mappings.
    pub fn holds(&self, address: u64) -> bool {
        address.wrapping_sub(self.base.wrapping_add(self.layout.start)) < self.layout.len
    }
}

/// Where libraries are looked for beyond what objects say.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// LD_LIBRARY_PATH, split.
    pub library_path: Vec<Vec<u8>>,
    /// The last resort; `None` until it is asked for, see [`conf`](crate::conf).
    pub default_path: Option<Vec<Vec<u8>>>,
}

/// A datum of another object or the table that the executable holds its own copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Address of the original.
    pub from: u64,
    /// Length.
    pub len: u64,
    /// Address in the executable.
    pub to: u64,
}

/// All that is loaded.
#[derive(Debug)]
pub struct World<'a, T> {
    /// Objects; a closed one leaves a hole.
    pub objects: Vec<Option<Loaded<'a>>>,
    /// What stands for libc.
    pub table: T,
    /// The global scope, in order.
    pub global: Vec<Place>,
    /// Search path.
    pub search: Search,
    /// Static TLS.
    pub tls: StaticTls,
    /// COPY relocations of the executable.
    pub copies: Vec<Copied>,
    /// Objects added since a plan began.
    pub(crate) fresh: Vec<Id>,
    /// Objects that were ever added.
    pub(crate) added: u64,
}

impl<'a, T: Table> World<'a, T> {
    /// An empty world.
    pub fn new(table: T, search: Search) -> Self {
        World {
            objects: Vec::new(),
            table,
            global: Vec::new(),
            search,
            tls: StaticTls::default(),
            copies: Vec::new(),
            fresh: Vec::new(),
            added: 0,
        }
    }

    /// The object `id`, if it is still loaded.
    pub fn get(&self, id: Id) -> Option<&Loaded<'a>> {
        self.objects.get(id)?.as_ref()
    }

    /// The object `id`, if it is still loaded.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Loaded<'a>> {
        self.objects.get_mut(id)?.as_mut()
    }

    /// Loaded objects with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Loaded<'a>)> {
        self.objects.iter().enumerate().filter_map(|(id, slot)| Some((id, slot.as_ref()?)))
    }

    /// Loaded objects in the order of loading.
    pub fn in_order(&self) -> Vec<Id> {
        let mut ids: Vec<Id> = self.iter().map(|(id, _)| id).collect();
        ids.sort_by_key(|id| self.get(*id).map(|loaded| loaded.sequence));
        ids
    }

    /// The object whose mappings hold `address`.
    pub fn holding(&self, address: u64) -> Option<Id> {
        self.iter().find(|(_, loaded)| loaded.holds(address)).map(|(id, _)| id)
    }

    /// The executable's copy of what lies at `address`, if it holds one, else `address`.
    pub fn redirect(&self, address: u64) -> u64 {
        for copy in &self.copies {
            let at = address.wrapping_sub(copy.from);
            if at < copy.len {
                return copy.to.wrapping_add(at);
            }
        }
        address
    }
}
