//! nginx 1.22.1 to 1.26.3, a master, and one worker at work: what stops it is told as it is. Requests in flight are waited for; and as the
//! harness has asked for a page before the first snapshots are taken, what served that counts as made by start-up here, tables of the
//! configuration with it that have no type. `mcrx run` takes its snapshot before it lets in the first client (`tests/live`).

use crate::images::{Images, rules, rules_are_right, snapshot};
use mcrx_harness::server::Nginx;
use mcrx_harness::{Context, Explain, Pid, Result, Running, Suite, ensure, preload, server, until};
use mcrx_servers::Server;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const RELEASES: (&str, &str) = ("1.22.1", "1.26.3");
const RULES: &str = "nginx-1.22.1-to-1.26.3";

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs = || [server("nginx", RELEASES.0), server("nginx", RELEASES.1)];
    suite
        .test(needs(), only_what_a_client_left_at_start_up_stops_a_worker_whose_connections_wait)
        .test(needs(), requests_in_flight_are_waited_for)
        .test(needs(), nothing_stops_a_master)
}

fn started(test: &Context, release: &Server, epoch: u32) -> Result<Running<Nginx>> {
    let library = preload()?.to_str().context("text")?;
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let running = test
        .launch(Nginx::of(release).workers(1))
        .under([env!("CARGO_BIN_EXE_mcrx"), "run", "--exec", "--library", library, "--"])
        .environment("XDG_CACHE_HOME", cache)
        .environment("MCRX_EPOCH", epoch.to_string())
        .start()?;
    for process in running.processes() {
        until(Duration::from_secs(20), format!("{process} to wait"), || is_waiting(process.pid()))?;
    }
    Ok(running)
}

fn is_waiting(pid: Pid) -> Result<Option<()>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S')).then_some(()))
}

/// Snapshots of the worker.
fn take(running: &Running<Nginx>, file: &Path) -> Result<()> {
    let all = running.processes();
    let worker = all.iter().find(|process| process.pid() != running.pid()).context("no worker")?;
    until(Duration::from_secs(20), format!("{worker} to wait"), || is_waiting(worker.pid()))?;
    snapshot(worker.pid().as_raw().cast_unsigned(), file)
}

/// What stops the update of a worker with connections that wait, and perhaps some whose request is half sent: codes, and what they are about.
fn stopped_by(test: &Context, in_flight: usize) -> Result<BTreeSet<(String, String)>> {
    let (before, after) = (test.release("nginx", RELEASES.0)?, test.release("nginx", RELEASES.1)?);
    rules_are_right(&rules(RULES), &before.path, &after.path)?;
    let images = Images::of(test);
    let (old, new) = (started(test, before, 0)?, started(test, after, 1)?);
    take(&old, &images.start)?;
    take(&new, &images.new)?;
    let mut waiting = (0..20).map(|_| old.http()).collect::<Result<Vec<_>>>()?;
    for http in &mut waiting {
        ensure!(http.get("/text.txt")?.status()? == 200, "the page is not there");
    }
    let mut half = (0..in_flight).map(|_| old.http()).collect::<Result<Vec<_>>>()?;
    for http in &mut half {
        http.send(b"GET /text.txt HTTP/1.1\r\nHost: local")?;
    }
    // What is answered last has been sent behind all of that.
    ensure!(old.http()?.get("/text.txt")?.status()? == 200, "the page is not there");
    take(&old, &images.now)?;
    let done = images.plan(Some(&rules(RULES)))?;
    drop((waiting, half));
    old.stop()?.expect_clean()?;
    new.stop()?.expect_clean()?;
    let conflicts = done.conflicts();
    let about = |line: &String| -> Option<(String, String)> {
        let (code, rest) = line.split_once(' ')?;
        let (object, _) = rest.split_once(": ")?;
        let object = if object.starts_with("block of ") { "block" } else { object };
        Some((code.to_owned(), object.to_owned()))
    };
    conflicts.iter().map(about).collect::<Option<_>>().context("no conflicts")
}

/// Tables of the configuration that no site or fact gives a type.
const OF_A_CLIENT: [(&str, &str); 1] = [("MCX806", "block")];

fn only_what_a_client_left_at_start_up_stops_a_worker_whose_connections_wait(test: &Context) -> Result<()> {
    let found = stopped_by(test, 0)?;
    let expected = OF_A_CLIENT.map(|(code, object)| (code.to_owned(), object.to_owned()));
    ensure!(found == expected.into_iter().collect(), "{found:?}");
    Ok(())
}

fn requests_in_flight_are_waited_for(test: &Context) -> Result<()> {
    let found = stopped_by(test, 3)?;
    let request = ("MCX809".to_owned(), "struct ngx_http_request_s".to_owned());
    ensure!(found.contains(&request), "{found:?}");
    let codes: BTreeSet<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
    ensure!(codes == BTreeSet::from(["MCX806", "MCX809"]), "{found:?}");
    Ok(())
}

fn nothing_stops_a_master(test: &Context) -> Result<()> {
    let images = Images::of(test);
    let (old, new) = (
        started(test, test.release("nginx", RELEASES.0)?, 0)?,
        started(test, test.release("nginx", RELEASES.1)?, 1)?,
    );
    let master =
        |running: &Running<Nginx>, file: &Path| snapshot(running.pid().as_raw().cast_unsigned(), file);
    master(&old, &images.start)?;
    master(&new, &images.new)?;
    ensure!(old.http()?.get("/text.txt")?.status()? == 200, "the page is not there");
    master(&old, &images.now)?;
    let (done, _) = images.transform(&rules(RULES), "after")?;
    old.stop()?.expect_clean()?;
    new.stop()?.expect_clean()?;
    done.expect_no_conflict()
}
