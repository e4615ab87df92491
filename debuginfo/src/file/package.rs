//! What to do about debug info that is missing: the Debian package that has it, or the flag of the compiler.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What would bring the debug info of a file. Asks dpkg, so only for a message that is printed.
pub(crate) fn advice(file: &Path) -> String {
    match owner(file) {
        // The C library and a few others still have the older kind.
        Some(package) => format!(
            "install {package}-dbgsym, or {package}-dbg if that is there (Debian; the first is in the archive debian-debug), \
             or let debuginfod-find fetch it"
        ),
        None => "compile it with -g and do not strip it, or put its debug file where its build-id leads \
                 (.build-id below /usr/lib/debug)"
            .to_owned(),
    }
}

/// The package that a file was installed by.
fn owner(file: &Path) -> Option<String> {
    let file = file.canonicalize().ok()?;
    // Packages may have it below /lib, which has become a link to /usr/lib.
    let merged = file.strip_prefix("/usr").ok().map(|below| Path::new("/").join(below));
    [Some(file), merged].into_iter().flatten().find_map(|path| asked(&path))
}

fn asked(path: &PathBuf) -> Option<String> {
    let answer =
        Command::new("dpkg-query").arg("--search").arg("--").arg(path).stderr(Stdio::null()).output().ok()?;
    // NAME[:ARCHITECTURE][, NAME...]: PATH
    let line = String::from_utf8(answer.stdout).ok()?;
    let (names, _) = line.lines().find(|line| !line.starts_with("diversion "))?.split_once(": ")?;
    let name = names.split(',').next()?.split(':').next()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_package_brought_is_to_be_compiled_with_debug_info() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(advice(file.path()).contains("-g"), "{}", advice(file.path()));
    }

    #[test]
    fn what_a_package_brought_has_a_debug_package() {
        if !Path::new("/var/lib/dpkg/status").exists() {
            eprintln!("skipped: dpkg is not used here");
            return;
        }
        let advice = advice(Path::new("/bin/dpkg-query"));
        assert!(advice.contains("dpkg-dbgsym"), "{advice}");
    }
}
