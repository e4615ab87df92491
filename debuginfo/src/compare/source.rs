//! Which source file of one release is which of the other, though they were built in different folders.

use crate::table::Unit;

/// The main source file of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source<'t> {
    /// Below the folder that the compiler ran in, if it is there.
    path: &'t str,
    /// It is not: the path begins with the folder of this build, which says nothing.
    is_absolute: bool,
}

impl<'t> Source<'t> {
    pub(super) fn of(unit: &Unit<'t>) -> Source<'t> {
        Source::below(unit.name(), unit.folder())
    }

    fn below(name: &'t str, folder: &str) -> Source<'t> {
        let below = name.strip_prefix(folder).filter(|rest| !folder.is_empty() && rest.starts_with('/'));
        let path = below.unwrap_or(name);
        let is_absolute = below.is_none() && name.starts_with('/');
        let path = path.trim_start_matches('/');
        Source { path: path.strip_prefix("./").unwrap_or(path), is_absolute }
    }

    /// Whether it may be this file: the same path, or where folders of the build are in it, the same end of it.
    pub(super) fn is(self, new: Source<'_>) -> bool {
        self.path == new.path || (self.is_absolute || new.is_absolute) && self.common(new) > 0
    }

    /// How many parts of the path are the same, from the file's name up.
    pub(super) fn common(self, new: Source<'_>) -> usize {
        let parts = self.path.rsplit('/').zip(new.path.rsplit('/'));
        parts.take_while(|(one, other)| one == other).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_place_below_the_folder_of_the_build() {
        let of = Source::below;
        let one = of("/build/x-1.2/src/a.c", "/build/x-1.2");
        assert!(one.is(of("src/a.c", "/build/x-1.3")) && one.is(of("./src/a.c", "")));
        assert!(!one.is(of("lib/a.c", "/build/x-1.3")));
        // Built beside its sources.
        let one = of("/build/x-1.2/src/a.c", "/build/x-1.2/obj");
        let [same, other] = ["src", "lib"].map(|folder| format!("/build/x-1.3/{folder}/a.c"));
        let (same, other) = (of(&same, "/build/x-1.3/obj"), of(&other, "/build/x-1.3/obj"));
        assert!(one.is(same) && one.common(same) > one.common(other));
        assert!(!one.is(of("/build/x-1.3/src/b.c", "/build/x-1.3/obj")));
        // Not a folder, but a part of its name.
        assert!(of("/build/xy/a.c", "/build/x").is_absolute);
    }
}
