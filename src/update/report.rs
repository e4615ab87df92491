//! What an update says of itself, as text and as JSON.

use super::course::Course;
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use crate::plan::ObjectFacts;
use crate::plan::conflicts::ConflictFacts;
use anyhow::Result;
use mcrx_live::managed::Kind;
use mcrx_live::undo::{Lost, Undo};
use mcrx_live::update::{Outcome, Refusal, Report};
use serde::Serialize;
use std::time::Duration;

/// What `--json` prints.
#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    /// committed, possible, refused or rolled_back
    outcome: &'static str,
    /// The server's first process.
    pid: i32,
    /// What it was to run.
    program: PathFact,
    /// What the rules call that release.
    release: Option<String>,
    /// For how long no thread of the server executed anything; nothing if it was not held.
    pause_ms: Option<f64>,
    phases: Vec<PhaseFacts>,
    processes: usize,
    objects: ObjectFacts,
    bytes: u64,
    descriptors: DescriptorFacts,
    conflicts: Vec<ConflictFacts>,
    /// What its rules are known not to bring back as it was: of an undo.
    lost: Vec<LostFacts>,
    /// What undoes it.
    undo: UndoFacts,
    /// What went wrong, if it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct PhaseFacts {
    name: &'static str,
    ms: f64,
}

#[derive(Serialize)]
struct DescriptorFacts {
    kept: usize,
    added: usize,
}

/// Something that does not come back as it was.
#[derive(Serialize)]
struct LostFacts {
    code: String,
    message: String,
    file: String,
    line: u32,
}

/// What undoes an update.
#[derive(Serialize)]
pub(crate) struct UndoFacts {
    program: PathFact,
    /// What the rules call that release.
    release: Option<String>,
    /// Questions that have to be answered before.
    holes: usize,
    /// What does not come back as it was.
    lost: Vec<LostFacts>,
    /// Why there are no rules that lead back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) fn print(report: &Report, course: &Course<'_>, undo: &Undo, output: &Output) -> Result<()> {
    let totals = report.totals;
    let kind = course.kind.name();
    let verb = match course.kind {
        Kind::Update => "becomes",
        Kind::Undo => "goes back to",
    };
    let (root, program) = (course.record.root, course.executable.display());
    output.heading(format_args!("{root} {verb} {program}"))?;
    for timed in &report.phases {
        output.line(format_args!("  {:<12}{:>10.1} ms", timed.phase.name(), milliseconds(timed.time)))?;
    }
    if let Some(held) = report.held {
        output.line(format_args!("  {:<12}{:>10.1} ms", "held", milliseconds(held)))?;
    }
    output.line(format_args!(
        "  {} processes; {} objects of both start-ups, {} of them changed; {} others stay, {} are made anew",
        report.processes, totals.paired, totals.changed, totals.kept, totals.transformed
    ))?;
    output.line(format_args!(
        "  {} descriptors stay, {} are new",
        report.descriptors.kept, report.descriptors.added
    ))?;
    let (outcome, failure) = match &report.outcome {
        Outcome::Committed { .. } => {
            report.notes.iter().for_each(|note| output.narrate(format_args!("left as it was: {note}")));
            let runs = match course.kind {
                Kind::Update => "the new release",
                Kind::Undo => "the release before",
            };
            output.line(format_args!("\nDone: the server runs {runs}."))?;
            print_undo(course, undo, output)?;
            ("committed", None)
        }
        Outcome::Possible => {
            output.line(format_args!("\nThe {kind} can be made. The server was left as it was."))?;
            if course.kind == Kind::Update {
                print_undo(course, undo, output)?;
            }
            ("possible", None)
        }
        Outcome::Refused(refusals) => {
            output.heading("\nWhat stops it")?;
            print_refusals(refusals, output)?;
            next(refusals, course, output);
            let message = format!("the {kind} was refused, and the server was not touched: see above");
            ("refused", Some(Failure::Refused(message)))
        }
        Outcome::RolledBack(why) => {
            let message = format!("the {kind} failed and was undone, the old release goes on: {why}");
            ("rolled_back", Some(Failure::RolledBack(message)))
        }
    };
    output.facts(&Facts::of(report, course, undo, outcome))?;
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}

