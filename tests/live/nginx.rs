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
    suite
        .test(needs(), connections_of_all_workers_go_on_in_the_same_processes)
        .test(needs(), requests_under_way_are_waited_for)
        .test(needs(), a_request_that_does_not_end_in_time_refuses_the_update)
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

fn started(test: &Context) -> Result<Managed<Nginx>> {
    let nginx = Nginx::of(test.release("nginx", RELEASES.0)?).workers(2);
    Managed::start(test, nginx.in_server("location = /status { stub_status; }"), "nginx")
}

fn connections_of_all_workers_go_on_in_the_same_processes(test: &Context) -> Result<()> {
    let managed = started(test)?;
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

/// Connections whose request is sent in part; what is sent later is read after this.
fn half_sent(managed: &Managed<Nginx>) -> Result<Vec<Http<TcpStream>>> {
    let mut half = (0..10).map(|_| managed.running.http()).collect::<Result<Vec<_>>>()?;
    half.iter_mut().try_for_each(|client| client.send(b"GET /text.txt HTTP/1.1\r\nHost: local"))?;
    // Whoever is read last was sent behind all of these.
    let mut status = managed.running.http()?;
    let reading = |page: &str| page.split_once("Reading: ").map(|(_, rest)| rest.starts_with("10 "));
    until(PATIENCE, "all of it to be read", || {
        let page = String::from_utf8(status.get("/status")?.body)?;
        Ok((reading(&page) == Some(true)).then_some(()))
    })?;
    Ok(half)
}

/// The rest of it, and who has answered.
fn completed(client: &mut Http<TcpStream>) -> Result<String> {
    client.send(b"host\r\n\r\n")?;
    let answer = client.receive()?;
    ensure!(answer.status()? == 200 && answer.body == TEXT.as_bytes(), "{answer:?}");
    Ok(answer.header("Server").context("no server")?.to_owned())
}

fn requests_under_way_are_waited_for(test: &Context) -> Result<()> {
    let managed = started(test)?;
    let mut idle = (0..20).map(|_| managed.running.http()).collect::<Result<Vec<_>>>()?;
    idle.iter_mut().try_for_each(|client| release(client).map(drop))?;
    let mut half = half_sent(&managed)?;
    let new = test.release("nginx", RELEASES.1)?;
    let outcome = std::thread::scope(|scope| -> Result<_> {
        let update = scope.spawn(|| managed.update(&new.path, &example("releases", RULES), &[]));
        // It is only their end that it waits for.
        std::thread::sleep(Duration::from_secs(2));
        if update.is_finished() {
            let outcome = update.join().map_err(|_| anyhow!("the update panicked"))??;
            return Err(anyhow!("it has not waited: {:?} {:#}", outcome.code, outcome.facts));
        }
        for client in &mut half {
            ensure!(completed(client)? == "nginx/1.22.1", "whoever began with a request ends it");
        }
        update.join().map_err(|_| anyhow!("the update panicked"))?
    })?;
    ensure!(outcome.code == Some(0), "{:#}", outcome.facts);
    for client in half.iter_mut().chain(&mut idle) {
        ensure!(release(client)? == "nginx/1.26.3", "an open connection has the new release");
    }
    managed.running.stop()?.expect_clean()
}

fn a_request_that_does_not_end_in_time_refuses_the_update(test: &Context) -> Result<()> {
    let managed = started(test)?;
    let mut half = half_sent(&managed)?;
    let (facts, rules) = (example("facts", "nginx"), test.scratch().fresh("impatient.mcrx"));
    let text = std::fs::read_to_string(example("releases", RULES))?;
    let text = text.replace("within 30s", "within 500ms");
    let text = text.replace("../facts/nginx.mcrx", facts.to_str().context("text")?);
    std::fs::write(&rules, text)?;
    let new = test.release("nginx", RELEASES.1)?;
    let outcome = managed.update(&new.path, &rules, &[])?;
    ensure!(outcome.code == Some(4), "{:#}", outcome.facts);
    ensure!(outcome.facts.to_string().contains("MCX809"), "{:#}", outcome.facts);
    for client in &mut half {
        ensure!(completed(client)? == "nginx/1.22.1" && release(client)? == "nginx/1.22.1");
    }
    managed.running.stop()?.expect_clean()
}
