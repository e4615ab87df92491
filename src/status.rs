//! `mcrx status`: the servers that run under `mcrx run`.

use crate::output::{Output, shortened};
use anyhow::{Result, anyhow};
use mcrx_live::control::{self, AskError, Status, UndoStatus, prometheus};
use mcrx_live::managed::{Attempt, Managed, Record, seconds};
use nix::unistd::Pid;
use serde::Serialize;

/// Say how the servers under `mcrx run` are: what they run, since when, what was done with them
///
/// All of this user's servers, a line for each; or one, in full. Whoever looks after a server is asked; where it is gone, what it has written
/// down is told.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 all servers are told, 2 wrong usage, 3 there is no such server, or what is kept of it cannot be read.

Examples:
  mcrx status
  mcrx status 4711
  mcrx status --json | jq '.servers[].updates.counts'
  mcrx status --metrics > /var/lib/node_exporter/mcrx.prom")]
pub(crate) struct Args {
    /// A process of a server, or the `mcrx run` that looks after it; without it, all servers
    #[arg(value_name = "PID")]
    pid: Option<i32>,
    /// Print numbers in Prometheus's text format
    #[arg(long)]
    metrics: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    servers: Vec<Status>,
}

/// So many of the last updates are shown.
const SHOWN: usize = 10;

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let found = match args.pid {
        Some(pid) => vec![Managed::find(Pid::from_raw(pid))?],
        None => Managed::all()?,
    };
    let mut servers = Vec::new();
    for (managed, record) in found {
        match status(&managed, output) {
            Ok(status) => servers.push(status),
            // It has ended since.
            Err(_) if args.pid.is_none() && !record.is_alive() => {}
            Err(error) => return Err(told(error, &record)),
        }
    }
    match (args.pid, servers.as_slice()) {
        _ if args.metrics => output.text(&prometheus(&servers))?,
        (Some(_), [server]) => one(server, output)?,
        (_, []) => output.line("No server runs under `mcrx run`.")?,
        (_, servers) => list(servers, output)?,
    }
    output.facts(&Facts { schema: "mcrx.status/1", servers })?;
    Ok(())
}

/// By whoever looks after it; else by what is kept.
fn status(managed: &Managed, output: &Output) -> Result<Status> {
    match control::status(managed) {
        Ok(status) => Ok(status),
        Err(error) => {
            if !matches!(error, AskError::Gone(_)) {
                output.narrate(error);
            }
            Ok(Status::read(managed, false)?)
        }
    }
}

fn told(error: anyhow::Error, record: &Record) -> anyhow::Error {
    match record.is_alive() {
        true => error,
        false => anyhow!("the server ({}) has ended", record.root),
    }
}

fn list(servers: &[Status], output: &Output) -> Result<()> {
    let (pid, release, up) = ("PID", "RELEASE", "UP");
    output.line(format_args!(
        "{pid:>8}  {release:12}  {up:>8}  {:>9}  {:>7}  {:9}  {}",
        "PROCESSES", "UPDATES", "STATE", "PROGRAM"
    ))?;
    for server in servers {
        let release = shortened(server.release.as_deref().unwrap_or("-"), 12);
        let program = shortened(&server.program.as_path().to_string_lossy(), 80);
        output.line(format_args!(
            "{:>8}  {release:12}  {:>8}  {:>9}  {:>7}  {:9}  {program}",
            server.pid,
            ago(server.since),
            server.processes.len(),
            server.updates.counts.committed,
            server.state.name(),
        ))?;
    }
    Ok(())
}

fn one(server: &Status, output: &Output) -> Result<()> {
    let release = server.release.as_ref().map_or_else(String::new, |release| format!(" ({release})"));
    let program = server.program.as_path().display();
    output.heading(format_args!("{}: {program}{release}", server.pid))?;
    let updating = server.updating_to.as_ref().map_or_else(String::new, |to| format!(", to {to}"));
    output.line(format_args!(
        "  state         {}{updating}, up for {}",
        server.state.name(),
        ago(server.since)
    ))?;
    output.line(format_args!("  build-id      {}", server.build_id.as_deref().unwrap_or("none")))?;
    let answers =
        if server.service.answers { "" } else { "; it is gone: nobody sends signals on, or notices the end" };
    output.line(format_args!("  looked after  by mcrx run, {}{answers}", server.service.pid))?;
    for process in &server.processes {
        let (name, mib) = (shortened(&process.name, 16), process.resident_bytes >> 20);
        output.line(format_args!(
            "  process       {:<8} {name:16} {:3} threads, {mib} MiB resident",
            process.pid, process.threads
        ))?;
    }
    let counts = server.updates.counts;
    output.line(format_args!(
        "  updates       {} done, {} refused, {} rolled back{}",
        counts.committed,
        counts.refused,
        counts.rolled_back,
        if counts.unknown > 0 { ", and one that failed and could not be put back" } else { "" }
    ))?;
    let attempts = &server.updates.attempts;
    for attempt in attempts.iter().skip(attempts.len().saturating_sub(SHOWN)) {
        print_attempt(attempt, output)?;
    }
    match &server.undo {
        Some(undo) => print_undo(undo, output)?,
        None => output.line("  undo          nothing to go back to")?,
    }
    Ok(())
}

fn print_attempt(attempt: &Attempt, output: &Output) -> Result<()> {
    let held = attempt.held_ms.map_or_else(|| "not held".to_owned(), |ms| format!("held {ms:.1} ms"));
    output.line(format_args!(
        "    {:>8} ago  {:6} {:11} {held}, to {}",
        ago(attempt.at),
        attempt.kind.name(),
        attempt.outcome.name(),
        attempt.to.as_path().display()
    ))?;
    Ok(())
}

fn print_undo(undo: &UndoStatus, output: &Output) -> Result<()> {
    let release = undo.release.as_ref().map_or_else(String::new, |release| format!(" ({release})"));
    let but = match undo {
        UndoStatus { reason: Some(reason), .. } => format!(", but {reason}"),
        UndoStatus { holes: 1.., .. } => {
            ", but the rules leave something open: say it with --rules".to_owned()
        }
        UndoStatus { lost: 1.., .. } => ", with --accept-loss: not all comes back as it was".to_owned(),
        _ => String::new(),
    };
    output.line(format_args!(
        "  undo          goes back to {}{release}{but}",
        undo.program.as_path().display()
    ))?;
    Ok(())
}

/// How long ago that was: seconds since 1970.
fn ago(then: u64) -> String {
    if then == 0 {
        return "?".to_owned();
    }
    let passed = seconds().saturating_sub(then);
    match passed {
        0..120 => format!("{passed} s"),
        120..7200 => format!("{} min", passed / 60),
        7200..172_800 => format!("{} h", passed / 3600),
        _ => format!("{} days", passed / 86_400),
    }
}
