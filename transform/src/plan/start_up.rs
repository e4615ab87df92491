//! What both start-ups have made: of each such object, what changed in the old process since goes into the new one's, part by part.
//!
//! The old object is made anew twice by the same recipe, from what it was and from what it is, with pointers as they are: where the two
//! differ, the part is carried over. So it does not matter how the value is converted. Then it is made with pointers as they are to be,
//! and those parts are taken.

use super::conflict::Code;
use super::leaves::{Leaf, leaves};
use super::world::View;
use super::writes::Writes;
use super::{Made, Scene, is_same_life, lost, pointers};
use crate::map::{AddressMap, Inside, Landing, Moved};
use crate::pairs;
use crate::side::Spot;
use mcrx_debuginfo::table::{Kind, Type};
use mcrx_dsl::eval::{Failure, Machine, Making};
use mcrx_dsl::migrate::{Recipe, Step};
use mcrx_tracer::model::Ty;

/// An object that both have made.
#[derive(Debug, Clone)]
pub(super) struct Twice<'a> {
    /// For people.
    pub(super) name: String,
    /// Where it is in the old process, then and now, and how many bytes.
    pub(super) old: (u64, u64),
    /// What it is there.
    pub(super) from: Option<Type<'a>>,
    /// Where it is in the new one.
    pub(super) new: (u64, u64),
    /// What it is there. `None`: that is not known, and its words count.
    pub(super) ty: Option<Type<'a>>,
    /// How one becomes the other.
    pub(super) how: How<'a>,
    /// The same for pointers into it. `None`: of a variable, or of what has no type.
    pub(super) making: Option<Making>,
}

/// How an object becomes the other release's.
#[derive(Debug, Clone, Copy)]
pub(super) enum How<'a> {
    /// By a recipe; several side by side, by so many bytes.
    Made(&'a Recipe, Option<(u64, u64)>),
    /// Its rules say that the old one counts, whether it changed or not.
    Kept(&'a Recipe),
    /// By its bytes, but for pointers.
    Plain,
}

impl<'a> How<'a> {
    fn recipe(self) -> Option<&'a Recipe> {
        match self {
            How::Made(recipe, _) | How::Kept(recipe) => Some(recipe),
            How::Plain => None,
        }
    }

    /// Whether rules say what some of it is.
    fn has_values(self) -> bool {
        self.recipe().is_some_and(|recipe| recipe.steps.iter().any(|step| matches!(step, Step::Set { .. })))
    }

    /// Where an old offset lies in the new object.
    fn place(self, scene: &Scene<'_>, offset: u64) -> Option<u64> {
        match self {
            How::Plain => Some(offset),
            How::Kept(recipe) | How::Made(recipe, None) => recipe.value_place(scene.migration, offset),
            How::Made(recipe, Some((from, to))) => {
                let within = recipe.value_place(scene.migration, offset % from.max(1))?;
                Some(offset / from.max(1) * to + within)
            }
        }
    }
}

impl Twice<'_> {
    /// The old block, where the new one is.
    pub(super) fn moved(&self) -> Moved {
        let (old, len) = self.old;
        let inside = match (self.how, self.making) {
            (How::Made(recipe, stride), Some(how)) => {
                let count = stride.map(|(from, _)| len / from.max(1));
                Inside::Made { how, count, stride: (recipe.old_size, recipe.new_size) }
            }
            _ => Inside::Same,
        };
        Moved { old, len, new: self.new.0, inside }
    }
}

/// Old bytes made into new ones.
fn make(
    twice: &Twice<'_>,
    view: &View<'_, '_>,
    scene: &Scene<'_>,
    failed: &mut Vec<(usize, Failure)>,
) -> Vec<u8> {
    make_with(twice, view, scene, failed).0
}

