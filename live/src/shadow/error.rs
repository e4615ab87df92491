//! Why there is no shadow. Nothing is left of it.

use super::order::Status;
use crate::park::ParkError;
use crate::process::maps::{Mapping, Name};
use nix::errno::Errno;
use std::path::PathBuf;
use std::time::Duration;

/// The old release is as it was: it has noticed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// Namespaces take rights.
    #[error(
        "the new release is started out of sight, in namespaces of its own, and that takes the rights of root: run this as root"
    )]
    NotPermitted,
    /// This kernel, or the container that this runs in, lacks something.
    #[error("the new release cannot be started out of sight: {step}: {errno}")]
    SetUp {
        /// What could not be done.
        step: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// We could not make what it takes.
    #[error("the new release cannot be started out of sight: {0}")]
    Other(#[source] std::io::Error),
    /// The program could not be executed as the old one was.
    #[error("{} cannot be started: {step}: {errno}", program.display())]
    NotStarted {
        /// The new release.
        program: PathBuf,
        /// What could not be done.
        step: String,
        /// What the kernel said.
        errno: Errno,
    },
    /// It has ended, when it should serve.
    #[error("{} did not start{}: {}", program.display(), how(*.status), words(.said))]
    Ended {
        /// The new release.
        program: PathBuf,
        /// How its first process ended.
        status: Option<Status>,
        /// What it said: its standard output and standard error.
        said: String,
    },
    /// It did not come to rest.
    #[error("{} did not come to rest within {limit:?}: {source}: {}", program.display(), words(.said))]
    Restless {
        /// The new release.
        program: PathBuf,
        /// For how long it was waited for.
        limit: Duration,
        /// Who kept it from that.
        source: Box<ParkError>,
        /// What it said so far.
        said: String,
    },
    /// Its processes have other numbers than the old ones, however it is started.
    #[error(
        "process {wanted} ({title}) has a partner in the new release that cannot have its number: it has {found}"
    )]
    Number {
        /// The number that it should have.
        wanted: i32,
        /// What the process calls itself.
        title: String,
        /// The number that it has.
        found: i32,
    },
    /// The old release is the first process of a pid namespace: nobody else can have that number.
    #[error("the server is the first process of its container: it has to be started below an init there")]
    FirstProcess,
    /// It would see other files.
    #[error("the server runs in a container, with files of its own: run this in there")]
    Elsewhere,
    /// Both releases have something at the same addresses, in every attempt.
    #[error(
        "the new release has {:#x}-{:#x} ({}) where the old one has memory, too: link it as a position independent executable",
        mapping.range.start, mapping.range.end, name(mapping)
    )]
    Collision {
        /// What the new release has there.
        mapping: Box<Mapping>,
    },
    /// It went on when it was taken for being at rest.
    #[error("the new release has made process {0} after it had come to rest: try again")]
    Changed(nix::unistd::Pid),
    /// The same: it does not wait any more.
    #[error(
        "thread {0} of the new release went on after it had come to rest, and does not come to rest again: try again"
    )]
    Awake(nix::unistd::Pid),
    /// What the kernel has for it cannot be asked for.
    #[error("the new release cannot be read: {0}")]
    Kernel(#[from] crate::hold::HandsError),
    /// It was parked, and could not be read.
    #[error("the new release cannot be read: {0}")]
    Capture(#[from] crate::capture::CaptureError),
}

fn name(mapping: &Mapping) -> String {
    match &mapping.name {
        Name::File { path, .. } => path.display().to_string(),
        Name::Special(name) => name.clone(),
        Name::None => "memory of its own".to_owned(),
    }
}

fn how(status: Option<Status>) -> String {
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

fn words(said: &str) -> String {
    /// The last lines tell why.
    const LINES: usize = 12;
    let lines: Vec<&str> = said.trim_end().lines().collect();
    if lines.is_empty() {
        return "it said nothing".to_owned();
    }
    let shown = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    format!("it said:\n{}", shown.join("\n"))
}
