//! The source files that have a type, function or variable: what tells several of one name apart.

use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::Type;

/// Whether a file's path ends so: `dict.c` is the end of `src/dict.c`, not of `mydict.c`.
pub fn is_file(path: &str, end: &str) -> bool {
    let Some(before) = path.strip_suffix(end) else { return false };
    before.is_empty() || before.ends_with('/') || end.starts_with('/')
}

/// Whether a type is declared in a file whose path ends so, or is known to a unit of that file.
pub fn is_of_unit(ty: Type<'_>, end: &str) -> bool {
    if is_file(ty.declared().file, end) || ty.unit().is_some_and(|unit| is_file(unit.name(), end)) {
        return true;
    }
    let mut units = ty.table().units().filter(|unit| is_file(unit.name(), end));
    units.any(|unit| unit.types().any(|known| known == ty))
}

/// Whether two types cannot be told apart by anything that a reader of their declarations sees.
pub fn are_alike(one: Type<'_>, other: Type<'_>) -> bool {
    let members = |ty: Type<'_>| -> Vec<_> {
        let member = |member: mcrx_debuginfo::table::Member<'_>| {
            let declared =
                spell::declaration(member.ty(), member.name().unwrap_or(""), Anonymous::WrittenOut);
            (declared, member.bit_offset(), member.bit_size(), member.ty().and_then(Type::size))
        };
        ty.members().map(member).collect()
    };
    one == other
        || (one.tag(), one.name(), one.size()) == (other.tag(), other.name(), other.size())
            && one.enumerators().eq(other.enumerators())
            && members(one) == members(other)
}

/// The main source files of all units that know a type, in the order of the debug info.
pub fn units_of(ty: Type<'_>) -> Vec<&str> {
    let units = ty.table().units().filter(|unit| unit.types().any(|known| known == ty));
    units.map(|unit| unit.name()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_the_end_of_its_path() {
        for (path, end, want) in [
            ("src/dict.c", "dict.c", true),
            ("src/dict.c", "src/dict.c", true),
            ("dict.c", "dict.c", true),
            ("src/mydict.c", "dict.c", false),
            ("src/dict.c", "/dict.c", true),
            ("src/dict.c", "dict.h", false),
        ] {
            assert_eq!(is_file(path, end), want, "{path} {end}");
        }
    }
}
