//! nginx 1.22.1 becomes 1.26.3, a master and two workers, while clients are connected.

use crate::managed::{Managed, example};
use mcrx_harness::client::{Http, Wrk};
use mcrx_harness::server::{Nginx, TEXT};
use mcrx_harness::{
    Context, Explain as _, Pid, Result, Suite, anyhow, ensure, process, program, server, until,
};
use nix::sys::signal::{Signal, kill};
use std::net::TcpStream;
use std::time::Duration;

const RELEASES: (&str, &str) = ("1.22.1", "1.26.3");
const RULES: &str = "nginx-1.22.1-to-1.26.3";
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections that have had an answer, and wait for their next request.
const CLIENTS: usize = 200;
/// Connections that have not sent anything yet.
const SILENT: usize = 10;

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs = || [server("nginx", RELEASES.0), server("nginx", RELEASES.1), program("wrk")];
    suite.test(needs(), connections_of_all_workers_go_on_in_the_same_processes)
}

/// What the status page counts: connections and requests, since the server was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    active: u64,
    accepted: u64,
    handled: u64,
    requests: u64,
}

impl Counts {
    fn of(client: &mut Http<TcpStream>) -> Result<Counts> {
        let page = String::from_utf8(client.get("/status")?.body)?;
        let numbers: Vec<u64> = page.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [active, accepted, handled, requests, ..] = numbers.as_slice() else {
            return Err(anyhow!("the status page says {page:?}"));
        };
        Ok(Counts { active: *active, accepted: *accepted, handled: *handled, requests: *requests })
    }
}

fn workers(master: Pid) -> Vec<Pid> {
    process::descendants(master).iter().map(process::Process::pid).collect()
}

/// What answers, by its own word, and that the page is whole.
fn release(client: &mut Http<TcpStream>) -> Result<String> {
    let answer = client.get("/text.txt")?;
    ensure!(answer.status()? == 200 && answer.body == TEXT.as_bytes(), "{answer:?}");
    Ok(answer.header("Server").context("no server")?.to_owned())
}

fn connections_of_all_workers_go_on_in_the_same_processes(test: &Context) -> Result<()> {
    let nginx = Nginx::of(test.release("nginx", RELEASES.0)?).workers(2);
    let nginx = nginx.in_server("location = /status { stub_status; }");
    let managed = Managed::start(test, nginx, "nginx")?;
    let (master, connect) = (managed.root()?, || managed.running.http());
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect()).collect::<Result<_>>()?;
    let mut silent: Vec<_> = (0..SILENT).map(|_| connect()).collect::<Result<_>>()?;
    for client in &mut clients {
        ensure!(release(client)? == "nginx/1.22.1");
    }
    let mut first = clients.pop().context("a client")?;
    let all = u64::try_from(CLIENTS + SILENT)?;
    let before = until(PATIENCE, "all to be accepted", || {
        let counts = Counts::of(&mut first)?;
        Ok((counts.active >= all).then_some(counts))
    })?;
    let processes = workers(master);
    ensure!(processes.len() == 2, "{processes:?}");

    let new = test.release("nginx", RELEASES.1)?;
    let outcome = managed.update(&new.path, &example("releases", RULES), &[])?;
    ensure!(outcome.code == Some(0), "{:#}", outcome.facts);

    ensure!(managed.root()? == master && workers(master) == processes, "the same processes");
    for client in clients.iter_mut().chain(&mut silent) {
        ensure!(release(client)? == "nginx/1.26.3", "an open connection has the new release");
    }
    // What is shared by all processes goes on: each of them asked once, and this is one more.
    let after = Counts::of(&mut first)?;
    let asked = u64::try_from(clients.len() + silent.len())? + 1;
    let expected = Counts { requests: before.requests + asked, ..before };
    ensure!(after == expected, "{before:?}, then {after:?}");
    for _ in 0..20 {
        ensure!(release(&mut connect()?)? == "nginx/1.26.3");
    }
    let load =
        Wrk { connections: 50, ..Wrk::default() }.run(test.program("wrk")?, &managed.running.url("/"))?;
    ensure!(load.requests > 0 && load.errors() == 0, "{load:?}");
    for process in processes.iter().copied().chain([master]) {
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
        ensure!(maps.contains("nginx-1.26.3") && !maps.contains("nginx-1.22.1"), "{process}: {maps}");
    }

    // The master does what the new release's does.
    let killed = *processes.first().context("a worker")?;
    kill(killed, Signal::SIGKILL)?;
    until(PATIENCE, "another worker", || {
        let now = workers(master);
        Ok((now.len() == 2 && !now.contains(&killed)).then_some(()))
    })?;
    for _ in 0..20 {
        ensure!(release(&mut connect()?)? == "nginx/1.26.3");
    }
    let processes = workers(master);
    kill(master, Signal::SIGHUP)?;
    until(PATIENCE, "workers of the new configuration", || {
        let now = workers(master);
        Ok((now.len() == 2 && now.iter().all(|worker| !processes.contains(worker))).then_some(()))
    })?;
    for _ in 0..20 {
        ensure!(release(&mut connect()?)? == "nginx/1.26.3");
    }
    kill(master, Signal::SIGQUIT)?;
    let end = until(PATIENCE, "it to end", || managed.running.exit())?;
    ensure!(format!("{end:?}").contains('0'), "{end:?}");
    Ok(())
}
