//! What is captured: redis under the tagging allocator, with a known amount in it, which is asked for values all the time.

use crate::bench::supply::{Peer, Supply};
use anyhow::{Context, Result, ensure};
use mcrx_harness::client::{self, Value};
use mcrx_harness::server::Redis;
use mcrx_harness::{Pid, Running, Scratch, preload};
use mcrx_servers::Server;
use std::cell::OnceCell;

const VERSION: &str = "7.0.15";
/// Bytes of a value; with its key and redis's own it takes up some 1200.
const VALUE_BYTES: u32 = 1000;

/// One that is started when it is first needed.
pub(super) struct Loaded {
    server: Server,
    values: u32,
    scratch: Scratch,
    running: OnceCell<Running<Redis>>,
}

impl Loaded {
    /// With so many values of a kilobyte.
    pub(super) fn new(supply: &mut Supply, values: u32) -> Option<Loaded> {
        supply.get(Peer::Server { name: "redis", version: VERSION })?;
        let found = mcrx_servers::find("redis", VERSION);
        let server =
            supply.or_missing(found.map_err(|missing| anyhow::anyhow!("redis: {}", missing.reason)))?;
        let scratch = supply.or_missing(Scratch::new("bench"))?;
        Some(Loaded { server, values, scratch, running: OnceCell::new() })
    }

    fn running(&self) -> Result<&Running<Redis>> {
        if let Some(running) = self.running.get() {
            return Ok(running);
        }
        let kind = Redis::of(&self.server).with("enable-debug-command yes");
        let running = self.scratch.launch(kind).preload(preload()?).start()?;
        let (values, bytes) = (self.values.to_string(), VALUE_BYTES.to_string());
        let answer = running.client()?.command(["DEBUG", "POPULATE", &values, "key", &bytes])?;
        ensure!(answer == Value::Status("OK".to_owned()), "redis cannot be filled: {answer:?}");
        Ok(self.running.get_or_init(|| running))
    }

    pub(super) fn pid(&self) -> Result<Pid> {
        Ok(self.running()?.pid())
    }

    pub(super) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    pub(super) fn client(&self) -> Result<client::Redis> {
        self.running()?.client()
    }

    /// A number that INFO says.
    pub(super) fn info(&self, name: &str) -> Result<f64> {
        let answer = self.client()?.command(["INFO"])?;
        let text = String::from_utf8_lossy(answer.bytes().context("redis answers no INFO")?).into_owned();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok()).with_context(|| format!("INFO has no {name}"))
    }
}
