//! HTTP/1.1 on one connection that stays open: requests in any pieces, answers byte for byte (RFC 9112).
//!
//! No redirects, no cookies, no pool: what is sent and what comes is what the test says and sees.

use super::connect;
use anyhow::{Context, Result, bail, ensure};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

/// One connection.
#[derive(Debug)]
pub struct Http<S> {
    stream: S,
    /// Received and not yet taken.
    ahead: Vec<u8>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status line and the headers with the empty line behind them, as they came.
    pub head: Vec<u8>,
    /// The content, taken out of chunks if it came in chunks, not uncompressed.
    pub body: Vec<u8>,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> Result<u16> {
        let line = self.head.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let line = std::str::from_utf8(line).context("the status line is no text")?;
        let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        code.with_context(|| format!("no status line: {line:?}"))
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

impl Http<TcpStream> {
    /// Opens a connection.
    pub fn connect(address: SocketAddr) -> Result<Http<TcpStream>> {
        Ok(Http::over(connect(address)?))
    }

    /// Whether the server has closed this connection. Bytes that nobody asked for do not hide it for ever: they are kept
    /// for the next answer.
    pub fn is_closed(&mut self) -> Result<bool> {
        self.stream.set_nonblocking(true)?;
        let mut piece = [0; 4096];
        let closed = loop {
            match self.stream.read(&mut piece) {
                Ok(0) => break Ok(true),
                Ok(length) => self.ahead.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break Ok(false),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break Ok(true),
                Err(error) => break Err(error),
            }
        };
        self.stream.set_nonblocking(false)?;
        Ok(closed?)
    }
}

impl<S: Read + Write> Http<S> {
    /// Speaks HTTP on a stream that is open.
    pub fn over(stream: S) -> Http<S> {
        Http { stream, ahead: Vec::new() }
    }

    /// One request and its answer.
    pub fn get(&mut self, path: &str) -> Result<Response> {
        self.request("GET", path, &[], b"")
    }

    /// One request with headers and content, and its answer.
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n")?;
        }
        if !body.is_empty() {
            write!(head, "Content-Length: {}\r\n", body.len())?;
        }
        head += "\r\n";
        self.send(head.as_bytes())?;
        self.send(body)?;
        if method == "HEAD" { Ok(Response { head: self.head()?, body: Vec::new() }) } else { self.receive() }
    }

    /// Sends bytes as they are: for uploads piece by piece, pipelined or broken requests.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush())
            .context("the connection takes no more bytes")
    }

    /// The next answer, whole.
    pub fn receive(&mut self) -> Result<Response> {
        let head = self.head()?;
        let chunked = header(&head, "Transfer-Encoding").is_some_and(|coding| coding == "chunked");
        let body = match header(&head, "Content-Length") {
            _ if chunked => self.chunks()?,
            Some(length) => {
                self.take(length.parse().with_context(|| format!("Content-Length: {length}"))?)?
            }
            // No length: 204 and 304 have no content, and all else would end with the connection, which we keep.
            None => Vec::new(),
        };
        Ok(Response { head, body })
    }

    /// The next answer's status line and headers, with the empty line behind them; the content is left to [`Http::take`].
    pub fn head(&mut self) -> Result<Vec<u8>> {
        self.take_through(b"\r\n\r\n")
    }

    /// The next bytes, exactly so many: for downloads piece by piece.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.ahead.len() < length {
            self.fill()?;
        }
        let rest = self.ahead.split_off(length);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    fn take_through(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            let found = self.ahead[searched..].windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                return self.take(searched + at + end.len());
            }
            searched = self.ahead.len().saturating_sub(end.len() - 1);
            self.fill()?;
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.take_through(b"\r\n")?;
            let size = std::str::from_utf8(&line).ok().and_then(|line| line.trim_end().split(';').next());
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size =
                size.with_context(|| format!("no chunk size: {:?}", String::from_utf8_lossy(&line)))?;
            body.extend(self.take(size)?);
            ensure!(self.take(2)? == b"\r\n", "a chunk of {size} bytes is longer than that");
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn fill(&mut self) -> Result<()> {
        let mut piece = [0; 16 << 10];
        let length = self.stream.read(&mut piece).context("no answer comes")?;
        if length == 0 {
            bail!("the server closed the connection after {:?}", String::from_utf8_lossy(&self.ahead));
        }
        self.ahead.extend_from_slice(&piece[..length]);
        Ok(())
    }
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    let mut fields = text.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Uncompresses a gzip content with the system's own `gzip`, which every Debian has.
pub fn gunzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("gzip cannot be run")?;
    let mut input = gzip.stdin.take().context("gzip has no input")?;
    let output = thread::scope(|scope| {
        // A gzip that gives up closes its input; its exit says so.
        scope.spawn(move || input.write_all(bytes));
        gzip.wait_with_output()
    })?;
    ensure!(output.status.success(), "the bytes are no gzip");
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A server that has said all it will say.
    struct Spoken(Cursor<Vec<u8>>);

    impl Read for Spoken {
        fn read(&mut self, piece: &mut [u8]) -> std::io::Result<usize> {
            // One byte at a time: the worst a network can do.
            self.0.read(&mut piece[..1])
        }
    }

    impl Write for Spoken {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn spoken(text: &str) -> Http<Spoken> {
        Http::over(Spoken(Cursor::new(text.into())))
    }

    #[test]
    fn two_answers_on_one_connection_are_told_apart() {
        let mut http =
            spoken("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 204 No\r\nA: b\r\n\r\n");
        let first = http.get("/").unwrap();
        assert_eq!((first.status().unwrap(), first.body.as_slice()), (200, &b"hi"[..]));
        let second = http.receive().unwrap();
        assert_eq!(second.head, b"HTTP/1.1 204 No\r\nA: b\r\n\r\n");
        assert_eq!((second.status().unwrap(), second.header("a")), (204, Some("b")));
    }

    #[test]
    fn chunks_are_put_together() {
        let mut http = spoken(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
        );
        assert_eq!(http.receive().unwrap().body, b"abc0123456789");
    }

    #[test]
    fn an_answer_cut_short_is_an_error() {
        let error = spoken("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").receive().unwrap_err();
        assert!(error.to_string().contains("closed the connection after \"abc\""), "{error}");
    }
}
