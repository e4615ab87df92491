//! memcached's text protocol on one connection (its `doc/protocol.txt`).

use super::connect;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// One connection.
#[derive(Debug)]
pub struct Memcached {
    stream: BufReader<TcpStream>,
}

impl Memcached {
    /// Opens a connection.
    pub fn connect(address: SocketAddr) -> Result<Memcached> {
        Ok(Memcached { stream: BufReader::new(connect(address)?) })
    }

    /// Stores a value that does not expire, with flags 0.
    pub fn set(&mut self, key: &str, value: &[u8]) -> Result<()> {
        self.send(format!("set {key} 0 0 {}\r\n", value.len()).as_bytes())?;
        self.send(value)?;
        self.send(b"\r\n")?;
        let answer = self.line()?;
        ensure!(answer == "STORED", "set {key}: {answer}");
        Ok(())
    }

    /// The value of a key, if there is one.
    pub fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>> {
        self.send(format!("get {key}\r\n").as_bytes())?;
        let answer = self.line()?;
        if answer == "END" {
            return Ok(None);
        }
        let fields: Vec<&str> = answer.split(' ').collect();
        let &["VALUE", known, _flags, length] = fields.as_slice() else { bail!("get {key}: {answer}") };
        ensure!(known == key, "get {key} answered the value of {known}");
        let mut value = vec![0; length.parse().with_context(|| format!("no length: {answer}"))?];
        self.stream.read_exact(&mut value).context("the value is cut short")?;
        for expected in ["", "END"] {
            let line = self.line()?;
            ensure!(line == expected, "behind the value of {key}: {line:?}");
        }
        Ok(Some(value))
    }

    /// Any command that is answered by one line.
    pub fn command(&mut self, command: &str) -> Result<String> {
        self.send(format!("{command}\r\n").as_bytes())?;
        self.line()
    }

    /// Its counters: the answer to `stats`, or to `stats items` and the like.
    pub fn stats(&mut self, which: &str) -> Result<BTreeMap<String, String>> {
        self.send(format!("{}\r\n", format!("stats {which}").trim_end()).as_bytes())?;
        let mut stats = BTreeMap::new();
        loop {
            let line = self.line()?;
            if line == "END" {
                return Ok(stats);
            }
            let entry = line.strip_prefix("STAT ").and_then(|entry| entry.split_once(' '));
            let (name, value) = entry.with_context(|| format!("stats {which}: {line}"))?;
            stats.insert(name.to_owned(), value.to_owned());
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("the connection takes no more bytes")
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).context("no answer comes")?;
        ensure!(length > 0, "the server closed the connection");
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
