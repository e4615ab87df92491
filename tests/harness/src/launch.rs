//! Starting a server: how a test may alter the way, and the wait until it serves.

use crate::guardian::{Exit, Guardian, Order};
use crate::kind::{Kind, Place};
use crate::running::{Running, tail};
use crate::scratch::Scratch;
use crate::wait::until;
use anyhow::{Context, Result, anyhow, bail};
use nix::unistd::{Pid, User};
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a server may take until it serves. The slowest tried (sshd 9.2, cold) needs a third of a second.
const STARTING: Duration = Duration::from_secs(20);

/// Whom a process runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// User id.
    pub uid: u32,
    /// Group id; supplementary groups are dropped.
    pub gid: u32,
}

impl Credentials {
    /// Those of a user of this machine.
    pub fn of_user(name: &str) -> Result<Credentials> {
        let user = User::from_name(name)?.with_context(|| format!("this machine has no user {name}"))?;
        Ok(Credentials { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }
}

/// A server about to be started, from [`Scratch::launch`].
#[must_use = "nothing runs before `start`"]
#[derive(Debug)]
pub struct Launch<'a, K> {
    scratch: &'a Scratch,
    kind: K,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
    credentials: Option<Credentials>,
}

impl<'a, K: Kind> Launch<'a, K> {
    pub(crate) fn new(scratch: &'a Scratch, kind: K) -> Launch<'a, K> {
        Launch { scratch, kind, environment: Vec::new(), wrapper: Vec::new(), credentials: None }
    }

    /// Adds to the environment, which otherwise holds PATH and a plain locale and nothing of the test's own.
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Has the dynamic linker load this library first.
    pub fn preload(self, library: &Path) -> Self {
        self.environment("LD_PRELOAD", library.display().to_string())
    }

    /// Starts it by another program, which gets the server's command line behind these words: `["mcrx", "run", "--"]`.
    /// The first word is a path, or looked for in PATH.
    pub fn under<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.wrapper = words.into_iter().map(Into::into).collect();
        self
    }

    /// Starts it with the rights of another user, who is given its directory. Only root can.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Starts it and waits until it serves. What it said is in the error if it does not.
    pub fn start(self) -> Result<Running<K>> {
        let Begun { kind, place, guardian, started } = self.begin()?;
        match served(&kind, &place, &guardian, started) {
            Ok(main) => Ok(Running::new(kind, place, guardian, main)),
            Err(error) => {
                let ended = guardian.lock().unwrap_or_else(PoisonError::into_inner).end();
                let fate =
                    ended.map_or_else(|error| format!("{error:#}"), |ended| format!("{:?}", ended.exit));
                let said = tail(place.directory());
                Err(anyhow!("{} does not serve: {error:#}\nend: {fate}\n{said}", kind.name()))
            }
        }
    }

    /// Starts it, and does nothing.
    pub(crate) fn begin(self) -> Result<Begun<K>> {
        let place = Place::new(self.scratch.fresh(&self.kind.name()), self.kind.ports())?;
        let invocation = self.kind.prepare(&place)?;
        let mut words = self.wrapper;
        words.push(invocation.program.display().to_string());
        words.extend(invocation.arguments);
        if let Some(credentials) = self.credentials {
            give(place.directory(), credentials)?;
        }
        let mut environment: Vec<(String, String)> = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LANG", "C.UTF-8"),
            ("HOME", &place.directory().display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        environment.extend(self.environment);
        let (guardian, started) = Guardian::start(Order {
            program: words.remove(0).into(),
            arguments: words,
            environment,
            directory: place.directory().to_owned(),
            log: place.path("output.log"),
            credentials: self.credentials,
            scratch: self.scratch.directory().to_owned(),
        })
        .with_context(|| format!("{} did not start", self.kind.name()))?;
        let guardian = Arc::new(Mutex::new(guardian));
        self.scratch.adopt(&guardian);
        Ok(Begun { kind: self.kind, place, guardian, started })
    }
}

/// A process that was started, and of which no more is known.
pub(crate) struct Begun<K> {
    pub(crate) kind: K,
    pub(crate) place: Place,
    pub(crate) guardian: Arc<Mutex<Guardian>>,
    started: Pid,
}

/// Waits until the server answers, and says which process it is.
fn served<K: Kind>(kind: &K, place: &Place, guardian: &Mutex<Guardian>, started: Pid) -> Result<Pid> {
    let mut last = None;
    let waited = until(STARTING, "an answer", || {
        let exit = guardian.lock().unwrap_or_else(PoisonError::into_inner).status()?;
        match (exit, kind.pid_file(place)) {
            (None, None) | (Some(Exit::Code(0)), Some(_)) => {}
            // Its children may serve already: it is up when it has left them alone.
            (None, Some(_)) => {
                last = Some(anyhow!("it is still in the foreground"));
                return Ok(None);
            }
            (Some(exit), _) => bail!("it ended ({exit})"),
        }
        match kind.serves(place).and_then(|()| main_process(kind, place, started)) {
            Ok(main) => Ok(Some(main)),
            Err(error) => {
                last = Some(error);
                Ok(None)
            }
        }
    });
    waited.map_err(|error| match last {
        Some(last) => error.context(format!("the last try said: {last:#}")),
        None => error,
    })
}

fn main_process<K: Kind>(kind: &K, place: &Place, started: Pid) -> Result<Pid> {
    let Some(file) = kind.pid_file(place) else { return Ok(started) };
    let text = fs::read_to_string(&file).with_context(|| format!("no {} yet", file.display()))?;
    Ok(Pid::from_raw(text.trim().parse().with_context(|| format!("{} holds {text:?}", file.display()))?))
}

/// Gives a directory and all in it to a user.
fn give(path: &Path, credentials: Credentials) -> Result<()> {
    chown(path, Some(credentials.uid), Some(credentials.gid))
        .with_context(|| format!("{} cannot be given to user {}", path.display(), credentials.uid))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), credentials)?;
        }
    }
    Ok(())
}
