//! What needs no rule, a line for each type.

use super::Between;
use super::types::spelt;
use super::write::Writer;
use crate::pairing::{Asked, Lives, PairId, Pairing};
use mcrx_debuginfo::compare::{Comparison, ConstantChange, FieldChange, TypeChange};
use mcrx_debuginfo::table::{Tag, Variable};
use rustc_hash::FxHashSet;

/// How many names a line has of each sort.
const MOST_NAMES: usize = 4;

/// Writes them, and says how many types there are.
pub(super) fn write<'t>(
    between: &Between<'t>,
    pairing: &Pairing<'t>,
    comparison: &Comparison<'t, 't>,
    asked: &FxHashSet<PairId>,
    writer: &mut Writer,
) -> usize {
    let (mut lines, mut short_lived, mut respelt) = (Vec::new(), Vec::new(), Vec::new());
    for change in &comparison.types.changed {
        let pair = pairing.of_old(change.old);
        if change.old.tag() == Tag::Typedef || pair.is_some_and(|(id, _)| asked.contains(&id)) {
            continue;
        }
        if pair.is_some_and(|(_, pair)| pair.is_same) && change.constants.is_empty() {
            respelt.push(change.name.to_owned());
        } else if change.old.tag() != Tag::Enumeration && between.live.place(change.old) == Lives::Nowhere {
            short_lived.push(change.name.to_owned());
        } else {
            lines.push(line(between, change));
        }
    }
    let automatic = lines.len() + short_lived.len() + respelt.len();
    if !lines.is_empty() {
        writer.blank();
        writer.comment(
            "These need no rule (+ new, - gone, ~ of another type, > moved, via: what it holds changed):",
        );
        lines.sort_unstable();
        lines.iter().for_each(|line| writer.line(&format!("//   {line}")));
    }
    writer.list("Only spelt otherwise", respelt);
    writer.list("Changed, but no object of these outlives a call", short_lived);
    let suspected =
        pairing.questions.iter().filter(|question| matches!(question.asked, Asked::Renumbered(_)));
    let suspected: Vec<String> = suspected.map(|question| question.text()).collect();
    if !suspected.is_empty() {
        writer.blank();
        writer.comment("Renumbered, and no member or variable is declared as it. Where plain numbers hold such values, say how they change:");
        suspected.iter().for_each(|text| writer.comment(text));
    }
    let typedefs = comparison.types.changed.iter().filter(|change| change.old.tag() == Tag::Typedef);
    writer.list(
        "Typedefs of something else; members that are declared by them are above",
        typedefs.map(|change| change.name.to_owned()).collect(),
    );
    let removed = comparison.types.removed.iter();
    writer.list(
        "Types that are gone, with all that leads to them",
        removed.map(|named| spelt(named.ty, named.name)).collect(),
    );
    let is_table = |variable: &Variable<'_>| between.live.is_table(variable);
    let tables = comparison.variables.removed.iter().filter(|variable| is_table(variable));
    let retyped =
        comparison.variables.changed.iter().filter(|change| is_table(&change.old)).map(|change| &change.old);
    writer.list(
        "Tables that are the new release's own, unless they changed since start-up",
        tables.chain(retyped).map(|variable| variable.name().to_owned()).collect(),
    );
    let changed = comparison.variables.changed.iter().filter(|change| !is_table(&change.old));
    writer.list(
        "Variables that changed with their types",
        changed.map(|change| change.new.name().to_owned()).collect(),
    );
    automatic
}

fn line(between: &Between<'_>, change: &TypeChange<'_, '_>) -> String {
    let mut parts = Vec::new();
    let of = |which: fn(&FieldChange<'_, '_>) -> bool| -> Vec<String> {
        let fields = change.fields.iter().filter(|field| which(field));
        fields.map(|field| field.path().to_owned()).collect()
    };
    let mut add = |mark: &str, names: Vec<String>| {
        if !names.is_empty() {
            parts.push(format!("{mark}{}", some(&names)));
        }
    };
    add("+", of(|field| matches!(field, FieldChange::Added(_))));
    add("-", of(|field| matches!(field, FieldChange::Removed(_))));
    add("~", of(|field| field.is_retyped()));
    let constants = |which: fn(&ConstantChange<'_, '_>) -> Option<String>| -> Vec<String> {
        change.constants.iter().filter_map(which).collect()
    };
    add(
        "+",
        constants(|one| match one {
            ConstantChange::Added(constant) => Some(constant.name.to_owned()),
            _ => None,
        }),
    );
    add(
        "-",
        constants(|one| match one {
            ConstantChange::Removed(constant) => Some(constant.name.to_owned()),
            _ => None,
        }),
    );
    add(
        "~",
        constants(|one| match one {
            ConstantChange::Renumbered(old, new) => {
                Some(format!("{} {} -> {}", new.name, old.value, new.value))
            }
            _ => None,
        }),
    );
    let moved = change.fields.iter().filter(|field| field.is_moved() && !field.is_retyped()).count();
    if moved > 0 {
        parts.push(format!(">{moved}"));
    }
    let mut via: Vec<String> = change.via.iter().map(|via| via.name.to_owned()).collect();
    via.sort_unstable();
    via.dedup();
    if !via.is_empty() {
        parts.push(format!("via {}", some(&via)));
    }
    if change.is_renamed() {
        let name = change.old.name().unwrap_or("an anonymous type");
        parts.push(format!("was {name}"));
    }
    if change.is_resized() && parts.is_empty() {
        parts.push("another size".to_owned());
    }
    let place = match between.live.place(change.old) {
        Lives::InVariables => "    in variables only",
        Lives::InTables => "    in tables only",
        Lives::Anywhere | Lives::Nowhere => "",
    };
    format!("{}: {}{place}", change.name, parts.join("; "))
}

fn some(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    match names.len().checked_sub(MOST_NAMES) {
        Some(more @ 1..) => format!("{} and {more} more", first.join(", ")),
        _ => first.join(", "),
    }
}
