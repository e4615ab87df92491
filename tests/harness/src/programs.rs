//! The programs that tests use beside the servers, and where a Debian machine gets them.

use nix::unistd::{AccessFlags, access};
use std::env;
use std::path::PathBuf;

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
    Program { name: "gdb", package: "gdb" },
    Program { name: "openssl", package: "openssl" },
    Program { name: "prlimit", package: "util-linux" },
    Program { name: "redis-benchmark", package: "redis-tools" },
    Program { name: "ssh", package: "openssh-client" },
    Program { name: "ssh-keygen", package: "openssh-client" },
    Program { name: "tnftp", package: "tnftp" },
    Program { name: "wrk", package: "wrk" },
];

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
    fn the_table_is_sorted_and_names_each_program_once() {
        assert!(PROGRAMS.is_sorted_by(|one, next| one.name < next.name));
    }
}
