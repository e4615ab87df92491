//! `cargo xtask bench allocator`: programs under our allocator and under its peers, against glibc's.
//!
//! Each program is a fixed amount of work, started anew for each turn with another allocator preloaded; turns go round, so that
//! what the machine does meanwhile falls on all alike. A figure is the median over rounds of the ratio to glibc's turn of the
//! same round. Processor time is user and system time of the whole process tree; memory is the largest resident set that any of
//! its processes had.
//!
//! | module | knows |
//! |---|---|
//! | `contender` | the allocators, and how a program is put under each |
//! | `library` | where their libraries come from |
//! | `program`, `programs` | what is run |
//! | `workshop`, `input` | compiling our own programs; inputs |
//! | `turn` | one run, and what it cost |
//! | `rounds` | who runs when |
//! | `recorder` | the same for programs that record every allocation |
//! | `instructions` | the path through malloc and free, counted |
//! | `verdict` | ratios, means, and the targets |
//! | `table` | all of it as text and JSON |
//!
//! What it does not do: compare speed by the clock (with two cores and a dozen threads that is the scheduler's), or profile.

mod contender;
mod input;
mod instructions;
mod library;
mod program;
mod programs;
mod recorder;
mod rounds;
mod table;
mod turn;
mod verdict;
mod workshop;

use super::Args;
use super::area::{Area, Findings, Method};
use super::supply::Supply;
use anyhow::Result;
use program::Size;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use workshop::Workshop;

pub(crate) const AREA: Area = Area {
    name: "allocator",
    about: "programs under libmcrx.so and its peers, against glibc's malloc",
    method: Method::Own(measure),
};

/// What only this area knows.
#[derive(clap::Args)]
#[command(next_help_heading = "Options of `bench allocator`")]
pub(crate) struct Options {
    /// Only these programs; `instructions` is the count of them
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    programs: Vec<String>,
    /// Only these allocators beside glibc's; NAME=LIBRARY adds one of your own
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    peers: Vec<String>,
    /// Two minutes: fewer programs, the fastest peers, one round
    #[arg(long)]
    quick: bool,
    /// Measure this build of libmcrx.so, and build none
    #[arg(long, value_name = "LIBRARY")]
    library: Option<PathBuf>,
    /// Say which programs and allocators there are, and measure nothing
    #[arg(long)]
    list: bool,
}

/// Three give a median; with twenty programs and nine allocators that is a quarter of an hour.
const ROUNDS: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");

fn measure(args: &Args, supply: &mut Supply) -> Result<Findings> {
    let options = &args.allocator;
    if options.list {
        return Ok(table::list());
    }
    let programs = programs::chosen(&options.programs, options.quick)?;
    let chosen = contender::chosen(options, supply)?;
    let rounds = args.rounds.unwrap_or(if options.quick { NonZeroUsize::MIN } else { ROUNDS });
    let mut workshop = Workshop::open(supply)?;
    let measured = rounds::measure(&programs, Size::Full, &chosen.allocators, rounds, &mut workshop);
    let recorded = recorder::measure(options, &programs, &chosen, &mut workshop);
    let counted = programs::counts_instructions(&options.programs)
        .then(|| instructions::count(&chosen.allocators, &mut workshop));
    Ok(table::findings(&measured, recorded.as_ref(), counted.as_ref()))
}
