//! Which function of the new release is which of the old: pointers to the one lead to the other.

use crate::names::is_file;
use crate::rules::{Change, Rules, Symbol};
use mcrx_debuginfo::compare::{FunctionPairs, function_pairs};
use mcrx_debuginfo::table::{Function, Table};

/// A function of the old release.
#[derive(Debug, Clone, Copy)]
pub struct FunctionPair<'t> {
    /// In the old release.
    pub old: Function<'t>,
    /// In the new one. `None`: it is gone; whether that matters depends on whether a pointer leads to it.
    pub new: Option<Function<'t>>,
}

/// By name, and as rules say; and those that only the new release has.
pub(super) fn pairs<'t>(
    old: &'t Table,
    new: &'t Table,
    rules: &'t Rules,
) -> (Vec<FunctionPair<'t>>, Vec<Function<'t>>) {
    let FunctionPairs { pairs, mut added, removed } = function_pairs(old, new);
    let both = pairs.into_iter().map(|(old, new)| FunctionPair { old, new: Some(new) });
    let gone = removed.into_iter().map(|old| FunctionPair { old, new: None });
    let mut found: Vec<FunctionPair<'t>> = both.chain(gone).collect();
    for change in &rules.changes {
        let Change::Function { from, to } = &change.is else { continue };
        let to = new.functions_named(&to.is.name).find(|function| is_named(function, &to.is));
        let from = found.iter_mut().find(|pair| is_named(&pair.old, &from.is));
        if let (Some(pair), Some(to)) = (from, to) {
            pair.new = Some(to);
            added.retain(|function| function.id() != to.id());
        }
    }
    (found, added)
}

fn is_named(function: &Function<'_>, name: &Symbol) -> bool {
    let in_unit = |end: &str| function.unit().is_some_and(|unit| is_file(unit.name(), end));
    function.name() == name.name && function.code().is_some() && name.unit.as_deref().is_none_or(in_unit)
}
