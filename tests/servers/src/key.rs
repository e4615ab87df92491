//! Content keys: what a built prefix is named by.
//!
//! ```text
//! nginx-1.22.1-3f0c6a1be1c2d4e5-9ab1f00d12345678
//!              |                `- source key: name and SHA-256 of every source archive
//!              `- recipe key: the recipe's data and the compiler's identity
//! ```
//!
//! The recipe key can be had without any source, so whether a release is built already is known without asking apt and
//! without reading a tree.

use crate::command::{command, output_of};
use crate::recipe::Recipe;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::Path;

/// Raised when this crate's own way of carrying out a recipe changes what comes out.
const BUILDER: u32 = 1;

/// Hex digits kept of a hash: 64 bits, plenty to tell a few dozen builds apart.
const DIGITS: usize = 16;

/// One archive that a source was unpacked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceFile {
    /// Its file name.
    pub name: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// What compiles here: `cc`'s name and version, and the machine it compiles for.
pub(crate) fn compiler() -> Result<String, String> {
    let version = output_of(command("cc").arg("--version"))?;
    let machine = output_of(command("cc").arg("-dumpmachine"))?;
    Ok(format!("{}, {}", version.lines().next().unwrap_or_default(), machine.trim()))
}

/// The key of everything that is known before any source is fetched.
pub(crate) fn recipe_key(recipe: &Recipe, compiler: &str) -> String {
    // Recipes are plain data: there is no map with foreign keys that could fail to serialise.
    let recipe = serde_json::to_string(recipe).expect("a recipe serialises");
    short(&format!("{BUILDER}\n{compiler}\n{recipe}"))
}

/// The key of the archives a source was unpacked from, in whatever order they came.
pub(crate) fn source_key(files: &[SourceFile]) -> String {
    let mut lines: Vec<_> = files.iter().map(|file| format!("{} {}\n", file.sha256, file.name)).collect();
    lines.sort();
    short(&lines.concat())
}

/// The SHA-256 of a file, in hex.
pub(crate) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hex(&hasher.finalize()))
}

/// Bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn short(text: &str) -> String {
    let mut digits = hex(&Sha256::digest(text));
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Step;

    fn recipe() -> Recipe {
        crate::recipes::all().remove(0)
    }

    #[test]
    fn the_key_changes_with_every_part_of_a_recipe_that_can_change_the_program() {
        let plain = recipe_key(&recipe(), "cc 12");
        assert_eq!(plain, recipe_key(&recipe(), "cc 12"));
        assert_ne!(plain, recipe_key(&recipe(), "cc 13"));

        let mut another_flag = recipe();
        let Step::Run(arguments) = &mut another_flag.steps[0] else { panic!("nginx is configured first") };
        arguments.push("--with-stream".to_owned());
        assert_ne!(plain, recipe_key(&another_flag, "cc 12"));

        let mut patched = recipe();
        patched.steps.insert(0, Step::Patch("--- a\n+++ b\n"));
        assert_ne!(plain, recipe_key(&patched, "cc 12"));

        let mut elsewhere = recipe();
        elsewhere.program = "bin/nginx";
        assert_ne!(plain, recipe_key(&elsewhere, "cc 12"));
    }

    #[test]
    fn the_key_stays_when_only_package_names_change() {
        let mut packages = recipe();
        packages.packages = &["libpcre3-dev"];
        assert_eq!(recipe_key(&recipe(), "cc 12"), recipe_key(&packages, "cc 12"));
    }

    #[test]
    fn the_source_key_depends_on_contents_and_not_on_order() {
        let file = |name: &str, sha256: &str| SourceFile { name: name.to_owned(), sha256: sha256.to_owned() };
        let (orig, debian) = (file("a.orig.tar.gz", "11"), file("a.debian.tar.xz", "22"));
        let key = source_key(&[orig.clone(), debian.clone()]);
        assert_eq!(key, source_key(&[debian.clone(), orig.clone()]));
        assert_ne!(key, source_key(std::slice::from_ref(&orig)));
        assert_ne!(key, source_key(&[orig, file("a.debian.tar.xz", "33")]));
    }

    #[test]
    fn hashes_are_those_that_sha256sum_prints() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(file.path()).unwrap(), expected);
    }
}
