//! `mcrx pins`: what must not move in a process, and because of what.

use crate::output::Output;
use crate::subject::{Extent, Subject, SubjectFacts, Which, names};
use anyhow::Result;
use mcrx_tracer::graph::{Pin, PinnedBy};
use mcrx_tracer::trace::Trace;
use serde::Serialize;

/// Show what pins blocks: fields, call sites and roots whose words may be pointers
///
/// What such a word points to can be neither moved nor converted. The places that pin the most blocks come first, each with what would
/// make it precise.
#[derive(clap::Args)]
#[command(after_help = "\
Only blocks that the program itself made are counted; --all counts those of libraries too. A block that several places pin is counted \
for each; ALONE are those that nothing else pins, which a rule for this place would free.

Examples:
  mcrx pins 4711
  mcrx pins redis.snap --json | jq '.pins[0]'")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Count blocks that libraries made, too
    #[arg(long)]
    all: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    #[serde(flatten)]
    subject: SubjectFacts,
    pins: Vec<PinFacts>,
}

#[derive(Serialize)]
struct PinFacts {
    /// `field`, `site` or `root`.
    kind: &'static str,
    by: String,
    words: u64,
    blocks: u64,
    alone: u64,
    bytes: u64,
    /// What would help.
    rule: String,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let subject = Subject::open(&args.which, Extent::One, output)?;
    subject.traced(output, |trace, _| {
        let pins = trace.graph.pins(&trace.input(), &trace.marked, |block| args.all || trace.is_own(block));
        let facts = Facts {
            schema: "mcrx.pins/1",
            subject: subject.facts(),
            pins: pins.iter().map(|pin| fact(trace, pin)).collect(),
        };
        output.heading(format_args!("{}: {} places pin blocks", subject.described(), facts.pins.len()))?;
        output.line(format_args!("{:>10} {:>10} {:>12}  PLACE", "BLOCKS", "ALONE", "BYTES"))?;
        for PinFacts { by, blocks, alone, bytes, rule, .. } in &facts.pins {
            output.line(format_args!("{blocks:>10} {alone:>10} {bytes:>12}  {by}\n{:36}{rule}", ""))?;
        }
        output.line(format_args!("\nNext: mcrx trace {}", subject.named(&args.which)))?;
        subject.narrate_others(output);
        output.facts(&facts)?;
        Ok(())
    })
}

fn fact(trace: &Trace<'_>, pin: &Pin) -> PinFacts {
    let (kind, by, rule) = match &pin.by {
        PinnedBy::Field { ty, path, disagreeing } => {
            let name = trace.model.name(*ty);
            let bare = name.strip_prefix("struct ").or_else(|| name.strip_prefix("union ")).unwrap_or(&name);
            let field = format!("{bare}{path}");
            let rule = if *disagreeing {
                format!("rule: field {field} : the type that it really points to")
            } else {
                format!("rule: field {field} : scalar, or match what tells which member it holds")
            };
            ("field", format!("{name}{path}"), rule)
        }
        PinnedBy::Site(key) => {
            let site = names::site(trace, *key);
            let function = site.split(['+', ' ']).next().unwrap_or("?");
            let rule = format!("rule: wrapper or hook for {function}, or the type of what it makes");
            ("site", format!("blocks of {site}"), rule)
        }
        PinnedBy::Root(name) => ("root", name.clone(), "debug info for it, or: module ... pin".to_owned()),
    };
    PinFacts { kind, by, words: pin.words, blocks: pin.blocks, alone: pin.alone, bytes: pin.bytes, rule }
}
