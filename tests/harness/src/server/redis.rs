//! redis: one process, an event loop and background threads.

use crate::client;
use crate::kind::{Invocation, Kind, Place};
use crate::running::Running;
use anyhow::{Result, ensure};
use mcrx_servers::Server;
use std::path::PathBuf;

/// redis with an empty data set that is never written to disk.
#[derive(Debug, Clone)]
pub struct Redis {
    program: PathBuf,
    name: String,
    settings: String,
}

impl Redis {
    /// This release.
    pub fn of(server: &Server) -> Redis {
        Redis {
            program: server.path.clone(),
            name: format!("{}-{}", server.name, server.version),
            settings: String::new(),
        }
    }

    /// More lines for its configuration file.
    pub fn with(mut self, settings: &str) -> Redis {
        self.settings += settings;
        self.settings.push('\n');
        self
    }
}

impl Kind for Redis {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        let configuration = place.write(
            "redis.conf",
            format!(
                "bind 127.0.0.1\nport {}\ndir {}\ndaemonize no\nsave \"\"\nappendonly no\ntimeout 0\n{}",
                place.port(),
                place.directory().display(),
                self.settings
            ),
        )?;
        Ok(Invocation::new(&self.program, [configuration.display().to_string()]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let answer = client::Redis::connect(place.address(0))?.command(["PING"])?;
        ensure!(answer == client::Value::Status("PONG".to_owned()), "it answers {answer:?}");
        Ok(())
    }
}

impl Running<Redis> {
    /// A new connection.
    pub fn client(&self) -> Result<client::Redis> {
        client::Redis::connect(self.address())
    }
}
