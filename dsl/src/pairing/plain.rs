//! Enumerations whose constants were renumbered, and that no member or variable is declared as: their values are in plain numbers, and
//! nobody can see in which.

use super::{About, Asked, Body, PairId, Pairing, Place, Question};
use mcrx_debuginfo::table::{Table, Type, TypeId};
use rustc_hash::FxHashSet;

pub(super) fn ask<'t>(pairing: &mut Pairing<'t>, old: &'t Table) {
    let mut declared: FxHashSet<TypeId> = FxHashSet::default();
    let members = old.types().flat_map(Type::members).filter_map(|member| member.ty());
    let variables = old.variables().filter_map(|variable| variable.ty());
    // Arrays and typedefs of it, too.
    for ty in members.chain(variables) {
        let mut current = Some(ty);
        while let Some(ty) = current.filter(|ty| declared.insert(ty.id())) {
            current = ty.target();
        }
    }
    let mut found = Vec::new();
    for (pair, id) in pairing.types.iter().zip(0..).filter(|(pair, _)| pair.rule.is_none()) {
        let ([old], [made]) = (pair.old.as_slice(), pair.made.as_slice()) else { continue };
        let Body::Constants(constants, ..) = &made.body else { continue };
        let renumbered: Vec<_> = constants.renumbered().collect();
        if !renumbered.is_empty() && !declared.contains(&old.id()) {
            found.push(Question {
                about: About::Pair(PairId(id)),
                asked: Asked::Renumbered(renumbered),
                old: Some(Place::whole(Some(*old))),
                new: Some(Place::whole(Some(made.ty))),
                is_in_hole: false,
            });
        }
    }
    pairing.questions.append(&mut found);
}
