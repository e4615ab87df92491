//! A rule file with all that it imports, as it was when it was read: files may be changed or removed later.

use crate::birth::Text;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::source::{FileId, Load};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Rule files, first the one that imports the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFiles {
    files: Vec<RuleFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RuleFile {
    path: Text,
    text: String,
}

impl RuleFiles {
    /// Those that were loaded.
    #[must_use]
    pub fn of(loaded: &Loaded) -> RuleFiles {
        let files = loaded.files.ids().map(|id| RuleFile::of(loaded, id)).collect();
        RuleFiles { files }
    }

    /// Those that were loaded, but for the first: another one has its place, under a name of its own.
    pub(super) fn with(loaded: &Loaded, name: &str, text: String) -> RuleFiles {
        let own = loaded.files.path(FileId(0));
        let first = RuleFile { path: own.with_file_name(name).into(), text };
        let others = loaded.files.ids().skip(1).map(|id| RuleFile::of(loaded, id));
        RuleFiles { files: std::iter::once(first).chain(others).collect() }
    }

    /// What they say.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let first = self.files.first().map_or(Path::new(""), |file| file.path.as_path());
        load::rules(first, self)
    }

    /// The text of the first.
    #[must_use]
    pub fn text(&self) -> &str {
        self.files.first().map_or("", |file| &file.text)
    }
}

impl RuleFile {
    fn of(loaded: &Loaded, id: FileId) -> RuleFile {
        let path = loaded.files.path(id).to_owned().into();
        RuleFile { path, text: loaded.files.text(id).to_owned() }
    }
}

impl Load for RuleFiles {
    fn load(&self, path: &Path) -> Result<String, String> {
        let found = self.files.iter().find(|file| file.path.as_path() == path);
        found
            .map(|file| file.text.clone())
            .ok_or_else(|| "it was not read at the time of the update".to_owned())
    }
}
