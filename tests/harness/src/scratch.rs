//! A directory of a test's own, and the list of all that runs in it.

use crate::guardian::Guardian;
use crate::kind::Kind;
use crate::launch::Launch;
use crate::running::{Running, tail};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;

/// Set to anything: scratch directories stay, to be looked at.
const KEEP: &str = "MCRX_KEEP_SCRATCH";

/// A directory below the system's temporary one, removed with all in it when this is dropped. Servers are started here.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    made: AtomicUsize,
    guardians: Mutex<Vec<Weak<Mutex<Guardian>>>>,
}

impl Scratch {
    /// Makes an empty one; `purpose` is part of its name.
    pub fn new(purpose: &str) -> Result<Scratch> {
        let mut directory = tempfile::Builder::new()
            .prefix(&format!("mcrx-{purpose}-"))
            .tempdir()
            .context("no scratch directory can be made")?;
        directory.disable_cleanup(is_kept());
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Scratch { directory, made: AtomicUsize::new(0), guardians: Mutex::default() })
    }

    /// Its path, absolute.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it that nobody has been given before.
    pub fn fresh(&self, name: &str) -> PathBuf {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.directory().join(format!("{number}-{name}"))
    }

    /// Prepares the start of a server, to be altered.
    pub fn launch<K: Kind>(&self, kind: K) -> Launch<'_, K> {
        Launch::new(self, kind)
    }

    /// Starts a server, and waits until it serves.
    pub fn start<K: Kind>(&self, kind: K) -> Result<Running<K>> {
        self.launch(kind).start()
    }

    /// Remembers who guards a server here.
    pub(crate) fn adopt(&self, guardian: &Arc<Mutex<Guardian>>) {
        self.lock().push(Arc::downgrade(guardian));
    }

    /// Kills every server that still runs here.
    fn end_all(&self) {
        for guardian in self.lock().drain(..).filter_map(|guardian| guardian.upgrade()) {
            // Whoever started it gets the error when it next asks something of its server.
            let _ = guardian.lock().unwrap_or_else(PoisonError::into_inner).end();
        }
    }

    /// Does at once what dropping it would do: for one that a thread holds which will not end.
    pub(crate) fn abandon(&self) {
        self.end_all();
        if !is_kept() {
            // Best done, not needed: it lies below the system's temporary directory.
            let _ = fs::remove_dir_all(self.directory());
        }
    }

    /// The last lines of every log in it.
    pub(crate) fn logs(&self) -> String {
        tail(self.directory())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Mutex<Guardian>>>> {
        self.guardians.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_kept() -> bool {
    std::env::var_os(KEEP).is_some()
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.end_all();
    }
}
