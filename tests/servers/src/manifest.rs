//! What this clone may use: `target/servers/manifest.json`, and beside it `unavailable.json`, why the others are not
//! there. Both are plain lists, written whole and put in place by a rename.

use crate::error::Error;
use crate::{Server, Unavailable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The two lists of one clone.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    directory: PathBuf,
}

impl Manifest {
    /// Of the workspace this crate was compiled in, wherever its other build products go.
    pub(crate) fn of_this_clone() -> Self {
        let this = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = this.ancestors().nth(2).unwrap_or(this);
        Self { directory: workspace.join("target/servers") }
    }

    /// Every server that may be used.
    pub(crate) fn servers(&self) -> Result<Vec<Server>, Error> {
        read(&self.directory.join("manifest.json"))
    }

    /// Every server that was asked for and could not be had.
    pub(crate) fn unavailable(&self) -> Result<Vec<Unavailable>, Error> {
        read(&self.directory.join("unavailable.json"))
    }

    /// One server, if it can be used now.
    pub(crate) fn find(&self, name: &str, version: &str) -> Result<Server, Unavailable> {
        let because =
            |reason: String| Unavailable { name: name.to_owned(), version: version.to_owned(), reason };
        let servers = self.servers().map_err(|error| because(error.to_string()))?;
        if let Some(server) = servers.into_iter().find(|row| row.name == name && row.version == version) {
            if server.path.is_file() {
                return Ok(server);
            }
            let path = server.path.display();
            return Err(because(format!("{path} is gone: run `cargo xtask servers {name}@{version}`")));
        }
        let refused = self.unavailable().map_err(|error| because(error.to_string()))?;
        match refused.into_iter().find(|row| row.name == name && row.version == version) {
            Some(row) => Err(row),
            None => Err(because(format!("not built yet: run `cargo xtask servers {name}@{version}`"))),
        }
    }

    /// Adds what a run came to, keeping the rows of everything it was not asked for. Says which list had to be started
    /// anew because it was not readable.
    pub(crate) fn record(&self, servers: &[Server], refused: &[Unavailable]) -> Result<Vec<Error>, Error> {
        fs::create_dir_all(&self.directory).map_err(Error::file("create", &self.directory))?;
        let mut unreadable = Vec::new();
        let (mut built, mut missing) =
            (or_empty(self.servers(), &mut unreadable)?, or_empty(self.unavailable(), &mut unreadable)?);
        let settled = |name: &str, version: &str| {
            servers.iter().any(|row| row.name == name && row.version == version)
                || refused.iter().any(|row| row.name == name && row.version == version)
        };
        built.retain(|row: &Server| !settled(&row.name, &row.version) && row.path.is_file());
        missing.retain(|row: &Unavailable| !settled(&row.name, &row.version));
        built.extend_from_slice(servers);
        missing.extend_from_slice(refused);
        built.sort_by_key(|row| (row.name.clone(), release(&row.version)));
        missing.sort_by_key(|row| (row.name.clone(), release(&row.version)));
        write(&self.directory.join("manifest.json"), &built)?;
        write(&self.directory.join("unavailable.json"), &missing)?;
        Ok(unreadable)
    }
}

/// A version as releases follow each other: `1.6.9` before `1.6.18`.
fn release(version: &str) -> (Vec<u32>, String) {
    let numbers = version.split(|character: char| !character.is_ascii_digit());
    (numbers.filter_map(|number| number.parse().ok()).collect(), version.to_owned())
}

