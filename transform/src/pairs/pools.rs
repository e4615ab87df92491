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
        let pools = pools.filter_map(pointee).flat_map(heads);
        found.extend(pools.filter_map(|ty| side.trace.model.number(side.place, ty)));
    }
    found
}

/// A pool, and the structure that it begins with, if that leads to pools: of a pool of several blocks the others have that alone.
fn heads(pool: Type<'_>) -> Vec<Type<'_>> {
    let Some(pool) = pool.resolved() else { return Vec::new() };
    let first = pool.members().find(|member| member.offset() == 0);
    let first = first.and_then(|member| member.ty()?.resolved()).filter(|ty| ty.tag().is_aggregate());
    let leads_to_pools = |ty: &Type<'_>| {
        let mut pointees = ty.members().filter_map(|member| pointee(member.ty()?)?.resolved());
        pointees.any(|below| below == pool)
    };
    [Some(pool), first.filter(leads_to_pools)].into_iter().flatten().collect()
}

fn pointee(ty: Type<'_>) -> Option<Type<'_>> {
    match ty.resolved()?.kind() {
        Kind::Pointer(below) => below,
        _ => None,
    }
}
