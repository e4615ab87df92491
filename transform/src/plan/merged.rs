//! Old objects that are merged into others: which one each has become a part of.
//!
//! It is the one that lives on and has the pointer by which rules reach it. Where several have, or none, nothing says which.
//!
//! What it does not do: say where in that one a member lies (`mcrx_dsl::migrate::Merged`).

use super::actions::of_old;
use super::start_up::Twice;
use super::{Making, Scene};
use crate::map::{Into, Owner};
use mcrx_dsl::pairing::PairId;
use mcrx_tracer::marks::Marks;

impl Scene<'_> {
    /// All of them, by address. `live`: old blocks that live on.
    pub(super) fn merged(&self, twice: &[Twice<'_>], live: &Marks) -> Vec<Into> {
        let mut found = Vec::new();
        for (pair, index) in self.pairing.types.iter().zip(0..) {
            let how = Making { pair: PairId(index), made: 0 };
            let (Some(first), Some(recipe)) = (pair.old.first(), self.migration.recipe(how)) else {
                continue;
            };
            if recipe.merged.is_empty() {
                continue;
            }
            for owner in of_old(self, first.id(), twice, live) {
                for (part, merged) in recipe.merged.iter().enumerate() {
                    let old = self.now.process().memory.word(owner.wrapping_add(merged.link)).unwrap_or(0);
                    found.push(Into { old, len: merged.size, owner: Owner::One { old: owner, how, part } });
                }
            }
        }
        found.sort_unstable_by_key(|into| into.old);
        found.dedup_by(|next, into| {
            let is_same = next.old == into.old;
            if is_same && next.owner != into.owner {
                into.owner = Owner::Several;
            }
            is_same
        });
        found
    }
}
