//! All processes of a server or a snapshot, boiled down to what analyses compare.

use super::{Extent, Subject, Which, described};
use crate::exit::Failure;
use crate::output::Output;
use anyhow::Result;
use mcrx_analysis::index::{Index, Snapshot};
use mcrx_tracer::trace::TraceError;
use serde::Serialize;
use std::path::PathBuf;

/// How servers and snapshots are looked at that are analysed as a whole.
#[derive(clap::Args)]
pub(crate) struct Reading {
    /// Only this process of each, not all
    #[arg(long, value_name = "PID")]
    process: Option<u32>,
    /// Read memory as this rule file says, where types alone do not tell
    #[arg(long, value_name = "RULES")]
    rules: Option<PathBuf>,
}

/// A server at one instant, in `--json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServerFacts {
    /// What was named: a process, or a file.
    pub(crate) target: String,
    /// The first of its processes that has a heap.
    pub(crate) pid: u32,
    pub(crate) name: String,
    /// Those that were looked at.
    pub(crate) processes: Vec<u32>,
    pub(crate) pause_ms: Option<f64>,
}

/// Looks at a server's processes one after the other; the image is given up when it is done.
pub(crate) fn indexed(target: &str, reading: &Reading, output: &Output) -> Result<(Snapshot, ServerFacts)> {
    let Reading { process, rules } = reading;
    let which = Which { target: target.to_owned(), process: *process, rules: rules.clone() };
    let extent = if process.is_some() { Extent::One } else { Extent::Tree };
    let subject = Subject::open(&which, extent, output)?;
    let mut snapshot = Snapshot::default();
    for one in subject.processes() {
        if process.is_some_and(|wanted| wanted != one.pid) {
            continue;
        }
        match subject.trace(one, output, |trace, _| Index::of(trace)) {
            Ok(index) => snapshot.processes.push(index),
            // A shell that started the server, for example.
            Err(TraceError::NoHeap) => {}
            Err(error @ TraceError::Heap(_)) => {
                return Err(Failure::Refused(format!("process {}: {error}", described(one))).into());
            }
        }
    }
    let Some(first) = snapshot.processes.first() else {
        anyhow::bail!("{target}: {}", TraceError::NoHeap);
    };
    let facts = ServerFacts {
        target: target.to_owned(),
        pid: first.process.pid,
        name: first.process.name.clone(),
        processes: snapshot.processes.iter().map(|index| index.process.pid).collect(),
        pause_ms: subject.pause_ms(),
    };
    Ok((snapshot, facts))
}
