//! Real servers after start-up: how much of what start-up made pairs with the next release's.

use crate::releases::{paired, rules_of, write_callers};
use mcrx_harness::server::{Memcached, Nginx, Redis};
use mcrx_harness::{Context, Explain, Kind, Pid, Result, Running, Suite, ensure, preload, server, until};
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_servers::Server;
use mcrx_tracer::image::{Image, Process};
use mcrx_transform::pairs::Why;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([server("nginx", "1.22.1"), server("nginx", "1.26.3")], nginx_pairs_over_two_stable_releases)
        .test([server("memcached", "1.6.18"), server("memcached", "1.6.38")], memcached_pairs)
        .test([server("redis", "8.0.2"), server("redis", "8.0.6")], redis_pairs)
}

/// Starts a release as an update does, and takes its image when it waits.
fn started<K: Kind>(test: &Context, kind: K, release: &Server, epoch: u32) -> Result<(Running<K>, Image)> {
    let callers = test.scratch().fresh("callers");
    write_callers(&release.path, &callers)?;
    let running = test
        .launch(kind)
        .preload(preload()?)
        .environment("MCRX_EPOCH", epoch.to_string())
        .environment("MCRX_CALLERS", callers.display().to_string())
        .start()?;
    for process in running.processes() {
        until(Duration::from_secs(20), format!("{process} to wait"), || is_waiting(process.pid()))?;
    }
    let image = capture(Scope::Tree(running.pid()))?;
    Ok((running, image))
}

/// Whether all threads of a process sleep.
fn is_waiting(pid: Pid) -> Result<Option<()>> {
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = std::fs::read_to_string(task?.path().join("stat"))?;
        if stat.rsplit_once(") ").is_none_or(|(_, rest)| !rest.starts_with('S')) {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

fn facts(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/facts/{program}.mcrx"))
}

/// Prints what pairs. `at_least`: of the program's own blocks, in per cent.
fn check(what: &str, (old, new): (&Process, &Process), rules: &str, at_least: u64) -> Result<()> {
    let rules = rules_of(Some(&facts(rules)));
    paired((old, new), &rules, |start, _, pairs| {
        println!("{what}: blocks {:?}", pairs.blocks);
        println!("{what}: own blocks {:?}", pairs.own_blocks);
        println!("{what}: own objects {:?}", pairs.own_objects);
        println!(
            "{what}: {} pairs, {} parts, {} doubts",
            pairs.iter().len(),
            pairs.parts().len(),
            pairs.doubts.len()
        );
        let mut why: BTreeMap<Why, u64> = BTreeMap::new();
        for alone in &pairs.alone {
            *why.entry(alone.why).or_default() += 1;
            if std::env::var_os("MCRX_SHOW").is_some() {
                let ty = alone.ty.map_or_else(|| "?".to_owned(), |ty| start.trace.model.name(ty));
                let own = start
                    .trace
                    .blocks
                    .at(alone.old.start)
                    .is_some_and(|(block, _)| start.trace.is_own(block));
                println!(
                    "  {:?} {:#x}+{} {ty} own {own}: {}",
                    alone.why,
                    alone.old.start,
                    alone.old.end - alone.old.start,
                    alone.path
                );
            }
        }
        println!("{what}: {why:?}");
        for doubt in &pairs.doubts {
            println!("  doubt {doubt:x?}");
        }
        let own = pairs.own_blocks;
        let share = (own.paired + own.partly) * 100 / own.reached.max(1);
        ensure!(share >= at_least, "{what}: {share} % of the program's own blocks pair: {own:?}");
        Ok(())
    })
}

fn nginx_pairs_over_two_stable_releases(test: &Context) -> Result<()> {
    let (old, new) = (test.release("nginx", "1.22.1")?, test.release("nginx", "1.26.3")?);
    let before = started(test, Nginx::of(old), old, 0)?;
    let after = started(test, Nginx::of(new), new, 1)?;
    for (place, what) in ["master", "worker"].into_iter().enumerate() {
        let pair = (&before.1.processes, &after.1.processes);
        let (old, new) = (pair.0.get(place).context(what)?, pair.1.get(place).context(what)?);
        check(&format!("nginx {what}"), (old, new), "nginx", 1)?;
    }
    before.0.stop()?.expect_clean()?;
    after.0.stop()?.expect_clean()
}

fn memcached_pairs(test: &Context) -> Result<()> {
    let (old, new) = (test.release("memcached", "1.6.18")?, test.release("memcached", "1.6.38")?);
    let before = started(test, Memcached::of(old), old, 0)?;
    let after = started(test, Memcached::of(new), new, 1)?;
    let (old, new) = (before.1.processes.first().context("one")?, after.1.processes.first().context("one")?);
    check("memcached", (old, new), "memcached", 1)
}

fn redis_pairs(test: &Context) -> Result<()> {
    let (old, new) = (test.release("redis", "8.0.2")?, test.release("redis", "8.0.6")?);
    let before = started(test, Redis::of(old), old, 0)?;
    let after = started(test, Redis::of(new), new, 1)?;
    let (old, new) = (before.1.processes.first().context("one")?, after.1.processes.first().context("one")?);
    check("redis", (old, new), "redis", 1)
}
