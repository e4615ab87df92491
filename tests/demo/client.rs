//! A client of the demo server that can also behave badly.

use crate::server::DEADLINE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let mut client = Client::connect_silently(address);
        let greeting = client.line();
        assert!(greeting.starts_with("+larder "), "greeted with {greeting:?}");
        client
    }

    /// Leaves the greeting unread.
    pub(crate) fn connect_silently(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("the socket takes options");
        stream.set_read_timeout(Some(DEADLINE)).expect("the socket takes options");
        stream.set_write_timeout(Some(DEADLINE)).expect("the socket takes options");
        Client { stream: BufReader::new(stream) }
    }

    /// Sends a line and reads its answer; the lines of a list are joined by spaces.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.send(format!("{request}\n"));
        self.answer()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the server takes what is sent");
    }

    pub(crate) fn answer(&mut self) -> String {
        let mut answer = self.line();
        let more = answer.strip_prefix('*').and_then(|count| count.parse().ok()).unwrap_or(0);
        for _ in 0..more {
            answer.push(' ');
            answer.push_str(&self.line());
        }
        answer
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the server answers in time");
        assert!(line.ends_with('\n'), "the connection ended after {line:?}");
        line.pop();
        line
    }

    /// Everything until the server closes.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).expect("the server closes in time");
        rest
    }

    /// Says that no more will be sent.
    pub(crate) fn hang_up(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// One number of STATS.
    pub(crate) fn stat(&mut self, name: &str) -> u64 {
        let stats = self.ask("STATS");
        let mut words = stats.split_whitespace().skip_while(|word| word.strip_prefix('$') != Some(name));
        words.nth(1).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {stats}"))
    }
}