fn or_empty<T>(rows: Result<Vec<T>, Error>, unreadable: &mut Vec<Error>) -> Result<Vec<T>, Error> {
    match rows {
        Err(error @ Error::Manifest { .. }) => {
            unreadable.push(error);
            Ok(Vec::new())
        }
        other => other,
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    match fs::read(path) {
        Ok(text) => {
            serde_json::from_slice(&text).map_err(|cause| Error::Manifest { path: path.to_owned(), cause })
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(Error::file("read", path)(cause)),
    }
}

fn write<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(rows).expect("rows of strings serialise");
    text.push('\n');
    // One that is there already is not touched: a second run does nothing.
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    fs::write(&partial, text).map_err(Error::file("write", &partial))?;
    fs::rename(&partial, path).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clone {
        manifest: Manifest,
        directory: tempfile::TempDir,
    }

    fn clone() -> Clone {
        let directory = tempfile::tempdir().unwrap();
        Clone { manifest: Manifest { directory: directory.path().join("servers") }, directory }
    }

    impl Clone {
        /// A server whose program exists.
        fn server(&self, name: &str, version: &str) -> Server {
            let path = self.directory.path().join(format!("{name}-{version}"));
            fs::write(&path, "").unwrap();
            Server { name: name.to_owned(), version: version.to_owned(), build_id: "ab12".to_owned(), path }
        }
    }

    fn refused(name: &str, version: &str) -> Unavailable {
        Unavailable { name: name.to_owned(), version: version.to_owned(), reason: "404 Not Found".to_owned() }
    }

    #[test]
    fn before_the_first_run_nothing_is_there_and_the_reason_says_what_to_run() {
        let clone = clone();
        assert_eq!(clone.manifest.servers().unwrap(), []);
        let missing = clone.manifest.find("nginx", "1.22.1").unwrap_err();
        assert!(missing.reason.contains("cargo xtask servers nginx@1.22.1"), "{}", missing.reason);
    }

    #[test]
    fn a_run_for_some_names_keeps_the_rows_of_the_others_in_release_order() {
        let clone = clone();
        let (old, new) = (clone.server("memcached", "1.6.9"), clone.server("memcached", "1.6.38"));
        let nginx = clone.server("nginx", "1.22.1");
        clone.manifest.record(&[nginx.clone(), new.clone()], &[refused("redis", "8.0.2")]).unwrap();
        clone.manifest.record(std::slice::from_ref(&old), &[]).unwrap();
        assert_eq!(clone.manifest.servers().unwrap(), [old, new, nginx.clone()]);
        assert_eq!(clone.manifest.find("nginx", "1.22.1"), Ok(nginx));
        assert_eq!(clone.manifest.find("redis", "8.0.2"), Err(refused("redis", "8.0.2")));
    }

    #[test]
    fn a_server_is_in_one_of_the_two_lists_only() {
        let clone = clone();
        let nginx = clone.server("nginx", "1.22.1");
        clone.manifest.record(&[], &[refused("nginx", "1.22.1")]).unwrap();
        clone.manifest.record(std::slice::from_ref(&nginx), &[]).unwrap();
        assert_eq!(clone.manifest.unavailable().unwrap(), []);
        clone.manifest.record(&[], &[refused("nginx", "1.22.1")]).unwrap();
        assert_eq!(clone.manifest.servers().unwrap(), []);
    }

    #[test]
    fn a_server_whose_program_is_gone_is_not_found_and_leaves_the_list_at_the_next_run() {
        let clone = clone();
        let nginx = clone.server("nginx", "1.22.1");
        clone.manifest.record(std::slice::from_ref(&nginx), &[]).unwrap();
        fs::remove_file(&nginx.path).unwrap();
        let missing = clone.manifest.find("nginx", "1.22.1").unwrap_err();
        assert!(missing.reason.contains("is gone"), "{}", missing.reason);
        clone.manifest.record(&[], &[]).unwrap();
        assert_eq!(clone.manifest.servers().unwrap(), []);
    }

    #[test]
    fn a_corrupt_manifest_is_an_error_to_read_and_is_started_anew_by_a_run() {
        let clone = clone();
        let nginx = clone.server("nginx", "1.22.1");
        clone.manifest.record(std::slice::from_ref(&nginx), &[]).unwrap();
        let path = clone.manifest.directory.join("manifest.json");
        fs::write(&path, "[{\"name\": \"ngi").unwrap();
        let reason = clone.manifest.find("nginx", "1.22.1").unwrap_err().reason;
        assert!(reason.contains("manifest.json") && reason.contains("delete it"), "{reason}");
        let unreadable = clone.manifest.record(std::slice::from_ref(&nginx), &[]).unwrap();
        assert_eq!(unreadable.len(), 1);
        assert_eq!(clone.manifest.servers().unwrap(), [nginx]);
    }

    #[test]
    fn a_run_that_changes_nothing_does_not_touch_the_lists() {
        let clone = clone();
        let nginx = clone.server("nginx", "1.22.1");
        clone.manifest.record(std::slice::from_ref(&nginx), &[]).unwrap();
        let written = || fs::metadata(clone.manifest.directory.join("manifest.json")).unwrap();
        let before = std::os::unix::fs::MetadataExt::ino(&written());
        clone.manifest.record(std::slice::from_ref(&nginx), &[]).unwrap();
        assert_eq!(before, std::os::unix::fs::MetadataExt::ino(&written()));
    }
}
