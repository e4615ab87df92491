//! What the compiler said of the modules of a process: their tables, and what their call sites make.
//!
//! Reads the files that the modules were mapped from, and their debug files; a file with another build-id than the one in memory is not
//! used. Which modules have no debug info, and why, is kept: their data is read conservatively.

use crate::image::{Module, Process};
use mcrx_allocator::reader::Sites as HeapSites;
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::{Binary, BuildId, OpenError};
use mcrx_debuginfo::load::LoadError;
use mcrx_debuginfo::sites::{Options, Sites};
use mcrx_debuginfo::table::{Address, Table};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A module, and what is known of it.
pub struct Described {
    /// The file. `None`: it is not there any more, or another one is.
    pub binary: Option<Binary>,
    /// What its debug info says. `None`: it has none that can be read.
    pub table: Option<Table>,
    /// What its calls of allocation functions make; empty if no block was made by one.
    pub sites: Sites,
    /// Why there is no table.
    pub missing: Option<Missing>,
}

/// Why nothing is known of a module's types.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] OpenError),
    /// Its file has another build-id than the one in memory.
    #[error("{}: it was replaced since the process loaded it", .0.display())]
    Replaced(PathBuf),
    /// Its debug info cannot be had. To print this may take long: see [`mcrx_debuginfo::dwarf::DwarfError::Missing`].
    #[error(transparent)]
    DebugInfo(#[from] LoadError),
}

/// The modules of a process, in the order of [`Process::modules`].
#[derive(Default)]
pub struct Debug {
    /// One for each.
    pub modules: Vec<Arc<Described>>,
}

/// What was read of modules so far. The processes of a server have most of theirs in common: they are read once for all of them.
#[derive(Default)]
pub struct Shelf {
    cache: Cache,
    options: Options,
    read: Mutex<HashMap<Key, Arc<Described>>>,
}

/// Path, build-id, and whether its calls are known.
type Key = (PathBuf, Option<BuildId>, bool);

impl Shelf {
    /// An empty one, for which tables come from this cache.
    pub fn new(cache: Cache) -> Shelf {
        Shelf { cache, ..Shelf::default() }
    }

    /// The same, where these functions return memory too: see [`wrappers`](crate::facts::Facts::wrappers).
    pub fn knowing<'n>(cache: Cache, wrappers: impl IntoIterator<Item = &'n str>) -> Shelf {
        let extra = wrappers.into_iter().map(str::to_owned).collect();
        Shelf { options: Options { extra, ..Options::default() }, ..Shelf::new(cache) }
    }

    /// `makes_blocks`: what its calls make is to be known.
    pub(crate) fn described(&self, module: &Module, makes_blocks: bool) -> Arc<Described> {
        let of = |calls| (module.path.clone(), module.build_id, calls);
        let read = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        // One without a build-id may be another file than the last of that path.
        if module.build_id.is_none() {
            return Arc::new(describe(module, makes_blocks, &self.cache, &self.options));
        }
        // Knowing more than is asked for does no harm.
        if let Some(found) =
            [true, makes_blocks].into_iter().find_map(|calls| read().get(&of(calls)).cloned())
        {
            return found;
        }
        let described = Arc::new(describe(module, makes_blocks, &self.cache, &self.options));
        read().insert(of(makes_blocks), Arc::clone(&described));
        described
    }
}

impl Debug {
    /// Reads what there is, on all cores. What is missing makes no error: see [`Described::missing`].
    pub fn read(process: &Process, sites: &HeapSites, shelf: &Shelf) -> Debug {
        let modules = &process.modules;
        let mut makes_blocks = vec![false; modules.len()];
        for frame in sites.all().flat_map(|(_, site)| site.frames()) {
            let found = process.frame_address(&frame).and_then(|at| process.module_index(at));
            if let Some(makes) = found.and_then(|index| makes_blocks.get_mut(index)) {
                *makes = true;
            }
        }
        let described = |(module, makes): (&Module, &bool)| shelf.described(module, *makes);
        Debug { modules: modules.par_iter().zip(&makes_blocks).map(described).collect() }
    }

    /// A function's name, and how far into it an address of the process is.
    pub fn function(&self, process: &Process, address: u64) -> Option<(&str, u64)> {
        let index = process.module_index(address)?;
        let (module, described) = (process.modules.get(index)?, self.modules.get(index)?);
        let linked = Address(module.linked(address));
        let in_table = || {
            let function = described.table.as_ref()?.function_at(linked)?;
            let (start, _) = function.code()?;
            Some((function.name(), linked.0.checked_sub(start.0)?))
        };
        in_table().or_else(|| {
            let symbol = described.binary.as_ref()?.symbols().function_at(linked)?;
            Some((symbol.name, linked.0.checked_sub(symbol.address.0)?))
        })
    }
}

fn describe(module: &Module, makes_blocks: bool, cache: &Cache, options: &Options) -> Described {
    let mut described = Described { binary: None, table: None, sites: Sites::default(), missing: None };
    let binary = match Binary::open(&module.path) {
        Ok(binary) => binary,
        Err(error) => {
            described.missing = Some(error.into());
            return described;
        }
    };
    if module.build_id.is_some() && module.build_id.as_ref() != binary.build_id() {
        described.missing = Some(Missing::Replaced(module.path.clone()));
        return described;
    }
    match cache.table(&binary) {
        Ok(table) => {
            if makes_blocks {
                described.sites = cache.sites(&binary, &table, options);
            }
            described.table = Some(table);
        }
        Err(error) => described.missing = Some(error.into()),
    }
    described.binary = Some(binary);
    described
}
