//! All that both start-ups have made: variables, those of threads, and blocks that pair.

use super::conflict::{Code, Conflicts};
use super::start_up::{How, Twice};
use super::{Scene, is_same_life};
use crate::map::Moved;
use crate::pairs::{self, Pair, Pairs};
use mcrx_debuginfo::table::{Storage, Type, Variable};
use mcrx_dsl::eval::Making;
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
            if at.is_some_and(|at| scene.differs(at, len)) {
                let message = "its value in this thread changed since start-up, and the new process has no such thread, or no such variable";
                let name = format!("{} of thread {}", old.name(), thread.tid);
                conflicts.add(Code::ThreadLocal, (&name, ""), "", at.unwrap_or(0), message.to_owned());
            }
        }
    }
    let lives = pairs.iter().chain(pairs.parts()).filter(|pair| {
        let block = scene.now.trace.blocks.at(pair.old.start).map(|(_, into)| pair.old.start - into);
        block.is_some_and(|block| is_same_life(scene, block))
    });
    twice.extend(lives.map(|pair| block(scene, pair)));
    twice
}

/// Where old blocks that pair are now.
pub(super) fn moved(scene: &Scene<'_>, twice: &[Twice<'_>]) -> impl Iterator<Item = Moved> {
    twice.iter().filter(|object| scene.now.trace.blocks.at(object.old.0).is_some()).map(Twice::moved)
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
    Twice { name, old: place.unwrap_or((0, 0)), from, new: to, ty: new.ty(), how, making: None }
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
        conflicts.add(Code::Variable, (old.name(), ""), "", address, text);
    }
}

fn block<'a>(scene: &Scene<'a>, pair: &Pair) -> Twice<'a> {
    let old = (pair.old.start, pair.old.end - pair.old.start);
    let new = (pair.new.start, pair.new.end - pair.new.start);
    let name = pair.path.clone();
    let mut twice = Twice { name, old, from: None, new, ty: None, how: How::Plain, making: None };
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
