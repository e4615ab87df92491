//! `mcrx dominators`: who keeps most of a server's heap alive.

use crate::blocks::tally::readable;
use crate::output::{Output, shortened};
use crate::subject::indexed::{Reading, ServerFacts, indexed};
use anyhow::Result;
use mcrx_analysis::retainers::{Retainer, What, retainers};
use serde::Serialize;

/// Show who keeps most of a server's heap alive: what would go if one block, or one variable's pointer, went
///
/// A block is kept alive by another one if every way from a variable, a stack or a register leads through that one. RETAINED are a block's own
/// bytes and those of all that only it keeps alive. Each row is kept alive by the row above it that is less indented; what stands at
/// the left margin of a process though no variable, several keep alive, or nothing.
#[derive(clap::Args)]
#[command(after_help = "\
Words that may be pointers count as pointers here: what they lead to would not be safe to free. Blocks that retain less than --share are told of \
together with others of their type.

Examples:
  mcrx dominators 4711
  mcrx dominators redis.snap --share 5
  mcrx dominators redis.snap --json | jq '.dominators[:5]'")]
pub(crate) struct Args {
    /// A process, or a file: a snapshot or a core file
    #[arg(value_name = "PID|FILE")]
    target: String,
    #[command(flatten)]
    reading: Reading,
    /// Of all bytes, the share that a row must retain, in per cent
    #[arg(long, value_name = "PER CENT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=100))]
    share: u8,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    server: ServerFacts,
    count: u64,
    bytes: u64,
    /// Each is kept alive by the last one before it that is less deep.
    dominators: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    depth: usize,
    /// `process`, `start`, `block` or `many`.
    kind: &'static str,
    what: String,
    #[serde(rename = "type")]
    ty: Option<String>,
    address: Option<String>,
    owner: Option<String>,
    /// Of `many` how many; of a block how many others of its type it keeps alive through each other, as a list's first node does.
    count: Option<u64>,
    retained: u64,
    bytes: u64,
    blocks: u64,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let (snapshot, server) = indexed(&args.target, &args.reading, output)?;
    let found = retainers(&snapshot, |total| {
        let share = u128::from(total) * u128::from(args.share) / 100;
        u64::try_from(share).unwrap_or(u64::MAX)
    });
    let processes = || found.iter().filter(|row| row.depth == 0);
    let facts = Facts {
        schema: "mcrx.dominators/1",
        server,
        count: processes().map(|row| row.blocks).sum(),
        bytes: processes().map(|row| row.retained).sum(),
        dominators: found.iter().map(Row::of).collect(),
    };
    print(&facts, args.share, output)?;
    output.facts(&facts)?;
    Ok(())
}

impl Row {
    fn of(retainer: &Retainer) -> Row {
        let Retainer { depth, what, retained, bytes, blocks } = retainer;
        let (depth, retained, bytes, blocks) = (*depth, *retained, *bytes, *blocks);
        let row = |kind, what| Row {
            depth,
            kind,
            what,
            ty: None,
            address: None,
            owner: None,
            count: None,
            retained,
            bytes,
            blocks,
        };
        match what {
            What::Process { pid, name } => row("process", format!("{pid} ({})", shortened(name, NAME))),
            What::Start(name) => row("start", name.clone()),
            What::Block { ty, address, owner, others } => {
                let more = if *others > 0 { format!(" and {others} more of them") } else { String::new() };
                Row {
                    ty: Some(ty.clone()),
                    address: Some(format!("{address:#x}")),
                    owner: Some(owner.clone()),
                    count: Some(*others),
                    ..row("block", format!("{ty} at {address:#x}{more}"))
                }
            }
            What::Many { count, ty } => {
                Row { ty: Some(ty.clone()), count: Some(*count), ..row("many", format!("{count} x {ty}")) }
            }
        }
    }
}

/// Characters of what a process calls itself.
const NAME: usize = 48;

fn print(facts: &Facts, share: u8, output: &Output) -> Result<()> {
    output.heading(format_args!(
        "{:>12} {:>7} {:>12} {:>10}  KEPT ALIVE BY",
        "RETAINED", "SHARE", "OWN", "BLOCKS"
    ))?;
    for row in &facts.dominators {
        let Row { depth, what, retained, bytes, blocks, owner, .. } = row;
        let tenths = u128::from(*retained) * 1000 / u128::from(facts.bytes.max(1));
        // Of a block that no variable keeps alive alone it is of interest where one would find it.
        let held =
            owner.as_ref().filter(|_| *depth == 1).map_or_else(String::new, |owner| format!(", at {owner}"));
        output.line(format_args!(
            "{:>12} {:>5}.{} {:>12} {blocks:>10}  {:indent$}{what}{held}",
            readable(*retained),
            tenths / 10,
            tenths % 10,
            readable(*bytes),
            "",
            indent = 2 * depth
        ))?;
    }
    let largest = facts.dominators.iter().find_map(|row| row.address.as_ref());
    let target = &facts.server.target;
    match largest {
        Some(address) => output.line(format_args!("\nNext: mcrx why {target} {address}"))?,
        None => output.line(format_args!("\nNext: mcrx dominators {target} --share {}", share / 2))?,
    }
    Ok(())
}
