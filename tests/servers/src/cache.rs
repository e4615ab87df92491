//! What is built on this machine, for every clone of its user.
//!
//! ```text
//! $MCRX_CACHE/servers, or $XDG_CACHE_HOME/mcrx/servers, or ~/.cache/mcrx/servers
//!   built/NAME-VERSION-KEYS/     a prefix: one release, installed; record.json says from what
//!   sources/NAME-VERSION-KEYS/   where it was compiled: DW_AT_comp_dir of its debug info; objects removed
//!   downloads/                   source archives, as their signed index describes them
//!   apt/                         an apt of our own: sources, lists, archives
//!   logs/                        what builds printed
//!   lock                         held by whoever is building
//! ```
//!
//! A directory below `built/` is complete: it is renamed into its place as the last act of a build. Its name is its
//! content (see `key`), so it never changes, and whoever finds it may use it without a lock.

use crate::error::Error;
use crate::key::SourceFile;
use crate::recipe::Recipe;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// The cache's directory.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// What a prefix was built from: `record.json` in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The compiler, as in the recipe key.
    pub compiler: String,
    /// The archives the source was unpacked from.
    pub sources: Vec<SourceFile>,
    /// What a person should know, such as patches that could not be had.
    pub notes: Vec<String>,
    /// The program's build-id, in hex.
    pub build_id: String,
}

/// The lock on building; let go when dropped.
#[derive(Debug)]
pub(crate) struct BuildLock {
    _file: File,
}

impl Cache {
    /// Finds the user's cache; makes nothing yet.
    pub(crate) fn locate() -> Result<Self, Error> {
        Self::locate_by(|variable| std::env::var_os(variable).map(PathBuf::from))
    }

    fn locate_by(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, Error> {
        // The XDG base directory specification: a relative path is to be ignored.
        let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
        let ours = absolute("MCRX_CACHE");
        let users = || absolute("XDG_CACHE_HOME").map(|cache| cache.join("mcrx"));
        let home = || absolute("HOME").map(|home| home.join(".cache/mcrx"));
        let root = ours.or_else(users).or_else(home).ok_or(Error::NoCache)?;
        Ok(Self { root: root.join("servers") })
    }

    /// A cache at a given place.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory `name` of the cache, made if need be.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.root.join(name);
        fs::create_dir_all(&path).map_err(Error::file("create", &path))?;
        Ok(path)
    }

    /// The prefix of a build with these keys.
    pub(crate) fn prefix(&self, recipe: &Recipe, recipe_key: &str, source_key: &str) -> PathBuf {
        self.root.join("built").join(format!("{}{source_key}", stem(recipe, recipe_key)))
    }

    /// A complete build of this recipe, whichever revision of the source it was made from: the newest of several.
    pub(crate) fn find(&self, recipe: &Recipe, recipe_key: &str) -> Option<(PathBuf, Record)> {
        let stem = stem(recipe, recipe_key);
        let prefixes = fs::read_dir(self.root.join("built")).ok()?.flatten();
        let matching = prefixes.filter(|entry| entry.file_name().to_string_lossy().starts_with(&stem));
        matching
            .filter_map(|entry| {
                let prefix = entry.path();
                let record = read_record(&prefix)?;
                let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok()?;
                prefix.join(recipe.program).is_file().then_some((modified, prefix, record))
            })
            .max_by(|one, other| one.0.cmp(&other.0))
            .map(|(_, prefix, record)| (prefix, record))
    }

    /// Takes the build lock, calling `wait` once if somebody else has it.
    pub(crate) fn lock(&self, wait: impl FnOnce()) -> Result<BuildLock, Error> {
        let path = self.directory("")?.join("lock");
        let file = File::create(&path).map_err(Error::file("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                wait();
                file.lock().map_err(Error::file("lock", &path))?;
            }
            Err(TryLockError::Error(cause)) => return Err(Error::file("lock", &path)(cause)),
        }
        Ok(BuildLock { _file: file })
    }
}

/// Writes the record into a prefix that is about to be put in place.
pub(crate) fn write_record(prefix: &Path, record: &Record) -> Result<(), Error> {
    let path = prefix.join("record.json");
    let text = serde_json::to_string_pretty(record).expect("a record serialises");
    fs::write(&path, text).map_err(Error::file("write", &path))
}

fn read_record(prefix: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(prefix.join("record.json")).ok()?).ok()
}

fn stem(recipe: &Recipe, recipe_key: &str) -> String {
    format!("{}-{}-{recipe_key}-", recipe.name, recipe.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn located(variables: &[(&str, &str)]) -> Result<PathBuf, Error> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        Cache::locate_by(|name| variables.get(name).map(PathBuf::from)).map(|cache| cache.root)
    }

    #[test]
    fn the_cache_is_where_the_user_says_and_in_the_home_directory_otherwise() {
        let home = ("HOME", "/home/u");
        assert_eq!(located(&[home]).unwrap(), Path::new("/home/u/.cache/mcrx/servers"));
        assert_eq!(located(&[home, ("XDG_CACHE_HOME", "/c")]).unwrap(), Path::new("/c/mcrx/servers"));
        assert_eq!(
            located(&[home, ("XDG_CACHE_HOME", "c")]).unwrap(),
            Path::new("/home/u/.cache/mcrx/servers")
        );
        assert_eq!(located(&[home, ("MCRX_CACHE", "/m")]).unwrap(), Path::new("/m/servers"));
        assert!(matches!(located(&[]), Err(Error::NoCache)));
    }

    fn build(cache: &Cache, recipe: &Recipe, keys: (&str, &str)) -> PathBuf {
        let prefix = cache.prefix(recipe, keys.0, keys.1);
        fs::create_dir_all(prefix.join("sbin")).unwrap();
        fs::write(prefix.join(recipe.program), "").unwrap();
        let record =
            Record { compiler: String::new(), sources: vec![], notes: vec![], build_id: "ab".to_owned() };
        write_record(&prefix, &record).unwrap();
        prefix
    }

    #[test]
    fn a_build_is_found_by_its_recipe_whatever_its_source() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path());
        let recipe = crate::recipes::all().remove(0);
        assert_eq!(cache.find(&recipe, "k1"), None);
        let prefix = build(&cache, &recipe, ("k1", "s1"));
        assert_eq!(cache.find(&recipe, "k1").unwrap().0, prefix);
        assert_eq!(cache.find(&recipe, "k2"), None, "another recipe");
    }

    #[test]
    fn a_prefix_without_its_program_or_record_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path());
        let recipe = crate::recipes::all().remove(0);
        let prefix = build(&cache, &recipe, ("k1", "s1"));
        fs::remove_file(prefix.join(recipe.program)).unwrap();
        assert_eq!(cache.find(&recipe, "k1"), None);
        let prefix = build(&cache, &recipe, ("k1", "s1"));
        fs::write(prefix.join("record.json"), "{").unwrap();
        assert_eq!(cache.find(&recipe, "k1"), None);
    }

    #[test]
    fn a_second_builder_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path());
        let first = cache.lock(|| panic!("nobody else builds")).unwrap();
        let (waiting, told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| cache.lock(move || waiting.send(()).unwrap()).map(drop));
            told.recv().expect("the second builder says that it waits");
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
