//! Where debug files are kept: the places that gdb, Debian and debuginfod agree on.
//!
//! A debug file is found by the build-id of its program (two folders deep in `.build-id`, or in debuginfod's cache) or by the name that
//! the program gives it (`.gnu_debuglink`), and taken only if it has the same build-id, or else the checksum that goes with the name.
//! Nothing is fetched from anywhere.

use super::build_id::BuildId;
use super::elf::Elf;
use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The system's tree of debug files.
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// Where to look for what a program has put elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Trees of debug files, the first one first: `.build-id/ab/cdef.debug`, and a copy of the system's folders.
    pub debug_roots: Vec<PathBuf>,
    /// debuginfod's cache: `BUILD-ID/debuginfo`. None: not looked into.
    pub debuginfod_cache: Option<PathBuf>,
    /// Where the program would be, when the path it is opened by is another (`/proc/PID/exe`): debug files are found by it.
    pub location: Option<PathBuf>,
}

impl Default for Search {
    /// The system's places, and those that the environment names (debuginfod_find_debuginfo(3)).
    fn default() -> Search {
        let cache = env::var_os("DEBUGINFOD_CACHE_PATH").map(PathBuf::from).or_else(|| {
            let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
            Some(cache.join("debuginfod_client"))
        });
        Search { debug_roots: vec![PathBuf::from(DEBUG_ROOT)], debuginfod_cache: cache, location: None }
    }
}

impl Search {
    /// The same, in further trees first.
    pub fn with_roots(mut self, roots: impl IntoIterator<Item = PathBuf>) -> Search {
        self.debug_roots.splice(0..0, roots);
        self
    }

    /// The same, for a program that would be at this path.
    pub fn located(mut self, path: impl Into<PathBuf>) -> Search {
        self.location = Some(path.into());
        self
    }

    /// Where a debug file of this build-id would be.
    pub fn places_by_id(&self, id: &BuildId) -> Vec<PathBuf> {
        let hex = id.to_string();
        let (first, rest) = hex.split_at(2);
        let in_root = |root: &PathBuf| root.join(".build-id").join(first).join(format!("{rest}.debug"));
        let mut places: Vec<PathBuf> = self.debug_roots.iter().map(in_root).collect();
        places.extend(self.debuginfod_cache.iter().map(|cache| cache.join(&hex).join("debuginfo")));
        places
    }

    /// Where a debug file that a program names would be (gdb's manual, "Separate Debug Files").
    pub fn places_by_link(&self, name: &Path, program: &Path) -> Vec<PathBuf> {
        let Some(folder) = program.parent() else { return Vec::new() };
        let below_root = folder.strip_prefix("/").unwrap_or(folder);
        let mut places = vec![folder.join(name), folder.join(".debug").join(name)];
        places.extend(self.debug_roots.iter().map(|root| root.join(below_root).join(name)));
        places
    }
}

/// The debug files of a program that are there and belong to it, the likeliest first. Empty also if there is no such program.
pub fn debug_files(program: &Path, search: &Search) -> Vec<PathBuf> {
    let Ok(elf) = Elf::program(program) else { return Vec::new() };
    let location = search.location.as_deref().unwrap_or(program);
    belonging_to(&elf, location, search).0.iter().map(|file| file.path().to_owned()).collect()
}

/// The file that a program says its debug info is in (`.gnu_debuglink`), and the checksum of that.
pub(crate) struct DebugLink {
    pub(crate) name: PathBuf,
    pub(crate) crc: u32,
}

impl DebugLink {
    pub(crate) fn of(program: &Elf) -> Option<DebugLink> {
        // The name with its NUL, padding to a multiple of 4, the checksum.
        let link = program.raw(program.section(b".gnu_debuglink")?);
        let end = link.iter().position(|byte| *byte == 0)?;
        let name = link.get(..end).filter(|name| !name.is_empty())?;
        let crc = link.get((end + 1).next_multiple_of(4)..)?.first_chunk::<4>()?;
        Some(DebugLink { name: Path::new(OsStr::from_bytes(name)).to_owned(), crc: u32::from_le_bytes(*crc) })
    }
}

/// The same, opened, and all places that were looked at.
pub(super) fn belonging_to(program: &Elf, location: &Path, search: &Search) -> (Vec<Elf>, Vec<PathBuf>) {
    let id = program.build_id();
    let link = DebugLink::of(program);
    let by_id = id.into_iter().flat_map(|id| search.places_by_id(id)).map(|path| (path, None));
    let by_link = link.into_iter().flat_map(|link| {
        let places = search.places_by_link(&link.name, location);
        places.into_iter().map(move |path| (path, Some(link.crc)))
    });
    let (mut found, mut looked) = (Vec::new(), Vec::new());
    for (path, crc) in by_id.chain(by_link) {
        found.extend(belonging(&path, id, crc));
        looked.push(path);
    }
    (found, looked)
}

/// A file, if it is the one that belongs to a program with this build-id, or else has this checksum.
fn belonging(path: &Path, id: Option<&BuildId>, crc: Option<u32>) -> Option<Elf> {
    let file = Elf::part(path).ok()?;
    let belongs = match (id, file.build_id(), crc) {
        (Some(id), Some(its), _) => id == its,
        (_, _, Some(crc)) => crc32fast::hash(file.bytes()) == crc,
        _ => false,
    };
    belongs.then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(roots: &[&str]) -> Search {
        Search {
            debug_roots: roots.iter().map(PathBuf::from).collect(),
            debuginfod_cache: Some(PathBuf::from("/cache")),
            location: None,
        }
    }

    #[test]
    fn a_link_leads_beside_the_program_and_to_every_tree() {
        let places = search(&["/a", "/b"]).places_by_link(Path::new("x.debug"), Path::new("/usr/sbin/x"));
        let want =
            ["/usr/sbin/x.debug", "/usr/sbin/.debug/x.debug", "/a/usr/sbin/x.debug", "/b/usr/sbin/x.debug"];
        assert_eq!(places, want.map(PathBuf::from));
    }

    #[test]
    fn a_build_id_leads_to_every_tree_and_to_the_cache() {
        let id = BuildId::new(&[0xAB, 0x01, 0xFF]).expect("three bytes");
        let want = ["/a/.build-id/ab/01ff.debug", "/b/.build-id/ab/01ff.debug", "/cache/ab01ff/debuginfo"];
        assert_eq!(search(&["/a", "/b"]).places_by_id(&id), want.map(PathBuf::from));
    }

    #[test]
    fn trees_that_are_asked_for_come_before_the_systems() {
        let roots = Search::default().with_roots([PathBuf::from("/mine")]).debug_roots;
        assert_eq!(roots, [PathBuf::from("/mine"), PathBuf::from(DEBUG_ROOT)]);
    }
}
