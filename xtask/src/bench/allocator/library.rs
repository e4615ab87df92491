//! Where the libraries come from: ours from this workspace, current peers from the C and C++ sources that crates carry.
//!
//! A peer is built as its own build files would for use under LD_PRELOAD, once for the user: what lies in `bench/` of the cache
//! is named by crate and version, and is complete.

use super::workshop::run;
use crate::install::{cache_directory, cargo};
use anyhow::{Context, Result, ensure};
use mcrx_harness::find_program;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A crate that carries the sources of an allocator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crate {
    name: &'static str,
    version: &'static str,
    /// The directory in it that holds them.
    sources: &'static str,
    build: Build,
}

/// How a library is made of them.
#[derive(Debug, Clone, Copy)]
enum Build {
    /// By their own build files: this target, which makes this library.
    Cmake { target: &'static str, library: &'static str, options: &'static [&'static str] },
    /// By one call of the compiler, for a crate that leaves part of the build files out.
    Compiler { source: &'static str, flags: &'static [&'static str] },
}

/// What mimalloc's own build files pass to gcc for a release on x86-64 Linux.
const MIMALLOC: Build = Build::Compiler {
    source: "src/static.c",
    flags: &[
        "-Iinclude",
        "-O3",
        "-DNDEBUG",
        "-DMI_MALLOC_OVERRIDE",
        "-DMI_SHARED_LIB",
        "-DMI_SHARED_LIB_EXPORT",
        "-DMI_BUILD_RELEASE",
        "-std=gnu11",
        "-fvisibility=hidden",
        "-ftls-model=initial-exec",
        "-fno-builtin-malloc",
    ],
};

/// One crate carries two releases, 2.3 and 3.3.
pub(super) const MIMALLOC_2: Crate =
    Crate { name: "libmimalloc-sys", version: "0.1.49", sources: "c_src/mimalloc/v2", build: MIMALLOC };
pub(super) const MIMALLOC_3: Crate = Crate { sources: "c_src/mimalloc/v3", ..MIMALLOC_2 };
pub(super) const SNMALLOC: Crate = Crate {
    name: "snmalloc-sys",
    version: "0.7.6",
    sources: "upstream",
    build: Build::Cmake {
        target: "snmallocshim",
        library: "libsnmallocshim.so",
        options: &["-DSNMALLOC_BUILD_TESTING=OFF", "-DSNMALLOC_STATIC_LIBRARY=OFF"],
    },
};

/// Builds libmcrx.so from this workspace, and says where it is.
pub(super) fn ours() -> Result<PathBuf> {
    // Cargo says itself what is new and what is not; it does so on standard error, which the user sees.
    let output = Command::new(cargo())
        .args(["build", "--quiet", "--package", "mcrx-preload", "--profile", "preload"])
        .args(["--message-format", "json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    ensure!(output.status.success(), "libmcrx.so does not build");
    built(&String::from_utf8_lossy(&output.stdout), "mcrx").context("cargo does not say where libmcrx.so is")
}

/// The shared library of a target, from cargo's messages.
fn built(messages: &str, target: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut artifacts = messages
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == target);
    let artifact = artifacts.find(|artifact| artifact["target"]["kind"][0] == "cdylib")?;
    let mut files = artifact["filenames"].as_array()?.iter().filter_map(Value::as_str);
    files.find(|file| file.ends_with(".so")).map(PathBuf::from)
}

impl Crate {
    /// Builds it if that has not been done, and says where its library is.
    pub(super) fn provide(self) -> Result<PathBuf> {
        let name = format!("{}-{}-{}", self.name, self.version, self.sources.replace('/', "-"));
        let bench = cache_directory()?.join("bench");
        let built = bench.join("built").join(&name);
        let library = built.join("library.so");
        if library.exists() {
            return Ok(library);
        }
        // A machine that has no compiler for it says so before anything is fetched.
        for (program, package) in [("cmake", "cmake"), ("make", "make"), ("cc", "gcc"), ("c++", "g++")] {
            self.need(program, package)?;
        }
        eprintln!("{name} is built, once for this user");
        let sources = self.fetch(&bench.join("crates").join(self.name))?.join(self.sources);
        fs::create_dir_all(bench.join("built"))?;
        // Moved to its place when it is complete. Beside it, so that it can be.
        let work = tempfile::Builder::new().prefix("work-").tempdir_in(bench.join("built"))?;
        self.build.run(&sources, work.path()).with_context(|| format!("{name} does not build"))?;
        if let Err(error) = fs::rename(work.path(), &built) {
            // Somebody else may have been faster.
            ensure!(library.exists(), "{} cannot be made: {error}", built.display());
        }
        Ok(library)
    }

    fn need(self, program: &str, package: &str) -> Result<()> {
        use crate::install::{Installed, debian_packages};
        if find_program(program).is_some() {
            return Ok(());
        }
        match debian_packages(&[package]) {
            Installed::All => Ok(()),
            Installed::Not(reason) => anyhow::bail!("{} needs {program}: {reason}", self.name),
        }
    }

    /// Has cargo fetch the crate, with whatever registry it is configured for, and says where its files are.
    fn fetch(self, project: &Path) -> Result<PathBuf> {
        fs::create_dir_all(project).with_context(|| format!("{} cannot be made", project.display()))?;
        // A package that does nothing but depend on the crate.
        let manifest = format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{} = \"={}\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n",
            self.name, self.version
        );
        fs::write(project.join("Cargo.toml"), manifest)?;
        fs::write(project.join("lib.rs"), "")?;
        let metadata = run(Command::new(cargo())
            .args(["metadata", "--quiet", "--format-version", "1"])
            .current_dir(project))
        .with_context(|| format!("the crate {} {} cannot be had", self.name, self.version))?;
        let metadata: Value = serde_json::from_slice(&metadata)?;
        directory_of(&metadata, self.name)
            .with_context(|| format!("cargo does not say where {} is", self.name))
    }
}

impl Build {
    /// Makes `library.so` in a directory.
    fn run(self, sources: &Path, directory: &Path) -> Result<()> {
        let library = directory.join("library.so");
        match self {
            Build::Cmake { target, library: made, options } => {
                let work = directory.join("cmake");
                let configure = ["-DCMAKE_BUILD_TYPE=Release", "-S"];
                run(Command::new("cmake").args(options).args(configure).arg(sources).arg("-B").arg(&work))?;
                run(Command::new("cmake").arg("--build").arg(&work).args([
                    "--parallel",
                    "2",
                    "--target",
                    target,
                ]))?;
                fs::rename(work.join(made), &library).with_context(|| format!("cmake made no {made}"))?;
                fs::remove_dir_all(&work)?;
            }
            Build::Compiler { source, flags } => {
                run(Command::new("cc")
                    .current_dir(sources)
                    .args(flags)
                    .args(["-fPIC", "-shared", "-pthread", "-o"])
                    .arg(&library)
                    .arg(source))?;
            }
        }
        Ok(())
    }
}

/// Where a package's manifest is, from `cargo metadata`.
fn directory_of(metadata: &Value, name: &str) -> Option<PathBuf> {
    let package = metadata["packages"].as_array()?.iter().find(|package| package["name"] == name)?;
    Some(Path::new(package["manifest_path"].as_str()?).parent()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn our_library_is_told_from_a_dependency_of_the_same_name() {
        let message = |kind: &str, file: &str| {
            json!({
                "reason": "compiler-artifact", "target": { "name": "mcrx", "kind": [kind] }, "filenames": [file],
            })
            .to_string()
        };
        let messages = format!(
            "not json\n{}\n{}\n{{\"reason\":\"build-finished\"}}\n",
            message("lib", "/t/libmcrx.rlib"),
            message("cdylib", "/t/preload/libmcrx.so")
        );
        assert_eq!(built(&messages, "mcrx"), Some(PathBuf::from("/t/preload/libmcrx.so")));
        assert_eq!(built(&messages, "other"), None);
    }

    #[test]
    fn a_crates_directory_is_that_of_its_manifest() {
        let metadata = json!({ "packages": [
            { "name": "fetch", "manifest_path": "/p/Cargo.toml" },
            { "name": "snmalloc-sys", "manifest_path": "/r/snmalloc-sys-0.7.6/Cargo.toml" },
        ] });
        assert_eq!(directory_of(&metadata, "snmalloc-sys"), Some(PathBuf::from("/r/snmalloc-sys-0.7.6")));
        assert_eq!(directory_of(&metadata, "mimalloc"), None);
    }
}
