//! What a kind of server has to say of itself so that it can be started, known to serve, and stopped.

use crate::port::Port;
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A server to be started: its program, and its configuration as a test wants it. One file per kind in [`mod@crate::server`].
pub trait Kind {
    /// For directories and messages, for example `nginx-1.22.1`.
    fn name(&self) -> String;

    /// How many ports it listens on.
    fn ports(&self) -> usize {
        1
    }

    /// Writes the configuration, and says what to run. The program stays in the foreground unless there is a
    /// [`Kind::pid_file`].
    fn prepare(&self, place: &Place) -> Result<Invocation>;

    /// One try at a real exchange. An error means: not yet.
    fn serves(&self, place: &Place) -> Result<()>;

    /// Asks it to end in an orderly way.
    fn stop_signal(&self) -> Signal {
        Signal::SIGTERM
    }

    /// For one that daemonises: where it writes its process id.
    fn pid_file(&self, _place: &Place) -> Option<PathBuf> {
        None
    }
}

/// A program with its arguments.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Absolute.
    pub program: PathBuf,
    /// Without the program's own name.
    pub arguments: Vec<String>,
}

impl Invocation {
    /// A program with these arguments.
    pub fn new<A: Into<String>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Invocation {
        Invocation { program: program.to_owned(), arguments: arguments.into_iter().map(Into::into).collect() }
    }
}

/// Where one server lives: a directory and ports of its own.
#[derive(Debug)]
pub struct Place {
    directory: PathBuf,
    ports: Vec<Port>,
}

impl Place {
    pub(crate) fn new(directory: PathBuf, ports: usize) -> Result<Place> {
        fs::create_dir(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        // Workers that gave up root must be able to pass.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
        let ports = (0..ports).map(|_| Port::reserve()).collect::<Result<_>>()?;
        Ok(Place { directory, ports })
    }

    /// The server's own directory, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The path as configuration files want it.
    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file in it that everybody may read, in directories made as needed, and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        let write = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(&path, content.as_ref())
        };
        write().with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }

    /// Makes an empty directory in it.
    pub fn make_directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// The number of its first port.
    pub fn port(&self) -> u16 {
        self.address(0).port()
    }

    /// Where it listens: the n-th of [`Kind::ports`], from 0.
    ///
    /// # Panics
    /// If the kind did not ask for that many.
    pub fn address(&self, index: usize) -> SocketAddr {
        self.ports[index].address()
    }

    pub(crate) fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Whether the server will have root's rights, unless it was given other credentials.
    pub fn is_root(&self) -> bool {
        geteuid().is_root()
    }
}
