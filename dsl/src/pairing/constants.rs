//! What becomes of an enumeration's values: its constants go by their names.

use mcrx_debuginfo::table::{Enumerator, Type};
use rustc_hash::FxHashMap;

/// The constants of an enumeration in two releases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constants<'t> {
    /// Of both releases: name, old value, new value.
    pub kept: Vec<(&'t str, i64, i64)>,
    /// Only of the old one.
    pub gone: Vec<Enumerator<'t>>,
    /// Only of the new one.
    pub added: Vec<Enumerator<'t>>,
}

impl<'t> Constants<'t> {
    /// Of two enumerations.
    pub fn between(old: Type<'t>, new: Type<'t>) -> Constants<'t> {
        let after: FxHashMap<&str, i64> = new.enumerators().map(|one| (one.name, one.value)).collect();
        let mut constants = Constants::default();
        let mut before = FxHashMap::default();
        for one in old.enumerators() {
            before.insert(one.name, one.value);
            match after.get(one.name) {
                Some(value) => constants.kept.push((one.name, one.value, *value)),
                None => constants.gone.push(one),
            }
        }
        constants.added = new.enumerators().filter(|one| !before.contains_key(one.name)).collect();
        constants
    }

    /// Constants that have another value.
    pub fn renumbered(&self) -> impl Iterator<Item = (&'t str, i64, i64)> {
        self.kept.iter().copied().filter(|(_, old, new)| old != new)
    }

    /// Whether all old values mean what they meant.
    pub fn are_same(&self) -> bool {
        self.gone.is_empty() && self.renumbered().next().is_none()
    }

    /// What an old value is in the new release. `None`: the constant is gone, or two of that value went different ways. A value that no
    /// constant has stays what it is, as long as no constant was renumbered.
    pub fn value(&self, old: i64) -> Option<i64> {
        let mut found = self.kept.iter().filter(|(_, value, _)| *value == old).map(|(_, _, new)| *new);
        match found.next() {
            Some(new) => found.all(|other| other == new).then_some(new),
            None => (self.renumbered().next().is_none() && !self.gone.iter().any(|gone| gone.value == old))
                .then_some(old),
        }
    }
}
