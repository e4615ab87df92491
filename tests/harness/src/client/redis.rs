//! redis' protocol, RESP2, on one connection (redis.io, "RESP protocol spec").

use super::connect;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

/// One connection.
#[derive(Debug)]
pub struct Redis {
    stream: BufReader<TcpStream>,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `+OK`
    Status(String),
    /// `:42`
    Integer(i64),
    /// `$2`, two bytes
    Bulk(Vec<u8>),
    /// `$-1` or `*-1`
    Nil,
    /// `*2`, two values
    Array(Vec<Value>),
}

impl Value {
    /// The bytes of a string, of whichever sort.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bulk(bytes) => Some(bytes),
            Value::Status(text) => Some(text.as_bytes()),
            _ => None,
        }
    }
}

impl Redis {
    /// Opens a connection.
    pub fn connect(address: SocketAddr) -> Result<Redis> {
        Ok(Redis { stream: BufReader::new(connect(address)?) })
    }

    /// One command and its answer; an answer that is an error is one here too.
    pub fn command<W: AsRef<[u8]>>(&mut self, words: impl AsRef<[W]>) -> Result<Value> {
        self.send(words)?;
        self.receive()
    }

    /// Many commands, a few hundred under way at a time; the last of the answers. An answer that is an error is one here too.
    pub fn pipeline<C: AsRef<[W]>, W: AsRef<[u8]>>(
        &mut self,
        commands: impl IntoIterator<Item = C>,
    ) -> Result<Option<Value>> {
        /// So that answers which nobody has read yet stay few: they lie in the connection's buffers.
        const UNDER_WAY: usize = 500;
        let mut commands = commands.into_iter();
        let mut last = None;
        loop {
            let (mut requests, mut sent) = (Vec::new(), 0);
            for command in commands.by_ref().take(UNDER_WAY) {
                write_command(command.as_ref(), &mut requests);
                sent += 1;
            }
            if sent == 0 {
                return Ok(last);
            }
            self.stream.get_mut().write_all(&requests).context("the connection takes no more bytes")?;
            for _ in 0..sent {
                last = Some(self.receive()?);
            }
        }
    }

    /// Sends a command and does not wait: for blocking commands and subscriptions.
    pub fn send<W: AsRef<[u8]>>(&mut self, words: impl AsRef<[W]>) -> Result<()> {
        let mut request = Vec::new();
        write_command(words.as_ref(), &mut request);
        self.stream.get_mut().write_all(&request).context("the connection takes no more bytes")
    }

    /// The next answer.
    pub fn receive(&mut self) -> Result<Value> {
        read_value(&mut self.stream)
    }
}

fn write_command<W: AsRef<[u8]>>(words: &[W], request: &mut Vec<u8>) {
    request.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words.iter().map(AsRef::as_ref) {
        request.extend(format!("${}\r\n", word.len()).bytes());
        request.extend(word);
        request.extend(b"\r\n");
    }
}

fn read_value(stream: &mut impl BufRead) -> Result<Value> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).context("no answer comes")?;
    ensure!(length > 0, "the server closed the connection");
    let line = line.trim_end_matches(['\r', '\n']);
    let (sort, rest) = line.split_at_checked(1).with_context(|| format!("no answer: {line:?}"))?;
    let number = || rest.parse::<i64>().with_context(|| format!("no number: {line}"));
    match sort {
        "+" => Ok(Value::Status(rest.to_owned())),
        "-" => bail!("redis: {rest}"),
        ":" => Ok(Value::Integer(number()?)),
        "$" | "*" if number()? < 0 => Ok(Value::Nil),
        "$" => {
            let mut bytes = vec![0; usize::try_from(number()?)? + 2];
            stream.read_exact(&mut bytes).context("the value is cut short")?;
            ensure!(bytes.ends_with(b"\r\n"), "a value is longer than it says");
            bytes.truncate(bytes.len() - 2);
            Ok(Value::Bulk(bytes))
        }
        "*" => (0..number()?).map(|_| read_value(stream)).collect::<Result<_>>().map(Value::Array),
        _ => bail!("no answer of RESP2: {line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_answers_are_read_whole() {
        let mut wire = &b"*4\r\n+OK\r\n:-7\r\n*1\r\n$3\r\na\r\n\r\n$-1\r\n+next\r\n"[..];
        let expected = Value::Array(vec![
            Value::Status("OK".into()),
            Value::Integer(-7),
            Value::Array(vec![Value::Bulk(b"a\r\n".into())]),
            Value::Nil,
        ]);
        assert_eq!(read_value(&mut wire).unwrap(), expected);
        assert_eq!(read_value(&mut wire).unwrap(), Value::Status("next".into()));
    }

    #[test]
    fn an_error_answer_is_an_error() {
        assert_eq!(read_value(&mut &b"-ERR no\r\n"[..]).unwrap_err().to_string(), "redis: ERR no");
    }
}
