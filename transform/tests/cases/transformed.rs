//! The transform, run on the images of a case; and what it makes of them held against what the new release would have.

use super::case::{Ready, known};
use super::run::{Fault, process};
use mcrx_tracer::image::Process;
use mcrx_tracer::trace::Trace;
use mcrx_transform::plan::{Code, Plan};
use mcrx_transform::prepared::Prepared;
use mcrx_transform::side::Side;
use mcrx_transform::target::{Merged, Room};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The old process as it is now, under the new release.
pub(crate) fn transformed(ready: &Ready) -> Result<Process, Fault> {
    let (now, new) = (process(&ready.images.now)?, process(&ready.images.new)?);
    let mut merged = Merged::of(now, new).map_err(told)?;
    let room = merged.room().map_err(told)?;
    let plan = planned(ready, new, &room, &[], |plan, now| match plan.is_refused() {
        true => Err(refusal(&plan, now)),
        false => Ok(plan),
    })??;
    merged.add(&room).map_err(told)?;
    plan.apply(&mut merged).map_err(told)?;
    Ok(merged.finish())
}

/// What an update to a process of the new release would do; `then` sees the old one's objects, too.
pub(crate) fn planned<R>(
    ready: &Ready,
    new: &Process,
    room: &dyn Room,
    ignored: &[Code],
    then: impl FnOnce(Plan, &Trace<'_>) -> R,
) -> Result<R, Fault> {
    prepared(ready, new, |Prepared { start, new, course, pairs }, now| {
        then(Plan::make_ignoring((*start, now, *new), course, pairs, room, ignored), now.trace)
    })
}

/// What takes no look at the old process as it is now, and that.
pub(crate) fn prepared<R>(
    ready: &Ready,
    new: &Process,
    then: impl for<'p> FnOnce(&'p Prepared<'p>, Side<'p>) -> R,
) -> Result<R, Fault> {
    let (start, now) = (process(&ready.images.start)?, process(&ready.images.now)?);
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
    Ok(then(&Prepared::of(start_side, new_side, &ready.loaded.rules), now_side))
}

/// The plan that is made block by block is the one that is made by types: what is to be written where, what stops it, how many objects fare how.
pub(crate) fn both_ways_agree(ready: &Ready) -> Result<(), Fault> {
    let (now, new) = (process(&ready.images.now)?, process(&ready.images.new)?);
    let merged = Merged::of(now, new).map_err(told)?;
    // New blocks lie where the first one does in each.
    let rooms = (merged.room().map_err(told)?, merged.room().map_err(told)?);
    prepared(ready, new, |Prepared { start, new, course, pairs }, now| {
        let quick = Plan::make((*start, now, *new), course, pairs, &rooms.0);
        let slow = Plan::make_slowly((*start, now, *new), course, pairs, &rooms.1);
        differs("conflicts", &quick.conflicts, &slow.conflicts)?;
        differs("totals", &quick.totals, &slow.totals)?;
        differs("what is freed", &quick.freed, &slow.freed)?;
        differs("what is written", &written(&quick), &written(&slow))
    })?
}

fn differs<T: PartialEq + Debug>(what: &str, quick: &T, slow: &T) -> Result<(), Fault> {
    if quick == slow { Ok(()) } else { Err(format!("{what}: {quick:#?} by types, {slow:#?} block by block")) }
}

/// Byte by byte, however it is cut.
fn written(plan: &Plan) -> BTreeMap<u64, u8> {
    let bytes = plan.writes().iter().flat_map(|(address, bytes)| (address..).zip(bytes.iter().copied()));
    bytes.collect()
}

/// All that stops an update.
pub(crate) fn refusal(plan: &Plan, now: &Trace<'_>) -> Fault {
    let conflicts: Vec<String> = plan.conflicts.iter().take(4).map(|one| format!("  {one:?}\n")).collect();
    format!("refused, {} times:\n{}{:?}", plan.conflicts.len(), conflicts.concat(), now.own_pins())
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
