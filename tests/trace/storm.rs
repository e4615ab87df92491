//! Snapshot after snapshot of servers under load: no request fails, and nothing that they do changes.
//!
//! Copied and cloned in turn, whatever their size. Now and then one is written to a file and traced, and must count the blocks that the
//! allocator counts in it. `MCRX_TEST_SNAPSHOTS` sets how many each server undergoes; the thousand takes some ten minutes.

use crate::command::{facts, number};
use mcrx_allocator::reader::{Consistency, Heap, Limits};
use mcrx_harness::client::{RedisBenchmark, Value, Wrk};
use mcrx_harness::server::{Nginx, Redis};
use mcrx_harness::{Context, Explain as _, Pid, Result, Suite, ensure, preload, program, server, until};
use mcrx_live::capture::{Choice, capture_by};
use mcrx_live::hold::Scope;
use mcrx_tracer::image::{Image, Method};
use mcrx_tracer::snapshot::{Options, save};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    let nginx = [server("nginx", "1.28.3"), program("wrk")];
    let redis = [server("redis", "7.0.15"), program("redis-benchmark")];
    let patience = Duration::from_secs(3600);
    suite
        .test(nginx, nginx_serves_on_through_many_snapshots)
        .within(patience)
        .test(redis, redis_serves_on_through_many_snapshots)
        .within(patience)
}

/// How many, without an answer from outside: some ten seconds for each server.
const SNAPSHOTS: usize = 24;
/// Of so many snapshots, one is traced.
const TRACED: usize = 20;

fn snapshots() -> Result<usize> {
    match std::env::var("MCRX_TEST_SNAPSHOTS") {
        Ok(number) => number.parse().context("MCRX_TEST_SNAPSHOTS is no number"),
        Err(_) => Ok(SNAPSHOTS),
    }
}

/// How long servers were held, by how they were captured.
#[derive(Default)]
struct Pauses(BTreeMap<&'static str, Vec<Duration>>);

impl Pauses {
    fn add(&mut self, image: &Image) {
        let method = match image.taken.method {
            Method::Copy => "copied",
            Method::Clone => "cloned",
        };
        self.0.entry(method).or_default().push(image.taken.held);
    }

    fn say(&mut self, server: &str) {
        for (method, pauses) in &mut self.0 {
            pauses.sort();
            let (median, most) = (pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
            eprintln!(
                "{server}: {method} {} times, held for {median:.1?} (median), {most:.1?} (most)",
                pauses.len()
            );
        }
    }
}

/// Takes them, while `load` puts load on the server again and again, and `between` looks at it.
fn storm(
    test: &Context,
    server: Pid,
    load: impl Fn() -> Result<()> + Send + Sync,
    mut between: impl FnMut(usize, &Image) -> Result<()>,
) -> Result<Pauses> {
    let over = AtomicBool::new(false);
    let mut pauses = Pauses::default();
    std::thread::scope(|scope| {
        let loads = scope.spawn(|| -> Result<usize> {
            let mut times = 0;
            while !over.load(Ordering::Relaxed) {
                load()?;
                times += 1;
            }
            Ok(times)
        });
        let mut take = || -> Result<()> {
            for number in 0..snapshots()? {
                ensure!(!loads.is_finished(), "the load ended after {number} snapshots");
                let choice = [Choice::Quickest, Choice::Copy, Choice::Clone][number % 3];
                let image = capture_by(Scope::Tree(server), choice)?;
                if choice == Choice::Clone {
                    ensure!(image.taken.method == Method::Clone, "snapshot {number} is no clone");
                }
                pauses.add(&image);
                between(number, &image).with_context(|| format!("after snapshot {number}"))?;
                if number % TRACED == TRACED - 1 {
                    trace(&image, &test.scratch().directory().join("snapshot"))
                        .with_context(|| format!("snapshot {number}"))?;
                }
            }
            Ok(())
        };
        let taken = take();
        over.store(true, Ordering::Relaxed);
        let loaded = loads.join().map_err(|_| mcrx_harness::anyhow!("the load panicked"))?;
        let times = loaded.context("the load")?;
        taken?;
        ensure!(times > 0, "there was no load");
        Ok(pauses)
    })
}

/// Live blocks of each process, as the allocator counts them.
fn counted(image: &Image) -> Result<Vec<u64>> {
    let heaps = image.processes.iter().map(|process| {
        let heap = Heap::read(&process.memory, &process.regions(), Consistency::Stopped, Limits::default())?;
        Ok(u64::try_from(heap.blocks().count())?)
    });
    heaps.collect()
}

fn trace(image: &Image, file: &Path) -> Result<()> {
    save(image, &Options { redact: false, progress: None }, file)?;
    let facts = facts(&["trace", &file.display().to_string()])?;
    for (place, counted) in counted(image)?.into_iter().enumerate() {
        let traced = number(&facts["processes"][place], &["blocks", "live"])?;
        ensure!(traced == counted, "{traced} traced, {counted} counted: {facts}");
    }
    Ok(std::fs::remove_file(file)?)
}

fn nginx_serves_on_through_many_snapshots(test: &Context) -> Result<()> {
    let nginx = test.launch(Nginx::of(test.server("nginx")?).workers(2)).preload(preload()?).start()?;
    let processes = || {
        let mut pids: Vec<Pid> = nginx.processes().iter().map(mcrx_harness::process::Process::pid).collect();
        pids.sort();
        pids
    };
    // It serves as soon as one worker does.
    let before = until(Duration::from_secs(60), "both workers", || {
        Ok(Some(processes()).filter(|processes| processes.len() == 3))
    })?;
    let mut clients: Vec<_> = (0..8).map(|_| nginx.http()).collect::<Result<_>>()?;
    let page = clients[0].get("/text.txt")?.body;
    let (wrk, url) = (test.program("wrk")?, nginx.url("/"));
    let load = || {
        let load = Wrk { seconds: 2, connections: 64, threads: 1 }.run(wrk, &url)?;
        ensure!(load.errors() == 0 && load.requests > 0, "{load:?}");
        Ok(())
    };
    let mut pauses = storm(test, nginx.pid(), load, |_, image| {
        ensure!(image.processes.len() == 3, "{} processes", image.processes.len());
        for client in &mut clients {
            let answer = client.get("/text.txt")?;
            ensure!(answer.status()? == 200 && answer.body == page, "it answers {}", answer.status()?);
        }
        Ok(())
    })?;
    pauses.say("nginx");
    let after = processes();
    ensure!(after == before, "its processes were {before:?}, and are {after:?}");
    let log = std::fs::read_to_string(nginx.place().path("error.log"))?;
    let complaint = log.lines().find(|line| {
        ["[warn]", "[error]", "[crit]", "[alert]", "[emerg]", "unknown process"]
            .iter()
            .any(|word| line.contains(word))
    });
    ensure!(complaint.is_none(), "{complaint:?}");
    drop(clients);
    nginx.stop()?.expect_clean()
}

/// A line of what INFO says.
fn info(client: &mut mcrx_harness::client::Redis, name: &str) -> Result<String> {
    let answer = client.command(["INFO"])?;
    let text = String::from_utf8_lossy(answer.bytes().context("INFO")?).into_owned();
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned));
    line.with_context(|| format!("INFO has no {name}"))
}

