//! What one test is given.

use crate::kind::Kind;
use crate::launch::Launch;
use crate::need::{Met, Need};
use crate::preload::preload;
use crate::running::Running;
use crate::scratch::Scratch;
use anyhow::{Context as _, Result, ensure};
use mcrx_servers::Server;
use std::fs;
use std::path::{Path, PathBuf};

/// A test's scratch directory and the things it needed, found.
#[derive(Debug)]
pub struct Context {
    scratch: Scratch,
    servers: Vec<Server>,
    programs: Vec<(&'static str, PathBuf)>,
    /// What its servers are started under.
    library: Option<&'static Path>,
}

impl Context {
    /// Looks for all that a test needs. The inner error is the reason to skip it.
    pub(crate) fn new(needs: &[Need], preloaded: bool) -> Result<Result<Context, String>> {
        let (mut servers, mut programs) = (Vec::new(), Vec::new());
        for need in needs {
            match need.meet() {
                Ok(Met::Server(server)) => servers.push(server),
                Ok(Met::Program { name, path }) => programs.push((name, path)),
                Ok(Met::Condition) => {}
                Err(reason) => return Ok(Err(reason)),
            }
        }
        let library = if preloaded { Some(preload()?) } else { None };
        Ok(Ok(Context { scratch: Scratch::new("test")?, servers, programs, library }))
    }

    /// The first server of this name that the test needed.
    pub fn server(&self, name: &str) -> Result<&Server> {
        let found = self.servers.iter().find(|server| server.name == name);
        found.with_context(|| format!("this test did not say that it needs the server {name}"))
    }

    /// The first server that the test needed, for tests of servers of several names.
    pub fn first_server(&self) -> Result<&Server> {
        self.servers.first().context("this test did not say that it needs a server")
    }

    /// This release of a server that the test needed; for tests that need two.
    pub fn release(&self, name: &str, version: &str) -> Result<&Server> {
        let mut servers = self.servers.iter();
        let found = servers.find(|server| server.name == name && server.version == version);
        found.with_context(|| format!("this test did not say that it needs {name} {version}"))
    }

    /// A program that the test needed.
    pub fn program(&self, name: &str) -> Result<&Path> {
        let found = self.programs.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, path)| path.as_path())
            .with_context(|| format!("this test did not say that it needs {name}"))
    }

    /// A directory that is gone when the test is over.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Starts a server, and waits until it serves.
    pub fn start<K: Kind>(&self, kind: K) -> Result<Running<K>> {
        let running = self.launch(kind).start()?;
        if let Some(library) = self.library {
            let maps = fs::read_to_string(format!("/proc/{}/maps", running.pid()))?;
            ensure!(
                maps.contains(&*library.to_string_lossy()),
                "the server does not run under {}",
                library.display()
            );
        }
        Ok(running)
    }

    /// Prepares the start of a server, to be altered.
    pub fn launch<K: Kind>(&self, kind: K) -> Launch<'_, K> {
        let launch = self.scratch.launch(kind);
        match self.library {
            Some(library) => launch.preload(library),
            None => launch,
        }
    }
}

/// The error of a test that finds out only as it runs that it cannot: it is reported as ignored with this reason.
#[derive(Debug, Clone)]
pub struct Skip(pub String);

impl std::fmt::Display for Skip {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "skipped: {}", self.0)
    }
}

impl std::error::Error for Skip {}
