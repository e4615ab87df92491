//! `mcrx diff`: what grew in a server's heap between two snapshots, who made it, and who holds it.

use crate::output::{Output, shortened};
use crate::subject::indexed::{Reading, ServerFacts, indexed};
use anyhow::Result;
use mcrx_analysis::diff::{Change, Diff, Kept};
use mcrx_analysis::sources::{self, Frame};
use serde::Serialize;

/// Compare two or three snapshots of a server: what grew, by type, by the call that made it, and by who holds it
///
/// Blocks of one process are matched by address and generation: an address that was used again is another block. With three snapshots, STAYED
/// are the blocks that were made between the first and the second and are still there in the third: what a leak looks like, and what warms up
/// or comes and goes does not. Two starts of a program, or two releases of it, are compared by the names of types, functions and members.
#[derive(clap::Args)]
#[command(after_help = "\
All processes with a heap count together, unless --process picks one. Instead of a file, a process can be named: it is looked at as it is \
now. HELD BY is the shortest way from a variable, as C would write it; all elements of an array, and all nodes of a list or tree, are held by \
one owner. Bytes are those that the program asked for. RETAINED is by how much more bytes the blocks of a row keep alive, their own and those \
of what would go with them: see mcrx dominators.

Examples:
  mcrx snapshot 4711 -o before.snap
  mcrx snapshot 4711 -o after.snap       some minutes later
  mcrx diff before.snap after.snap
  mcrx diff before.snap after.snap 4711  and what of it is still there now
  mcrx diff before.snap after.snap --json | jq '.types[0]'")]
pub(crate) struct Args {
    /// The earlier one: a snapshot, a core file, or a process
    #[arg(value_name = "BEFORE")]
    before: String,
    /// A later one
    #[arg(value_name = "AFTER")]
    after: String,
    /// One that is later still
    #[arg(value_name = "LATER")]
    later: Option<String>,
    #[command(flatten)]
    reading: Reading,
    /// Rows of each table; all are in --json
    #[arg(long, value_name = "ROWS", default_value_t = 15)]
    top: usize,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts<'d> {
    schema: &'static str,
    /// In the order in which they were named.
    snapshots: Vec<ServerFacts>,
    /// Whether blocks were matched, and not names alone.
    matched: bool,
    total: Change,
    types: Vec<TypeFacts<'d>>,
    sites: Vec<SiteFacts<'d>>,
    owners: Vec<OwnerFacts>,
}

#[derive(Serialize)]
struct TypeFacts<'d> {
    name: &'d str,
    #[serde(flatten)]
    change: Change,
    #[serde(flatten)]
    kept: Kept,
}

#[derive(Serialize)]
struct SiteFacts<'d> {
    site: String,
    /// Innermost first.
    frames: &'d [Frame],
    #[serde(flatten)]
    change: Change,
    #[serde(flatten)]
    kept: Kept,
}

#[derive(Serialize)]
struct OwnerFacts {
    owner: String,
    #[serde(flatten)]
    change: Change,
    #[serde(flatten)]
    kept: Kept,
    /// The same with all that is held through these blocks.
    through: Change,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let (before, before_facts) = indexed(&args.before, &args.reading, output)?;
    let (after, after_facts) = indexed(&args.after, &args.reading, output)?;
    let mut snapshots = vec![before_facts, after_facts];
    let diff = match &args.later {
        None => Diff::of(&before, &after),
        Some(target) => {
            let (later, facts) = indexed(target, &args.reading, output)?;
            snapshots.push(facts);
            Diff::of_three(&before, &after, &later)
        }
    };
    let facts = Facts::of(&diff, snapshots);
    print(&facts, args, output)?;
    output.facts(&facts)?;
    Ok(())
}

