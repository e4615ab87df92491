//! A client of the demo server: one connection, a line out, an answer in. The protocol is in `examples/demo/README.md`.

use super::interrupt::Interrupt;
use anyhow::{Context, Result, bail};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(10);

/// One connection, and the greeting already read.
pub(super) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    interrupt: Interrupt,
    pub(super) greeting: String,
}

impl Client {
    pub(super) fn connect(address: SocketAddrV4, interrupt: &Interrupt) -> Result<Client> {
        let stream = TcpStream::connect_timeout(&address.into(), DEADLINE)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nonblocking(true).context("cannot set up a connection")?;
        let mut client =
            Client { stream, received: Vec::new(), interrupt: interrupt.clone(), greeting: String::new() };
        client.greeting = client.line().context("the server did not greet")?;
        Ok(client)
    }

    /// Sends a line and reads the answer to it: one line, or for a list as many more as its first line says.
    pub(super) fn ask(&mut self, request: &str) -> Result<Vec<String>> {
        self.send(&format!("{request}\n"))?;
        self.answer().with_context(|| format!("no answer to {request:?}"))
    }

    /// Sends part of a line, or several.
    pub(super) fn send(&mut self, text: &str) -> Result<()> {
        // What the demo says fits the socket's buffer many times over; a short write would be an error here.
        self.stream.write_all(text.as_bytes()).with_context(|| format!("cannot send {text:?}"))
    }

    fn answer(&mut self) -> Result<Vec<String>> {
        let first = self.line()?;
        let more = first.strip_prefix('*').and_then(|count| count.parse().ok()).unwrap_or(0);
        let mut lines = vec![first];
        for _ in 0..more {
            lines.push(self.line()?);
        }
        Ok(lines)
    }

    fn line(&mut self) -> Result<String> {
        let Client { stream, received, interrupt, .. } = self;
        let length = interrupt
            .wait_until(DEADLINE, || {
                let end = received.iter().position(|byte| *byte == b'\n');
                if end.is_none() {
                    receive(stream, received)?;
                }
                Ok(end)
            })?
            .with_context(|| format!("the server said nothing for {} s", DEADLINE.as_secs()))?;
        let line: Vec<u8> = received.drain(..=length).collect();
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

/// Takes what has come, if anything has.
fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<()> {
    let mut piece = [0; 4096];
    match stream.read(&mut piece) {
        Ok(0) => bail!("the server closed the connection"),
        Ok(count) => received.extend_from_slice(piece.get(..count).unwrap_or_default()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
        Err(error) => return Err(error).context("the connection broke"),
    }
    Ok(())
}
