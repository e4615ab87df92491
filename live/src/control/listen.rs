//! The side that answers.

use super::request::{Request, Requests};
use super::{SOCKET, address};
use crate::managed::Managed;
use nix::unistd::geteuid;
use rustix::net::sockopt::socket_peercred;
use serde_json::{Value, json};
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// So many are answered at the same time.
const CONNECTIONS: usize = 16;
/// Who asks nothing, or takes no answers, for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What answers are made by. It is called by several threads.
pub trait Respond: Send + Sync + 'static {
    /// What is asked for, as JSON; the error is for people.
    ///
    /// # Errors
    /// It is not known, or cannot be done.
    fn respond(&self, request: &Request) -> Result<Value, String>;

    /// Somebody who has said that the server is being updated has closed the connection.
    fn update_is_over(&self);
}

/// A socket that can be connected to.
#[derive(Debug)]
pub struct Listener(UnixListener);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ListenError {
    path: PathBuf,
    source: io::Error,
}

impl Listener {
    /// In a server's folder.
    ///
    /// # Errors
    /// The file system has its say.
    pub fn bind(managed: &Managed) -> Result<Listener, ListenError> {
        let path = managed.folder().join(SOCKET);
        let bind = || {
            let folder = File::open(managed.folder())?;
            let listener = UnixListener::bind(address(&folder))?;
            // Nobody else can enter the folder: until now it was no more open than after this.
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok(Listener(listener))
        };
        bind().map_err(|source| ListenError { path: path.clone(), source })
    }

    /// Answers whoever connects, each in a thread of its own, for as long as this process runs.
    pub fn answer(&self, by: &Arc<impl Respond>) {
        let busy = Arc::new(AtomicUsize::new(0));
        for stream in self.0.incoming() {
            // A connection that was given up before it was accepted, or no descriptors for now.
            let Ok(stream) = stream else {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            if busy.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS {
                busy.fetch_sub(1, Ordering::AcqRel);
                let _ = say(&stream, &json!({ "error": "too many ask at the same time: try again" }));
                continue;
            }
            let (by, busy) = (Arc::clone(by), Arc::clone(&busy));
            std::thread::spawn(move || {
                serve(&stream, &*by);
                busy.fetch_sub(1, Ordering::AcqRel);
            });
        }
    }
}

/// One connection, from its beginning to its end.
fn serve(stream: &UnixStream, by: &impl Respond) {
    let mut is_updating = false;
    // What goes wrong with a connection is its end.
    let _ = converse(stream, by, &mut is_updating);
    if is_updating {
        by.update_is_over();
    }
}

fn converse(stream: &UnixStream, by: &impl Respond, is_updating: &mut bool) -> io::Result<()> {
    let peer = socket_peercred(stream)?;
    if !peer.uid.is_root() && peer.uid.as_raw() != geteuid().as_raw() {
        return say(stream, &json!({ "error": "only the server's owner and root are answered" }));
    }
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    for request in Requests::new(BufReader::new(stream)) {
        let answer = match &request {
            Ok(request) => by.respond(request),
            Err(error) => Err(error.to_string()),
        };
        if answer.is_ok() && matches!(request, Ok(Request::Update { .. })) {
            *is_updating = true;
            // However long that takes.
            stream.set_read_timeout(None)?;
        }
        say(stream, &answer.unwrap_or_else(|error| json!({ "error": error })))?;
    }
    Ok(())
}

fn say(mut stream: &UnixStream, answer: &Value) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    stream.write_all(&line)
}