/// The same, with what is to be written elsewhere.
fn make_with(
    twice: &Twice<'_>,
    view: &View<'_, '_>,
    scene: &Scene<'_>,
    failed: &mut Vec<(usize, Failure)>,
) -> (Vec<u8>, Writes) {
    let mut bytes = vec![0; usize::try_from(twice.new.1).unwrap_or(0)];
    let mut machine = Machine::new(view, scene.migration);
    let (old, len) = twice.old;
    match twice.how {
        How::Made(recipe, Some((from, to))) => {
            let count = (len / from.max(1)).min(twice.new.1 / to.max(1));
            for index in 0..count {
                let start = usize::try_from(index * to).unwrap_or(usize::MAX);
                let end = start.saturating_add(usize::try_from(to).unwrap_or(0));
                let Some(part) = bytes.get_mut(start..end) else { break };
                failed.extend(recipe.make_parts((old + index * from, from), part, &mut machine));
            }
        }
        How::Made(recipe, None) | How::Kept(recipe) => {
            failed.extend(recipe.make_parts((old, len), &mut bytes, &mut machine));
        }
        How::Plain => {
            let both = usize::try_from(len.min(twice.new.1)).unwrap_or(0);
            if let (Some(there), Some(into)) =
                (view.old.process().memory.bytes(old, both), bytes.get_mut(..both))
            {
                into.copy_from_slice(there);
            }
        }
    }
    let mut effects = Writes::default();
    machine.take_effects().patches.iter().for_each(|patch| effects.push(patch.address, &patch.bytes));
    (bytes, effects)
}

/// What is to be written into the new process's object.
pub(super) fn carry(twice: &Twice<'_>, scene: &Scene<'_>, map: &AddressMap<'_>, so_far: &mut Made) {
    let is_kept = matches!(twice.how, How::Kept(_));
    let view = |old, map| View::new(old, scene.new, map, scene.room);
    let (mut failed_then, mut failed_now, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    let then = make(twice, &view(scene.start, None), scene, &mut failed_then);
    let mut now = make(twice, &view(scene.now, None), scene, &mut failed_now);
    let words = scene.words(twice.old);
    let place = |offset| twice.how.place(scene, offset);
    mark_made_since(&words, place, (&then, &mut now), scene);
    if then == now && failed_now == failed_then && !is_kept {
        return;
    }
    let mut with_pointers = view(scene.now, Some(map));
    with_pointers.tagged = pointers::tagged(&words);
    let (mut made, effects) = make_with(twice, &with_pointers, scene, &mut failed);
    pointers::redirect(&words, place, &mut made, map, &with_pointers);
    for (step, failure) in failed_now {
        // What nobody has decided is as the new start-up leaves it; what failed before as well is no change.
        let is_open =
            matches!(twice.how.recipe().and_then(|recipe| recipe.steps.get(step)), Some(Step::Refuse { .. }));
        if !is_open && !failed_then.contains(&(step, failure.clone())) {
            let message = failure.reason.to_string();
            so_far.conflicts.add(Code::Value, (&twice.name, &failure.path), "", twice.old.0, message);
        }
    }
    let mut there = vec![0; made.len()];
    if scene.new.process().memory.read(twice.new.0, &mut there).is_err() {
        return so_far.conflicts.add(
            Code::Unpaired,
            (&twice.name, ""),
            "unreadable",
            twice.old.0,
            "the new process does not have it in memory".to_owned(),
        );
    }
    so_far.later.append(&effects);
    so_far.blocks.extend(with_pointers.take_made());
    let mut table = Table::of(twice, scene);
    for leaf in parts(twice) {
        if is_kept || leaf.differs(&then, &now) {
            if let Some(index) = table.as_mut().and_then(|table| table.other(&leaf, twice, scene)) {
                let message = format!(
                    "its element {index} changed since start-up, and what stands there in the new release goes by another name"
                );
                so_far.conflicts.add(Code::Unpaired, (&twice.name, ""), "element", twice.old.0, message);
                continue;
            }
            put(&leaf, twice, (&made, &mut there), &with_pointers, so_far);
        }
    }
}

impl Scene<'_> {
    /// Whether an old address is in a block that start-up has not made, whatever lay there then.
    pub(super) fn is_made_since(&self, address: u64) -> bool {
        match self.now.spot(address) {
            Spot::Block { block, .. } => !is_same_life(self, block.address),
            _ => false,
        }
    }
}

