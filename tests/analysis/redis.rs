//! redis with a module that leaks, and without.

use crate::command::{facts, number};
use crate::growing::{launched, snapshot};
use crate::suspects::suspects;
use mcrx_harness::client;
use mcrx_harness::server::Redis;
use mcrx_harness::{Context, Result, Running, Suite, ensure, program};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite.each("redis", [program("gcc")], what_a_module_leaks_leads_every_table).each(
        "redis",
        [program("gcc")],
        a_healthy_redis_has_no_suspects,
    )
}

/// The module of `leaking_module.c`.
fn module(test: &Context) -> Result<PathBuf> {
    let path = test.scratch().fresh("leaking.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/analysis/leaking_module.c");
    let options = ["-O2", "-g", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id"];
    let status =
        Command::new(test.program("gcc")?).args(options).arg(source).arg("-o").arg(&path).status()?;
    ensure!(status.success(), "leaking_module.c: {status}");
    Ok(path)
}

fn start(test: &Context, settings: &str) -> Result<Running<Redis>> {
    launched(test, Redis::of(test.server("redis")?).with(settings))
}

/// What its clients do all day: keys of some kinds come, change and go; `turn` tells one day from the next.
fn work(client: &mut client::Redis, turn: usize) -> Result<()> {
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    client.pipeline((0..4000).map(|number| {
        let key = format!("key {}", number % 1000);
        let value = format!("{turn} of {number}");
        match number % 5 {
            0 | 1 => text(&["SET", &key, &value]),
            2 => text(&["SET", &key, &"x".repeat(number % 300)]),
            3 => text(&["HSET", "hash", &key, &value]),
            _ => text(&["DEL", &format!("key {}", (number * 7) % 1000)]),
        }
    }))?;
    client.pipeline((0..500).map(|number| text(&["LPUSH", "queue", &format!("{turn} {number}")])))?;
    client.pipeline((0..500).map(|_| text(&["RPOP", "queue"])))?;
    Ok(())
}

/// Of two thousand notes. redis keeps buffers with what pointers they had when they were larger: such a pointer may lead to what is a note
/// by now, and says that it is something else.
const MOST: u64 = 1990;

fn what_a_module_leaks_leads_every_table(test: &Context) -> Result<()> {
    let redis = start(test, &format!("loadmodule {}", module(test)?.display()))?;
    let pid = redis.pid().to_string();
    let mut client = redis.client()?;
    work(&mut client, 0)?;
    // A command that was never called before has redis make a histogram of its latencies.
    client.command(["remember", "the first"])?;
    client.command(["recall", "the first"])?;
    let before = snapshot(test, &pid)?;
    work(&mut client, 1)?;
    for command in ["remember", "recall"] {
        client.pipeline((0..2000).map(|number| vec![command.to_owned(), format!("caller {number}")]))?;
    }
    let after = snapshot(test, &pid)?;
    let diff = facts(&["diff", &before, &after])?;
    let first = |table: &str| diff[table][0].clone();
    let function = |row: &Value| row["frames"][0]["function"].clone();
    let note = first("types");
    ensure!(note["name"] == "struct note" && number(&note, &["made", "blocks"])? >= MOST, "{note}");
    ensure!(number(&note, &["freed", "blocks"])? == 0, "{note}");
    ensure!(
        function(&first("sites")) == "make_note" && function(&diff["sites"][1]) == "make_note",
        "{}",
        diff["sites"][1]
    );
    let owners = [first("owners"), diff["owners"][1].clone()];
    ensure!(owners[0]["owner"] == "notes" && owners[1]["owner"] == "notes->text", "{owners:?}");
    ensure!(number(&owners[0], &["through", "made", "blocks"])? >= 2 * MOST, "{owners:?}");
    let found = suspects(&[&before, &after])?;
    ensure!(found[0]["owner"] == "notes" && found[0]["type"] == "struct note", "{}", found[0]);
    ensure!(function(&found[0]) == "make_note", "{}", found[0]);
    ensure!(found.len() == 1, "{}", found[1]["sentences"]);
    redis.stop()?.expect_clean()
}

fn a_healthy_redis_has_no_suspects(test: &Context) -> Result<()> {
    let redis = start(test, &format!("loadmodule {}", module(test)?.display()))?;
    let pid = redis.pid().to_string();
    let mut client = redis.client()?;
    let mut look = |turn| -> Result<String> {
        work(&mut client, turn)?;
        client.pipeline((0..2000).map(|number| vec!["recall".to_owned(), format!("caller {number}")]))?;
        snapshot(test, &pid)
    };
    let [first, second, third] = [look(0)?, look(1)?, look(2)?];
    for targets in [&[&*first, &second][..], &[&second, &third], &[&first, &second, &third]] {
        let found = suspects(targets)?;
        ensure!(found.is_empty(), "{}", found[0]["sentences"]);
    }
    drop(client);
    redis.stop()?.expect_clean()
}
