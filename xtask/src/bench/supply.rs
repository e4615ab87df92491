//! Where peers, tools and servers come from, and the list of those that could not be had.

use crate::install::{CrateProgram, Installed, debian_packages};
use mcrx_harness::find_program;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Something a case needs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// A program of a Debian package.
    Program { name: &'static str, package: &'static str },
    /// A file of a Debian package, a library mostly.
    File { path: &'static str, package: &'static str },
    /// A program of the crate registry.
    #[expect(dead_code, reason = "for areas whose peers are crates; the first comes with the allocator")]
    Crate(CrateProgram),
    /// One of the project's own servers.
    Server { name: &'static str, version: &'static str },
}

/// Gets what cases need, once each.
#[derive(Debug, Default)]
pub(crate) struct Supply {
    missing: BTreeSet<String>,
}

impl Supply {
    /// Where it is; installed or built first if need be. If it cannot be had, that is remembered.
    pub(crate) fn get(&mut self, peer: Peer) -> Option<PathBuf> {
        let found = match peer {
            Peer::Program { name, package } => {
                installed(package, || find_program(name)).map_err(|why| format!("{name}: {why}"))
            }
            Peer::File { path, package } => {
                let find = || Some(PathBuf::from(path)).filter(|path| path.exists());
                installed(package, find).map_err(|why| format!("{}: {why}", Path::new(path).display()))
            }
            Peer::Crate(program) => program.provide().map_err(|error| format!("{error:#}")),
            Peer::Server { name, version } => server(name, version),
        };
        found.map_err(|reason| self.missing.insert(reason)).ok()
    }

    /// For what an area gets in a way of its own: remembers why, if it cannot be had.
    pub(crate) fn or_missing<T>(&mut self, got: anyhow::Result<T>) -> Option<T> {
        got.map_err(|error| self.missing.insert(format!("{error:#}"))).ok()
    }

    /// What could not be had, a sentence each.
    pub(crate) fn missing(&self) -> &BTreeSet<String> {
        &self.missing
    }
}

fn installed(package: &str, find: impl Fn() -> Option<PathBuf>) -> Result<PathBuf, String> {
    if let Some(path) = find() {
        return Ok(path);
    }
    match debian_packages(&[package]) {
        Installed::All => find().ok_or_else(|| format!("the Debian package {package} does not bring it")),
        Installed::Not(reason) => Err(reason),
    }
}

fn server(name: &str, version: &str) -> Result<PathBuf, String> {
    if let Ok(server) = mcrx_servers::find(name, version) {
        return Ok(server.path);
    }
    let asked = [format!("{name}@{version}")];
    mcrx_servers::provide(&asked, &mut |line| eprintln!("{line}")).map_err(|error| error.to_string())?;
    match mcrx_servers::find(name, version) {
        Ok(server) => Ok(server.path),
        Err(missing) => Err(format!("{name} {version}: {}", missing.reason)),
    }
}
