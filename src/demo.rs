//! `mcrx demo`: a small server in two releases, built here and now, with clients that hold connections open.
//!
//! It starts release 1 under `mcrx run`, fills it with the state that an update has to carry over, makes release 2 of it while clients are
//! connected, and undoes that. Where the rights for that are missing it says so, shows what release 2 changes by starting it beside the other, and
//! does not end well: what it is for was not shown.

use crate::output::Output;
use anyhow::{Context, Result, anyhow};
use compiler::{Build, Program};
use interrupt::Interrupt;
use live::{Attempt, Done};
use serde::Serialize;
use server::Server;
use sources::Release;
use std::path::Path;
use story::{Conversation, Difference, Exchange, State};
use tempfile::TempDir;
use traffic::{Seen, Traffic};

mod client;
mod compiler;
mod interrupt;
mod library;
mod live;
mod rights;
mod server;
mod session;
mod sources;
mod story;
mod traffic;

/// Show on a small server of its own what mcrx is for: a live update, and back
#[derive(clap::Args)]
#[command(after_help = "\
Needs a C compiler (CC, or cc), and root's rights for the live update. Everything it starts has ended when it ends.

Exit codes: 0 all of it was shown, 1 something was not as it should be, 3 something is missing: without root's rights, say, it shows what can be \
shown without them.")]
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
    /// Whether the running server was updated to release 2, and back.
    updated: bool,
    /// What was seen of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Live>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
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

/// An update and its undoing.
#[derive(Serialize)]
struct Live {
    update: Done,
    undo: Done,
    /// The client that asked without a break.
    traffic: Seen,
}

/// What is shown, by whether it could be shown live.
struct Shown {
    differences: Vec<Difference>,
    live: Result<Live, String>,
}

pub(crate) fn run(_args: &Args, output: &Output) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let folder = tempfile::Builder::new().prefix("mcrx-demo-").tempdir().context("cannot make a folder")?;

    output.narrate("building both releases of the demo server with -O2 -g ...");
    let (old, new) = build(&folder, &interrupt)?;

    let state_folder = folder.path().join("state");
    let missing = rights::missing();
    let server = match &missing {
        Some(_) => Server::start(&old.path, &interrupt)?,
        None => {
            let library = library::library(&interrupt, |what| output.narrate(what))?;
            Server::managed(&old.path, &library, &state_folder, &interrupt)?
        }
    };
    let running = Running {
        pid: server.pid(),
        port: server.port(),
        processes: server.processes()?.len(),
        threads: server.threads()?,
    };
    let under = if missing.is_none() { ", under mcrx run" } else { "" };
    output.heading(format_args!("The server: release {}{under}", sources::OLD.version))?;
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

    let shown = match missing {
        None => show(&server, &mut conversation, (&state, &state_folder), &new, (&interrupt, output))?,
        Some(why) => Shown { differences: Vec::new(), live: Err(why) },
    };
    let shown = match shown.live {
        Ok(_) => shown,
        Err(_) => show_beside(shown, &new, &mut conversation, (&interrupt, output))?,
    };

    let (pid, session) = (server.pid(), server.session());
    server.end()?;
    let left_behind = session::members(session)?.len();
    drop(conversation);
    folder.close().context("cannot remove the folder of the demo")?;
    output
        .line(format_args!("\nThe server (pid {pid}) and its helper have ended; nothing is left behind."))?;
    output.line("Both releases are described in examples/demo/README.md of mcrx's sources.")?;

    let (live, missing) = match shown.live {
        Ok(live) => (Some(live), None),
        Err(why) => (None, Some(why)),
    };
    output.facts(&Facts {
        schema: "mcrx.demo/1",
        releases: vec![built(&sources::OLD, &old), built(&sources::NEW, &new)],
        server: running,
        transcript,
        state,
        half_a_line: story::HALF_A_LINE,
        differences: shown.differences,
        updated: live.is_some(),
        live,
        missing: missing.clone(),
        left_behind,
    })?;
    missing.map_or(Ok(()), |why| Err(anyhow!("the live update was not shown: {why}")))
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

/// Updates the server and goes back, while clients are connected.
fn show(
    server: &Server,
    conversation: &mut Conversation,
    (state, folder): (&State, &Path),
    new: &Program,
    (interrupt, output): (&Interrupt, &Output),
) -> Result<Shown> {
    let rules = sources::write_rules(folder.parent().unwrap_or(folder))?;
    let before = conversation.say_probes(false)?;
    let traffic = Traffic::start(server.connect(interrupt)?)?;
    output.narrate("one more client asks without a break; now the update ...");
    let (pid, say) = (server.pid(), (interrupt, output));
    let arguments = ["update".as_ref(), new.path.as_os_str(), "--rules".as_ref(), rules.as_os_str()];
    let shown = format!("mcrx update {pid} larder-2 --rules larder-1-to-2.mcrx");
    let update = match live::change(folder, pid, &arguments, &shown, say)? {
        Attempt::Done(done) => done,
        Attempt::NotHere(why) => return Ok(Shown { differences: Vec::new(), live: Err(why) }),
    };
    output.heading("On the same connections, in the same processes: release 2")?;
    let welcome = conversation.finish_line()?;
    output.line(format_args!("  guest > ... pper         the rest of the line: {welcome}"))?;
    let after = conversation.say_probes(false)?;
    let differences = story::differences(before, after)?;
    print_differences(&differences, output)?;
    let kept = conversation.state()?;
    // Meanwhile one more has connected, and counts under a key of its own.
    let wanted = State { sessions: state.sessions + 1, keys: state.keys + 1, marks: state.marks };
    if kept != wanted {
        return Err(crate::exit::Failure::Finding(format!("of {wanted:?} there is {kept:?} left")).into());
    }
    output.line(format_args!(
        "  {} sessions, {} keys, {} marks: as many as before",
        state.sessions, state.keys, state.marks
    ))?;

    conversation.ask_for_half_a_basket()?;
    let undo = match live::change(folder, pid, &["undo".as_ref()], &format!("mcrx undo {pid}"), say)? {
        Attempt::Done(done) => done,
        Attempt::NotHere(why) => return Err(anyhow!("the update could be made, and not undone: {why}")),
    };
    output.heading("On the same connections: release 1 again")?;
    let basket = conversation.hear_basket()?;
    output.line(format_args!("  ada   > GET bas ... ket      {basket}"))?;
    for again in conversation.say_probes(false)? {
        if differences.iter().any(|difference| difference.request == again.request) {
            print_exchange(&again, output)?;
        }
    }
    let traffic = traffic.end()?;
    output.line(format_args!(
        "\nThe client that asked without a break: {} requests, each answered once and rightly; it waited {:.1} ms at most.",
        traffic.requests, traffic.longest_wait_ms
    ))?;
    output.line("No connection was closed, no session and no byte was lost.")?;
    Ok(Shown { differences, live: Ok(Live { update, undo, traffic }) })
}

/// What can be shown without rights: release 2 is started beside the server, and hears the same.
fn show_beside(
    shown: Shown,
    new: &Program,
    conversation: &mut Conversation,
    (interrupt, output): (&Interrupt, &Output),
) -> Result<Shown> {
    if let Err(why) = &shown.live {
        output.heading("Not shown: the live update")?;
        output.line(format_args!("  {why}."))?;
    }
    output.narrate("starting release 2 beside it, and saying the same to it ...");
    let differences = compare_with(new, conversation, interrupt)?;
    output.heading("What these sessions would hear from release 2")?;
    print_differences(&differences, output)?;
    Ok(Shown { differences, ..shown })
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
