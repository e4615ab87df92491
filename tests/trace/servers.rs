//! Real servers: blocks are counted as the allocator counts them, two tracers agree, and the server goes on.

use crate::command::{facts, number};
use mcrx_harness::server::{Memcached, Nginx, Redis};
use mcrx_harness::{Context, Kind, Pid, Result, Running, Suite, ensure, preload};
use mcrx_servers::Server;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .each("nginx", [], nginx_is_traced_and_serves_on)
        .each("redis", [], redis_is_traced_and_serves_on)
        .each("memcached", [], memcached_is_traced_and_serves_on)
}

fn start<K: Kind>(test: &Context, kind: K) -> Result<Running<K>> {
    test.launch(kind).preload(preload()?).start()
}

/// Traces a process that is idle: what lives does not change between the two commands.
fn check(server: &Server, pid: Pid) -> Result<()> {
    let pid = pid.to_string();
    let traced = facts(&["trace", &pid, "--paranoid"])?;
    let counted = facts(&["blocks", &pid])?;
    let who = format!("{} {}", server.name, server.version);
    for (traced, counted) in [
        (number(&traced, &["blocks", "live"])?, number(&counted, &["count"])?),
        (number(&traced, &["bytes", "live"])?, number(&counted, &["bytes"])?),
    ] {
        ensure!(traced == counted, "{who}: {traced} traced, {counted} counted");
    }
    let part = |key| number(&traced, &["blocks", key]);
    ensure!(part("typed")? + part("partly_typed")? + part("untyped")? == part("live")?, "{who}: {traced}");
    ensure!(number(&traced, &["pointers", "precise"])? > 0, "{who}: {traced}");
    Ok(())
}

fn nginx_is_traced_and_serves_on(test: &Context) -> Result<()> {
    let server = test.server("nginx")?;
    let nginx = start(test, Nginx::of(server).workers(2))?;
    let mut connections: Vec<_> = (0..20).map(|_| nginx.http()).collect::<Result<_>>()?;
    for connection in &mut connections {
        ensure!(connection.get("/")?.status()? == 200, "it does not serve");
    }
    for process in nginx.processes().iter().filter(|process| process.name().starts_with("nginx")) {
        check(server, process.pid())?;
    }
    for connection in &mut connections {
        ensure!(connection.get("/")?.status()? == 200, "it does not serve on");
    }
    drop(connections);
    nginx.stop()?.expect_clean()
}

fn redis_is_traced_and_serves_on(test: &Context) -> Result<()> {
    let server = test.server("redis")?;
    let redis = start(test, Redis::of(server))?;
    let mut client = redis.client()?;
    for number in 0..500 {
        let (key, value) = (format!("key {number}"), "x".repeat(number % 200));
        client.command(["SET", &key, &value])?;
        client.command(["RPUSH", "list", &value])?;
        client.command(["ZADD", "sorted", &number.to_string(), &key])?;
        client.command(["HSET", "hash", &key, &value])?;
    }
    // Its timer makes and frees blocks between two commands: there is nothing to compare with.
    let traced = facts(&["trace", &redis.pid().to_string(), "--paranoid"])?;
    ensure!(number(&traced, &["own", "blocks", "live"])? > 1000, "{traced}");
    ensure!(number(&traced, &["pointers", "precise"])? > 1000, "{traced}");
    ensure!(client.command(["GET", "key 7"])?.bytes() == Some(b"xxxxxxx"), "a value has changed");
    redis.stop()?.expect_clean()
}

fn memcached_is_traced_and_serves_on(test: &Context) -> Result<()> {
    let server = test.server("memcached")?;
    let memcached = start(test, Memcached::of(server).threads(4))?;
    let mut client = memcached.client()?;
    for number in 0..500 {
        client.set(&format!("key{number}"), "x".repeat(number % 200).as_bytes())?;
    }
    check(server, memcached.pid())?;
    ensure!(client.get("key7")?.as_deref() == Some(b"xxxxxxx"), "a value has changed");
    memcached.stop()?.expect_clean()
}
