//! The source files that have a type, function or variable: what tells several of one name apart.

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
