//! Things measured against themselves: what is left of a difference when there is none.
//!
//! The ratios should be 1. Their quartiles are the noise floor of this machine: a difference that another area reports
//! means something only where it is larger.

use super::area::{Area, Case, Figure, Method, Side};
use super::supply::{Peer, Supply};
use anyhow::{Result, ensure};
use mcrx_harness::client::{RedisBenchmark, Wrk};
use mcrx_harness::server::{Nginx, Redis};
use mcrx_harness::{Batch, Exit, Invocation, Scratch};
use mcrx_servers::Server;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) const AREA: Area = Area {
    name: "noise",
    about: "the same against itself: how much a ratio varies for no reason",
    method: Method::Cases(cases),
};

const WRK: Peer = Peer::Program { name: "wrk", package: "wrk" };
const REDIS_BENCHMARK: Peer = Peer::Program { name: "redis-benchmark", package: "redis-tools" };
const NGINX: (&str, &str) = ("nginx", "1.22.1");
const REDIS: (&str, &str) = ("redis", "7.0.15");

fn cases(supply: &mut Supply) -> Vec<Case> {
    let mut cases = vec![twice("a shell's loop", shell_loop)];
    if let Some((server, wrk)) = server(supply, NGINX).zip(supply.get(WRK)) {
        cases.push(twice("nginx under wrk", move || nginx(&server, &wrk)));
    }
    if let Some((server, client)) = server(supply, REDIS).zip(supply.get(REDIS_BENCHMARK)) {
        cases.push(twice("redis under redis-benchmark", move || redis(&server, &client)));
    }
    cases
}

/// A case whose two sides are one.
fn twice(name: &'static str, turn: impl Fn() -> Result<Vec<Figure>> + Clone + 'static) -> Case {
    Case { name, sides: vec![Side::new("a", turn.clone()), Side::new("the same", turn)] }
}

fn server(supply: &mut Supply, (name, version): (&'static str, &'static str)) -> Option<Server> {
    let path: PathBuf = supply.get(Peer::Server { name, version })?;
    Some(Server { name: name.to_owned(), version: version.to_owned(), build_id: String::new(), path })
}

/// No system calls, little memory: the processor alone.
fn shell_loop() -> Result<Vec<Figure>> {
    let scratch = Scratch::new("bench")?;
    let text = "i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done";
    let program = Batch(Invocation::new(Path::new("/bin/sh"), ["-c", text]));
    let finished = scratch.launch(program).finish(Duration::from_secs(60))?;
    ensure!(finished.exit == Exit::Code(0), "the loop ended with {}", finished.exit);
    Ok(vec![Figure::wall(finished.wall), Figure::cpu(&finished.usage), Figure::peak_rss(&finished.usage)])
}

fn nginx(server: &Server, wrk: &Path) -> Result<Vec<Figure>> {
    let scratch = Scratch::new("bench")?;
    let nginx = scratch.start(Nginx::of(server))?;
    let load = Wrk { seconds: 2, connections: 16, threads: 1 }.run(wrk, &nginx.url("/"))?;
    ensure!(load.errors() == 0, "wrk saw errors: {load:?}");
    let stopped = nginx.stop()?;
    Ok(vec![
        Figure::rate(load.requests, load.duration),
        Figure::cpu_per_request(&stopped.usage, load.requests),
        Figure::peak_rss(&stopped.usage),
    ])
}

fn redis(server: &Server, redis_benchmark: &Path) -> Result<Vec<Figure>> {
    let scratch = Scratch::new("bench")?;
    let redis = scratch.start(Redis::of(server))?;
    let benchmark = RedisBenchmark { requests: 50_000, connections: 16, ..RedisBenchmark::default() };
    let requests = benchmark.requests * u64::try_from(benchmark.tests.len())?;
    let started = Instant::now();
    benchmark.run(redis_benchmark, redis.address())?;
    let took = started.elapsed();
    let stopped = redis.stop()?;
    Ok(vec![
        Figure::rate(requests, took),
        Figure::cpu_per_request(&stopped.usage, requests),
        Figure::peak_rss(&stopped.usage),
    ])
}
