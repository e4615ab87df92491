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

    /// Stores many values without waiting for each; an error if not all of them are there then.
    pub fn set_all<K: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        items: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        /// Requests that are sent at once.
        const TOGETHER: usize = 1 << 16;
        let (before, mut count) = (self.items()?, 0);
        let mut requests = Vec::new();
        for (key, value) in items {
            let (key, value) = (key.as_ref(), value.as_ref());
            requests.extend(format!("set {key} 0 0 {} noreply\r\n", value.len()).bytes());
            requests.extend(value);
            requests.extend(b"\r\n");
            count += 1;
            if requests.len() > TOGETHER {
                self.send(&requests)?;
                requests.clear();
            }
        }
        self.send(&requests)?;
        // What was asked for last is answered when all before it is done.
        let after = self.items()?;
        ensure!(after == before + count, "{count} items were set, but there were {before} and are {after}");
        Ok(())
    }

    fn items(&mut self) -> Result<u64> {
        let stats = self.stats("")?;
        stats.get("curr_items").context("no count of items")?.parse().context("the count of items")
    }

    /// Sends bytes as they are: for requests piece by piece.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("the connection takes no more bytes")
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

    /// The next line that it sends.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).context("no answer comes")?;
        ensure!(length > 0, "the server closed the connection");
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
