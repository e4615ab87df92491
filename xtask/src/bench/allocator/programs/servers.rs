//! Servers under load. What counts is the processor time of the server for each request, from its start to its end; what the
//! load generator uses is not in it.

use crate::bench::allocator::contender::Contender;
use crate::bench::allocator::program::{Kind, Program, Task};
use crate::bench::allocator::turn::{Cost, under};
use anyhow::{Result, ensure};
use mcrx_harness::client::{RedisBenchmark, Wrk};
use mcrx_harness::server::{Nginx, Redis};
use mcrx_harness::{Scratch, Usage};
use mcrx_servers::Server;
use std::path::Path;

pub(super) const REDIS: Program = Program {
    name: "redis",
    about: "redis 7.0.15 under redis-benchmark: eight commands on 100,000 keys",
    kind: Kind::Server,
    quick: true,
    prepare: |workshop, _| {
        let server = workshop.server("redis", "7.0.15")?;
        let client = workshop.program("redis-benchmark", "redis-tools")?;
        Ok(Task::Server(Box::new(move |contender| redis(&server, &client, contender))))
    },
};

pub(super) const NGINX: Program = Program {
    name: "nginx",
    about: "nginx 1.22.1 under wrk: a small page",
    kind: Kind::Server,
    quick: false,
    prepare: |workshop, _| {
        let server = workshop.server("nginx", "1.22.1")?;
        let client = workshop.program("wrk", "wrk")?;
        Ok(Task::Server(Box::new(move |contender| nginx(&server, &client, contender))))
    },
};

fn redis(server: &Server, client: &Path, contender: &Contender) -> Result<Cost> {
    let scratch = Scratch::new("bench-turn")?;
    let redis = under(contender, scratch.launch(Redis::of(server))).start()?;
    let commands = ["set", "get", "lpush", "lpop", "sadd", "hset", "zadd", "mset"];
    let load = RedisBenchmark {
        requests: 40_000,
        connections: 16,
        // Otherwise nearly all of it is the kernel's time for the socket.
        pipeline: 16,
        value_bytes: 100,
        keys: Some(100_000),
        tests: commands.map(str::to_owned).to_vec(),
    };
    let requests = load.requests * u64::try_from(commands.len())?;
    load.run(client, redis.address())?;
    let stopped = redis.stop()?;
    let usage = stopped.usage;
    stopped.expect_clean()?;
    Ok(per_request(&usage, requests))
}

fn nginx(server: &Server, client: &Path, contender: &Contender) -> Result<Cost> {
    let scratch = Scratch::new("bench-turn")?;
    let nginx = under(contender, scratch.launch(Nginx::of(server))).start()?;
    let load = Wrk { seconds: 1, connections: 16, threads: 1 }.run(client, &nginx.url("/"))?;
    ensure!(load.errors() == 0, "wrk saw errors: {load:?}");
    let stopped = nginx.stop()?;
    let usage = stopped.usage;
    stopped.expect_clean()?;
    Ok(per_request(&usage, load.requests))
}

fn per_request(usage: &Usage, requests: u64) -> Cost {
    // Exact: a run has far less than four billion.
    let requests = f64::from(u32::try_from(requests).unwrap_or(u32::MAX));
    Cost::of(usage, usage.cpu().as_secs_f64() * 1e6 / requests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_request_costs_user_and_system_time_of_the_server() {
        let usage =
            Usage { user: Duration::from_millis(20), system: Duration::from_millis(30), peak_rss: 1 << 20 };
        let cost = per_request(&usage, 5000);
        assert!((cost.cpu - 10.0).abs() < 1e-9 && (cost.peak_rss - 1.0).abs() < 1e-9, "{cost:?}");
    }
}
