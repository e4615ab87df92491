//! TLS by the system's `openssl s_client`, as a stream to read and write: no TLS library in the build.
//!
//! The certificate is the test's own and is not checked: what the tests are about is that a session lives on.

use super::PATIENCE;
use anyhow::{Context, Result, ensure};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// One TLS connection; the child process goes with it.
#[derive(Debug)]
pub struct Tls {
    client: Child,
    stream: UnixStream,
}

impl Tls {
    /// Opens a connection. `openssl` is the program.
    pub fn connect(openssl: &Path, address: SocketAddr) -> Result<Tls> {
        // One socket as the child's input and output: unlike pipes it can be read with a time limit.
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let client = Command::new(openssl)
            .args(["s_client", "-quiet", "-no_ign_eof", "-nocommands", "-connect"])
            .arg(address.to_string())
            .stdin(OwnedFd::from(theirs.try_clone()?))
            .stdout(OwnedFd::from(theirs))
            .stderr(Stdio::null())
            .spawn()
            .context("openssl cannot be run")?;
        Ok(Tls { client, stream })
    }

    /// Makes a key and a certificate for `localhost` that it signs itself, valid for a day, in these two files.
    pub fn make_certificate(openssl: &Path, key: &Path, certificate: &Path) -> Result<()> {
        let made = Command::new(openssl)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-subj", "/CN=localhost", "-days", "1", "-keyout"])
            .arg(key)
            .arg("-out")
            .arg(certificate)
            .output()
            .context("openssl cannot be run")?;
        ensure!(
            made.status.success(),
            "openssl made no certificate: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        Ok(())
    }
}

impl Read for Tls {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        self.stream.read(piece)
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        // It may have ended with the connection; then there is nothing to kill.
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}
