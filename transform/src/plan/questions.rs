//! Questions of the releases that no rule answers, where they are about something that lives.

use super::Scene;
use super::conflict::{Code, Conflicts};
use super::objects::Object;
use super::start_up::Twice;
use mcrx_debuginfo::table::{Kind, Type};
use mcrx_dsl::pairing::{About, Asked, PairId};
use rustc_hash::FxHashSet;

/// Says those. Of what only start-ups have made, a new member has the value that the new one has given it.
pub(super) fn ask(scene: &Scene<'_>, twice: &[Twice<'_>], objects: &[Object], conflicts: &mut Conflicts) {
    let trace = scene.now.trace;
    let (mut made, mut there) = (Held::default(), Held::default());
    let mut seen = FxHashSet::default();
    for object in objects {
        let islands = trace.marked.islands_of(object.number).map(|(_, island)| island.ty);
        for ty in trace.marked.ty(object.number).into_iter().chain(islands).filter(|ty| seen.insert(*ty)) {
            made.add(scene, scene.old_type(ty));
        }
    }
    for object in twice {
        there.add(scene, object.from);
    }
    for old in scene.pairing.variables.iter().filter_map(|pair| pair.old.as_ref()) {
        there.add(scene, old.ty());
    }
    for question in scene.pairing.questions.iter().filter(|question| !question.is_in_hole) {
        let About::Pair(id) = question.about else { continue };
        let matters = match question.asked {
            // Only a suspicion: there may be no such numbers.
            Asked::Renumbered(_) => false,
            Asked::FirstValue => made.pairs.contains(&id),
            _ => made.pairs.contains(&id) || there.pairs.contains(&id),
        };
        let is_drained = scene.pairing.pair(id).is_some_and(|pair| pair.is_drained);
        if matters && !is_drained {
            let name = scene.pairing.pair(id).map_or("", |pair| pair.name);
            let text = question.text();
            conflicts.add(Code::Question, (name, question.path()), &text, 0, text.clone());
        }
    }
}

/// Pairs of which there are objects, by themselves or in others.
#[derive(Default)]
struct Held {
    pairs: FxHashSet<PairId>,
    seen: FxHashSet<mcrx_debuginfo::table::TypeId>,
}

impl Held {
    fn add<'t>(&mut self, scene: &Scene<'t>, ty: Option<Type<'t>>) {
        let mut work: Vec<Type<'t>> = ty.and_then(Type::resolved).into_iter().collect();
        while let Some(ty) = work.pop() {
            if !self.seen.insert(ty.id()) {
                continue;
            }
            if let Some((id, _)) = scene.pairing.of_old(ty) {
                self.pairs.insert(id);
            }
            match ty.kind() {
                Kind::Aggregate => {
                    work.extend(ty.members().filter_map(|member| member.ty().and_then(Type::resolved)));
                }
                Kind::Array { element, .. } => work.extend(element.and_then(Type::resolved)),
                _ => {}
            }
        }
    }
}
