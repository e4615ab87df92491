//! Pools: what rules call so, by the functions that allocate from them (`hook pool palloc(pool, size)`).
//!
//! A pool describes its own memory: carried over into another pool it would describe what is not there. So pools do not pair.

use crate::side::Side;
use mcrx_debuginfo::table::{Kind, Type};
use mcrx_dsl::names::functions_of_pattern;
use mcrx_dsl::rules::{Fact, Parameter, Rules};
use mcrx_tracer::model::Ty;
use rustc_hash::FxHashSet;

/// The types of pools in a side's model.
pub(super) fn types(side: &Side<'_>, rules: &Rules) -> FxHashSet<Ty> {
    let hooks = rules.facts.iter().filter_map(|fact| match &fact.is {
        Fact::HookPool(hook) => Some(hook),
        _ => None,
    });
    let mut found = FxHashSet::default();
    for call in hooks.flat_map(|hook| &hook.functions) {
        let place = call.is.parameters.iter().position(|parameter| parameter.is == Parameter::Pool);
        let Some(place) = place else { continue };
        let functions = functions_of_pattern(side.table, &call.is.function.is).into_iter();
        let pools = functions.filter_map(|function| function.parameters().nth(place)?.ty);
        found.extend(pools.filter_map(pointee).filter_map(|ty| side.trace.model.number(side.place, ty)));
    }
    found
}

fn pointee(ty: Type<'_>) -> Option<Type<'_>> {
    match ty.resolved()?.kind() {
        Kind::Pointer(below) => below,
        _ => None,
    }
}
