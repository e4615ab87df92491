//! What both start-ups have made: of each such object, what changed in the old process since goes into the new one's, part by part.
//!
//! The old object is made anew twice by the same recipe, from what it was and from what it is, with pointers as they are: where the two
//! differ, the part is carried over. So it does not matter how the value is converted. Then it is made with pointers as they are to be,
//! and those parts are taken.

use super::codes::Code;
use super::conflict::{Hint, Of};
use super::leaves::{Leaf, leaves};
use super::overwritten::Overwritten;
use super::world::View;
use super::writes::Writes;
use super::{Made, Scene, is_same_life, lost, pointers};
use crate::map::{AddressMap, Inside, Landing, Moved};
use crate::pairs;
use crate::side::Spot;
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Kind, Type};
use mcrx_dsl::eval::{Failure, Machine, Making, Reason};
use mcrx_dsl::migrate::Recipe;
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
    /// Where all is that an old object is made into in the new process, if it is split.
    pub(super) made: Vec<u64>,
    /// It is what was split off: the old object is what another is made of first.
    pub(super) is_beside: bool,
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
    /// Not at all: the new one counts.
    New,
}

impl<'a> How<'a> {
    fn recipe(self) -> Option<&'a Recipe> {
        match self {
            How::Made(recipe, _) | How::Kept(recipe) => Some(recipe),
            How::Plain | How::New => None,
        }
    }

    /// Whether rules say what some of it is.
    fn has_values(self, scene: &Scene<'_>) -> bool {
        self.recipe().is_some_and(|recipe| recipe.has_values(scene.migration))
    }

    /// Whether a rule says what is at a place of the new object.
    fn sets(self, scene: &Scene<'_>, at: u64) -> bool {
        let within = match self {
            How::Made(_, Some((_, stride))) => at % stride.max(1),
            _ => at,
        };
        self.recipe().is_some_and(|recipe| recipe.sets(scene.migration, within))
    }

    /// Where an old offset lies in the new object.
    fn place(self, scene: &Scene<'_>, offset: u64) -> Option<u64> {
        match self {
            How::Plain | How::New => Some(offset),
            How::Kept(recipe) | How::Made(recipe, None) => recipe.value_place(scene.migration, offset),
            How::Made(recipe, Some((from, to))) => {
                let within = recipe.value_place(scene.migration, offset % from.max(1))?;
                Some(offset / from.max(1) * to + within)
            }
        }
    }
}

