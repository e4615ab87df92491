//! All that can be asked of a table.

use mcrx_debuginfo::compare::compare;
use mcrx_debuginfo::spell::{Anonymous, declaration, type_name};
use mcrx_debuginfo::table::{Address, Layout, Table};

/// Of each sort, so many things are looked at: a table may claim more than there is time for.
const MOST: usize = 2_000;

/// Asks everything.
pub fn walk(table: &Table) {
    for ty in table.types().take(MOST) {
        let _ = (ty.name(), ty.size(), ty.kind(), ty.resolved(), ty.declared(), ty.unit());
        let _ = (ty.place(0), ty.place(9), ty.place(u64::MAX), ty.field("next"), Layout::of(ty));
        let _ = (ty.enumerators().count(), ty.parameters().count(), ty.members().count());
        let _ = (type_name(Some(ty), Anonymous::LeftOut), declaration(Some(ty), "it", Anonymous::LeftOut));
        let _ = ty.name().map(|name| table.types_named(name).count());
    }
    for variable in table.variables().take(MOST) {
        let _ = (variable.ty(), variable.declared(), table.variables_named(variable.name()).count());
        let _ = table.variable_at(variable.address()).is_some();
    }
    for function in table.functions().take(MOST) {
        let _ = (function.returns(), function.unit(), function.parameters().count());
        let _ = (function.code(), table.functions_named(function.name()).count());
    }
    for (low, _, function) in table.ranges().take(MOST) {
        let _ = (
            table.function_at(low),
            table.function_at(Address(low.0.wrapping_sub(1))),
            table.function(function),
        );
    }
    for unit in table.units().take(MOST) {
        let _ = (unit.name(), unit.types().count());
    }
    let comparison = compare(table, table);
    let _ = (comparison.is_empty(), comparison.is_incompatible());
}
