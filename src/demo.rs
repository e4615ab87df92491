//! `mcrx demo`: a small server in two releases, built here and now, with clients that hold connections open.
//!
//! It is what a live update will be shown on. Until there is one, the command starts release 1, fills it with the state
//! that an update has to carry over, shows what release 2 changes about it, and says what is not there yet.

use crate::output::Output;
use anyhow::{Context, Result};
use compiler::{Build, Program};
use interrupt::Interrupt;
use serde::Serialize;
use server::Server;
use sources::Release;
use story::{Conversation, Difference, Exchange, State};
use tempfile::TempDir;

mod client;
mod compiler;
mod interrupt;
mod server;
mod session;
mod sources;
mod story;

/// Show on a small server of its own what mcrx is for, and what works today
#[derive(clap::Args)]
#[command(after_help = "Needs a C compiler (CC, or cc). Everything it starts has ended when it ends.")]
pub(crate) struct Args {}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    releases: Vec<BuiltRelease>,
    server: Running,
    transcript: Vec<Exchange>,
    state: State,
    half_a_line: &'static str,
    differences: Vec<Difference>,
    /// Whether the running server was updated to release 2.
    updated: bool,
    /// Processes that were still there after the end.
    left_behind: usize,
}

#[derive(Serialize)]
struct BuiltRelease {
    version: &'static str,
    build_ms: u128,
}

#[derive(Serialize)]
struct Running {
    pid: u32,
    port: u16,
    processes: usize,
    threads: usize,
}

pub(crate) fn run(_args: &Args, output: &Output) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let folder = tempfile::Builder::new().prefix("mcrx-demo-").tempdir().context("cannot make a folder")?;

    output.narrate("building both releases of the demo server with -O2 -g ...");
    let (old, new) = build(&folder, &interrupt)?;

    let server = Server::start(&old.path, &interrupt)?;
    let running = Running {
        pid: server.pid(),
        port: server.port(),
        processes: server.processes()?.len(),
        threads: server.threads()?,
    };
    output.heading(format_args!("The server: release {}", sources::OLD.version))?;
    output.line(format_args!(
        "  pid {}, {} threads, {} processes, listening on 127.0.0.1:{}",
        running.pid, running.threads, running.processes, running.port
    ))?;

    let mut conversation = Conversation::open(&server, &interrupt)?;
    output.heading(format_args!("What its clients said, and heard ({})", conversation.greeting()))?;
    let transcript = conversation.say_script()?;
    for exchange in &transcript {
        print_exchange(exchange, output)?;
    }
    output.line(format_args!(
        "  {:6}> {} ... (half a line: the rest has not come yet)",
        "guest",
        story::HALF_A_LINE
    ))?;

    let state = conversation.state()?;
    output.heading("What lives in it now, and what release 2 makes of it")?;
    for (living, what, change) in story::MIGRATIONS {
        output.line(format_args!("  {:3} x {what:16} {change}", state.count(living)))?;
    }

    output.narrate("starting release 2 beside it, and saying the same to it ...");
    let differences = compare_with(&new, &mut conversation, &interrupt)?;
    output.heading("What these sessions would hear from release 2")?;
    print_differences(&differences, output)?;

    output.heading("Not there yet")?;
    output.line(
        "  mcrx cannot update a running server yet. Once it can, this command will put release 2 in\n  \
         the place of release 1 here, with the three connections open and nothing of the above lost.",
    )?;

    let pid = server.pid();
    server.end()?;
    let left_behind = session::members(pid)?.len();
    drop(conversation);
    folder.close().context("cannot remove the folder of the demo")?;
    output
        .line(format_args!("\nThe server (pid {pid}) and its helper have ended; nothing is left behind."))?;
    output.line("Both releases are described in examples/demo/README.md of mcrx's sources.")?;

    output.facts(&Facts {
        schema: "mcrx.demo/1",
        releases: vec![built(&sources::OLD, &old), built(&sources::NEW, &new)],
        server: running,
        transcript,
        state,
        half_a_line: story::HALF_A_LINE,
        differences,
        updated: false,
        left_behind,
    })?;
    Ok(())
}

/// Builds both at once.
fn build(folder: &TempDir, interrupt: &Interrupt) -> Result<(Program, Program)> {
    let start = |release: &Release| {
        let folder = folder.path().join(release.version);
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Build::start(release, &folder)
    };
    let old = start(&sources::OLD)?;
    let new = start(&sources::NEW)?;
    Ok((old.finish(interrupt)?, new.finish(interrupt)?))
}

fn built(release: &Release, program: &Program) -> BuiltRelease {
    BuiltRelease { version: release.version, build_ms: program.build_time.as_millis() }
}

/// Runs release 2 for as long as it takes to hear its answers.
fn compare_with(new: &Program, old: &mut Conversation, interrupt: &Interrupt) -> Result<Vec<Difference>> {
    let server = Server::start(&new.path, interrupt)?;
    let mut conversation = Conversation::open(&server, interrupt)?;
    conversation.say_script()?;
    let differences = story::compare(old, &mut conversation)?;
    server.end()?;
    Ok(differences)
}

fn print_exchange(exchange: &Exchange, output: &Output) -> Result<()> {
    let Exchange { session, request, answer } = exchange;
    output.line(format_args!("  {session:6}> {request:28} {}", answer.join("  ")))?;
    Ok(())
}

fn print_differences(differences: &[Difference], output: &Output) -> Result<()> {
    for Difference { session, request, old, new, meaning } in differences {
        output.line(format_args!("  {session:6}> {request:14} {meaning}"))?;
        output.line(format_args!("  {:10}release 1  {}", "", old.join("  ")))?;
        output.line(format_args!("  {:10}release 2  {}", "", new.join("  ")))?;
    }
    Ok(())
}
