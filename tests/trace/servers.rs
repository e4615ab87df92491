//! Real servers at work: blocks are counted as the allocator counts them, two tracers agree, neither server nor clients notice, and with
//! the facts files of examples/facts little is pinned.

use crate::busy::{self, Busy, Load};
use crate::command::{facts, mcrx, number};
use crate::facts::file_of;
use mcrx_allocator::reader::{Consistency, Heap, Limits};
use mcrx_harness::{Context, Explain, Result, Suite, ensure, program, until};
use mcrx_tracer::image::Process;
use mcrx_tracer::snapshot;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

pub(crate) fn tests(suite: Suite) -> Suite {
    suite
        .each("nginx", [program("openssl")], nginx_is_traced_in_the_middle_of_requests)
        .each("redis", [], redis_is_traced_with_keys_of_all_kinds)
        .each("memcached", [], memcached_is_traced_in_the_middle_of_a_command)
        .each("vsftpd", [], vsftpd_is_traced_in_the_middle_of_a_transfer)
        .each("httpd-event", [], httpd_is_traced_in_the_middle_of_requests)
        .each("openssh", [program("ssh"), program("ssh-keygen")], sshd_is_traced_with_a_session)
}

fn nginx_is_traced_in_the_middle_of_requests(test: &Context) -> Result<()> {
    busy::nginx(test, Load::FULL, |nginx| check(test, nginx, 3))
}

fn redis_is_traced_with_keys_of_all_kinds(test: &Context) -> Result<()> {
    busy::redis(test, Load::FULL, |redis| check(test, redis, 1))
}

fn memcached_is_traced_in_the_middle_of_a_command(test: &Context) -> Result<()> {
    busy::memcached(test, Load::FULL, |memcached| check(test, memcached, 1))
}

fn vsftpd_is_traced_in_the_middle_of_a_transfer(test: &Context) -> Result<()> {
    // The listener, and for each session two of different rights.
    busy::vsftpd(test, Load::FULL, |vsftpd| check(test, vsftpd, 5))
}

fn httpd_is_traced_in_the_middle_of_requests(test: &Context) -> Result<()> {
    busy::httpd(test, Load::FULL, |httpd| check(test, httpd, 3))
}

fn sshd_is_traced_with_a_session(test: &Context) -> Result<()> {
    // The listener, and who looks after the session.
    busy::sshd(test, Load::FULL, |sshd| check(test, sshd, 2))
}

/// Blocks and their bytes.
type Count = (u64, u64);

/// Traces each process, in a snapshot of all of them and alive, and compares with what the allocator counts at that instant.
fn check(test: &Context, busy: &Busy, at_least: usize) -> Result<()> {
    ensure!(busy.processes.len() >= at_least, "{:?}", busy.processes);
    let file = test.scratch().fresh("snap");
    let name = file.to_str().context("text")?;
    let taken = facts(&["snapshot", &busy.main.to_string(), "-o", name])?;
    let image = snapshot::open(&file)?;
    let mut blocks = 0;
    for process in &busy.processes {
        let pid = u32::try_from(process.pid().as_raw())?;
        let process = image.processes.iter().find(|process| process.pid == pid);
        let process = process.with_context(|| format!("process {pid} is not in the snapshot"))?;
        let (count, without_parts) = counted_in(process)?;
        let traced = facts(&["trace", name, "--alone", "--process", &pid.to_string()])?;
        agree(&traced, count).with_context(|| format!("{}, in the snapshot", process.name))?;
        alive(pid).with_context(|| format!("{}, alive", process.name))?;
        blocks += without_parts;
    }
    ensure!(number(&taken, &["blocks"])? == blocks, "{blocks} blocks are in the snapshot of {taken}");
    let by_rules = by_rules(busy, name)?;
    keep(busy, name, by_rules.as_ref())
}

/// What is pinned at most of the program's own, in all processes together, as its facts file says how memory reads.
struct Bound {
    program: &'static str,
    /// Of blocks, or of bytes.
    of: &'static str,
    /// In tenths of a per cent.
    at_most: u64,
}

