//! `cargo xtask bench [AREA]`: us beside our peers, in one run, on this machine.
//!
//! An area is a module with a list of cases; a case has sides that do the same work, the first of them ours. Sides take
//! turns, so that what the machine does meanwhile falls on all alike, and figures are ratios to a peer of the same
//! run: times in seconds say more about the machine than about us.
//!
//! What it is not for: finding out where time goes, or guarding against small regressions of one function. That is what
//! criterion benches beside the code do.

mod allocator;
mod analysis;
mod area;
mod debuginfo;
mod measure;
mod noise;
mod program;
mod report;
mod stats;
mod supply;
mod tracer;
mod transform;

use anyhow::{Result, bail};
use area::{Area, Findings, Method};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use supply::Supply;

/// Every area. `noise` comes first: it says how much of a difference means something here.
const AREAS: &[Area] =
    &[noise::AREA, allocator::AREA, debuginfo::AREA, tracer::AREA, transform::AREA, analysis::AREA];

/// Measure against peers, side by side in one run
#[derive(clap::Args)]
#[command(after_long_help = "\
Peers that are missing are installed: Debian packages when this runs as root, crates into the user's cache. Those that \
cannot be had are named, and the cases that need them are left out.

A ratio below 1 means less than the peer. The quartiles beside it say how sure that is: where they lie on both sides of 1, \
there is no difference to be seen on this machine. `bench noise` measures things against themselves.

Exit status: 0 when every case was measured, 1 when one was left out.")]
pub(crate) struct Args {
    /// One area; all without
    area: Option<String>,
    /// How often each side has its turn, after one turn that is not counted [default: 9; allocator: 3]
    #[arg(long)]
    rounds: Option<NonZeroUsize>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    allocator: allocator::Options,
}

const ROUNDS: NonZeroUsize = NonZeroUsize::new(9).expect("not zero");

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let areas = chosen(args.area.as_deref())?;
    let mut supply = Supply::default();
    let mut results = Vec::new();
    let mut findings: Vec<(&str, Findings)> = Vec::new();
    for area in areas {
        eprintln!("{}: {}", area.name, area.about);
        match area.method {
            Method::Cases(cases) => {
                for case in cases(&mut supply) {
                    results.push(measure::case(area.name, &case, args.rounds.unwrap_or(ROUNDS))?);
                }
            }
            Method::Own(measure) => findings.push((area.name, measure(args, &mut supply)?)),
        }
    }
    if args.json {
        println!("{:#}", report::json(&results, &findings, supply.missing()));
    } else {
        if !results.is_empty() {
            print!("{}", report::table(&results));
        }
        for (_, found) in &findings {
            print!("{}", found.text);
        }
    }
    for reason in supply.missing() {
        eprintln!("left out: {reason}");
    }
    let complete = supply.missing().is_empty() && findings.iter().all(|(_, found)| found.complete);
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(name: Option<&str>) -> Result<Vec<&'static Area>> {
    let found: Vec<_> = AREAS.iter().filter(|area| name.is_none_or(|name| area.name == name)).collect();
    if found.is_empty() {
        let names: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
        bail!("there is no area {:?}; there are: {}", name.unwrap_or_default(), names.join(", "));
    }
    Ok(found)
}
