//! ssh by the real client, with a throw-away key and no configuration of the user's.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// How to get into one server.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// The client.
    pub program: PathBuf,
    /// Where the server listens.
    pub address: SocketAddr,
    /// Whom to log in as.
    pub user: String,
    /// The private key.
    pub key: PathBuf,
}

impl Ssh {
    /// Makes a key pair: the private key in this file, the public one beside it with `.pub`.
    pub fn make_key(ssh_keygen: &Path, file: &Path) -> Result<()> {
        let made = Command::new(ssh_keygen)
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "mcrx", "-f"])
            .arg(file)
            .stdin(Stdio::null())
            .output()
            .context("ssh-keygen cannot be run")?;
        ensure!(made.status.success(), "ssh-keygen made no key: {}", String::from_utf8_lossy(&made.stderr));
        Ok(())
    }

    /// The client's command line, to be completed by a remote command.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-F", "none", "-T", "-i"]).arg(&self.key);
        for option in [
            "BatchMode=yes",
            "ConnectTimeout=10",
            "IdentitiesOnly=yes",
            "LogLevel=ERROR",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
        ] {
            command.args(["-o", option]);
        }
        command.args(["-p", &self.address.port().to_string(), "-l", &self.user]);
        command.arg(self.address.ip().to_string());
        command
    }

    /// Logs in, runs a command, and logs out.
    pub fn run(&self, remote: &str) -> Result<Output> {
        self.command().arg(remote).stdin(Stdio::null()).output().context("ssh cannot be run")
    }

    /// Logs in and keeps a shell open.
    pub fn session(&self) -> Result<Session> {
        let mut client = self
            .command()
            .arg("exec sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("ssh cannot be run")?;
        let input = client.stdin.take().context("ssh has no input")?;
        let output = client.stdout.take().context("ssh has no output")?;
        Ok(Session { client, input, output: BufReader::new(output) })
    }
}

/// A shell at the other end, kept open; dropping it ends the client.
#[derive(Debug)]
pub struct Session {
    client: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Has the shell run a line, and returns the one line it must answer.
    pub fn line(&mut self, command: &str) -> Result<String> {
        writeln!(self.input, "{command}")
            .and_then(|()| self.input.flush())
            .context("the session has ended")?;
        let mut line = String::new();
        let length = self.output.read_line(&mut line).context("no answer comes")?;
        ensure!(length > 0, "the session ended without an answer to {command:?}");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended with the session; then there is nothing to kill.
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}
