//! Servers whose source a crate carries, fetched by cargo itself with whatever registry it is configured for.

use super::{Fetched, Form};
use crate::cache::Cache;
use crate::command::{command, output_of, run};
use crate::error::{Error, Refusal};
use crate::key::SourceFile;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// What we read of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

/// Fetches a crate at an exact version and checks that it carries the upstream version we are after.
pub(crate) fn fetch(
    cache: &Cache,
    (name, version, upstream, folder): (&str, &str, &str, &str),
) -> Result<Fetched, Refusal> {
    let project = cache.directory(&format!("crates/{name}-{version}"))?;
    throw_away_project(&project, name, version)?;
    let metadata = cargo_metadata(&project).map_err(|reason| {
        Refusal::Unreachable(format!("the crate {name} {version} cannot be fetched: {reason}"))
    })?;
    let package = metadata.packages.into_iter().find(|package| package.name == name);
    let package = package.ok_or_else(|| Refusal::Broken(format!("cargo does not say where {name} is")))?;
    // Build metadata is all that says which upstream release the crate is.
    if package.version != format!("{version}+{upstream}") {
        let found = package.version;
        return Err(Refusal::Broken(format!("the crate {name} {version} is {found}, not {upstream}")));
    }
    let lock = project.join("Cargo.lock");
    let text = fs::read_to_string(&lock).map_err(Error::file("read", &lock))?;
    let sha256 = checksum(&text, name)
        .ok_or_else(|| Refusal::Broken(format!("{} has no checksum for {name}", lock.display())))?;
    let tree = package.manifest_path.with_file_name(folder);
    let files = vec![SourceFile { name: format!("{name}-{}.crate", package.version), sha256 }];
    Ok(Fetched { files, notes: Vec::new(), form: Form::Tree(tree) })
}

/// A package that does nothing but depend on the crate.
fn throw_away_project(project: &Path, name: &str, version: &str) -> Result<(), Error> {
    let manifest = project.join("Cargo.toml");
    let text = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [dependencies]\n{name} = \"={version}\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n"
    );
    fs::write(&manifest, text).map_err(Error::file("write", &manifest))?;
    let library = project.join("lib.rs");
    fs::write(&library, "").map_err(Error::file("write", &library))
}

fn cargo_metadata(project: &Path) -> Result<Metadata, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let compiler = output_of(command("rustc").arg("-vV"))?;
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let mut metadata = command(&cargo);
    metadata
        .args(["metadata", "--quiet", "--format-version", "1", "--filter-platform", host])
        .current_dir(project)
        .env("CARGO_HTTP_TIMEOUT", "20")
        .env("CARGO_NET_RETRY", "1");
    let output = run(&mut metadata)?;
    if !output.status.success() {
        return Err(deepest_cause(&String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|cause| format!("cargo metadata: {cause}"))
}

/// The last of cargo's `Caused by:`, which says most, with its continuation lines as one.
fn deepest_cause(said: &str) -> String {
    let last = said.rsplit("Caused by:").next().unwrap_or(said);
    let words: Vec<_> = last.split_whitespace().collect();
    format!("cargo says: {}", words.join(" "))
}

/// The checksum of a package in a Cargo.lock.
fn checksum(lock: &str, name: &str) -> Option<String> {
    let header = format!("name = \"{name}\"");
    let block = lock.split("[[package]]").find(|block| block.lines().any(|line| line == header))?;
    let line = block.lines().find_map(|line| line.strip_prefix("checksum = "))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"nginx-src-extra\"\nchecksum = \"11\"\n\n\
                        [[package]]\nname = \"nginx-src\"\nversion = \"1.28.1+1.28.0\"\nchecksum = \"22\"\n";

    #[test]
    fn the_checksum_is_that_of_the_crate_with_the_whole_name() {
        assert_eq!(checksum(LOCK, "nginx-src").as_deref(), Some("22"));
        assert_eq!(checksum(LOCK, "nginx"), None);
    }

    #[test]
    fn of_cargos_causes_the_last_one_is_told() {
        let said = "error: failed to get `a`\n\nCaused by:\n  download failed\n\nCaused by:\n  [6] Could not resolve\n  hostname\n";
        assert_eq!(deepest_cause(said), "cargo says: [6] Could not resolve hostname");
    }

    #[test]
    fn a_crate_that_cannot_be_fetched_is_told_with_cargos_own_words() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path());
        // A dependency that only a registry could have, and cargo may ask none.
        let project = cache.directory("crates/mcrx-no-such-crate-1.0.0").unwrap();
        fs::create_dir_all(project.join(".cargo")).unwrap();
        fs::write(project.join(".cargo/config.toml"), "[net]\noffline = true\n").unwrap();
        let refusal = fetch(&cache, ("mcrx-no-such-crate", "1.0.0", "1.0.0", "src")).unwrap_err();
        let Refusal::Unreachable(reason) = &refusal else { panic!("{refusal:?}") };
        assert!(
            reason.starts_with("the crate mcrx-no-such-crate 1.0.0 cannot be fetched: cargo says: "),
            "{reason}"
        );
    }
}