/// A pointer to a block that lies where another lay before has changed, though its bits have not.
fn mark_made_since(
    words: &[pointers::Word],
    place: impl Fn(u64) -> Option<u64>,
    (then, now): (&[u8], &mut [u8]),
    scene: &Scene<'_>,
) {
    for word in words.iter().filter(|word| word.is_sure && scene.is_made_since(word.address)) {
        let Some(at) = place(word.offset).and_then(|at| usize::try_from(at).ok()) else { continue };
        if let (Some(then), Some(now)) = (then.get(at), now.get_mut(at))
            && then == now
        {
            *now = !*now;
        }
    }
}

/// A table of things with names, of which the releases have different numbers: what stands at one place in both need not be the same thing.
struct Table {
    names: pairs::Names,
    /// Of one, in the old process's model.
    element: Ty,
    /// Bytes from one to the next, in the old one and in the new one.
    stride: (u64, u64),
}

impl Table {
    fn of(twice: &Twice<'_>, scene: &Scene<'_>) -> Option<Table> {
        let elements = |ty: Option<Type<'_>>| match ty?.resolved()?.kind() {
            Kind::Array { element: Some(element), count } => {
                Some((element.resolved()?.id(), element.size()?, count))
            }
            _ => None,
        };
        let (old, new) = (elements(twice.from)?, elements(twice.ty)?);
        let element = scene.start.trace.model.number_of(scene.start.place, old.0)?;
        (old.2 != new.2).then(|| Table { names: pairs::Names::default(), element, stride: (old.1, new.1) })
    }

    /// The number of the element that a part is of, if all that it goes by is another in the new release.
    fn other(&mut self, leaf: &Leaf, twice: &Twice<'_>, scene: &Scene<'_>) -> Option<u64> {
        let (old, new) = self.stride;
        let index = leaf.bytes.start / new.max(1);
        let place = |offset| twice.how.place(scene, index * old + offset)?.checked_sub(index * new);
        let here = (&scene.start, twice.old.0 + index * old, self.element);
        let there = (&scene.new, twice.new.0 + index * new);
        self.names.all_differ(here, there, place).then_some(index)
    }
}

fn parts(twice: &Twice<'_>) -> Vec<Leaf> {
    let mut parts = Vec::new();
    let end = twice.new.1;
    match (twice.how, twice.ty) {
        (How::Made(_, Some((_, stride))), Some(ty)) => {
            let size = ty.size().unwrap_or(0).min(stride);
            for index in 0..end / stride.max(1) {
                leaves(ty, index * stride, index * stride + size, &mut |leaf| parts.push(leaf));
            }
        }
        (How::Made(_, None) | How::Kept(_), Some(ty)) => leaves(ty, 0, end, &mut |leaf| parts.push(leaf)),
        (How::Plain, _) | (_, None) => {
            parts.extend((0..end).step_by(8).map(|at| Leaf { bytes: at..(at + 8).min(end), bits: None }));
        }
    }
    parts
}

fn put(
    leaf: &Leaf,
    twice: &Twice<'_>,
    (made, there): (&[u8], &mut [u8]),
    view: &View<'_, '_>,
    so_far: &mut Made,
) {
    let (Some(own), Some(around)) = (leaf.part(made), leaf.part(there)) else { return };
    if let Some((old, why)) = lost::first(own, view) {
        let member =
            twice.ty.and_then(|ty| ty.place(leaf.bytes.start)).map_or_else(String::new, |place| place.path);
        return lost::report(old, why, (&twice.name, &member), twice.old.0, &mut so_far.conflicts);
    }
    // A rule may lead to what nothing else leads to. Of an object that is not carried over as a whole only this part counts.
    let word = <[u8; 8]>::try_from(own).ok().map(u64::from_le_bytes);
    let is_left = |word: &u64| view.map.is_some_and(|map| map.get(*word) == Landing::Left);
    so_far.wanted.extend(word.filter(|_| twice.how.has_values()).filter(is_left));
    let bytes = leaf.over(around, own);
    if bytes != around {
        so_far.writes.push(twice.new.0.wrapping_add(leaf.bytes.start), &bytes);
        // Bit-fields beside it are in the same byte.
        if let Some(place) = leaf.part_mut(there) {
            place.copy_from_slice(&bytes);
        }
    }
}
