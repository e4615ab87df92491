//! Tables on disk, one file for each build-id: a binary's debug info is read once, and mapped from then on.
//!
//! ```no_run
//! use mcrx_debuginfo::{cache::Cache, file::Binary};
//! let binary = Binary::open("/usr/sbin/nginx".as_ref())?;
//! let table = Cache::default().table(&binary)?; // read, or mapped if it was read before
//! # let _ = table;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//! $XDG_CACHE_HOME/mcrx/debuginfo/            0700    (~/.cache/mcrx/debuginfo without XDG_CACHE_HOME)
//!     BUILD-ID-IDENTITY                      0600    a table, see `table::image`
//!     BUILD-ID-IDENTITY.PID-N.new            0600    one that is being written
//! ```
//!
//! The identity is a hash of the format's version and of the length and time of the files that have the debug info, so that a debug
//! file which is installed later, or another one, is noticed. Files are written beside their place and renamed into it: who reads finds
//! a whole table, old or new, whoever else writes, and what a crash leaves is swept up a day later.
//!
//! The cache never stops a load. A file that is damaged, of another version or of another binary is replaced; a folder that cannot be
//! written, or that others could write into, is left alone.
//!
//! What it does not keep: tables of binaries without build-id, since nothing says that it is the same one the next time; and of those
//! whose debug info is split over many files (`.dwo`), since to look at all of them takes as long as reading.

mod folder;
mod identity;
mod sweep;

use crate::file::Binary;
use crate::load::{self, LoadError};
use crate::table::Table;
use folder::Folder;
use std::path::PathBuf;

/// How many bytes all tables together may take. nginx's has one MiB, a debug build of a large Rust program has 50.
const LIMIT: u64 = 1 << 30;

/// Where tables are kept.
#[derive(Debug, Clone)]
pub struct Cache {
    /// `None`: nowhere.
    folder: Option<PathBuf>,
    limit: u64,
}

impl Default for Cache {
    /// That of the user. Without a home, nothing is kept.
    fn default() -> Cache {
        let path = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
        Cache { folder: folder.map(|folder| folder.join("mcrx/debuginfo")), limit: LIMIT }
    }
}

impl Cache {
    /// One in this folder, which is made when something is kept.
    pub fn at(folder: impl Into<PathBuf>) -> Cache {
        Cache { folder: Some(folder.into()), limit: LIMIT }
    }

    /// The same, with another bound on the bytes of all tables. Those that were not used for longest go first.
    pub fn with_limit(self, bytes: u64) -> Cache {
        Cache { limit: bytes, ..self }
    }

    /// The table of a binary: from the cache, or else loaded and kept there.
    pub fn table(&self, binary: &Binary) -> Result<Table, LoadError> {
        let place = || Some((self.folder.as_deref()?, identity::name(binary)?));
        let Some((folder, name)) = place() else { return load::load(binary) };
        let build_id = binary.build_id().map_or(&[][..], |id| id.as_bytes());
        if let Some(table) = Folder::open(folder).and_then(|folder| folder.find(&name, build_id)) {
            return Ok(table);
        }
        let (table, is_split) = load::load_noting_splits(binary)?;
        let length = u64::try_from(table.as_bytes().len()).unwrap_or(u64::MAX);
        if !is_split
            && length <= self.limit
            && let Some(folder) = Folder::create(folder)
            && folder.put(&name, table.as_bytes()).is_ok()
        {
            sweep::sweep(&folder, self.limit, &name);
        }
        Ok(table)
    }
}
