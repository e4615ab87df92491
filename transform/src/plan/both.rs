//! All that both start-ups have made: variables, those of threads, and blocks that pair.

use super::codes::Code;
use super::conflict::{Conflicts, Hint, Of};
use super::start_up::{How, Twice};
use super::world::View;
use super::{Scene, is_same_life};
use crate::map::{Beside, Moved};
use crate::pairs::{self, Pair, Pairs};
use mcrx_debuginfo::table::{Storage, Type, Variable};
use mcrx_dsl::eval::{Machine, Making};
use mcrx_dsl::migrate::Recipe;
use mcrx_dsl::pairing::{Origin, VariablePair};
use mcrx_dsl::rules::Which;
use mcrx_tracer::model::Fit;
use rustc_hash::FxHashSet;

/// All of it.
pub(super) fn find<'a>(scene: &Scene<'a>, pairs: &Pairs, conflicts: &mut Conflicts) -> Vec<Twice<'a>> {
    let mut twice = Vec::new();
    let threads = pairs::threads(&scene.start, &scene.new);
    for (index, pair) in scene.pairing.variables.iter().enumerate() {
        let of = |variable: &Option<Variable<'a>>, storage| {
            (*variable).filter(|variable| variable.storage() == storage)
        };
        let (old, new) = (of(&pair.old, Storage::Static), of(&pair.new, Storage::Static));
        let old_place = old.map(|old| (scene.now.program.mapped(old.address().0), size(old.ty())));
        match new.and_then(|new| Some((new, how(scene, index, pair)?))) {
            Some((new, how)) => {
                let place = (scene.new.program.mapped(new.address().0), size(new.ty()));
                twice.push(variable(new.name().to_owned(), (old, old_place), (new, place), how));
            }
            None => gone(scene, pair, old.zip(old_place), conflicts),
        }
        let Some(old) = of(&pair.old, Storage::ThreadLocal) else { continue };
        let is_given_up = matches!(pair.origin, None | Some(Origin::Reset));
        let new = of(&pair.new, Storage::ThreadLocal).and_then(|new| Some((new, how(scene, index, pair)?)));
        let len = size(old.ty());
        let mut seen = FxHashSet::default();
        for (thread, other) in &threads {
            let Some(at) = pairs::own(&scene.start, thread, scene.start.program, &old) else { continue };
            let Some((new, how)) = new else { continue };
            let Some(to) = pairs::own(&scene.new, other, scene.new.program, &new) else { continue };
            seen.insert(thread.tid);
            let name = format!("{} of thread {}", new.name(), thread.tid);
            twice.push(variable(name, (Some(old), Some((at, len))), (new, (to, size(new.ty()))), how));
        }
        // Of a thread that the new process does not have nothing can be carried over.
        for thread in scene.now.process().threads.iter().filter(|thread| !seen.contains(&thread.tid)) {
            let at = pairs::own(&scene.now, thread, scene.now.program, &old);
            if !is_given_up && at.is_some_and(|at| scene.differs(at, len)) {
                let message = "its value in this thread changed since start-up, and the new process has no such thread, or no such variable";
                let name = format!("{} of thread {}", old.name(), thread.tid);
                let of = Of::like(&name, "", old.name());
                let hint = Hint::Variable(old.id());
                conflicts.add_with(Code::ThreadLocal, of, "", at.unwrap_or(0), message.to_owned(), hint);
            }
        }
    }
    let lives = pairs.iter().chain(pairs.parts()).filter(|pair| {
        let block = scene.now.trace.blocks.at(pair.old.start).map(|(_, into)| pair.old.start - into);
        block.is_some_and(|block| is_same_life(scene, block))
    });
    for pair in lives {
        let mut main = block(scene, pair);
        let others = split_off(scene, &mut main);
        twice.push(main);
        twice.extend(others);
    }
    twice
}

/// Where old blocks that pair are now.
pub(super) fn moved(scene: &Scene<'_>, twice: &[Twice<'_>]) -> impl Iterator<Item = Moved> {
    let main = twice.iter().filter(|object| !object.is_beside);
    main.filter(|object| scene.now.trace.blocks.at(object.old.0).is_some()).map(Twice::moved)
}