impl<'d> Facts<'d> {
    fn of(diff: &'d Diff, snapshots: Vec<ServerFacts>) -> Facts<'d> {
        let through = diff.through_owners();
        let all_of = |place: u32| usize::try_from(place).ok().and_then(|place| through.get(place).copied());
        Facts {
            schema: "mcrx.diff/1",
            snapshots,
            matched: diff.is_matched(),
            total: diff.total,
            types: diff
                .by_type()
                .into_iter()
                .map(|(name, change, kept)| TypeFacts { name, change, kept })
                .collect(),
            sites: diff
                .by_site()
                .into_iter()
                .map(|(frames, change, kept)| SiteFacts {
                    site: sources::described(frames),
                    frames,
                    change,
                    kept,
                })
                .collect(),
            owners: diff
                .by_owner()
                .into_iter()
                .map(|(owner, change, kept)| OwnerFacts {
                    owner: diff.owners.name(owner),
                    change,
                    kept,
                    through: all_of(owner.0).unwrap_or_default(),
                })
                .collect(),
        }
    }
}

fn print(facts: &Facts<'_>, args: &Args, output: &Output) -> Result<()> {
    let Change { count_before, count_after, bytes_before, bytes_after, made, freed, stayed, .. } =
        facts.total;
    let targets: Vec<&str> = facts.snapshots.iter().map(|server| server.target.as_str()).collect();
    let last = facts.snapshots.last();
    let name = last.map_or_else(String::new, |server| shortened(&server.name, NAME));
    output.heading(format_args!(
        "{name}, {}: {count_before} blocks of {bytes_before} bytes -> {count_after} of {bytes_after}",
        targets.join(" -> ")
    ))?;
    match (made, freed) {
        (Some(made), Some(freed)) => output.line(format_args!(
            "made since: {} blocks, {} bytes; freed: {} blocks, {} bytes",
            made.blocks, made.bytes, freed.blocks, freed.bytes
        ))?,
        _ => output.line("these are not of one process: they are compared by names alone")?,
    }
    if let Some(stayed) = stayed {
        output.line(format_args!(
            "made before the second and still there in the third: {} blocks, {} bytes",
            stayed.blocks, stayed.bytes
        ))?;
    }
    let types = facts.types.iter().map(|row| (row.name.to_owned(), row.change, row.kept)).collect();
    table("BY TYPE", types, args, output)?;
    let sites = facts.sites.iter().map(|row| (row.site.clone(), row.change, row.kept)).collect();
    table("MADE BY", sites, args, output)?;
    let owners = facts.owners.iter().map(|row| (row.owner.clone(), row.change, row.kept)).collect();
    table("HELD BY", owners, args, output)?;
    let next = match facts.snapshots.as_slice() {
        [before, after] => format!("mcrx diff {} {} {}", before.target, after.target, "LATER"),
        [.., last] => format!("mcrx leaks {}", last.target),
        [] => String::new(),
    };
    output.line(format_args!("\nNext: {next}"))?;
    Ok(())
}

/// Characters of what a process calls itself.
const NAME: usize = 48;

/// The rows in which something happened, as many as are asked for.
fn table(title: &str, rows: Vec<(String, Change, Kept)>, args: &Args, output: &Output) -> Result<()> {
    let changed: Vec<_> = rows.into_iter().filter(|(_, change, _)| !change.is_none()).collect();
    let Some((_, first, _)) = changed.first() else { return Ok(()) };
    let optional =
        |is_there: bool, title: &str| if is_there { format!(" {title:>10}") } else { String::new() };
    output.heading(format_args!(
        "{:>10} {:>10} {:>14} {:>14} {:>14}{}{}{}  {title}",
        "BLOCKS",
        "GROWTH",
        "BYTES",
        "GROWTH",
        "RETAINED",
        optional(first.made.is_some(), "MADE"),
        optional(first.freed.is_some(), "FREED"),
        optional(first.stayed.is_some(), "STAYED"),
    ))?;
    for (name, change, kept) in changed.iter().take(args.top) {
        let pair = |pair: Option<mcrx_tracer::graph::Pair>| {
            pair.map_or_else(String::new, |pair| format!(" {:>10}", pair.blocks))
        };
        output.line(format_args!(
            "{:>10} {:>+10} {:>14} {:>+14} {:>+14}{}{}{}  {name}",
            change.count_after,
            change.count_growth(),
            change.bytes_after,
            change.growth(),
            i128::from(kept.retained_after) - i128::from(kept.retained_before),
            pair(change.made),
            pair(change.freed),
            pair(change.stayed),
        ))?;
    }
    let left = changed.len().saturating_sub(args.top);
    if left > 0 {
        output.line(format_args!("{:>10} more: --top {}", left, changed.len()))?;
    }
    Ok(())
}
