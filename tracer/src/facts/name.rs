//! How facts speak of types.

use mcrx_debuginfo::table::{Kind, Type};

/// A type's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeName<'n> {
    /// Without `struct`.
    pub(crate) bare: &'n str,
    /// The end of the path of the source file that has it.
    file: Option<&'n str>,
    /// How many pointers lead to it.
    pub(crate) pointers: usize,
}

impl<'n> TypeName<'n> {
    pub(crate) fn of(text: &'n str) -> TypeName<'n> {
        let name = text.trim_end_matches('*');
        let (bare, file) = match name.split_once('@') {
            Some((bare, file)) => (bare, Some(file)),
            None => (name, None),
        };
        TypeName { bare, file, pointers: text.len() - name.len() }
    }

    /// Whether a type of this name is of the file: declared in it, or the file is one that was compiled and has the type.
    pub(crate) fn is_of_file(&self, ty: Type<'_>) -> bool {
        let Some(file) = self.file else { return true };
        // What a typedef is of says where the type itself is, too.
        let below = ty.resolved();
        let declared = [Some(ty), below]
            .into_iter()
            .flatten()
            .flat_map(|ty| [ty.declared().file, ty.unit().map_or("", |unit| unit.name())]);
        declared.into_iter().any(|path| ends_with(path, file))
    }

    /// Whether a type is as many pointers to another as the name says, and what that is.
    pub(crate) fn pointee<'t>(&self, ty: Type<'t>) -> Option<Type<'t>> {
        (0..self.pointers).try_fold(ty.resolved()?, |ty, _| match ty.kind() {
            Kind::Pointer(below) => below?.resolved(),
            _ => None,
        })
    }
}

/// Whether a path ends with the parts of another.
fn ends_with(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_file_behind_it_and_stars_behind_that() {
        let name = TypeName::of("dict@src/dict.c**");
        assert_eq!((name.bare, name.file, name.pointers), ("dict", Some("src/dict.c"), 2));
        let name = TypeName::of("unsigned long");
        assert_eq!((name.bare, name.file, name.pointers), ("unsigned long", None, 0));
    }

    #[test]
    fn the_end_of_a_path_begins_with_a_name() {
        assert!(ends_with("src/dict.c", "dict.c") && ends_with("dict.c", "dict.c"));
        assert!(!ends_with("src/mydict.c", "dict.c") && !ends_with("dict.c", "src/dict.c"));
    }
}