/// What both have made of old objects besides.
pub(super) fn beside<'t>(twice: &'t [Twice<'_>]) -> impl Iterator<Item = Beside> + 't {
    let there = twice.iter().filter(|object| object.is_beside && object.new.0 != 0);
    there.filter_map(|object| Some(Beside { old: object.old.0, how: object.making?, new: object.new.0 }))
}

/// Where the new start-up has what is split off old objects, of all that pair: also of those that are gone since.
pub(super) fn split_off_pairs(scene: &Scene<'_>, pairs: &Pairs) -> Vec<u64> {
    let others = pairs.iter().chain(pairs.parts()).flat_map(|pair| split_off(scene, &mut block(scene, pair)));
    others.map(|object| object.new.0).filter(|address| *address != 0).collect()
}

/// Stands for where what is split off is, one for each.
const SPLIT_OFF: u64 = 0xBAD2_0000_0000_0000;

/// What the new release has made besides, of an object that is split: found by the pointers to it that rules give to the others. Where it is not
/// found its address is 0.
fn split_off<'a>(scene: &Scene<'a>, main: &mut Twice<'a>) -> Vec<Twice<'a>> {
    let (Some(first), Some(from)) = (main.making, main.from) else { return Vec::new() };
    let Some((_, pair)) = scene.pairing.of_old(from).filter(|(_, pair)| pair.made.len() > 1) else {
        return Vec::new();
    };
    let makings: Vec<Making> = (0..pair.made.len()).map(|made| Making { pair: first.pair, made }).collect();
    let recipes: Vec<Option<&Recipe>> = makings.iter().map(|how| scene.migration.recipe(*how)).collect();
    let stand_ins: Vec<u64> = (0..).map(|index: u64| SPLIT_OFF + (index << 40)).take(makings.len()).collect();
    let mut places = vec![0; makings.len()];
    if let Some(place) = places.first_mut() {
        *place = main.new.0;
    }
    let mut work = vec![0];
    // Of objects side by side only one of each is there to be split.
    while let Some(part) = work.pop().filter(|_| main.old.1 < 2 * from.size().unwrap_or(1).max(1)) {
        let (Some(recipe), Some(place)) = (recipes.get(part).copied().flatten(), places.get(part).copied())
        else {
            continue;
        };
        let view = View::new(scene.start, scene.new, None, scene.room);
        let mut machine = Machine::new(&view, scene.migration);
        let mut bytes = vec![0; usize::try_from(recipe.size(main.old.1)).unwrap_or(0)];
        recipe.make_parts(scene.migration, main.old, &stand_ins, &mut bytes, &mut machine);
        for (at, word) in (0..).step_by(8).zip(bytes.chunks_exact(8)) {
            let word = <[u8; 8]>::try_from(word).map_or(0, u64::from_le_bytes);
            let other = stand_ins.iter().position(|stand_in| (word ^ stand_in) >> 40 == 0);
            let Some(other) = other.filter(|other| places.get(*other) == Some(&0)) else { continue };
            let into = word & ((1 << 40) - 1);
            let there = scene.new.process().memory.word(place + at).unwrap_or(0).wrapping_sub(into);
            if let Some(found) = places.get_mut(other).filter(|_| scene.new.trace.blocks.at(there).is_some())
            {
                *found = there;
                work.push(other);
            }
        }
    }
    main.made.clone_from(&places);
    let others = makings.iter().zip(recipes).zip(&places).zip(&pair.made).skip(1);
    others
        .filter_map(|(((how, recipe), place), made)| {
            let recipe = recipe?;
            Some(Twice {
                name: format!("{}, {} of it", main.name, made.ty.name().unwrap_or("what is split off")),
                old: main.old,
                from: main.from,
                new: (*place, recipe.size(main.old.1)),
                ty: Some(made.ty),
                how: How::Made(recipe, None),
                making: Some(*how),
                made: places.clone(),
                is_beside: true,
            })
        })
        .collect()
}

/// How a variable is carried over. `None`: it is not.
fn how<'a>(scene: &Scene<'a>, index: usize, pair: &VariablePair<'_>) -> Option<How<'a>> {
    let recipe = scene.migration.variable(index)?;
    let is_kept = matches!(pair.origin, Some(Origin::Set(_))) || pair.keep == Some(Which::Old);
    Some(if is_kept { How::Kept(recipe) } else { How::Made(recipe, None) })
}

fn variable<'a>(
    name: String,
    (old, place): (Option<Variable<'a>>, Option<(u64, u64)>),
    (new, to): (Variable<'a>, (u64, u64)),
    how: How<'a>,
) -> Twice<'a> {
    let from = old.and_then(|old| old.ty());
    Twice {
        name,
        old: place.unwrap_or((0, 0)),
        from,
        new: to,
        ty: new.ty(),
        how,
        making: None,
        made: Vec::new(),
        is_beside: false,
    }
}

/// A variable that the new release does not have: its value is lost, if it changed and nobody has said that it may be.
fn gone(
    scene: &Scene<'_>,
    pair: &VariablePair<'_>,
    old: Option<(Variable<'_>, (u64, u64))>,
    conflicts: &mut Conflicts,
) {
    if let (Some((old, (address, len))), Some(Origin::Open(question))) = (old, &pair.origin)
        && scene.differs(address, len)
    {
        let text = scene.pairing.question(*question).map(|question| question.text()).unwrap_or_default();
        conflicts.add_with(Code::Variable, (old.name(), ""), "", address, text, Hint::Variable(old.id()));
    }
}

fn block<'a>(scene: &Scene<'a>, pair: &Pair) -> Twice<'a> {
    let old = (pair.old.start, pair.old.end - pair.old.start);
    let new = (pair.new.start, pair.new.end - pair.new.start);
    let name = pair.path.clone();
    let mut twice = Twice {
        name,
        old,
        from: None,
        new,
        ty: None,
        how: How::Plain,
        making: None,
        made: Vec::new(),
        is_beside: false,
    };
    let Some((ty, _)) = pair.types else { return twice };
    let Some(from) = scene.start.trace.model.ty(ty).and_then(|ty| scene.of_now(ty)) else { return twice };
    twice.from = Some(from);
    let made = scene.pairing.of_old(from).and_then(|(id, pair)| Some((id, pair.made.first()?)));
    let Some((id, made)) = made else { return twice };
    let Some(recipe) = scene.migration.recipe(Making { pair: id, made: 0 }) else { return twice };
    let is_one = scene.start.trace.model.fit(ty, old.1) == Fit::WithTail;
    twice.how = How::Made(recipe, (!is_one).then_some((recipe.old_size, recipe.new_size)));
    twice.ty = Some(made.ty);
    twice.making = Some(Making { pair: id, made: 0 });
    twice
}

fn size(ty: Option<Type<'_>>) -> u64 {
    ty.and_then(Type::size).unwrap_or(0)
}
