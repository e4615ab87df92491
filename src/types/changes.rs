//! `mcrx types OLD NEW`: what changed between two releases, what makes live memory of the old one wrong for the new first.

use super::SCHEMA;
use super::change_facts::Facts;
use super::program::Program;
use crate::exit::Failure;
use crate::output::Output;
use anyhow::Result;
use mcrx_debuginfo::compare::{
    Comparison, ConstantChange, Difference, Effect, FieldChange, FunctionChange, Named, TypeChange,
    VariableChange, compare,
};
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Storage, Type, Variable};

/// Of each list without details. The rest is counted; `--json` has them all.
const MOST_NAMES: usize = 40;

pub(super) fn run(old: &Program, new: &Program, output: &Output) -> Result<()> {
    let comparison = compare(&old.table, &new.table);
    output.heading(format_args!("{} -> {}", old.name(), new.name()))?;
    output.line(format_args!("  {}", summary(&comparison)))?;
    let sections = [
        (Effect::Incompatible, "Incompatible: memory of the old release is wrong for the new code"),
        (Effect::Addition, "Additions: memory of the old release is right, and lacks something"),
        (Effect::Compatible, "Compatible: the same bytes mean the same"),
    ];
    for (effect, title) in sections {
        let lines = section(&comparison, effect);
        if lines.is_empty() {
            continue;
        }
        output.heading(title)?;
        for line in lines {
            output.line(line)?;
        }
    }
    output.facts(&Facts::of(SCHEMA, old.facts(), new.facts(), &comparison))?;
    if comparison.is_incompatible() {
        let message =
            format!("memory of {} is not right for {}: {}", old.name(), new.name(), summary(&comparison));
        return Err(Failure::Finding(message).into());
    }
    Ok(())
}

fn summary(comparison: &Comparison<'_, '_>) -> String {
    let Comparison { types, variables, functions } = comparison;
    let of = |what: &str, changed: usize, added: usize, removed: usize| {
        format!("{what}: {changed} changed, {added} added, {removed} removed")
    };
    [
        of("types", types.changed.len(), types.added.len(), types.removed.len()),
        of("variables", variables.changed.len(), variables.added.len(), variables.removed.len()),
        of("functions", functions.changed.len(), functions.added.len(), functions.removed.len()),
    ]
    .join("; ")
}

fn section(comparison: &Comparison<'_, '_>, effect: Effect) -> Vec<String> {
    let Comparison { types, variables, functions } = comparison;
    let mut lines = Vec::new();
    for change in types.changed.iter().filter(|change| change.effect() == effect) {
        type_lines(change, &mut lines);
    }
    let changed: Vec<_> = variables.changed.iter().filter(|change| change.effect() == effect).collect();
    if !changed.is_empty() {
        lines.push(format!("\n{} changed", counted(changed.len(), "variable")));
        lines.extend(changed.into_iter().flat_map(variable_lines));
    }
    match effect {
        Effect::Incompatible => {
            list("type", "removed", types.removed.iter().map(named), &mut lines);
            list("variable", "removed", variables.removed.iter().map(variable), &mut lines);
            list("function", "with another signature", functions.changed.iter().map(function), &mut lines);
            let removed = functions.removed.iter().map(|function| function.name().to_owned());
            list("function", "removed", removed, &mut lines);
        }
        Effect::Addition => {
            list("type", "added", types.added.iter().map(named), &mut lines);
            list("variable", "added", variables.added.iter().map(variable), &mut lines);
            let added = functions.added.iter().map(|function| function.name().to_owned());
            list("function", "added", added, &mut lines);
        }
        Effect::Compatible => {}
    }
    lines
}

fn list(what: &str, became: &str, names: impl ExactSizeIterator<Item = String>, lines: &mut Vec<String>) {
    let count = names.len();
    if count == 0 {
        return;
    }
    lines.push(format!("\n{} {became}", counted(count, what)));
    lines.extend(names.take(MOST_NAMES).map(|name| format!("  {name}")));
    if let Some(more @ 1..) = count.checked_sub(MOST_NAMES) {
        lines.push(format!("  ... and {more} more: --json has them all"));
    }
}

