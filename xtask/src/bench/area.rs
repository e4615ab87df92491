//! What an area's module has to say.

use super::Args;
use super::supply::Supply;
use anyhow::Result;
use mcrx_harness::Usage;
use serde_json::Value;
use std::time::Duration;

/// A part of the project that has peers.
pub(crate) struct Area {
    /// As typed behind `cargo xtask bench`.
    pub(crate) name: &'static str,
    /// What is compared, in a sentence.
    pub(crate) about: &'static str,
    pub(crate) method: Method,
}

/// How an area is measured. What cannot be had for it is told to the supply.
pub(crate) enum Method {
    /// By the cases that this machine can run.
    Cases(fn(&mut Supply) -> Vec<Case>),
    /// In a way of its own, with a baseline and options that only it has.
    Own(fn(&Args, &mut Supply) -> Result<Findings>),
}

/// What an area with a method of its own came to.
pub(crate) struct Findings {
    /// For people.
    pub(crate) text: String,
    /// The same and the single samples, under the area's name.
    pub(crate) json: Value,
    /// Whether everything that was to be measured was.
    pub(crate) complete: bool,
}

/// The same work, done by each of several sides.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The first is ours, the others are its peers.
    pub(crate) sides: Vec<Side>,
}

/// One way to do the work.
pub(crate) struct Side {
    pub(crate) name: String,
    /// Does it once. Every turn of every side yields the same figures in the same order.
    pub(crate) turn: Box<dyn Fn() -> Result<Vec<Figure>>>,
}

impl Side {
    pub(crate) fn new(name: &str, turn: impl Fn() -> Result<Vec<Figure>> + 'static) -> Side {
        Side { name: name.to_owned(), turn: Box::new(turn) }
    }
}

/// One thing that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

impl Figure {
    /// How long something took by the clock.
    pub(crate) fn wall(time: Duration) -> Figure {
        Figure { name: "wall", unit: "ms", value: time.as_secs_f64() * 1e3 }
    }

    /// User and system time, of all processes together.
    pub(crate) fn cpu(usage: &Usage) -> Figure {
        Figure { name: "cpu", unit: "ms", value: usage.cpu().as_secs_f64() * 1e3 }
    }

    /// User and system time for each of so many requests.
    pub(crate) fn cpu_per_request(usage: &Usage, requests: u64) -> Figure {
        Figure { name: "cpu/request", unit: "us", value: usage.cpu().as_secs_f64() * 1e6 / float(requests) }
    }

    /// Requests in a second.
    pub(crate) fn rate(requests: u64, time: Duration) -> Figure {
        Figure { name: "rate", unit: "1/s", value: float(requests) / time.as_secs_f64() }
    }

    /// The largest resident set of any one process.
    pub(crate) fn peak_rss(usage: &Usage) -> Figure {
        Figure { name: "peak rss", unit: "MiB", value: float(usage.peak_rss >> 10) / 1024.0 }
    }
}

/// Exact up to 4 billion, and nothing that is counted here comes near.
fn float(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