fn redis_serves_on_through_many_snapshots(test: &Context) -> Result<()> {
    let redis = test.launch(Redis::of(test.server("redis")?)).preload(preload()?).start()?;
    let mut client = redis.client()?;
    // Kept apart from what the load writes.
    let value = |number: usize| format!("{number} {}", "v".repeat(number * 37 % 2000));
    for number in 0..2000 {
        client.command(["SET", &format!("kept:{number}"), &value(number)])?;
    }
    let mut idle: Vec<_> = (0..10).map(|_| redis.client()).collect::<Result<_>>()?;
    let ids: Vec<Value> =
        idle.iter_mut().map(|client| client.command(["CLIENT", "ID"])).collect::<Result<_>>()?;
    let benchmark = test.program("redis-benchmark")?;
    let load = || {
        let load = RedisBenchmark {
            requests: 40_000,
            connections: 20,
            pipeline: 16,
            value_bytes: 200,
            keys: Some(20_000),
            tests: ["set", "get", "lpush", "lpop"].map(str::to_owned).to_vec(),
        };
        load.run(benchmark, redis.address()).map(drop)
    };
    let mut pauses = storm(test, redis.pid(), load, |number, image| {
        ensure!((1..=2).contains(&image.processes.len()), "{} processes", image.processes.len());
        if number % 5 == 0 {
            // Refused while there is one.
            client.command(["BGSAVE"])?;
        }
        for number in (number..2000).step_by(400) {
            let found = client.command(["GET", &format!("kept:{number}")])?;
            ensure!(found.bytes() == Some(value(number).as_bytes()), "kept:{number} is {found:?}");
        }
        Ok(())
    })?;
    pauses.say("redis");
    for number in 0..2000 {
        let found = client.command(["GET", &format!("kept:{number}")])?;
        ensure!(found.bytes() == Some(value(number).as_bytes()), "kept:{number} is {found:?}");
    }
    let now: Vec<Value> =
        idle.iter_mut().map(|client| client.command(["CLIENT", "ID"])).collect::<Result<_>>()?;
    ensure!(now == ids, "a connection is not the one that it was");
    until(Duration::from_secs(60), "the last save to end", || {
        Ok((info(&mut client, "rdb_bgsave_in_progress")? == "0").then_some(()))
    })?;
    ensure!(info(&mut client, "rdb_last_bgsave_status")? == "ok", "a save has failed");
    ensure!(
        info(&mut client, "connected_clients")? == "11",
        "{} clients",
        info(&mut client, "connected_clients")?
    );
    ensure!(info(&mut client, "rejected_connections")? == "0", "a connection was refused");
    let said = redis.output();
    let complaint =
        said.lines().find(|line| line.contains(" # ") && line.to_lowercase().contains("unknown pid"));
    ensure!(complaint.is_none(), "{complaint:?}");
    drop((client, idle));
    redis.stop()?.expect_clean()
}
