//! The servers we build, one file per program.

use crate::recipe::Recipe;

mod httpd;
mod memcached;
mod nginx;
mod openssh;
mod redis;
mod vsftpd;

/// Every recipe, releases of one program in ascending order.
pub(crate) fn all() -> Vec<Recipe> {
    [
        nginx::recipes(),
        memcached::recipes(),
        redis::recipes(),
        openssh::recipes(),
        httpd::recipes(),
        vsftpd::recipes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_recipes_build_the_same_release() {
        let all = all();
        let releases: BTreeSet<_> = all.iter().map(|recipe| (recipe.name, recipe.version)).collect();
        assert_eq!(releases.len(), all.len());
    }

    #[test]
    fn every_program_has_a_second_release_to_be_updated_to() {
        let all = all();
        let names: BTreeSet<_> = all.iter().map(|recipe| recipe.name).collect();
        for name in names {
            assert!(
                all.iter().filter(|recipe| recipe.name == name).count() >= 2,
                "{name} has one release only"
            );
        }
    }

    #[test]
    fn every_program_lies_one_directory_below_its_prefix() {
        // `Server::prefix` counts on it.
        for recipe in all() {
            assert_eq!(recipe.program.split('/').count(), 2, "{}", recipe.program);
        }
    }
}
