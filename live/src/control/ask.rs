//! The side that asks.

use super::request::Request;
use super::status::Status;
use super::{SOCKET, address};
use crate::managed::Managed;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who looks after a server has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens: who looked after the server is gone.
    #[error("nobody answers at {}: the `mcrx run` that looked after the server has ended", .0.display())]
    Gone(PathBuf),
    /// It was gone before it had answered, or takes too long.
    #[error("{}: {source}", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// It does not do that.
    #[error("the `mcrx run` that looks after the server says: {0}")]
    Refused(String),
    /// It is of another release.
    #[error("the `mcrx run` that looks after the server is of another release of mcrx: {0}")]
    Other(#[from] serde_json::Error),
}

/// How a server is, by whoever looks after it.
///
/// # Errors
/// [`AskError`]
pub fn status(managed: &Managed) -> Result<Status, AskError> {
    let (answer, _) = ask(managed, &Request::Status)?;
    Ok(serde_json::from_value(answer)?)
}

/// Says that a server is about to be updated to this program.
///
/// # Errors
/// [`AskError`]
pub fn announce(managed: &Managed, program: &Path) -> Result<Announcement, AskError> {
    let program = program.display().to_string();
    let (_, stream) = ask(managed, &Request::Update { program })?;
    Ok(Announcement { _stream: stream })
}

/// An update is under way until this is dropped, or its owner has ended.
#[derive(Debug)]
pub struct Announcement {
    _stream: UnixStream,
}

fn ask(managed: &Managed, request: &Request) -> Result<(Value, UnixStream), AskError> {
    let path = managed.folder().join(SOCKET);
    let broken = |source| AskError::Broken { path: path.clone(), source };
    let folder = File::open(managed.folder()).map_err(broken)?;
    let stream = UnixStream::connect(address(&folder)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::Gone(path.clone()),
        _ => broken(error),
    })?;
    let converse = || {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        (&stream).write_all(&line)?;
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer)?;
        Ok(answer)
    };
    let answer: Value = serde_json::from_str(&converse().map_err(broken)?)?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(AskError::Refused(error.to_owned())),
        None => Ok((answer, stream)),
    }
}
