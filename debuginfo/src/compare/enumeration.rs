//! What changed in an enumeration.

use crate::table::{Enumerator, Type};
use rustc_hash::{FxHashMap, FxHashSet};

/// A constant that one release does not have, or has with another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstantChange<'o, 'n> {
    /// The new code may set it; no old memory holds it.
    Added(Enumerator<'n>),
    /// Old memory may hold it.
    Removed(Enumerator<'o>),
    /// Old memory holds the old value.
    Renumbered(Enumerator<'o>, Enumerator<'n>),
}

/// In the order of the old release, added ones last.
pub(super) fn changes<'o, 'n>(old: Type<'o>, new: Type<'n>) -> Vec<ConstantChange<'o, 'n>> {
    let after: FxHashMap<&str, Enumerator<'n>> =
        new.enumerators().map(|constant| (constant.name, constant)).collect();
    let mut changes = Vec::new();
    let mut kept = FxHashSet::default();
    for constant in old.enumerators() {
        match after.get(constant.name) {
            None => changes.push(ConstantChange::Removed(constant)),
            Some(other) => {
                kept.insert(constant.name);
                if other.value != constant.value {
                    changes.push(ConstantChange::Renumbered(constant, *other));
                }
            }
        }
    }
    let added = new.enumerators().filter(|constant| !kept.contains(constant.name));
    changes.extend(added.map(ConstantChange::Added));
    changes
}
