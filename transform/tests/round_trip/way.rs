//! The transform there and back, of the images of a case.

use super::case::{Ready, known, program};
use super::oracle::Form;
use super::run::{Fault, Running, process};
use mcrx_debuginfo::table::Table;
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::releases::Releases;
use mcrx_dsl::reverse::{self, Between, Reversed};
use mcrx_dsl::rules::Rules;
use mcrx_dsl::source::{FileId, Only};
use mcrx_dsl::{check, lower};
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::{Image, Process};
use mcrx_tracer::trace::Trace;
use mcrx_transform::pairs::Pairs;
use mcrx_transform::plan::{Course, Plan};
use mcrx_transform::side::Side;
use mcrx_transform::target::Merged;
use mcrx_transform::verify::{self, Carried};
use std::path::Path;

/// Part of the address space for the old release once more: it has had the first, the new one the second, and what was made anew on the way
/// there the one behind that.
const THIRD_EPOCH: u32 = 3;

/// A way from one release to another.
struct Way<'a> {
    from: &'a Table,
    to: &'a Table,
    rules: &'a Rules,
    facts: &'a Facts,
}

/// A process, and what is known of blocks in it whose sites belong to a program that is gone.
struct Subject<'a> {
    process: &'a Process,
    /// The release that it runs, as it was when it was parked, and what was carried over into it.
    made: Option<(&'a Process, &'a [Carried])>,
}

impl Way<'_> {
    /// What the rules make of a process, in the place of one of the release that they lead to.
    fn taken(
        &self,
        start: &Process,
        now: &Subject<'_>,
        new: &Process,
    ) -> Result<(Process, Vec<Carried>), Fault> {
        let known = (known(start)?, known(now.process)?, known(new)?);
        let models = (known.0.model(self.facts), known.1.model(self.facts), known.2.model(self.facts));
        let (start, new_trace) = (Trace::of(start, &known.0, &models.0), Trace::of(new, &known.2, &models.2));
        let start_side = Side::of(&start, self.from, "old").map_err(told)?;
        let new_side = Side::of(&new_trace, self.to, "new").map_err(told)?;
        let types = match now.made {
            // The release that now runs was parked like this before anything was carried over.
            Some((_, carried)) => verify::types(&models.1, &start_side, carried),
            None => Vec::new(),
        };
        let now_trace = Trace::knowing(now.process, &known.1, &models.1, types);
        let now_side = Side::of(&now_trace, self.from, "old").map_err(told)?;
        let course = Course::of(&now_side, &new_side, self.rules);
        let pairs = Pairs::find(&start_side, &new_side, &course, self.rules);
        let mut merged = Merged::of(now.process, new).map_err(told)?;
        let room = merged.room().map_err(told)?;
        let plan = Plan::make((start_side, now_side, new_side), &course, &pairs, &room);
        if plan.is_refused() {
            let conflicts = plan.conflicts.iter().take(4).map(|one| format!("  {one:?}\n"));
            let conflicts: String = conflicts.collect();
            return Err(format!("refused, {} times:\n{conflicts}", plan.conflicts.len()));
        }
        merged.add(&room).map_err(told)?;
        plan.apply(&mut merged).map_err(told)?;
        Ok((merged.finish(), plan.carried(&now_side, &course)))
    }
}

/// The rules of the way back, derived.
pub(crate) fn reversed(ready: &Ready) -> Reversed {
    let Ready { old, new, loaded, .. } = ready;
    reverse::rules(&Between { old, new, loaded, live: None, folder: None })
}

/// The same, which have to be whole.
fn way_back(ready: &Ready) -> Result<Loaded, Fault> {
    let reversed = reversed(ready);
    let loaded = load::rules(Path::new("back.mcrx"), &Only(&reversed.text));
    let found = check::loaded(&loaded, Releases::both(&ready.new, &ready.old), None);
    let wrong: Vec<String> = found
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| format!("  {} {} ({:?})\n", one.code, one.message, loaded.files.at(one.span)))
        .collect();
    if wrong.is_empty() {
        Ok(loaded)
    } else {
        Err(format!("the way back is not whole:\n{}{}", wrong.concat(), reversed.text))
    }
}

/// The old process taken to the new release and back, and what it was: as each reads.
pub(crate) fn there_and_back(ready: &Ready) -> Result<(Form, Form), Fault> {
    let back = way_back(ready)?;
    let images = &ready.images;
    let [start, now, new] = [&images.start, &images.now, &images.new].map(process);
    let (start, now, new) = (start?, now?, new?);
    let there = Way { from: &ready.old, to: &ready.new, rules: &ready.loaded.rules, facts: &ready.facts };
    let (merged, carried) = there.taken(start, &Subject { process: now, made: None }, new)?;
    let anew = parked_anew(start, &ready.old)?;
    let facts = lower::facts(&back.rules);
    let way = Way { from: &ready.new, to: &ready.old, rules: &back.rules, facts: &facts };
    let merged = Subject { process: &merged, made: Some((new, &carried)) };
    let (result, _) = way
        .taken(new, &merged, process(&anew)?)
        .map_err(|why| format!("back: {why}\n{}", back.files.text(FileId(0))))?;
    let form = |process| Ok::<Form, Fault>(Form::of(ready.subject(process, &ready.old)?));
    Ok((form(&result)?, form(now)?))
}

/// The state is the same as it was.
pub(crate) fn comes_back(ready: &Ready) -> Result<(), Fault> {
    let (found, expected) = there_and_back(ready)?;
    match found == expected {
        true => Ok(()),
        false => Err(format!("it did not come back as it was:\n{}", found.difference(&expected, 12))),
    }
}

/// The old release, started once more.
fn parked_anew(start: &Process, table: &Table) -> Result<Image, Fault> {
    Running::start(&program(start, table)?.path, THIRD_EPOCH)?.image()
}

fn told(error: impl std::fmt::Display) -> Fault {
    error.to_string()
}
