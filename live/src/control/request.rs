//! What can be asked for, read from bytes that anybody may have sent.

use serde::{Deserialize, Serialize};
use std::io::{self, BufRead};

/// A request has at most so many bytes, with the end of its line.
pub const MOST: usize = 4096;

/// A line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// How the server is.
    Status,
    /// The same in numbers.
    Metrics,
    /// It is about to be updated, until the connection is closed.
    Update {
        /// What it is to run.
        program: String,
    },
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Somebody sends what is not ended, or will not end.
    #[error("a request is a line of at most {MOST} bytes")]
    TooLong,
    /// It is something else.
    #[error(
        "this is no request ({0}): there are {{\"request\": \"status\"}} and {{\"request\": \"metrics\"}}"
    )]
    NotOne(#[from] serde_json::Error),
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

impl Request {
    /// Of a line, with or without its end.
    ///
    /// # Errors
    /// [`RequestError::TooLong`], [`RequestError::NotOne`]
    pub fn parse(line: &[u8]) -> Result<Request, RequestError> {
        if line.len() > MOST {
            return Err(RequestError::TooLong);
        }
        Ok(serde_json::from_slice(line)?)
    }
}

/// The requests that come over a connection. It ends with the connection, and where nobody can tell where the next one begins.
#[derive(Debug)]
pub struct Requests<R> {
    from: R,
    over: bool,
}

impl<R: BufRead> Requests<R> {
    /// Of these bytes.
    pub fn new(from: R) -> Requests<R> {
        Requests { from, over: false }
    }

    /// The next line. Nothing: there is none.
    fn line(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        let mut line = Vec::new();
        loop {
            let piece = match self.from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                piece => piece?,
            };
            let end = piece.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let taken = end.unwrap_or(piece.len());
            line.extend_from_slice(piece.get(..taken).unwrap_or_default());
            self.from.consume(taken);
            if line.len() > MOST {
                return Err(RequestError::TooLong);
            }
            if end.is_some() || taken == 0 {
                return Ok((!line.is_empty()).then_some(line));
            }
        }
    }
}

impl<R: BufRead> Iterator for Requests<R> {
    type Item = Result<Request, RequestError>;

    fn next(&mut self) -> Option<Result<Request, RequestError>> {
        if self.over {
            return None;
        }
        let line = self.line();
        self.over = line.is_err();
        match line {
            Ok(line) => Some(Request::parse(&line?)),
            Err(error) => Some(Err(error)),
        }
    }
}
