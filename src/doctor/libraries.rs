//! The libraries that the loader loads with a program, found as it finds them (ld.so(8)).
//!
//! By its paths and the system's configuration. LD_LIBRARY_PATH is not looked at: what it is when the program is started is not known
//! here. What a program loads later (dlopen) is not known either.

use crate::elf::Elf;
use crate::elf::dynamic::Dynamic;
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// Where libraries are when nothing says otherwise.
const DEFAULT_DIRECTORIES: [&str; 6] =
    ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
const CONFIGURATION: &str = "/etc/ld.so.conf";
/// Configuration files may include each other, to this depth.
const INCLUDES_MAX: u32 = 8;
/// More libraries than any program has.
const LIBRARIES_MAX: usize = 4096;

/// A library that was found.
pub(super) struct Library {
    /// What it is needed as.
    pub(super) name: String,
    pub(super) elf: Elf,
}

/// What a program is loaded with.
#[derive(Default)]
pub(super) struct Libraries {
    /// In the order in which they are loaded.
    pub(super) found: Vec<Library>,
    /// Names, with who needs them.
    pub(super) missing: Vec<(String, String)>,
}

impl Libraries {
    pub(super) fn of(program: &Path, dynamic: &Dynamic) -> Libraries {
        let system = system_directories();
        let mut libraries = Libraries::default();
        let mut known = BTreeSet::new();
        // $ORIGIN is where the file itself is.
        let path = program.canonicalize().unwrap_or_else(|_| program.to_owned());
        let program = Object { path, dynamic: dynamic.clone() };
        let mut queue = VecDeque::from([program.clone()]);
        while let Some(user) = queue.pop_front() {
            for name in &user.dynamic.needed {
                if known.len() >= LIBRARIES_MAX || !known.insert(name.clone()) {
                    continue;
                }
                let Some(elf) = find(name, &user, &program, &system) else {
                    libraries.missing.push((name.clone(), user.path.display().to_string()));
                    continue;
                };
                let dynamic = elf.parse().and_then(|file| Dynamic::of(&file)).unwrap_or_default();
                let path = elf.path().canonicalize().unwrap_or_else(|_| elf.path().to_owned());
                queue.push_back(Object { path, dynamic });
                libraries.found.push(Library { name: name.clone(), elf });
            }
        }
        libraries
    }
}

/// Where a library is that `user` needs.
fn find(name: &str, user: &Object, program: &Object, system: &[PathBuf]) -> Option<Elf> {
    if name.contains('/') {
        return Elf::open(Path::new(name)).ok();
    }
    // DT_RPATH counts for what libraries need, too; DT_RUNPATH does not, and turns the other off.
    let mut places = match &user.dynamic.runpath {
        Some(runpath) => directories(runpath, &user.path),
        None => [user, program].iter().flat_map(|object| object.rpath()).collect(),
    };
    places.extend_from_slice(system);
    // The loader, too, passes over files that are of another machine.
    places.iter().map(|place| place.join(name)).find_map(|path| Elf::open(&path).ok())
}

/// The program, or a library.
#[derive(Clone)]
struct Object {
    path: PathBuf,
    dynamic: Dynamic,
}

impl Object {
    fn rpath(&self) -> Vec<PathBuf> {
        let rpath = self.dynamic.rpath.as_ref().filter(|_| self.dynamic.runpath.is_none());
        rpath.map(|rpath| directories(rpath, &self.path)).unwrap_or_default()
    }
}

/// The directories of a path as DT_RUNPATH has it.
fn directories(path: &str, user: &Path) -> Vec<PathBuf> {
    let origin = user.parent().unwrap_or(Path::new("/")).display().to_string();
    let fill_in = |part: &str| {
        let mut part = part.to_owned();
        for (name, value) in
            [("ORIGIN", origin.as_str()), ("LIB", "lib/x86_64-linux-gnu"), ("PLATFORM", "x86_64")]
        {
            part = part.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
        }
        PathBuf::from(part)
    };
    path.split(':').filter(|part| !part.is_empty()).map(fill_in).collect()
}

fn system_directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    read_configuration(Path::new(CONFIGURATION), INCLUDES_MAX, &mut directories);
    directories.extend(DEFAULT_DIRECTORIES.map(PathBuf::from));
    directories
}

/// Reads ld.so.conf: a directory on each line, or `include PATTERN`.
fn read_configuration(path: &Path, depth: u32, directories: &mut Vec<PathBuf>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let text = fs::read_to_string(path).unwrap_or_default();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        match line.strip_prefix("include") {
            Some(patterns) if patterns.starts_with(char::is_whitespace) => {
                for pattern in patterns.split_ascii_whitespace() {
                    matching(path, pattern)
                        .iter()
                        .for_each(|file| read_configuration(file, depth, directories));
                }
            }
            _ if line.starts_with('/') => directories.push(PathBuf::from(line)),
            _ => {}
        }
    }
}

/// The files that a pattern with at most one `*`, in its last part, stands for.
fn matching(including: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern = including.parent().unwrap_or(Path::new("/")).join(pattern);
    let (Some(folder), Some(last)) = (pattern.parent(), pattern.file_name().and_then(|name| name.to_str()))
    else {
        return Vec::new();
    };
    let Some((start, end)) = last.split_once('*') else { return vec![pattern] };
    let fits =
        |name: &str| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(fits))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_program_are_relative_to_where_it_is() {
        let want = ["/opt/x/lib", "/a/lib/x86_64-linux-gnu", "/opt/x/../y"].map(PathBuf::from);
        assert_eq!(directories("$ORIGIN/lib::/a/$LIB:${ORIGIN}/../y", Path::new("/opt/x/program")), want);
    }

    #[test]
    fn the_configuration_is_read_with_what_it_includes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("ld.so.conf", "/first # comment\ninclude parts/*.conf\n\n/last\ninclude ld.so.conf\n");
        fs::create_dir(folder.path().join("parts")).unwrap();
        write("parts/b.conf", "/of/b\n");
        write("parts/a.conf", "# nothing\n/of/a\n");
        write("parts/c.other", "/of/c\n");
        let mut directories = Vec::new();
        read_configuration(&folder.path().join("ld.so.conf"), 1 + 1, &mut directories);
        let shown: Vec<_> = directories.iter().map(|path| path.display().to_string()).collect();
        // Once more for the file that includes itself, which ends.
        assert_eq!(shown, ["/first", "/of/a", "/of/b", "/last", "/first", "/last"]);
    }
}