impl Twice<'_> {
    /// The member of the new object at a place, with the number of the element where there are several side by side.
    fn member(&self, at: u64) -> String {
        let (index, within) = match self.how {
            How::Made(_, Some((_, stride))) if self.new.1 > stride => {
                (Some(at / stride.max(1)), at % stride.max(1))
            }
            _ => (None, at),
        };
        let place = self.ty.and_then(|ty| ty.place(within)).map(|place| place.path).unwrap_or_default();
        match index {
            Some(index) => format!("[{index}]{place}"),
            None => place.trim_start_matches('.').to_owned(),
        }
    }

    /// What makes what is said of it one with what is said of others: blocks of a type, or from a site.
    fn like(&self, scene: &Scene<'_>) -> String {
        let block = scene.now.trace.blocks.at(self.old.0);
        match (block, self.from) {
            (None, _) => self.name.clone(),
            (Some(_), Some(from)) => spell::type_name(Some(from), Anonymous::LeftOut),
            (Some((number, _)), None) => scene.like_untyped(number),
        }
    }

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
                failed.extend(recipe.make_parts(
                    scene.migration,
                    (old + index * from, from),
                    &twice.made,
                    part,
                    &mut machine,
                ));
            }
        }
        How::Made(recipe, None) | How::Kept(recipe) => {
            failed.extend(recipe.make_parts(
                scene.migration,
                (old, len),
                &twice.made,
                &mut bytes,
                &mut machine,
            ));
        }
        How::Plain | How::New => {
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
    if matches!(twice.how, How::New) {
        return;
    }
    let is_kept = matches!(twice.how, How::Kept(_));
    let view = |old, map| View::new(old, scene.new, map, scene.room);
    let (mut failed_then, mut failed_now, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    let then = make(twice, &view(scene.start, None), scene, &mut failed_then);
    let mut now = make(twice, &view(scene.now, None), scene, &mut failed_now);
    let words = scene.words(twice.old);
    let place = |offset| twice.how.place(scene, offset);
    mark_made_since(&words, place, (&then, &mut now), twice, scene, map);
    let has_values = twice.how.has_values(scene);
    if has_values {
        mark_led_to(twice, (&then, &mut now), scene, map, &mut so_far.led_to);
    }
    // What can be made neither of what it was nor of what it is may have changed all the same.
    let is_other = !failed_now.is_empty() && scene.differs(twice.old.0, twice.old.1);
    if then == now && failed_now == failed_then && !is_kept && !is_other {
        return;
    }
    if let Some(message) = opaque(twice, scene, &words, map) {
        let number = scene.now.trace.blocks.at(twice.old.0).map_or(0, |(number, _)| number);
        let bytes = scene.now.trace.blocks.get(number).map_or(twice.old.1, |block| block.requested);
        let (object, site) = (format!("block of {bytes} bytes"), scene.like_untyped(number));
        let of = Of::like(&object, "", &site).untyped(bytes);
        so_far.conflicts.add(Code::Opaque, of, "", twice.old.0, message.to_owned());
    }
    let like = twice.like(scene);
    let mut with_pointers = view(scene.now, Some(map));
    with_pointers.tagged = pointers::tagged(&words);
    let (mut made, effects) = make_with(twice, &with_pointers, scene, &mut failed);
    pointers::redirect(&words, place, &mut made, map, &with_pointers);
    for (step, failure) in failed_now {
        // What nobody has decided is as the new start-up leaves it: that is asked elsewhere.
        let is_open = matches!(*failure.reason, Reason::Undecided(_)) && failure.span.is_none();
        if !is_open && (is_other || !failed_then.contains(&(step, failure.clone()))) {
            let message = failure.reason.to_string();
            let of = Of::like(&twice.name, &failure.path, &like);
            so_far.conflicts.add_with(Code::Value, of, "", twice.old.0, message, Hint::of(&failure.reason));
        }
    }
    if twice.new.0 == 0 {
        let message =
            "what is split off it has changed since start-up, and nothing leads to it in the new release";
        return so_far.conflicts.add(
            Code::Unpaired,
            Of::like(&twice.name, "", &like),
            "apart",
            twice.old.0,
            message.to_owned(),
        );
    }
    let mut there = vec![0; made.len()];
    if scene.new.process().memory.read(twice.new.0, &mut there).is_err() {
        return so_far.conflicts.add(
            Code::Unpaired,
            Of::like(&twice.name, "", &like),
            "unreadable",
            twice.old.0,
            "the new process does not have it in memory".to_owned(),
        );
    }
    for (_, bytes) in effects.iter() {
        if let Some(lost) = lost::first(bytes, &with_pointers) {
            lost::report(lost, &scene.now, (&twice.name, ""), twice.old.0, &mut so_far.conflicts);
        }
    }
    so_far.later.append(effects);
    so_far.blocks.extend(with_pointers.take_made());
    let mut table = Table::of(twice, scene);
    let unused = there.clone();
    for leaf in parts(twice) {
        if is_kept || leaf.differs(&then, &now) || is_used_again(&leaf, twice, (&then, &now), &unused) {
            if let Some(index) = table.as_mut().and_then(|table| table.other(&leaf, twice, scene)) {
                let message = format!(
                    "its element {index} changed since start-up, and what stands there in the new release goes by another name"
                );
                let of = Of::like(&twice.name, "", &like);
                so_far.conflicts.add(Code::Unpaired, of, "element", twice.old.0, message);
                continue;
            }
            so_far.overwritten.extend(overwritten(&leaf, (twice, scene), (&then, &made, &there)));
            put(&leaf, (twice, has_values), (&made, &mut there), &with_pointers, so_far);
        }
    }
}

/// Whether a part belongs to an element of a table that changed since start-up, and that the new start-up has never used: all of it is as it is
/// now. The old start-up may have used and left it (a client that comes before the start-up is done, say): what it got then, and gets
/// again now, has not changed, and is nowhere in the new release.
fn is_used_again(leaf: &Leaf, twice: &Twice<'_>, (then, now): (&[u8], &[u8]), new: &[u8]) -> bool {
    let stride = match twice.how {
        How::Made(_, Some((_, stride))) => Some(stride),
        How::Made(_, None) | How::Kept(_) | How::Plain | How::New => twice.ty.and_then(Type::size),
    };
    let Some(stride) = stride.filter(|stride| *stride > 0 && *stride < twice.new.1) else { return false };
    let start = leaf.bytes.start / stride * stride;
    let (Ok(start), Ok(len)) = (usize::try_from(start), usize::try_from(stride)) else { return false };
    let [then, now, new] = [then, now, new].map(|bytes| bytes.get(start..start + len));
    then != now && new.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}

/// Why a block without a type, which changed since start-up, cannot be carried over by its bytes.
fn opaque(
    twice: &Twice<'_>,
    scene: &Scene<'_>,
    words: &[pointers::Word],
    map: &AddressMap<'_>,
) -> Option<&'static str> {
    let (number, _) = scene.now.trace.blocks.at(twice.old.0)?;
    let is_untyped =
        matches!(twice.how, How::Plain) && twice.from.is_none() && scene.now.trace.is_own(number);
    let may_hold = || scene.least_change().is_some_and(|least| twice.old.1 >= least);
    let has_words = || words.iter().any(|word| !word.is_sure && !map.is_nothing_at(word.address));
    (is_untyped && may_hold() && has_words()).then_some(
        "it changed since start-up, it has no type, and there seem to be pointers in it: it may hold objects that change",
    )
}

