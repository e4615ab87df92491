//! Real servers after start-up: how much of what start-up made pairs with the next release's.

use crate::releases::{paired, rules_of, write_callers};
use mcrx_harness::server::{Memcached, Nginx, Redis};
use mcrx_harness::{Context, Explain, Kind, Pid, Result, Running, Suite, ensure, preload, server, until};
use mcrx_live::capture::capture;
use mcrx_live::hold::Scope;
use mcrx_servers::Server;
use mcrx_tracer::image::{Image, Process};
use mcrx_transform::pairs::{Pairs, Why};
use mcrx_transform::side::Side;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .test([server("nginx", "1.22.1"), server("nginx", "1.26.3")], nginx_pairs_over_two_stable_releases)
        .test(
            [server("memcached", "1.6.18"), server("memcached", "1.6.38")],
            memcached_pairs_over_twenty_releases,
        )
        .test(
            [server("redis", "8.0.2"), server("redis", "8.0.6")],
            redis_pairs_whatever_seed_its_tables_are_filled_by,
        )
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

/// What is to be found of two processes.
struct Wanted {
    facts: &'static str,
    /// Of the program's own blocks, in per cent, at least.
    paired: u64,
}

fn check(what: &str, (old, new): (&Process, &Process), wanted: &Wanted) -> Result<()> {
    let rules = rules_of(Some(&facts(wanted.facts)));
    paired((old, new), &rules, |start, other, pairs| {
        let (own, objects) = (pairs.own_blocks, pairs.own_objects);
        println!(
            "{what}: of its own blocks {own:?}, of its own objects {objects:?}, of all blocks {:?}",
            pairs.blocks
        );
        let mut why: BTreeMap<Why, u64> = BTreeMap::new();
        for alone in &pairs.alone {
            *why.entry(alone.why).or_default() += 1;
        }
        println!("{what}: {} pairs, {} parts; alone {why:?}", pairs.iter().len(), pairs.parts().len());
        for doubt in &pairs.doubts {
            println!("{what}: {doubt:x?}");
        }
        ensure!(pairs.doubts.is_empty(), "{what}: {:x?}", pairs.doubts);
        let share = (own.paired + own.partly) * 100 / own.reached.max(1);
        ensure!(share >= wanted.paired, "{what}: {share} % of its own blocks pair: {own:?}");
        let sound = soundness(start, other, pairs);
        println!("{what}: {sound:?}");
        // Who made a block, and the text that it holds, had no part in it where its type is known.
        ensure!(sound.other_makers <= 1 + sound.makers / 50, "{what}: {sound:?}");
        ensure!(sound.other_texts * 20 <= sound.texts.max(100), "{what}: {sound:?}");
        let mut partners: Vec<u64> = pairs.iter().chain(pairs.parts()).map(|pair| pair.new.start).collect();
        partners.sort_unstable();
        ensure!(partners.windows(2).all(|two| two[0] != two[1]), "{what}: two pair with one");
        Ok(())
    })
}

/// What else is known of pairs, that was not asked for when they were found.
#[derive(Debug, Default)]
struct Soundness {
    /// Pairs that known functions made.
    makers: u64,
    /// Pairs that other functions made.
    other_makers: u64,
    /// Pairs that hold texts.
    texts: u64,
    /// Pairs that hold other texts.
    other_texts: u64,
}

fn soundness(start: &Side<'_>, new: &Side<'_>, pairs: &Pairs) -> Soundness {
    let mut sound = Soundness::default();
    for pair in pairs.iter() {
        let makers = (maker(start, pair.old.start), maker(new, pair.new.start));
        if let (Some(one), Some(other)) = makers {
            sound.makers += 1;
            if one != other {
                println!("  {} was made by {one}, and is by {other}", pair.path);
                sound.other_makers += 1;
            }
        }
        let texts = (text(start, &pair.old), text(new, &pair.new));
        if let (Some(one), Some(other)) = texts {
            sound.texts += 1;
            if one != other {
                println!("  {} was {one:?}, and is {other:?}", pair.path);
                sound.other_texts += 1;
            }
        }
    }
    sound
}

/// The function that made a block.
fn maker(side: &Side<'_>, address: u64) -> Option<String> {
    let (_, block, _) = side.trace.blocks.find(address)?;
    let frame = side.trace.known.sites.get(block.site?)?.frames().last()?;
    let at = frame.address().0.checked_sub(1)?;
    Some(side.trace.known.debug.function(side.process(), at)?.0.to_owned())
}

/// The text that a block is.
fn text(side: &Side<'_>, range: &std::ops::Range<u64>) -> Option<String> {
    let len = usize::try_from(range.end - range.start).ok()?;
    let bytes = side.process().memory.bytes(range.start, len)?;
    let text = bytes.split(|byte| *byte == 0).max_by_key(|text| text.len()).filter(|text| text.len() > 6)?;
    let text = text.iter().skip_while(|byte| !byte.is_ascii_graphic()).copied().collect();
    String::from_utf8(text).ok().filter(|text| !text.chars().any(char::is_control))
}

fn nginx_pairs_over_two_stable_releases(test: &Context) -> Result<()> {
    let (old, new) = (test.release("nginx", "1.22.1")?, test.release("nginx", "1.26.3")?);
    let before = started(test, Nginx::of(old), old, 0)?;
    let after = started(test, Nginx::of(new), new, 1)?;
    for (place, what) in ["master", "worker"].into_iter().enumerate() {
        let pair = (&before.1.processes, &after.1.processes);
        let (old, new) = (pair.0.get(place).context(what)?, pair.1.get(place).context(what)?);
        // Most of what it has lies in pools, whose allocations are not seen one by one.
        check(&format!("nginx {what}"), (old, new), &Wanted { facts: "nginx", paired: 20 })?;
    }
    before.0.stop()?.expect_clean()?;
    after.0.stop()?.expect_clean()
}

/// Its threads put themselves into lists in no order: what is on them is known by what else leads there.
fn memcached_pairs_over_twenty_releases(test: &Context) -> Result<()> {
    let (old, new) = (test.release("memcached", "1.6.18")?, test.release("memcached", "1.6.38")?);
    let before = started(test, Memcached::of(old), old, 0)?;
    let after = started(test, Memcached::of(new), new, 1)?;
    let (old, new) = (before.1.processes.first().context("one")?, after.1.processes.first().context("one")?);
    check("memcached", (old, new), &Wanted { facts: "memcached", paired: 85 })
}

fn redis_pairs_whatever_seed_its_tables_are_filled_by(test: &Context) -> Result<()> {
    let (old, new) = (test.release("redis", "8.0.2")?, test.release("redis", "8.0.6")?);
    let before = started(test, Redis::of(old), old, 0)?;
    let after = started(test, Redis::of(new), new, 1)?;
    let (old, new) = (before.1.processes.first().context("one")?, after.1.processes.first().context("one")?);
    check("redis", (old, new), &Wanted { facts: "redis", paired: 75 })
}
