//! Numbers that are declared by another typedef, of the same C type: seconds that became milliseconds, bytes that became blocks. The bytes
//! stay, and no type says whether they mean the same: it can only be hinted at.
//!
//! Typedefs that only say how wide a number is (`uint32_t`) are no hint: one for the other, or for what C calls it.

use super::Between;
use super::write::Writer;
use crate::pairing::Lives;
use mcrx_debuginfo::compare::{Comparison, Difference, FieldChange};
use mcrx_debuginfo::table::{Kind, Type};

pub(super) fn write(between: &Between<'_>, comparison: &Comparison<'_, '_>, writer: &mut Writer) {
    let mut lines = Vec::new();
    let mut add = |what: &str, old: Option<Type<'_>>, new: Option<Type<'_>>| {
        if let Some((old, new)) = names(old, new) {
            lines.push(format!("//   {what}: {old} -> {new}"));
        }
    };
    for change in &comparison.types.changed {
        if between.live.place(change.old) == Lives::Nowhere {
            continue;
        }
        for field in change.fields.iter().filter(|field| field.is_respelt()) {
            if let FieldChange::Changed { old, new, .. } = field {
                add(&format!("{}.{}", change.name, new.path), old.member.ty(), new.member.ty());
            }
        }
    }
    let variables = comparison.variables.changed.iter();
    for change in variables.filter(|change| change.difference == Some(Difference::Spelling)) {
        add(change.new.name(), change.old.ty(), change.new.ty());
    }
    if lines.is_empty() {
        return;
    }
    lines.sort_unstable();
    lines.dedup();
    writer.blank();
    writer.comment(
        "Declared as something else of the same C type. If the unit is another one (seconds and milliseconds, bytes and blocks), say how \
         one becomes the other:",
    );
    lines.iter().for_each(|line| writer.line(line));
}

/// What a number is called in each release, if these are names that may say what it means.
fn names<'o, 'n>(old: Option<Type<'o>>, new: Option<Type<'n>>) -> Option<(&'o str, &'n str)> {
    let (old, new) = (number(old)?, number(new)?);
    let says_nothing = |name: &str| is_width(name) || name.contains(' ');
    (old != new && !(says_nothing(old) && says_nothing(new))).then_some((old, new))
}

/// What a number is declared as: the outermost typedef, or the name of C's own type. `None`: it is no number.
fn number(ty: Option<Type<'_>>) -> Option<&str> {
    let mut ty = ty?;
    if !matches!(ty.resolved()?.kind(), Kind::Base(_)) {
        return None;
    }
    while let Kind::Qualified(Some(below)) = ty.kind() {
        ty = below;
    }
    ty.name()
}

/// Whether a name only says how wide a number is, and whether it has a sign: C's own types and their usual short names.
fn is_width(name: &str) -> bool {
    const PLAIN: [&str; 17] = [
        "char", "short", "int", "long", "float", "double", "_Bool", "bool", "unsigned", "uint", "ulong",
        "ushort", "uchar", "u_int", "u_long", "u_short", "u_char",
    ];
    let bare = name.trim_start_matches('_').trim_end_matches("_t");
    let bare = bare.strip_prefix("u_").or(bare.strip_prefix('u')).unwrap_or(bare);
    let letters = bare.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_short = letters.len() < bare.len() && ["", "s", "i"].contains(&letters);
    let fixed = ["int", "int_least", "int_fast", "intmax", "intptr"];
    PLAIN.contains(&name) || is_short || fixed.contains(&letters)
}

#[cfg(test)]
mod tests {
    use super::is_width;

    #[test]
    fn widths_are_told_from_units() {
        for name in
            ["int", "uint32_t", "__uint8_t", "u_int32_t", "u32", "int_fast16_t", "uintptr_t", "u_char"]
        {
            assert!(is_width(name), "{name}");
        }
        for name in ["time_t", "mstime_t", "off_t", "blkcnt_t", "client_flags_t", "size_t", "us", "users"] {
            assert!(!is_width(name), "{name}");
        }
    }
}