/// A word that another takes the place of, but where a rule says so.
fn overwritten(
    leaf: &Leaf,
    (twice, scene): (&Twice<'_>, &Scene<'_>),
    (then, made, there): (&[u8], &[u8], &[u8]),
) -> Option<Overwritten> {
    let word = |bytes| Some(u64::from_le_bytes(leaf.part(bytes)?.try_into().ok()?));
    let (then, made, there) = (word(then)?, word(made)?, word(there)?);
    let is_by_rule = matches!(twice.how, How::Kept(_)) || twice.how.sets(scene, leaf.bytes.start);
    let is_lost = there != 0 && made != there && !is_by_rule;
    is_lost.then(|| Overwritten {
        at: twice.new.0.wrapping_add(leaf.bytes.start),
        word: there,
        was_free: then == 0 && made != 0,
        holder: (twice.name.clone(), twice.member(leaf.bytes.start), twice.old.0),
    })
}

impl Scene<'_> {
    /// Whether a pointer in what both start-ups have made leads to a block that changed since, where the new release has none. If the block pairs with
    /// none either, it counts as made when it was used first: a client that comes before the start-up is done has such blocks made.
    pub(super) fn is_used_since(&self, twice: &Twice<'_>, word: &pointers::Word) -> bool {
        let is_nothing = |at: u64| self.new.process().memory.word(twice.new.0.wrapping_add(at)) == Some(0);
        word.is_sure
            && twice.how.place(self, word.offset).is_some_and(is_nothing)
            && matches!(self.now.spot(word.address), Spot::Block { block, .. } if self.differs(block.address, block.len))
    }

    /// Whether an old address is in a block that start-up has not made, whatever lay there then.
    pub(super) fn is_made_since(&self, address: u64) -> bool {
        match self.now.spot(address) {
            Spot::Block { block, .. } => !is_same_life(self, block.address),
            _ => false,
        }
    }
}

/// A pointer to a block that lies where another lay before has changed, though its bits have not. So has one to a block that is carried over, as
/// it was made when it was [used first](Scene::is_used_since).
fn mark_made_since(
    words: &[pointers::Word],
    place: impl Fn(u64) -> Option<u64>,
    (then, now): (&[u8], &mut [u8]),
    twice: &Twice<'_>,
    scene: &Scene<'_>,
    map: &AddressMap<'_>,
) {
    let lives_on = |address: u64| match scene.now.spot(address) {
        Spot::Block { number, .. } => map.fates().live().has(number),
        _ => false,
    };
    for word in words.iter().filter(|word| word.is_sure) {
        let Some(place) = place(word.offset) else { continue };
        let has_changed =
            scene.is_made_since(word.address) || lives_on(word.address) && scene.is_used_since(twice, word);
        let Some(at) = usize::try_from(place).ok().filter(|_| has_changed) else { continue };
        if let (Some(then), Some(now)) = (then.get(at), now.get_mut(at))
            && then == now
        {
            *now = !*now;
        }
    }
}

/// The same of what rules' values lead to, whatever old pointer they have it from. What is as it was, and neither pairs nor is carried over, may lead
/// to what changed: it is noted.
fn mark_led_to(
    twice: &Twice<'_>,
    (then, now): (&[u8], &mut [u8]),
    scene: &Scene<'_>,
    map: &AddressMap<'_>,
    noted: &mut Vec<u64>,
) {
    for leaf in parts(twice) {
        let Some(part) = leaf.part_mut(now).filter(|part| leaf.part(then) == Some(&**part)) else { continue };
        let Some(word) = <[u8; 8]>::try_from(&*part).ok().map(u64::from_le_bytes) else { continue };
        if scene.is_made_since(word) {
            part.iter_mut().for_each(|byte| *byte = !*byte);
        } else if map.get(word) == Landing::Left {
            noted.push(word);
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
        (How::Plain | How::New, _) | (_, None) => {
            parts.extend((0..end).step_by(8).map(|at| Leaf { bytes: at..(at + 8).min(end), bits: None }));
        }
    }
    parts
}

fn put(
    leaf: &Leaf,
    (twice, has_values): (&Twice<'_>, bool),
    (made, there): (&[u8], &mut [u8]),
    view: &View<'_, '_>,
    so_far: &mut Made,
) {
    let (Some(own), Some(around)) = (leaf.part(made), leaf.part(there)) else { return };
    if let Some((old, why)) = lost::first(own, view) {
        let of = (twice.name.as_str(), twice.member(leaf.bytes.start));
        return lost::report((old, why), &view.old, (of.0, &of.1), twice.old.0, &mut so_far.conflicts);
    }
    // A rule may lead to what nothing else leads to. Of an object that is not carried over as a whole only this part counts.
    let word = <[u8; 8]>::try_from(own).ok().map(u64::from_le_bytes);
    let is_left = |word: &u64| view.map.is_some_and(|map| map.get(*word) == Landing::Left);
    so_far.wanted.extend(word.filter(|_| has_values).filter(is_left));
    let bytes = leaf.over(around, own);
    if bytes != around {
        so_far.writes.push(twice.new.0.wrapping_add(leaf.bytes.start), &bytes);
        // Bit-fields beside it are in the same byte.
        if let Some(place) = leaf.part_mut(there) {
            place.copy_from_slice(&bytes);
        }
    }
}
