//! sshd: a listener, and for each connection a process that executes itself anew and forks again.

use crate::client::{Ssh, connect};
use crate::kind::{Invocation, Kind, Place};
use crate::running::Running;
use anyhow::{Context, Result, ensure};
use mcrx_servers::Server;
use nix::unistd::{User, geteuid};
use std::io::Read;
use std::path::{Path, PathBuf};

/// sshd that lets in whoever runs the test, by a key made for it.
#[derive(Debug, Clone)]
pub struct Sshd {
    program: PathBuf,
    name: String,
    ssh: PathBuf,
    ssh_keygen: PathBuf,
    settings: String,
}

impl Sshd {
    /// This release, for this client.
    pub fn of(server: &Server, ssh: &Path, ssh_keygen: &Path) -> Sshd {
        Sshd {
            program: server.path.clone(),
            name: format!("{}-{}", server.name, server.version),
            ssh: ssh.to_owned(),
            ssh_keygen: ssh_keygen.to_owned(),
            settings: String::new(),
        }
    }

    /// More lines for its configuration file.
    pub fn with(mut self, settings: &str) -> Sshd {
        self.settings += settings;
        self.settings.push('\n');
        self
    }
}

impl Kind for Sshd {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&self, place: &Place) -> Result<Invocation> {
        Ssh::make_key(&self.ssh_keygen, &place.path("host_key"))?;
        Ssh::make_key(&self.ssh_keygen, &place.path("user_key"))?;
        let configuration = place.write(
            "sshd_config",
            format!(
                "ListenAddress {}\nHostKey {}\nPidFile {}\nAuthorizedKeysFile {}\n\
                 StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
                 PermitRootLogin prohibit-password\nMaxStartups 1000\nLoginGraceTime 0\nLogLevel VERBOSE\n{}",
                place.address(0),
                place.text("host_key"),
                place.text("sshd.pid"),
                place.text("user_key.pub"),
                self.settings,
            ),
        )?;
        Ok(Invocation::new(&self.program, ["-D", "-e", "-f", &configuration.display().to_string()]))
    }

    fn serves(&self, place: &Place) -> Result<()> {
        let mut greeting = [0; 4];
        connect(place.address(0))?.read_exact(&mut greeting)?;
        ensure!(&greeting == b"SSH-", "it greets with {greeting:?}");
        Ok(())
    }
}

impl Running<Sshd> {
    /// The way in.
    pub fn client(&self) -> Result<Ssh> {
        let uid = geteuid();
        let user = User::from_uid(uid)?.with_context(|| format!("user {uid} has no name to log in by"))?;
        Ok(Ssh {
            program: self.kind().ssh.clone(),
            address: self.address(),
            user: user.name,
            key: self.place().path("user_key"),
        })
    }
}
