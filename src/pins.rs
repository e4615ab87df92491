//! `mcrx pins`: what must not move in a process, and because of what.

use crate::output::Output;
use crate::subject::{Extent, Subject, SubjectFacts, Which, names};
use anyhow::Result;
use mcrx_dsl::propose::{Proposal, proposal};
use mcrx_tracer::graph::{Pin, PinnedBy};
use mcrx_tracer::trace::Trace;
use serde::Serialize;

/// Show what pins blocks: fields, call sites and roots whose words may be pointers
///
/// What such a word points to can be neither moved nor converted. The places that pin the most blocks come first, each with the statement
/// of a rule file that would make it precise, as far as that can be told. Where only a person knows, it has a `todo` with the question.
#[derive(clap::Args)]
#[command(after_help = "\
Only blocks that the program itself made are counted; --all counts those of libraries too. A block that several places pin is counted \
for each; ALONE are those that nothing else pins, which a rule for this place would free.

Examples:
  mcrx pins 4711
  mcrx pins 4711 --rules examples/facts/nginx.mcrx     what is left with these rules
  mcrx pins redis.snap --json | jq -r '.pins[].rule'")]
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
    /// The statement that would remove it; nothing if none could.
    rule: Option<String>,
    /// What is known, or what else would help.
    why: String,
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
        for PinFacts { by, blocks, alone, bytes, rule, why, .. } in &facts.pins {
            output.line(format_args!("{blocks:>10} {alone:>10} {bytes:>12}  {by}\n{:36}// {why}", ""))?;
            for line in rule.iter().flat_map(|rule| rule.lines()) {
                output.line(format_args!("{:36}{line}", ""))?;
            }
        }
        output.line(format_args!("\nNext: mcrx trace {}", subject.named(&args.which)))?;
        subject.narrate_others(output);
        output.facts(&facts)?;
        Ok(())
    })
}

fn fact(trace: &Trace<'_>, pin: &Pin) -> PinFacts {
    let (kind, by) = match &pin.by {
        PinnedBy::Field { ty, path, .. } => ("field", format!("{}{path}", trace.model.name(*ty))),
        PinnedBy::Site(key) => ("site", format!("blocks of {}", names::site(trace, *key))),
        PinnedBy::Root(name) => ("root", name.clone()),
    };
    let Proposal { rule, why } = proposal(trace, pin);
    PinFacts { kind, by, words: pin.words, blocks: pin.blocks, alone: pin.alone, bytes: pin.bytes, rule, why }
}
