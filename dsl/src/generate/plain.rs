//! Constants of enumerations without a name: a function's states, a file's flags. Whatever holds them is declared as a number, so no
//! difference between types shows that their values changed. It can only be hinted at: which numbers hold them, nobody can see.

use super::write::Writer;
use super::{Between, masks};
use crate::pairing::Constants;
use mcrx_debuginfo::table::{Table, Tag, Type, TypeId};
use rustc_hash::FxHashSet;

/// Of a hundred names, how many two such enumerations have to share to be one in two releases.
const LEAST_IN_COMMON: usize = 50;

/// How many changes of one are listed.
const MOST_CHANGES: usize = 6;

pub(super) fn write(between: &Between<'_>, writer: &mut Writer) {
    let (before, after) = (nameless(between.old), nameless(between.new));
    let names = |ty: Type<'_>| -> Vec<(String, i64)> {
        ty.enumerators().map(|constant| (constant.name.to_owned(), constant.value)).collect()
    };
    let file = |ty: Type<'_>| {
        let path = ty.declared().file;
        path.rsplit('/').next().unwrap_or(path).to_owned()
    };
    let mut lines = Vec::new();
    let mut taken = FxHashSet::default();
    let is_kept =
        |old: &Type<'_>| after.iter().any(|new| names(*new) == names(*old) && file(*new) == file(*old));
    for old in before.iter().filter(|old| !is_kept(old)) {
        let is_free = |new: &&Type<'_>| {
            let is_old = before.iter().any(|old| names(*old) == names(**new) && file(*old) == file(**new));
            file(**new) == file(*old) && !is_old && !taken.contains(&new.id())
        };
        let share = |new: &Type<'_>| common(*old, *new);
        let partner = after.iter().filter(is_free).max_by_key(|new| share(new));
        let Some(new) = partner.filter(|new| share(new) >= LEAST_IN_COMMON) else { continue };
        taken.insert(new.id());
        let constants = Constants::between(*old, *new);
        if constants.are_same() {
            continue;
        }
        let gone =
            constants.gone.iter().map(|constant| format!("{} {} is gone", constant.name, constant.value));
        let renumbered = constants.renumbered().map(|(name, old, new)| format!("{name} {old} -> {new}"));
        let mut changes: Vec<String> = renumbered.chain(gone).collect();
        if let Some(more @ 1..) = changes.len().checked_sub(MOST_CHANGES) {
            changes.truncate(MOST_CHANGES);
            changes.push(format!("{more} more"));
        }
        let bits = if masks::became_bits(*old, *new) {
            "; these are bits now, of which a number may hold several"
        } else {
            ""
        };
        lines.push(format!("{}:{}: {}{bits}", file(*new), new.declared().line, changes.join(", ")));
    }
    if lines.is_empty() {
        return;
    }
    lines.sort_unstable();
    writer.blank();
    writer.comment(
        "Constants of enumerations without a name that have other values now. Where plain numbers hold them, no type shows it: \
         say how these members change.",
    );
    lines.iter().for_each(|line| writer.line(&format!("//   {line}")));
}

/// Enumerations that neither a tag nor a typedef names.
pub(super) fn nameless(table: &Table) -> Vec<Type<'_>> {
    let typedefs = table.types().filter(|ty| ty.tag() == Tag::Typedef);
    let named: FxHashSet<TypeId> = typedefs.filter_map(|ty| Some(ty.resolved()?.id())).collect();
    let is_nameless =
        |ty: &Type<'_>| ty.tag() == Tag::Enumeration && ty.name().is_none() && !named.contains(&ty.id());
    table.types().filter(is_nameless).collect()
}

/// Of a hundred constants of either, how many have a name that both have.
fn common(old: Type<'_>, new: Type<'_>) -> usize {
    let names: FxHashSet<&str> = new.enumerators().map(|constant| constant.name).collect();
    let both = old.enumerators().filter(|constant| names.contains(constant.name)).count();
    (200 * both).checked_div(old.enumerators().len() + new.enumerators().len()).unwrap_or(0)
}
