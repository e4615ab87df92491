//! From the allocation functions of the C library to all sites of a program: wrappers show themselves, round by round.
//!
//! A function whose result is an allocation's, and that says nothing of its type, is an allocation function itself: the calls of it are
//! the next round's sites. This ends, since each function becomes one at most once.

use super::allocator::{Allocator, Asked, Handed};
use super::flow::{Flow, Watched};
use super::graph::{Graph, decode};
use super::pointee::Pointee;
use super::program::{Call, Program, Target};
use super::seen::{Judged, Seen, Untyped};
use super::value::{Gpr, SOMEWHERE};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// A call of an allocation function, and what was seen of it.
pub(super) struct Found<'t> {
    pub(super) call: Call,
    pub(super) allocator: Allocator,
    pub(super) seen: Seen<'t>,
    pub(super) judged: Judged<'t>,
}

/// A function that hands out what another allocated.
pub(super) struct FoundWrapper {
    pub(super) routine: usize,
    pub(super) asked: Asked,
    pub(super) handed: Handed,
    /// It jumps to its own allocator, and has no frame when that runs.
    pub(super) is_tail: bool,
}

/// All sites and wrappers.
#[derive(Default)]
pub(super) struct Harvest<'t> {
    pub(super) sites: Vec<Found<'t>>,
    pub(super) wrappers: Vec<FoundWrapper>,
}

/// Whether a name is the one that was given, or begins as it says with a `*` at its end.
fn is_meant(given: &str, name: &str) -> bool {
    given.strip_suffix('*').map_or(given == name, |start| name.starts_with(start))
}

/// `extra` are names of further functions that return memory; their first argument that asks for bytes is not known.
pub(super) fn find<'r>(program: &Program<'r, '_>, extra: &[String]) -> Harvest<'r> {
    let mut harvest = Harvest::default();
    let mut allocators: FxHashMap<Target, Allocator> = FxHashMap::default();
    let mut new: Vec<(Target, Allocator)> = Vec::new();
    for target in program.calls.keys() {
        let Some(name) = program.name(*target) else { continue };
        let given =
            || extra.iter().any(|extra| is_meant(extra, name)).then(|| Allocator::returning(Asked::Unknown));
        if let Some(allocator) = Allocator::named(name).or_else(given) {
            new.push((*target, allocator));
        }
    }
    while !new.is_empty() {
        allocators.extend(new.iter().copied());
        let mut by_routine: FxHashMap<usize, Vec<(Call, Allocator)>> = FxHashMap::default();
        for (target, allocator) in new.drain(..) {
            for call in program.calls.get(&target).into_iter().flatten() {
                by_routine.entry(call.routine).or_default().push((*call, allocator));
            }
        }
        let mut work: Vec<_> = by_routine.into_iter().collect();
        work.sort_unstable_by_key(|(routine, _)| *routine);
        let round: Vec<(usize, Vec<Found<'r>>)> = work
            .into_par_iter()
            .map(|(routine, mut calls)| {
                calls.sort_unstable_by_key(|(call, _)| call.address);
                (routine, follow(program, routine, calls))
            })
            .collect();
        for (routine, found) in round {
            let entry = program.routines.get(routine).and_then(|routine| routine.ranges.first());
            let target = entry.map(|(entry, _)| Target::Code(crate::table::Address(*entry)));
            if let Some(target) = target.filter(|target| !allocators.contains_key(target))
                && let Some((allocator, wrapper)) = wrapper(program, routine, &found)
            {
                new.push((target, allocator));
                harvest.wrappers.extend(wrapper);
            }
            // A jump leaves no return address here: its site is that of whoever called this function.
            harvest.sites.extend(found.into_iter().filter(|found| !found.call.is_tail));
        }
    }
    harvest
}

fn follow<'r>(program: &Program<'r, '_>, routine: usize, calls: Vec<(Call, Allocator)>) -> Vec<Found<'r>> {
    let described = program.routines.get(routine);
    let function = described.and_then(|routine| program.table.function(routine.function?));
    let all = |why: Untyped| {
        let found = |(call, allocator): (Call, Allocator)| Found {
            call,
            allocator,
            seen: Seen::default(),
            judged: Judged::Untyped(why),
        };
        calls.iter().copied().map(found).collect()
    };
    let (Some(described), Some(function)) = (described, function) else { return all(Untyped::NoDebugInfo) };
    let variables = program.variables(function);
    let instructions = decode(program.binary, &described.ranges);
    let graph = Graph::new(program.binary, instructions, &described.ranges, |instruction| {
        program.never_returns(instruction)
    });
    let watched: Vec<Watched> =
        calls.iter().map(|(call, allocator)| Watched { call: call.address, allocator: *allocator }).collect();
    let Some(seen) = Flow::follow(program, Some(function), &variables, &graph, &watched) else {
        return all(Untyped::TooLarge);
    };
    let found = |((call, allocator), seen): (&(Call, Allocator), Seen<'r>)| {
        let judged = match seen.judge() {
            Judged::Untyped(Untyped::Nowhere) if allocator.makes_bytes => Judged::Untyped(Untyped::Bytes),
            judged => judged,
        };
        Found { call: *call, allocator: *allocator, seen, judged }
    };
    calls.iter().zip(seen).map(found).collect()
}

/// Whether a function hands out what it allocates, and how.
fn wrapper(
    program: &Program<'_, '_>,
    routine: usize,
    found: &[Found<'_>],
) -> Option<(Allocator, Option<FoundWrapper>)> {
    let function = program.table.function(program.routines.get(routine)?.function?)?;
    let returns = function.returns().and_then(Pointee::of);
    let deeper = found.iter().filter(|found| !found.call.is_tail && found.judged == Judged::Deeper);
    let frames: Vec<&Found<'_>> = deeper.collect();
    let tails: Vec<&Found<'_>> =
        found.iter().filter(|found| found.call.is_tail && found.seen.reached && returns.is_some()).collect();
    let is_silent = returns.is_some_and(Pointee::is_silent);
    let both: Vec<&Found<'_>> = frames.iter().chain(&tails).copied().collect();
    let first = both.first()?;
    let handed = match (frames.first(), is_silent) {
        (Some(frame), _) => {
            let mut offsets = frame.seen.returned.iter().filter(|offset| **offset != SOMEWHERE);
            let returned = offsets.next().map(|offset| Handed::Returned(*offset));
            returned.or_else(|| frame.seen.stored.first().map(|(register, _)| Handed::Stored(*register)))?
        }
        (None, _) => first.allocator.handed,
    };
    let returns = match returns {
        Some(Pointee::Object(ty)) if frames.is_empty() => Some(ty.id()),
        Some(pointee) if pointee.is_silent() || !frames.is_empty() => first.allocator.returns,
        _ => return None,
    };
    let agreed = |pick: fn(&Found<'_>) -> Asked| {
        let asked = pick(first);
        if both.iter().all(|found| pick(found) == asked) { asked } else { Asked::Unknown }
    };
    // For its callers, the block begins behind the header.
    let asked = match (agreed(|found| found.seen.asked), handed) {
        (Asked::Bytes(register, plus), Handed::Returned(header)) => {
            Asked::Bytes(register, plus.wrapping_sub(header))
        }
        (asked, _) => asked,
    };
    let resized: Option<Gpr> = first.seen.resized.filter(|_| both.len() == 1);
    let makes_bytes = both.iter().all(|found| found.allocator.makes_bytes);
    let allocator = Allocator { asked, handed, resized, makes_bytes, returns };
    let wrapper = FoundWrapper { routine, asked, handed, is_tail: frames.is_empty() };
    Some((allocator, Some(wrapper)))
}
