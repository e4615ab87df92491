//! FTP: a control connection that stays open, and data connections in passive mode (RFC 959, RFC 2428).

use super::connect;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A control connection.
#[derive(Debug)]
pub struct Ftp {
    control: BufReader<TcpStream>,
    server: SocketAddr,
}

impl Ftp {
    /// Opens a connection and takes the greeting.
    pub fn connect(server: SocketAddr) -> Result<Ftp> {
        let mut ftp = Ftp { control: BufReader::new(connect(server)?), server };
        ftp.expect(220)?;
        Ok(ftp)
    }

    /// Logs in without a password of any worth.
    pub fn login_anonymously(&mut self) -> Result<()> {
        self.command("USER anonymous", 331)?;
        self.command("PASS guest@localhost", 230)?;
        self.command("TYPE I", 200).map(drop)
    }

    /// Sends a command and takes its answer, which must have this code; returns its text.
    pub fn command(&mut self, command: &str, code: u16) -> Result<String> {
        self.send(command)?;
        self.expect(code)
    }

    /// The names in a directory.
    pub fn list(&mut self, directory: &str) -> Result<Vec<String>> {
        let bytes = self.transfer(&format!("NLST {directory}"))?.finish()?;
        Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
    }

    /// A whole file.
    pub fn retrieve(&mut self, file: &str) -> Result<Vec<u8>> {
        self.transfer(&format!("RETR {file}"))?.finish()
    }

    /// Begins a transfer that the test takes piece by piece.
    pub fn transfer(&mut self, command: &str) -> Result<Transfer<'_>> {
        let answer = self.command("EPSV", 229)?;
        // 229 Entering Extended Passive Mode (|||6446|)
        let port = answer.rsplit('|').nth(1).and_then(|port| port.parse().ok());
        let port = port.with_context(|| format!("no port: {answer}"))?;
        let data = connect(SocketAddr::new(self.server.ip(), port))?;
        self.command(command, 150)?;
        Ok(Transfer { control: self, data })
    }

    fn send(&mut self, command: &str) -> Result<()> {
        let line = format!("{command}\r\n");
        self.control.get_mut().write_all(line.as_bytes()).context("the connection takes no more bytes")
    }

    /// An answer may have many lines, `220-first` to `220 last`.
    fn expect(&mut self, code: u16) -> Result<String> {
        let mut text = String::new();
        loop {
            let start = text.len();
            let length = self.control.read_line(&mut text).context("no answer comes")?;
            ensure!(length > 0, "the server closed the connection");
            let line = &text[start..];
            if line.len() >= 4 && line.as_bytes()[..3].iter().all(u8::is_ascii_digit) && &line[3..4] == " " {
                if !line.starts_with(&code.to_string()) {
                    bail!("expected {code}, got {}", text.trim_end());
                }
                return Ok(text.trim_end().to_owned());
            }
        }
    }
}

/// A transfer that is under way.
#[derive(Debug)]
pub struct Transfer<'a> {
    control: &'a mut Ftp,
    data: TcpStream,
}

impl Transfer<'_> {
    /// The next bytes, exactly so many.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.data.read_exact(&mut bytes).context("the transfer is cut short")?;
        Ok(bytes)
    }

    /// All that is left, and the server's word that it was all.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.data.read_to_end(&mut bytes).context("the transfer broke off")?;
        drop(self.data);
        self.control.expect(226)?;
        Ok(bytes)
    }
}
