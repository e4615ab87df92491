//! Where it is asked how the server is, and from where others are told: the control socket, and systemd.

use mcrx_live::control::{ListenError, Listener, Notifier, Request, Respond, Status, prometheus};
use mcrx_live::managed::Managed;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Of one server.
pub(super) struct Desk {
    managed: Managed,
    notifier: Notifier,
    /// What the server is about to run, while it is being updated.
    updating: Mutex<Option<String>>,
    /// Whether its start-up is done.
    has_rested: AtomicBool,
}

impl Desk {
    pub(super) fn new(managed: Managed, notifier: Notifier) -> Desk {
        Desk { managed, notifier, updating: Mutex::default(), has_rested: AtomicBool::new(false) }
    }

    /// From now on it answers, until this process ends.
    pub(super) fn open(desk: &Arc<Desk>) -> Result<(), ListenError> {
        let listener = Listener::bind(&desk.managed)?;
        let desk = Arc::clone(desk);
        std::thread::spawn(move || listener.answer(&desk));
        Ok(())
    }

    /// The server's start-up is done.
    pub(super) fn rests(&self) {
        self.has_rested.store(true, Ordering::Release);
        self.notifier.ready(&self.described());
    }

    /// The server has ended.
    pub(super) fn closes(&self) {
        self.notifier.stopping();
    }

    fn status(&self) -> Result<Status, String> {
        let updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = Status::read(&self.managed, true).map_err(|error| error.to_string())?;
        Ok(status.updating(updating))
    }

    /// In a line.
    fn described(&self) -> String {
        let Ok(status) = self.status() else { return String::new() };
        let program = status.program.as_path();
        let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
        let release = status.release.map_or_else(String::new, |release| format!(" {release}"));
        let (processes, updates) = (status.processes.len(), status.updates.counts.committed);
        format!("{name}{release}, {processes} processes, {updates} updates so far")
    }
}

impl Respond for Desk {
    fn respond(&self, request: &Request) -> Result<Value, String> {
        match request {
            Request::Status => {
                let status = self.status()?;
                serde_json::to_value(status).map_err(|error| error.to_string())
            }
            Request::Metrics => Ok(json!({ "text": prometheus(&[self.status()?]) })),
            Request::Update { program } => {
                let mut updating = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(other) = &*updating {
                    return Err(format!("the server is being updated to {other}"));
                }
                *updating = Some(program.clone());
                drop(updating);
                let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
                self.notifier.reloading(&format!("becoming {name}"));
                Ok(json!({}))
            }
        }
    }

    fn update_is_over(&self) {
        *self.updating.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // A server that has not come to rest yet is not ready by that.
        if self.has_rested.load(Ordering::Acquire) {
            self.notifier.ready(&self.described());
        }
    }
}
