//! The transform, run on the images of a case; and what it makes of them held against what the new release would have.

use super::case::{Ready, known};
use super::run::{Fault, process};
use mcrx_tracer::image::Process;
use mcrx_tracer::trace::Trace;
use mcrx_transform::pairs::Pairs;
use mcrx_transform::plan::{Course, Plan};
use mcrx_transform::side::Side;
use mcrx_transform::target::Merged;

/// The old process as it is now, under the new release.
pub(crate) fn transformed(ready: &Ready) -> Result<Process, Fault> {
    let images = &ready.images;
    let [start, now, new] = [&images.start, &images.now, &images.new].map(process);
    let (start, now, new) = (start?, now?, new?);
    let known = (known(start)?, known(now)?, known(new)?);
    let models = (known.0.model(&ready.facts), known.1.model(&ready.facts), known.2.model(&ready.facts));
    let traces = (
        Trace::of(start, &known.0, &models.0),
        Trace::of(now, &known.1, &models.1),
        Trace::of(new, &known.2, &models.2),
    );
    let start_side = Side::of(&traces.0, &ready.old, "old").map_err(told)?;
    let now_side = Side::of(&traces.1, &ready.old, "old").map_err(told)?;
    let new_side = Side::of(&traces.2, &ready.new, "new").map_err(told)?;
    let rules = &ready.loaded.rules;
    let course = Course::of(&now_side, &new_side, rules);
    let pairs = Pairs::find(&start_side, &new_side, &course.pairing, rules);
    let mut merged = Merged::of(now, new).map_err(told)?;
    let room = merged.room().map_err(told)?;
    let plan = Plan::make((start_side, now_side, new_side), &course, &pairs, &room);
    if plan.is_refused() {
        let conflicts: Vec<String> =
            plan.conflicts.iter().take(4).map(|one| format!("  {one:?}\n")).collect();
        return Err(format!(
            "refused, {} times:\n{}{:?}",
            plan.conflicts.len(),
            conflicts.concat(),
            traces.1.own_pins()
        ));
    }
    merged.add(&room).map_err(told)?;
    plan.apply(&mut merged).map_err(told)?;
    Ok(merged.finish())
}

/// What the transform makes is what the new release would have.
pub(crate) fn is_as_expected(ready: &Ready) -> Result<(), Fault> {
    let (found, expected) = (ready.form(&transformed(ready)?)?, ready.expected()?);
    match found == expected {
        true => Ok(()),
        false => Err(format!("it differs from the new release:\n{}", found.difference(&expected, 12))),
    }
}

fn told(error: impl std::fmt::Display) -> Fault {
    error.to_string()
}