fn type_lines(change: &TypeChange<'_, '_>, lines: &mut Vec<String>) {
    let (before, after) = (change.old.size(), change.new.size());
    let mut title = match spell::keyword(change.new) {
        Some(keyword) if change.new.name().is_some() => format!("\n{keyword} {}", change.name),
        _ => format!("\n{}", change.name),
    };
    if change.is_resized() {
        title.push_str(&format!("    {} -> {} bytes", bytes(before), bytes(after)));
    }
    if change.is_another_kind() {
        let word = |ty| spell::keyword(ty).unwrap_or("type");
        title.push_str(&format!("    {} -> {}", word(change.old), word(change.new)));
    }
    if change.is_only_via() {
        title.push_str("    only via what it holds");
    }
    lines.push(title);
    if change.is_renamed() {
        let name = |ty: Type<'_>| {
            ty.name().map_or_else(|| "an anonymous type".to_owned(), |name| format!("the tag {name}"))
        };
        lines.push(format!("  = was {}, is {}", name(change.old), name(change.new)));
    }
    if let Some(difference) = change.target {
        let spelt = |ty: Type<'_>| spell::type_name(ty.target(), Anonymous::LeftOut);
        let mark = if difference.is_spelling() { '=' } else { '~' };
        lines.push(format!("  {mark} {} -> {}{}", spelt(change.old), spelt(change.new), reason(difference)));
    }
    field_lines(&change.fields, lines);
    for guess in &change.renamed {
        lines.push(format!("  ? {} -> {}    of the same type: renamed?", guess.old, guess.new));
    }
    lines.extend(change.constants.iter().map(|constant| match constant {
        ConstantChange::Added(new) => {
            format!("  + {} = {}", new.name, spell::constant(new.value, change.new))
        }
        ConstantChange::Removed(old) => {
            format!("  - {} = {}", old.name, spell::constant(old.value, change.old))
        }
        ConstantChange::Renumbered(old, new) => format!(
            "  ~ {} = {} -> {}",
            old.name,
            spell::constant(old.value, change.old),
            spell::constant(new.value, change.new)
        ),
    }));
    lines.extend(change.via.iter().map(|via| format!("  via {} ({})", via.path, via.name)));
}

/// Members that only moved, all by as much and one behind the other, share a line.
fn field_lines(fields: &[FieldChange<'_, '_>], lines: &mut Vec<String>) {
    let mut run: Vec<(&str, i128)> = Vec::new();
    for change in fields {
        if let Some(moved) = only_moved(change) {
            if run.last().is_some_and(|(_, by)| *by != moved.1) {
                lines.extend(moved_line(&std::mem::take(&mut run)));
            }
            run.push(moved);
            continue;
        }
        lines.extend(moved_line(&std::mem::take(&mut run)));
        lines.push(match change {
            FieldChange::Added(field) => {
                format!(
                    "  + {}    at {}",
                    declared(&field.path, field.member),
                    place(field.bit_offset, field.member)
                )
            }
            FieldChange::Removed(field) => {
                format!(
                    "  - {}    was at {}",
                    declared(&field.path, field.member),
                    place(field.bit_offset, field.member)
                )
            }
            FieldChange::Changed { old, new, difference } => {
                let mark = if change.effect() == Effect::Compatible { '=' } else { '~' };
                let (before, after) = (declared(&old.path, old.member), declared(&new.path, new.member));
                let mut line = if before == after {
                    format!("  {mark} {after}")
                } else {
                    format!("  {mark} {before} -> {after}")
                };
                line.push_str(difference.map_or("", reason));
                if change.is_moved() {
                    line.push_str(&format!(
                        "    moved {} -> {}",
                        place(old.bit_offset, old.member),
                        place(new.bit_offset, new.member)
                    ));
                }
                if change.is_overlaid() {
                    line.push_str(if new.is_alternative {
                        "    now in a union"
                    } else {
                        "    no longer in a union"
                    });
                }
                line
            }
        });
    }
    lines.extend(moved_line(&run));
}

/// A member whose place is all that changed, and by how many bits.
fn only_moved<'a>(change: &'a FieldChange<'_, '_>) -> Option<(&'a str, i128)> {
    let FieldChange::Changed { old, new, difference: None } = change else { return None };
    let only = change.is_moved() && !change.is_retyped() && !change.is_overlaid();
    only.then(|| (new.path.as_str(), i128::from(new.bit_offset) - i128::from(old.bit_offset)))
}

fn moved_line(run: &[(&str, i128)]) -> Option<String> {
    let ((first, by), (last, _)) = (run.first()?, run.last()?);
    let by = if by % 8 == 0 { format!("{:+} bytes", by / 8) } else { format!("{by:+} bits") };
    Some(match run.len() {
        1 => format!("  > {first}    moved by {by}"),
        count => format!("  > {first} .. {last} ({count} members)    moved by {by}"),
    })
}

