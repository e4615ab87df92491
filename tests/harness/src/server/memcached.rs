//! memcached: one process, a listener and worker threads.

use super::UNPRIVILEGED;
use crate::client;
use crate::kind::{Invocation, Kind, Place};
use crate::running::Running;
use anyhow::{Result, ensure};
use mcrx_servers::Server;
use std::path::PathBuf;

/// memcached with an empty cache of 64 MiB.
#[derive(Debug, Clone)]
pub struct Memcached {
    program: PathBuf,
    name: String,
    threads: usize,
    arguments: Vec<String>,
}

impl Memcached {
    /// This release, with the four worker threads it has by default.
    pub fn of(server: &Server) -> Memcached {
        Memcached {
            program: server.path.clone(),
            name: format!("{}-{}", server.name, server.version),
            threads: 4,
            arguments: Vec::new(),
        }
    }

    /// With so many worker threads.
    pub fn threads(mut self, threads: usize) -> Memcached {
        self.threads = threads;
        self
    }

    /// More words for its command line.
    pub fn arguments<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Memcached {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }
}

impl Kind for Memcached {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        let port = place.port().to_string();
        let threads = self.threads.to_string();
        let mut arguments: Vec<String> =
            ["-l", "127.0.0.1", "-p", &port, "-U", "0", "-m", "64", "-t", &threads].map(str::to_owned).into();
        if place.is_root() {
            arguments.extend(["-u".to_owned(), UNPRIVILEGED.to_owned()]);
        }
        arguments.extend(self.arguments.iter().cloned());
        Ok(Invocation::new(&self.program, arguments))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let version = client::Memcached::connect(place.address(0))?.command("version")?;
        ensure!(version.starts_with("VERSION "), "it answers {version:?}");
        Ok(())
    }
}

impl Running<Memcached> {
    /// A new connection.
    pub fn client(&self) -> Result<client::Memcached> {
        client::Memcached::connect(self.address())
    }
}
