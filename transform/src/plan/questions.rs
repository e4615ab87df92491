//! Questions of the releases that no rule answers, where they are about something that lives.

use super::Scene;
use super::codes::Code;
use super::conflict::{Conflicts, Hint};
use super::start_up::Twice;
use mcrx_debuginfo::table::{Kind, Type, TypeId};
use mcrx_dsl::pairing::{About, Asked, PairId, Question};
use mcrx_tracer::marks::Marks;
use mcrx_tracer::model::Ty;
use rustc_hash::{FxHashMap, FxHashSet};

/// Says those. Of what only start-ups have made, a new member has the value that the new one has given it.
pub(super) fn ask(scene: &Scene<'_>, twice: &[Twice<'_>], live: &Marks, conflicts: &mut Conflicts) {
    let open = scene.pairing.questions.iter().enumerate();
    let open: Vec<_> = open.filter(|(_, question)| !question.is_in_hole && matters(question)).collect();
    if open.is_empty() {
        return;
    }
    let (mut made, mut there) = (Held::default(), Held::default());
    for (ty, found) in of_types(scene, live) {
        made.add(scene, scene.old_type(ty), found);
    }
    let mut of_both: FxHashMap<TypeId, (Type<'_>, Found)> = FxHashMap::default();
    for (object, ty) in twice.iter().filter_map(|object| Some((object, object.from?))) {
        let (_, found) = of_both.entry(ty.id()).or_insert((ty, Found::default()));
        found.add(Found { objects: 1, first: object.old.0 });
    }
    for (ty, found) in of_both.into_values() {
        there.add(scene, Some(ty), found);
    }
    for old in scene.pairing.variables.iter().filter_map(|pair| pair.old.as_ref()) {
        // Most are among those of both, which count them.
        there.add(scene, old.ty(), Found::default());
    }
    for (number, question) in open {
        let About::Pair(id) = question.about else { continue };
        let matters = match question.asked {
            Asked::FirstValue => made.pairs.contains_key(&id),
            _ => made.pairs.contains_key(&id) || there.pairs.contains_key(&id),
        };
        let is_drained = scene.pairing.pair(id).is_some_and(|pair| pair.is_drained);
        if matters && !is_drained {
            let name = scene.pairing.pair(id).map_or("", |pair| pair.name);
            let text = question.text();
            let hint = Hint::Asked(number);
            let mut found = made.pairs.get(&id).copied().unwrap_or_default();
            if !matches!(question.asked, Asked::FirstValue) {
                found.add(there.pairs.get(&id).copied().unwrap_or_default());
            }
            conflicts.add_if_new(
                Code::Question,
                (name, question.path()),
                &text,
                (found.first, found.objects),
                text.clone(),
                hint,
            );
        }
    }
}

/// Whether it has to be answered where there are such objects.
fn matters(question: &Question<'_>) -> bool {
    // That is only a suspicion: there may be no such numbers.
    !matches!(question.asked, Asked::Renumbered(_)) && matches!(question.about, About::Pair(_))
}

/// How many blocks that live on there are of each type.
fn of_types(scene: &Scene<'_>, live: &Marks) -> FxHashMap<Ty, Found> {
    let trace = scene.now.trace;
    let mut all: FxHashMap<Ty, Found> = FxHashMap::default();
    let mut add = |ty: Ty, objects: u64, first: u32| {
        let first = trace.blocks.get(first).map_or(0, |block| block.address);
        all.entry(ty).or_default().add(Found { objects, first });
    };
    // Of one type there are many side by side.
    let mut row: Option<(Ty, u64, u32)> = None;
    for number in live.iter() {
        let ty = trace.marked.ty(number);
        match (&mut row, ty) {
            (Some((of, count, _)), Some(ty)) if *of == ty => *count += 1,
            _ => {
                if let Some((ty, count, first)) = row.take() {
                    add(ty, count, first);
                }
                row = ty.map(|ty| (ty, 1, number));
            }
        }
        if ty.is_none() {
            trace.marked.islands_of(number).for_each(|(_, island)| add(island.ty, 1, number));
        }
    }
    if let Some((ty, count, first)) = row {
        add(ty, count, first);
    }
    all
}

/// Pairs of which there are objects, by themselves or in others.
#[derive(Default)]
struct Held {
    pairs: FxHashMap<PairId, Found>,
}

/// Blocks and variables that hold something.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    objects: u64,
    /// The lowest address; 0: none has one.
    first: u64,
}

impl Found {
    fn add(&mut self, other: Found) {
        self.objects += other.objects;
        let is_first = other.first != 0 && (self.first == 0 || other.first < self.first);
        if is_first {
            self.first = other.first;
        }
    }
}

impl Held {
    fn add<'t>(&mut self, scene: &Scene<'t>, ty: Option<Type<'t>>, found: Found) {
        let mut seen = FxHashSet::default();
        let mut work: Vec<Type<'t>> = ty.and_then(Type::resolved).into_iter().collect();
        while let Some(ty) = work.pop() {
            if !seen.insert(ty.id()) {
                continue;
            }
            if let Some((id, pair)) = scene.pairing.of_old(ty) {
                self.pairs.entry(id).or_default().add(found);
                // What is in objects that are waited for goes with them.
                if pair.is_drained {
                    continue;
                }
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
