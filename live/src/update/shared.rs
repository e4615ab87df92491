//! Memory that the server's processes share with each other: the old release's goes on, in the place where the new one's start-up has made its own.
//!
//! What is counted, locked and kept there is state, and each process has to see the same: so it is neither converted nor copied. Each old process maps
//! its own shared memory once more, where the new release has the memory that corresponds to it ([`crate::graft::Source::Again`]). Which does is
//! told by pointers: where a variable, or an object of both start-ups, leads into shared memory in both, these two correspond; of a file by its path.
//!
//! Refused is what would be lost or misread: shared memory that was written to since start-up and has no counterpart, or one of another size, or
//! into which the same pointers lead at other places; and what holds objects of a type that changes.

use crate::graft::Twin;
use mcrx_tracer::image::{Mapping, MappingKind, Process};
use mcrx_tracer::roots::{Root, RootKind};
use mcrx_tracer::trace::Trace;
use mcrx_transform::prepared::Prepared;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

/// What is mapped once more in a process, and where; or why it cannot be.
pub(super) fn twins(
    prepared: &Prepared<'_>,
    leads: &Leads,
    now: &Trace<'_>,
) -> Result<Vec<Twin>, Vec<String>> {
    let (start, new) = (prepared.start.process(), prepared.new.process());
    let (mut twins, mut refused) = (Vec::new(), Vec::new());
    for old in now.process.mappings.iter().filter(|mapping| is_shared(mapping)) {
        let by_path = new.mappings.iter().find(|other| is_same_file(old, other)).map(|other| &other.range);
        let found: Vec<&Range<u64>> = match by_path {
            Some(range) => vec![range],
            None => leads.from(&old.range).map(|lead| &lead.new).collect(),
        };
        let outcome = match found.as_slice() {
            [] if !is_changed(start, now.process, old) => continue,
            [] => {
                Err("has changed since start-up, and nothing of the new release's start-up corresponds to it")
            }
            [_, _, ..] => Err("corresponds to several pieces of shared memory of the new release's"),
            [new] if length(new) != length(&old.range) => Err("has another size in the new release"),
            [_] if leads.from(&old.range).any(|lead| lead.is_askew) => {
                Err("is divided otherwise in the new release")
            }
            [new] => Ok(Twin { old: old.range.clone(), new: (*new).clone() }),
        };
        let outcome = outcome.map_err(str::to_owned).and_then(|twin| match changing(prepared, now, old) {
            None => Ok(twin),
            Some(name) => Err(format!("holds {name}, which changes")),
        });
        match outcome {
            Ok(twin) => twins.push(twin),
            Err(why) => {
                refused.push(format!("shared memory ({}) at {:#x} {why}", name(old), old.range.start))
            }
        }
    }
    if refused.is_empty() { Ok(twins) } else { Err(refused) }
}

/// Two pieces of shared memory to which the same pointers lead.
struct Lead {
    old: Range<u64>,
    new: Range<u64>,
    /// One leads to different places of them.
    is_askew: bool,
}

/// All of these, by where both are: what can be found out before the old process is held.
pub(super) struct Leads(BTreeMap<(u64, u64), Lead>);

impl Leads {
    /// Of both start-ups.
    pub(super) fn of(prepared: &Prepared<'_>) -> Leads {
        let (start, new) = (prepared.start.process(), prepared.new.process());
        let mut leads = Leads(BTreeMap::new());
        let variables = |trace: &Trace<'_>| -> HashMap<String, Option<Range<u64>>> {
            let mut variables = HashMap::new();
            for root in trace.roots.iter().filter(|root| root.kind == RootKind::Variable && root.address != 0)
            {
                // Of several of one name it is not said which is which.
                let place = variables.entry(root.name.clone());
                place.and_modify(|place| *place = None).or_insert_with(|| Some(range(root)));
            }
            variables
        };
        let of_new = variables(prepared.new.trace);
        for (name, old) in variables(prepared.start.trace) {
            if let (Some(old), Some(Some(other))) = (old, of_new.get(&name)) {
                leads.add((start, &old), (new, other));
            }
        }
        for pair in prepared.pairs.iter().chain(prepared.pairs.parts()) {
            leads.add((start, &pair.old), (new, &pair.new));
        }
        leads
    }

    /// Looks at the words of two objects that correspond. Of those that are not equally long it is not known which word is which.
    fn add(&mut self, (start, old): (&Process, &Range<u64>), (new, other): (&Process, &Range<u64>)) {
        const WORD: usize = 8;
        if length(old) != length(other) {
            return;
        }
        for offset in (0..length(old)).step_by(WORD) {
            let pointer = |process: &'_ Process, place: u64| -> Option<(u64, Range<u64>)> {
                let word = process.memory.word(place.checked_add(offset)?)?;
                let mapping = process.mapping_at(word).filter(|mapping| is_shared(mapping))?;
                Some((word - mapping.range.start, mapping.range.clone()))
            };
            let Some(((from, old), (to, new))) = pointer(start, old.start).zip(pointer(new, other.start))
            else {
                continue;
            };
            let lead = self.0.entry((old.start, new.start)).or_insert(Lead { old, new, is_askew: false });
            lead.is_askew |= from != to;
        }
    }

    fn from(&self, old: &Range<u64>) -> impl Iterator<Item = &Lead> {
        self.0.values().filter(move |lead| lead.old == *old)
    }
}

/// A type whose objects lie in shared memory, and that the new release has otherwise.
fn changing(prepared: &Prepared<'_>, now: &Trace<'_>, mapping: &Mapping) -> Option<String> {
    let areas = now.blocks.areas().filter(|(_, area)| mapping.range.contains(&area.range.start));
    let mut types = areas.flat_map(|(number, _)| now.marked.islands_of(number)).map(|(_, island)| island.ty);
    let changes = |name: &str| {
        let changed = prepared.course.pairing.types.iter().filter(|pair| !pair.is_same);
        changed.flat_map(|pair| &pair.old).any(|ty| ty.name() == Some(name))
    };
    types.find_map(|ty| {
        let name = now.model.ty(ty)?.name()?;
        changes(name).then(|| now.model.name(ty))
    })
}

fn is_shared(mapping: &Mapping) -> bool {
    mapping.permissions.write && matches!(mapping.kind, MappingKind::Shared { .. })
}

/// Both are of one file that others can open, too.
fn is_same_file(one: &Mapping, other: &Mapping) -> bool {
    let (
        MappingKind::Shared { path, offset, .. },
        MappingKind::Shared { path: other_path, offset: other, .. },
    ) = (&one.kind, &other.kind)
    else {
        return false;
    };
    has_name(path) && (path, offset) == (other_path, other)
}

fn has_name(path: &Path) -> bool {
    !path.to_string_lossy().ends_with(" (deleted)")
}

/// Whether a process has written to it, or another one has, since its start-up.
fn is_changed(start: &Process, now: &Process, mapping: &Mapping) -> bool {
    let Ok(len) = usize::try_from(length(&mapping.range)) else { return true };
    let bytes = |process: &'_ Process| process.memory.bytes(mapping.range.start, len).map(<[u8]>::to_vec);
    let before = start.mapping_at(mapping.range.start).filter(|before| before.range == mapping.range);
    before.is_none() || bytes(start) != bytes(now)
}

fn name(mapping: &Mapping) -> String {
    match &mapping.kind {
        MappingKind::Shared { path, .. } if has_name(path) => path.display().to_string(),
        _ => "without a name".to_owned(),
    }
}

fn range(root: &Root) -> Range<u64> {
    root.address..root.address.saturating_add(root.len)
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}
