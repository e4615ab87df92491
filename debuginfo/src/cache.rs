//! What was found out about binaries, on disk: a binary's debug info is read once and its sites are found once, and mapped from then on.
//!
//! ```no_run
//! use mcrx_debuginfo::{cache::Cache, file::Binary};
//! let binary = Binary::open("/usr/sbin/nginx".as_ref())?;
//! let cache = Cache::default();
//! let table = cache.table(&binary)?; // read, or mapped if it was read before
//! let sites = cache.sites(&binary, &table, &Default::default());
//! # let _ = sites;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//! $XDG_CACHE_HOME/mcrx/debuginfo/            0700    (~/.cache/mcrx/debuginfo without XDG_CACHE_HOME)
//!     BUILD-ID-IDENTITY                      0600    a table
//!     BUILD-ID-IDENTITY.sites                0600    sites, see `sites::find`
//!     BUILD-ID-IDENTITY.PID-N.new            0600    one that is being written
//! ```
//!
//! All are images (see [`crate::image`]). The identity is a hash of this crate's own source and of the length and time of the files that
//! have the debug info, so that a debug file which is installed later, or another one, is noticed, and so is another release of mcrx; of
//! sites also of the table and of what was asked. The source files that sites were held against are looked at when they are taken from
//! here: their lengths and times must be the same. Files are written beside their place and renamed into it: who reads finds
//! a whole one, old or new, whoever else writes, and what a crash leaves is swept up a day later.
//!
//! The cache never stops a load. A file that is damaged, of another version or of another binary is replaced; a folder that cannot be
//! written, or that others could write into, is left alone.
//!
//! What it does not keep: what is known of binaries without build-id, since nothing says that it is the same one the next time; and of those
//! whose debug info is split over many files (`.dwo`), since to look at all of them takes as long as reading.

mod folder;
mod identity;
mod sweep;

use crate::file::Binary;
use crate::load::{self, LoadError};
use crate::sites::{self, Options, Sites};
use crate::table::Table;
use folder::Folder;
use std::path::PathBuf;

/// How many bytes all files together may take. nginx's table has one MiB, a debug build of a large Rust program has 50.
const LIMIT: u64 = 1 << 30;

/// Where images are kept.
#[derive(Debug, Clone)]
pub struct Cache {
    /// `None`: nowhere.
    folder: Option<PathBuf>,
    limit: u64,
}

impl Default for Cache {
    /// That of the user. Without a home, nothing is kept.
    fn default() -> Cache {
        Cache { folder: of_user().map(|folder| folder.join("debuginfo")), limit: LIMIT }
    }
}

/// Where the user keeps what mcrx can find out again: `~/.cache/mcrx`. `None`: there is no home.
pub fn of_user() -> Option<PathBuf> {
    let path = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
    cache.map(|cache| cache.join("mcrx"))
}

impl Cache {
    /// One in this folder, which is made when something is kept.
    pub fn at(folder: impl Into<PathBuf>) -> Cache {
        Cache { folder: Some(folder.into()), limit: LIMIT }
    }

    /// The same, with another bound on the bytes of all files. Those that were not used for longest go first.
    pub fn with_limit(self, bytes: u64) -> Cache {
        Cache { limit: bytes, ..self }
    }

    /// The table of a binary: from the cache, or else loaded and kept there.
    pub fn table(&self, binary: &Binary) -> Result<Table, LoadError> {
        let name = identity::of_table(binary);
        let open = |map| Table::from_map(map).ok().filter(|table| table.build_id() == build_id(binary));
        if let Some(table) = self.find(name.as_deref(), open) {
            return Ok(table);
        }
        let (table, is_split) = load::load_noting_splits(binary)?;
        self.keep(name.as_deref().filter(|_| !is_split), table.as_bytes());
        Ok(table)
    }

    /// The sites of a binary, as [`sites::find`] finds them: from the cache, or else found and kept there.
    pub fn sites(&self, binary: &Binary, table: &Table, options: &Options) -> Sites {
        let origin = sites::origin(table, options);
        let name = identity::of_sites(binary, origin);
        let is_wanted = |sites: &Sites| sites.build_id() == build_id(binary) && sites.are_of(origin);
        if let Some(sites) = self.find(name.as_deref(), |map| Sites::from_map(map).ok().filter(is_wanted)) {
            return sites;
        }
        let dwarf = binary.dwarf().ok();
        let sites = sites::find(binary, table, dwarf.as_ref(), options);
        let is_split = dwarf.is_some_and(|dwarf| dwarf.is_split());
        self.keep(name.as_deref().filter(|_| !is_split), sites.as_bytes());
        sites
    }

    fn find<T>(&self, name: Option<&str>, open: impl FnOnce(memmap2::Mmap) -> Option<T>) -> Option<T> {
        Folder::open(self.folder.as_deref()?)?.find(name?, open)
    }

    fn keep(&self, name: Option<&str>, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if let (Some(path), Some(name)) = (&self.folder, name)
            && length <= self.limit
            && let Some(folder) = Folder::create(path)
            && folder.put(name, bytes).is_ok()
        {
            sweep::sweep(&folder, self.limit, name);
        }
    }
}

fn build_id(binary: &Binary) -> &[u8] {
    binary.build_id().map_or(&[][..], |id| id.as_bytes())
}
