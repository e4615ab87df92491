//! The programs and files that tests use beside the servers, and where a Debian machine gets them.

use nix::unistd::{AccessFlags, access};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// A program, and the Debian package that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// As typed.
    pub name: &'static str,
    /// What `apt-get install` calls it.
    pub package: &'static str,
}

/// All of them. A test that needs another one adds it here, and `cargo xtask test` installs it.
pub const PROGRAMS: &[Program] = &[
    Program { name: "abidiff", package: "abigail-tools" },
    Program { name: "addr2line", package: "binutils" },
    Program { name: "chromium", package: "chromium" },
    Program { name: "clang", package: "clang" },
    Program { name: "clang++", package: "clang" },
    Program { name: "dwp", package: "binutils" },
    Program { name: "dwz", package: "dwz" },
    Program { name: "g++", package: "g++" },
    Program { name: "gcc", package: "gcc" },
    Program { name: "gdb", package: "gdb" },
    Program { name: "git", package: "git" },
    Program { name: "ld.gold", package: "binutils" },
    Program { name: "ld.lld", package: "lld" },
    Program { name: "llvm-dwp", package: "llvm" },
    Program { name: "nm", package: "binutils" },
    Program { name: "objcopy", package: "binutils" },
    Program { name: "objdump", package: "binutils" },
    Program { name: "openssl", package: "openssl" },
    Program { name: "pahole", package: "dwarves" },
    Program { name: "perl", package: "perl" },
    Program { name: "prlimit", package: "util-linux" },
    Program { name: "readelf", package: "binutils" },
    Program { name: "redis-benchmark", package: "redis-tools" },
    Program { name: "sqlite3", package: "sqlite3" },
    Program { name: "ssh", package: "openssh-client" },
    Program { name: "ssh-keygen", package: "openssh-client" },
    Program { name: "strip", package: "binutils" },
    Program { name: "tnftp", package: "tnftp" },
    Program { name: "valgrind", package: "valgrind" },
    Program { name: "wrk", package: "wrk" },
];

/// Files that are no program in PATH, and the Debian package that brings them.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    /// What `apt-get install` calls it; it knows `*`, too.
    pub package: &'static str,
    /// A path. A `*` stands for what differs between Debian's releases in a component of it.
    pattern: &'static str,
}

/// All of them, as [`PROGRAMS`].
pub const FILES: &[Files] = &[
    Files { package: "glibc-source", pattern: "/usr/src/glibc/*.tar.xz" },
    Files { package: "libpython3*-testsuite", pattern: "/usr/lib/python3*/test/test_threading.py" },
    // Whatever python3 in PATH is, the tests of Python are Debian's.
    Files { package: "python3", pattern: "/usr/bin/python3" },
];

impl Files {
    /// Where they are, if they are there.
    pub fn find(&self) -> Option<PathBuf> {
        let mut found = vec![PathBuf::from("/")];
        for part in self.pattern.split('/').filter(|part| !part.is_empty()) {
            found = found.iter().flat_map(|directory| matching(directory, part)).collect();
        }
        found.into_iter().find(|path| path.exists())
    }
}

/// The entries of a directory that a component of a pattern stands for.
fn matching(directory: &Path, part: &str) -> Vec<PathBuf> {
    let Some((start, end)) = part.split_once('*') else { return vec![directory.join(part)] };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect()
}

/// Where administrators' programs are, which an ordinary user's PATH may leave out.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Where a program is, by PATH and then the system's own directories.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM_DIRECTORIES.iter().map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| access(candidate, AccessFlags::X_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found_and_nonsense_is_not() {
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find_program("no such program"), None);
    }

    #[test]
    fn a_star_stands_for_any_part_of_a_name() {
        let find = |pattern| Files { package: "", pattern }.find();
        assert_eq!(find("/pro*/self/c*dline"), Some(PathBuf::from("/proc/self/cmdline")));
        assert_eq!(find("/proc/self/cmdline"), Some(PathBuf::from("/proc/self/cmdline")));
        assert_eq!(find("/pro*/self/cm*mdline"), None);
    }

    #[test]
    fn the_table_is_sorted_and_names_each_program_once() {
        assert!(PROGRAMS.is_sorted_by(|one, next| one.name < next.name));
    }
}
