//! The demo server's C sources, carried inside the command so that it needs no checkout.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// One release of the demo server.
pub(super) struct Release {
    pub(super) version: &'static str,
    /// File name and content.
    files: &'static [(&'static str, &'static str)],
}

macro_rules! release {
    ($version:literal, $folder:literal: $($file:literal)*) => {
        Release {
            version: $version,
            files: &[$(($file, include_str!(concat!("../../examples/demo/", $folder, "/", $file)))),*],
        }
    };
}

pub(super) const OLD: Release = release!("1.0", "v1":
    "account.c" "account.h" "arena.c" "arena.h" "clock.h" "command.c" "command.h" "journal.c" "journal.h" "list.h"
    "main.c" "memory.c" "memory.h" "release.h" "session.c" "session.h" "store.c" "store.h" "value.c" "value.h"
    "worker.c" "worker.h");

pub(super) const NEW: Release = release!("2.0", "v2":
    "account.c" "account.h" "arena.c" "arena.h" "clock.h" "command.c" "command.h" "connection.c" "connection.h"
    "journal.c" "journal.h" "list.h" "main.c" "memory.c" "memory.h" "release.h" "session.c" "session.h" "store.c"
    "store.h" "value.c" "value.h" "worker.c" "worker.h");

/// The rules of the update from one to the other, where they lie to each other as in the sources.
const RULES: [(&str, &str); 2] = [
    ("releases/larder-1-to-2.mcrx", include_str!("../../examples/releases/larder-1-to-2.mcrx")),
    ("facts/demo.mcrx", include_str!("../../examples/facts/demo.mcrx")),
];

/// Writes the rules into `folder`, which exists. Where the file is that imports the others.
pub(super) fn write_rules(folder: &Path) -> Result<PathBuf> {
    for (name, content) in RULES {
        let path = folder.join(name);
        let written = std::fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| std::fs::write(&path, content));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(folder.join(RULES[0].0))
}

impl Release {
    /// Writes the sources into `folder`, which exists.
    pub(super) fn write_to(&self, folder: &Path) -> Result<()> {
        for (name, content) in self.files {
            let path = folder.join(name);
            std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// The files to hand to the compiler.
    pub(super) fn translation_units(&self) -> impl Iterator<Item = &'static str> {
        self.files.iter().map(|(name, _)| *name).filter(|name| name.ends_with(".c"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn files_on_disk(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo").join(folder);
        let entries = std::fs::read_dir(folder).expect("the sources are there");
        entries
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name in UTF-8"))
            .collect()
    }

    #[test]
    fn every_source_file_is_carried() {
        for (release, folder) in [(OLD, "v1"), (NEW, "v2")] {
            let carried: BTreeSet<String> =
                release.files.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(carried, files_on_disk(folder));
        }
    }
}
