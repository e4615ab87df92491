//! `mcrx sites`: the calls that allocate in a program, and the C type of the block that each one makes.

use crate::locate;
use crate::output::{Output, PathFact};
use anyhow::{Context, Result};
use facts::{SiteFacts, WrapperFacts};
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::callers::Callers;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::sites::{Options, Sites};
use serde::Serialize;
use std::path::{Path, PathBuf};
use totals::Totals;

mod facts;
mod totals;

/// Show which calls allocate in a program, and the C type of the block that each one makes
///
/// From the program alone: the result of each call is followed to the variable, the member or the global that it ends in. Where two such
/// places disagree, or a size does not fit, there is no type.
#[derive(clap::Args)]
#[command(after_help = "\
Sites are return addresses: function+offset, as in mcrx blocks. Allocation functions are malloc and its kin, operator new, and the \
program's own functions that return what these do as void * or char *: such a function's own call is decided by its caller.

A type is certain if the size that is asked for fits it, and probable if the size is only known when the program runs. Where the source \
files are in place, their sizeof must not disagree.

Why there may be none: it goes to char * only (bytes); it goes nowhere that has a type; two places disagree; the size does not fit, or \
fits a larger type that begins with this one; it is only handed to a function (weak); it is carved up behind a header, as pools do.

Examples:
  mcrx sites nginx
  mcrx sites httpd --allocator apr_palloc --allocator apr_pcalloc
  mcrx sites redis-server --json | jq '.sites[] | select(.verdict == \"untyped\") | .why' | sort | uniq -c")]
pub(crate) struct Args {
    /// The program or library
    #[arg(value_name = "BIN")]
    program: PathBuf,
    /// Another function that returns memory: of a pool, or of a library. Any number of them
    #[arg(long = "allocator", value_name = "SYMBOL")]
    allocators: Vec<String>,
    /// Do not look at source files
    #[arg(long)]
    binary_only: bool,
    /// Write the table of the program's own allocation functions into this folder: with MCRX_CALLERS set to it, libmcrx.so follows
    /// blocks to the callers of those
    #[arg(long, value_name = "DIR")]
    callers: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    file: PathFact,
    /// Hexadecimal.
    build_id: Option<String>,
    totals: Totals,
    /// By address.
    sites: Vec<SiteFacts>,
    /// The program's own allocation functions, by address.
    wrappers: Vec<WrapperFacts>,
    /// With --callers.
    callers: Option<CallersFacts>,
}

/// The table for the allocator.
#[derive(Serialize)]
struct CallersFacts {
    file: PathFact,
    /// Calls that it follows.
    rows: usize,
    /// Calls that it cannot follow.
    left_out: usize,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let path = locate::program(&args.program)?;
    let binary = Binary::open(&path)?;
    let dwarf = binary.dwarf()?;
    let cache = Cache::default();
    let table = cache.table(&binary)?;
    let options = Options { extra: args.allocators.clone(), binary_only: args.binary_only };
    let found = cache.sites(&binary, &table, &options);
    let lines = Lines::new(&dwarf)?;
    let mut facts = Facts {
        schema: "mcrx.sites/1",
        file: PathFact(path.clone()),
        build_id: binary.build_id().map(ToString::to_string),
        totals: Totals::default(),
        sites: Vec::new(),
        wrappers: found.wrappers().map(WrapperFacts::of).collect(),
        callers: args.callers.as_deref().map(|folder| write_callers(&binary, &found, folder)).transpose()?,
    };
    for site in found.iter() {
        facts.totals.add(site);
        facts.sites.push(SiteFacts::of(site, &table, &lines)?);
    }
    output.heading(format_args!("{}: {} calls allocate", path.display(), facts.sites.len()))?;
    output.line(format_args!("{:<36} {:<52} {:<24} EVIDENCE", "TYPE", "SITE", "CALLS"))?;
    for site in &facts.sites {
        output.line(site)?;
    }
    if !facts.wrappers.is_empty() {
        output.heading("Functions that hand on what they allocate")?;
        for wrapper in &facts.wrappers {
            output.line(wrapper)?;
        }
    }
    output.line(format_args!("\n{}", facts.totals))?;
    if let Some(callers) = &facts.callers {
        let CallersFacts { file: PathFact(file), rows, left_out } = callers;
        output.line(format_args!(
            "\n{}: {rows} calls in these functions are followed, {left_out} cannot be",
            file.display()
        ))?;
        let folder = file.parent().unwrap_or(file).display();
        output.line(format_args!(
            "\nNext: MCRX_CALLERS={folder} LD_PRELOAD=/path/to/libmcrx.so {}",
            path.display()
        ))?;
    } else if !facts.wrappers.is_empty() {
        output.line(format_args!("\nNext: mcrx sites {} --callers DIR", path.display()))?;
    }
    output.facts(&facts)?;
    Ok(())
}

fn write_callers(binary: &Binary, sites: &Sites, folder: &Path) -> Result<CallersFacts> {
    let callers = Callers::of_wrappers(binary, sites)?;
    // Where it was written is what MCRX_CALLERS is to be set to, from whatever folder.
    let folder = std::path::absolute(folder).with_context(|| format!("{} is no path", folder.display()))?;
    let file = callers.write(&folder)?;
    Ok(CallersFacts {
        file: PathFact(file),
        rows: callers.rows().len(),
        left_out: callers.left_out().count(),
    })
}