fn declared(path: &str, member: mcrx_debuginfo::table::Member<'_>) -> String {
    let declaration = spell::declaration(member.ty(), path, Anonymous::LeftOut);
    match member.bit_size() {
        Some(bits) => format!("{declaration} : {bits}"),
        None => declaration,
    }
}

fn place(bit_offset: u64, member: mcrx_debuginfo::table::Member<'_>) -> String {
    match member.bit_size() {
        Some(_) => format!("{}.{}", bit_offset / 8, bit_offset % 8),
        None => (bit_offset / 8).to_string(),
    }
}

fn reason(difference: Difference) -> &'static str {
    match difference {
        Difference::Spelling => "    only spelt otherwise",
        Difference::Signature => "    another signature",
        Difference::Length => "    another length",
        Difference::Contents => "    other contents",
        Difference::Pointee | Difference::Number | Difference::Kind => "",
    }
}

fn variable_lines(change: &VariableChange<'_, '_>) -> Vec<String> {
    let VariableChange { old, new, difference, via, .. } = change;
    let spelt =
        |variable: &Variable<'_>, anonymous| spell::declaration(variable.ty(), variable.name(), anonymous);
    let (mut before, mut after) = (spelt(old, Anonymous::LeftOut), spelt(new, Anonymous::LeftOut));
    if *difference == Some(Difference::Contents) {
        (before, after) = (spelt(old, Anonymous::WrittenOut), spelt(new, Anonymous::WrittenOut));
    }
    let mut line = match difference {
        Some(difference) => {
            let mark = if difference.is_spelling() { '=' } else { '~' };
            format!("  {mark} {before} -> {after}{}", reason(*difference))
        }
        None => format!("  {} {after}", if change.is_moved { '~' } else { '=' }),
    };
    if let Some((name, _)) = via {
        let sizes = match (old.ty().and_then(Type::size), new.ty().and_then(Type::size)) {
            (before, after) if before != after => format!("    {} -> {} bytes", bytes(before), bytes(after)),
            _ => String::new(),
        };
        line = format!("  ~ {after}{sizes}    via {name}");
    }
    let mut lines = vec![line];
    if change.is_moved {
        let word = |variable: &Variable<'_>| match variable.storage() {
            Storage::ThreadLocal => "one per thread",
            _ => "one for all threads",
        };
        lines.push(format!("    was {}, is {}", word(old), word(new)));
    }
    if change.is_relinked {
        let word = |variable: &Variable<'_>| if variable.is_external() { "global" } else { "static" };
        lines.push(format!("    was {}, is {}", word(old), word(new)));
    }
    if change.is_in_another_unit {
        lines.push(format!("    was in {}, is in {}", unit(old), unit(new)));
    }
    lines
}

fn variable(variable: &Variable<'_>) -> String {
    let declaration = spell::declaration(variable.ty(), variable.name(), Anonymous::LeftOut);
    let thread = if variable.storage() == Storage::ThreadLocal { "_Thread_local " } else { "" };
    match (variable.is_external(), variable.function()) {
        (true, _) => format!("{thread}{declaration}"),
        (false, Some(function)) => format!("static {thread}{declaration}    in {}()", function.name()),
        (false, None) => format!("static {thread}{declaration}    in {}", unit(variable)),
    }
}

fn unit(variable: &Variable<'_>) -> String {
    variable.unit().map_or("an unknown file", |unit| unit.name()).to_owned()
}

fn function(change: &FunctionChange<'_, '_>) -> String {
    let spelt = |function: &mcrx_debuginfo::table::Function<'_>| {
        let parameters: Vec<String> = function
            .parameters()
            .map(|parameter| spell::type_name(parameter.ty, Anonymous::LeftOut))
            .collect();
        let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
        let name = format!("{}({parameters})", function.name());
        spell::declaration(function.returns(), &name, Anonymous::LeftOut)
    };
    format!("{} -> {}", spelt(&change.old), spelt(&change.new))
}

fn named(named: &Named<'_>) -> String {
    let size = named.ty.size().map_or(String::new(), |size| format!("    {size} bytes"));
    match spell::keyword(named.ty) {
        Some(keyword) if named.ty.name().is_some() => format!("{keyword} {}{size}", named.name),
        _ => format!("{}{size}", named.name),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn bytes(size: Option<u64>) -> String {
    size.map_or("?".to_owned(), |size| size.to_string())
}
