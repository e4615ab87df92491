//! `cargo xtask bench analysis`: dominators and diffs of large heaps.
//!
//! The heap is made up by the example `measure` of `mcrx-analysis`, which runs once for each turn:
//!
//! * *dominators*: ours beside petgraph's `simple_fast`, on the same graph of a million blocks.
//! * *10 M beside 1 M*: what a block costs in a heap of ten million, beside what it costs in one of a million: dominators, and a diff of two
//!   snapshots of which a tenth of the blocks is another. *peak* is the most memory that the process had for dominators, *of index* the same as a
//!   multiple of what one snapshot's index takes.
//!
//! What it does not do: compare with heaptrack's analyser, whose work is another: it knows no pointers.

use super::area::{Area, Case, Figure, Method, Side};
use super::program;
use super::supply::Supply;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

pub(crate) const AREA: Area = Area {
    name: "analysis",
    about: "dominators and diffs of large heaps, beside petgraph",
    method: Method::Cases(cases),
};

const MANY: u32 = 10_000_000;
const FEW: u32 = 1_000_000;

fn cases(supply: &mut Supply) -> Vec<Case> {
    let program = program::build("mcrx-analysis", "example", "measure");
    let Some(program) = supply.or_missing(program).map(Rc::<PathBuf>::new) else { return Vec::new() };
    let side = |name: &str, how: &'static str, blocks: u32, figures: Figures| {
        let program = Rc::clone(&program);
        Side::new(name, move || figures(&measured(&program, how, blocks)?, blocks))
    };
    vec![
        Case {
            name: "dominators, 1 M blocks",
            sides: vec![side("mcrx", "mcrx", FEW, dominators), side("petgraph", "petgraph", FEW, dominators)],
        },
        Case {
            name: "10 M blocks beside 1 M",
            sides: vec![side("mcrx", "mcrx", MANY, all), side("1 M", "mcrx", FEW, all)],
        },
    ]
}

type Figures = fn(&Value, u32) -> Result<Vec<Figure>>;

fn dominators(found: &Value, _: u32) -> Result<Vec<Figure>> {
    Ok(vec![Figure { name: "dominators", unit: "ms", value: number(found, "dominators_ms")? }])
}

fn all(found: &Value, blocks: u32) -> Result<Vec<Figure>> {
    let per_block = |milliseconds: f64| milliseconds * 1e6 / f64::from(blocks);
    let peak = number(found, "peak_bytes")?;
    Ok(vec![
        Figure { name: "dominators", unit: "ns", value: per_block(number(found, "dominators_ms")?) },
        Figure { name: "diff", unit: "ns", value: per_block(number(found, "diff_ms")?) },
        Figure { name: "peak", unit: "bytes", value: peak / f64::from(blocks) },
        Figure { name: "of index", unit: "x", value: peak / number(found, "index_bytes")? },
    ])
}

fn number(found: &Value, key: &str) -> Result<f64> {
    found[key].as_f64().with_context(|| format!("the example says no {key}: {found}"))
}

fn measured(program: &Path, how: &str, blocks: u32) -> Result<Value> {
    let output =
        Command::new(program).args([how, &blocks.to_string()]).output().context("the example starts")?;
    ensure!(output.status.success(), "the example: {}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("the example says no JSON")
}
