//! Which source files define a type: what tells types of one name apart.

use mcrx_debuginfo::table::{Table, Type, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

/// The units of some types.
pub(super) struct Units<'t>(FxHashMap<TypeId, Vec<&'t str>>);

impl<'t> Units<'t> {
    /// Looks through all units for these types.
    pub(super) fn of(table: &'t Table, types: impl IntoIterator<Item = Type<'t>>) -> Units<'t> {
        let mut units: FxHashMap<TypeId, Vec<&'t str>> =
            types.into_iter().map(|ty| (ty.id(), Vec::new())).collect();
        if units.is_empty() {
            return Units(units);
        }
        for unit in table.units() {
            // A unit may know a type by several of its entries.
            let mut seen = FxHashSet::default();
            for ty in unit.types() {
                if let Some(names) = units.get_mut(&ty.id())
                    && seen.insert(ty.id())
                {
                    names.push(unit.name());
                }
            }
        }
        Units(units)
    }

    /// The main source files, in the order of the debug info.
    pub(super) fn get(&self, ty: Type<'_>) -> &[&'t str] {
        self.0.get(&ty.id()).map_or(&[], Vec::as_slice)
    }
}

/// Names for a line: all of them if they are few.
pub(super) fn shown(names: &[&str]) -> String {
    const MOST: usize = 3;
    let first: Vec<&str> = names.iter().copied().take(MOST).collect();
    match names.len().checked_sub(first.len()) {
        None | Some(0) => first.join(", "),
        Some(more) => format!("{} and {more} more", first.join(", ")),
    }
}
