//! For how long a server stands still while it is captured.
//!
//! Ours is the time from the first thread's interruption to the last one's release, as the example `capture` of `mcrx-live` tells it.
//! Beside it: the same with a plain copy while the server is held; redis's own `fork`, as it tells it of a background save of the same
//! data; and gcore, which holds the server for as long as it writes: that is seen from outside, in the state of its main thread.

use super::server::Loaded;
use crate::bench::area::{Case, Figure, Side};
use crate::bench::program;
use crate::bench::supply::{Peer, Supply};
use anyhow::{Context, Result, ensure};
use mcrx_harness::client::Value;
use mcrx_harness::{Pid, until};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn cases(supply: &mut Supply) -> Vec<Case> {
    let Some(capture) = supply.or_missing(program::build("mcrx-live", "example", "capture")) else {
        return Vec::new();
    };
    let gcore = supply.get(Peer::Program { name: "gcore", package: "gdb" });
    let sizes = [("held, 20 MB", 14_000), ("held, 1 GiB", 900_000)];
    let mut cases = Vec::new();
    for (name, values) in sizes {
        let Some(server) = Loaded::new(supply, values).map(Rc::new) else { continue };
        let ours = |name: &str, choice: &'static str| {
            let (capture, server) = (capture.clone(), Rc::clone(&server));
            Side::new(name, move || held(captured(&capture, server.pid()?, choice)?))
        };
        let mut sides = vec![ours("mcrx", "quickest"), ours("mcrx, copied", "copy")];
        let own = Rc::clone(&server);
        sides.push(Side::new("redis's fork", move || held(forked(&own)?)));
        if let Some(gcore) = gcore.clone() {
            sides.push(Side::new("gcore", move || held(dumped(&gcore, &server)?)));
        }
        cases.push(Case { name, sides });
    }
    cases
}

fn held(time: Duration) -> Result<Vec<Figure>> {
    Ok(vec![Figure { name: "held", unit: "ms", value: time.as_secs_f64() * 1e3 }])
}

/// One capture.
fn captured(capture: &Path, server: Pid, choice: &str) -> Result<Duration> {
    let output = Command::new(capture)
        .args([&server.to_string(), choice, "1"])
        .output()
        .context("the example runs")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "capture: {}", String::from_utf8_lossy(&output.stderr).trim());
    let nanoseconds = said.split(' ').nth(1).and_then(|word| word.parse().ok());
    nanoseconds.map(Duration::from_nanos).with_context(|| format!("the example says {said:?}"))
}

/// One background save.
fn forked(server: &Loaded) -> Result<Duration> {
    let answer = server.client()?.command(["BGSAVE"])?;
    ensure!(matches!(answer, Value::Status(_)), "redis does not save: {answer:?}");
    until(PATIENCE, "the save to end", || Ok((server.info("rdb_bgsave_in_progress")? < 1.0).then_some(())))?;
    Ok(Duration::from_secs_f64(server.info("latest_fork_usec")? / 1e6))
}

/// One core file, which is thrown away.
fn dumped(gcore: &Path, server: &Loaded) -> Result<Duration> {
    let pid = server.pid()?;
    let prefix = server.scratch().fresh("core");
    let mut command = Command::new(gcore);
    command.arg("-o").arg(&prefix).arg(pid.to_string());
    let mut writing =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("gcore cannot be run")?;
    let (mut stopped, mut last) = (Duration::ZERO, Instant::now());
    let status = loop {
        let now = Instant::now();
        if is_traced(pid)? {
            stopped += now - last;
        }
        last = now;
        if let Some(status) = writing.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    ensure!(status.success(), "gcore: {status}");
    std::fs::remove_file(PathBuf::from(format!("{}.{pid}", prefix.display())))?;
    Ok(stopped)
}

/// Whether its main thread stands still for a tracer.
fn is_traced(process: Pid) -> Result<bool> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    Ok(stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('t')))
}