/// What it takes to undo it.
fn print_undo(course: &Course<'_>, undo: &Undo, output: &Output) -> Result<()> {
    let (root, program) = (course.record.root, undo.program().display());
    match (undo.way_back(), undo.holes()) {
        (Err(error), _) => output.narrate(format_args!("an undo: {error}")),
        (Ok(_), 0) => {
            output.narrate(format_args!("mcrx undo {root}  goes back to {program}"));
            return print_lost(undo.way_back().map_or(&[], |way| way.lost), output);
        }
        (Ok(_), holes) => {
            let rules = course.file.map_or_else(|| "RULES".to_owned(), |file| file.display().to_string());
            let (are, new) =
                (if holes == 1 { "question is" } else { "questions are" }, course.executable.display());
            output.narrate(format_args!(
                "before it can be undone, {holes} {are} to be answered: mcrx rules reverse {program} {new} --rules {rules}"
            ));
        }
    }
    Ok(())
}

/// What does not come back as it was.
pub(crate) fn print_lost(lost: &[Lost], output: &Output) -> Result<()> {
    for Lost { code, message, file, line } in lost {
        output.line(format_args!("  {code} {message} ({file}:{line})"))?;
    }
    Ok(())
}

/// Each once: processes of one program have the same questions.
fn print_refusals(refusals: &[Refusal], output: &Output) -> Result<()> {
    let mut said: Vec<ConflictFacts> = Vec::new();
    for facts in refusals.iter().map(ConflictFacts::of_update) {
        if !said.iter().any(|one| one.says_the_same(&facts)) {
            facts.print(output)?;
            said.push(facts);
        }
    }
    Ok(())
}

/// What to do about conflicts of a plan: rules answer them.
fn next(refusals: &[Refusal], course: &Course<'_>, output: &Output) {
    let is_conflict = |refusal: &Refusal| matches!(refusal, Refusal::Conflict { .. });
    if course.kind == Kind::Undo || !refusals.iter().any(is_conflict) {
        return;
    }
    let (old, new) = (course.record.executable.as_path().display(), course.executable.display());
    match course.file {
        Some(file) => output.narrate(format_args!("next: mcrx rules check {} {old} {new}", file.display())),
        None => output.narrate(format_args!(
            "this update needs rules; next: mcrx rules new {old} {new} -o update.mcrx  writes them, with a hole for each of these questions"
        )),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

impl Facts {
    fn of(report: &Report, course: &Course<'_>, undo: &Undo, outcome: &'static str) -> Facts {
        let phases = report.phases.iter();
        let (conflicts, reason) = match &report.outcome {
            Outcome::Refused(refusals) => (refusals.iter().map(ConflictFacts::of_update).collect(), None),
            Outcome::RolledBack(why) => (Vec::new(), Some(why.clone())),
            Outcome::Committed { .. } | Outcome::Possible => (Vec::new(), None),
        };
        Facts {
            schema: match course.kind {
                Kind::Update => "mcrx.update/1",
                Kind::Undo => "mcrx.undo/1",
            },
            outcome,
            pid: course.record.root,
            program: PathFact(course.executable.clone()),
            release: course.release(),
            pause_ms: report.held.map(milliseconds),
            phases: phases
                .map(|timed| PhaseFacts { name: timed.phase.name(), ms: milliseconds(timed.time) })
                .collect(),
            processes: report.processes,
            objects: ObjectFacts::of(&report.totals, &report.own_blocks),
            bytes: report.totals.bytes,
            descriptors: DescriptorFacts { kept: report.descriptors.kept, added: report.descriptors.added },
            conflicts,
            lost: LostFacts::all(course.lost),
            undo: UndoFacts::of(undo),
            reason,
        }
    }
}

impl LostFacts {
    fn all(lost: &[Lost]) -> Vec<LostFacts> {
        let one = |lost: &Lost| {
            let Lost { code, message, file, line } = lost.clone();
            LostFacts { code, message, file, line }
        };
        lost.iter().map(one).collect()
    }
}

impl UndoFacts {
    pub(crate) fn of(undo: &Undo) -> UndoFacts {
        let way = undo.way_back();
        UndoFacts {
            program: PathFact(undo.program().to_owned()),
            release: undo.release().map(str::to_owned),
            holes: undo.holes(),
            lost: way.as_ref().map_or_else(|_| Vec::new(), |way| LostFacts::all(way.lost)),
            reason: way.err().map(|error| error.to_string()),
        }
    }
}
