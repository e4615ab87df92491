//! `mcrx rules test --on`: rules tried on all objects of a process.

use super::{Args, place};
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use crate::subject::{Extent, Subject, SubjectFacts, Which};
use anyhow::{Result, anyhow};
use mcrx_debuginfo::table::Table;
use mcrx_dsl::load::Loaded;
use mcrx_dsl::rehearsal::{self, Refusal, Rehearsal, Tally};
use serde::Serialize;

/// The version of what `--json` prints.
const SCHEMA: &str = "mcrx.rules.rehearsal/1";

#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    file: PathFact,
    #[serde(flatten)]
    subject: SubjectFacts,
    types: Vec<TypeFacts>,
    refusals: Vec<RefusalFacts>,
    /// Live blocks of which no type is known: nothing was tried on them.
    untyped_blocks: u64,
}

#[derive(Serialize)]
struct TypeFacts {
    name: String,
    /// It is no type, but a variable.
    is_variable: bool,
    objects: u64,
    refused: u64,
    /// They depend on what the new release's start-up leaves.
    undecided: u64,
}

#[derive(Serialize)]
struct RefusalFacts {
    name: String,
    path: String,
    message: String,
    objects: u64,
    /// Of the first of them.
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

pub(super) fn run(
    args: &Args,
    target: &str,
    loaded: &Loaded,
    tables: (&Table, &Table),
    output: &Output,
) -> Result<()> {
    let which = Which { target: target.to_owned(), process: args.process, rules: Some(args.file.clone()) };
    let subject = Subject::open(&which, Extent::One, output)?;
    subject.traced(output, |trace, _| {
        let phase = output.phase("trying the rules on each object");
        let rehearsal = rehearsal::run(trace, tables, &loaded.rules);
        drop(phase);
        let rehearsal = rehearsal.map_err(|error| anyhow!("{}: {error}", args.old.display()))?;
        print(&rehearsal, &subject, loaded, output)?;
        output.facts(&Facts {
            schema: SCHEMA,
            file: PathFact(args.file.clone()),
            subject: subject.facts(),
            types: rehearsal.types.iter().map(TypeFacts::of).collect(),
            refusals: rehearsal.refusals.iter().map(|refusal| RefusalFacts::of(refusal, loaded)).collect(),
            untyped_blocks: rehearsal.untyped,
        })?;
        ending(&rehearsal, loaded)
    })
}

fn print(rehearsal: &Rehearsal, subject: &Subject, loaded: &Loaded, output: &Output) -> Result<()> {
    let tried: u64 = rehearsal.types.iter().map(|tally| tally.objects).sum();
    output.heading(format_args!(
        "{}: {tried} objects and variables of types that change",
        subject.described()
    ))?;
    for mistake in &rehearsal.mistakes {
        output.line(format_args!("{}: {mistake}", place(Some(mistake.span), loaded)))?;
    }
    if !rehearsal.types.is_empty() {
        output.line(format_args!(
            "{:>10} {:>10} {:>10}  TYPE OR VARIABLE",
            "OBJECTS", "REFUSED", "UNDECIDED"
        ))?;
    }
    // Variables are many, and each is one: those that go are not worth a line.
    let is_worth_it = |tally: &&Tally| !tally.is_variable || tally.refused + tally.undecided > 0;
    for Tally { name, objects, refused, undecided, .. } in rehearsal.types.iter().filter(is_worth_it) {
        output.line(format_args!("{objects:>10} {refused:>10} {undecided:>10}  {name}"))?;
    }
    if !rehearsal.refusals.is_empty() {
        output.heading("\nRefused")?;
    }
    for Refusal { name, path, message, span, objects, address } in &rehearsal.refusals {
        let path = if path.is_empty() { String::new() } else { format!(".{path}") };
        let from = span.map_or_else(String::new, |span| format!(", by {}", place(Some(span), loaded)));
        output.line(format_args!("{objects:>10}  {name}{path}: {message}; as at {address:#x}{from}"))?;
    }
    if rehearsal.untyped > 0 {
        output.line(format_args!("\n{} blocks of no known type were not looked at", rehearsal.untyped))?;
    }
    Ok(())
}

fn ending(rehearsal: &Rehearsal, loaded: &Loaded) -> Result<()> {
    let refused: u64 = rehearsal.types.iter().map(|tally| tally.refused).sum();
    if refused == 0 && rehearsal.mistakes.is_empty() {
        return Ok(());
    }
    let first = loaded.files.ids().next().map(|id| loaded.files.path(id).display().to_string());
    let file = first.unwrap_or_default();
    Err(Failure::Finding(format!("{refused} objects cannot be carried over by {file}")).into())
}

impl TypeFacts {
    fn of(tally: &Tally) -> TypeFacts {
        let Tally { name, is_variable, objects, refused, undecided } = tally.clone();
        TypeFacts { name, is_variable, objects, refused, undecided }
    }
}

impl RefusalFacts {
    fn of(refusal: &Refusal, loaded: &Loaded) -> RefusalFacts {
        RefusalFacts {
            name: refusal.name.clone(),
            path: refusal.path.clone(),
            message: refusal.message.clone(),
            objects: refusal.objects,
            address: format!("{:#x}", refusal.address),
            file: refusal.span.map(|span| PathFact(loaded.files.path(span.file).to_owned())),
            line: refusal.span.map(|span| loaded.files.position(span).line),
        }
    }
}