const BOUNDS: [Bound; 4] = [
    // Its pools are opaque: what is in them is not seen block by block.
    Bound { program: "nginx-", of: "blocks", at_most: 260 },
    Bound { program: "redis-", of: "blocks", at_most: 47 },
    Bound { program: "memcached-", of: "bytes", at_most: 5 },
    Bound { program: "vsftpd-", of: "blocks", at_most: 50 },
];

/// Traces a snapshot by the program's facts file, if it has one.
fn by_rules(busy: &Busy, snapshot: &str) -> Result<Option<Value>> {
    let Some(bound) = BOUNDS.iter().find(|bound| busy.name.starts_with(bound.program)) else {
        return Ok(None);
    };
    let file = file_of(&busy.name).context("a facts file")?;
    let traced = facts(&["trace", snapshot, "--rules", file.to_str().context("text")?])?;
    let (mut pinned, mut all) = (0, 0);
    for process in traced["processes"].as_array().context("processes")? {
        pinned += number(process, &["own", "pinned", bound.of])?;
        all += number(process, &["own", bound.of, "live"])?;
    }
    let name = &busy.name;
    println!("{name}: {pinned} of {all} {} are pinned", bound.of);
    ensure!(pinned * 1000 <= all * bound.at_most, "{name}: {pinned} of {all} {} are pinned", bound.of);
    Ok(Some(traced))
}

/// For `cargo xtask table tracer`, which says where: what is traced of the server with all its processes; and what people see.
fn keep(busy: &Busy, snapshot: &str, by_rules: Option<&Value>) -> Result<()> {
    let Some(folder) = std::env::var_os("MCRX_TRACED") else { return Ok(()) };
    let file = |ending| Path::new(&folder).join(format!("{}.{ending}", busy.name));
    std::fs::write(file("json"), serde_json::to_vec(&facts(&["trace", snapshot])?)?)?;
    if let Some(traced) = by_rules {
        std::fs::write(file("rules.json"), serde_json::to_vec(traced)?)?;
    }
    let live = mcrx(&["trace", &busy.main.to_string()])?;
    Ok(std::fs::write(file("txt"), live.stdout)?)
}

/// What the allocator's tables say, read from a process's memory; and how many of the blocks no pool has handed out of others.
fn counted_in(process: &Process) -> Result<(Count, u64)> {
    let heap = Heap::read(&process.memory, &process.regions(), Consistency::Stopped, Limits::default())?;
    let sizes = heap.blocks().map(|block| block.requested);
    let all = sizes.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size));
    Ok((all, u64::try_from(heap.ordinary_blocks().count())?))
}

/// Traces a live process, which a second tracer checks.
fn alive(pid: u32) -> Result<()> {
    let pid = pid.to_string();
    let counted = || -> Result<Count> {
        let facts = facts(&["blocks", &pid])?;
        // What pools have handed out is traced as blocks, too.
        let of = |what| -> Result<u64> { Ok(number(&facts, &[what])? + number(&facts, &["parts", what])?) };
        Ok((of("count")?, of("bytes")?))
    };
    // Some servers have timers that make blocks and free them: what is compared is what did not change meanwhile.
    let (traced, count) = until(Duration::from_secs(100), "the same count before and after", || {
        let before = counted()?;
        let traced = facts(&["trace", &pid, "--alone", "--paranoid"])?;
        Ok((counted()? == before).then_some((traced, before)))
    })?;
    agree(&traced, count)
}

fn agree(traced: &Value, (blocks, bytes): Count) -> Result<()> {
    let of = |path: [&str; 2]| number(traced, &path);
    let found = (of(["blocks", "live"])?, of(["bytes", "live"])?);
    ensure!(found == (blocks, bytes), "{found:?} traced, {:?} counted", (blocks, bytes));
    let parts = of(["blocks", "typed"])? + of(["blocks", "partly_typed"])? + of(["blocks", "untyped"])?;
    ensure!(parts == blocks, "{traced}");
    ensure!(of(["bytes", "typed"])? + of(["bytes", "conservative"])? <= bytes, "{traced}");
    ensure!(of(["pinned", "blocks"])? + of(["unreachable", "blocks"])? <= blocks, "{traced}");
    ensure!(of(["pointers", "precise"])? > 0, "{traced}");
    ensure!(number(traced, &["own", "blocks", "live"])? > 0, "{traced}");
    Ok(())
}
