//! The programs: real ones, our own in C, and servers.
//!
//! What each is for stands in its `about`. They are chosen so that no one kind of work decides the mean: programs that do
//! hardly anything but allocate, programs that allocate as programs do, blocks passed between threads, large blocks, and memory over
//! time.

mod own;
mod real;
mod servers;

use super::instructions;
use super::program::Program;
use anyhow::{Result, ensure};

/// All of them, in the order in which they run.
pub(super) const ALL: &[Program] = &[
    real::PYTHON,
    real::PERL,
    real::LUA,
    real::CMAKE,
    real::GCC,
    real::SQLITE,
    real::GIT_LOG,
    real::GIT_REPACK,
    own::CFRAC,
    own::ESPRESSO,
    own::BARNES,
    own::LARSON,
    own::XMALLOC,
    own::SH,
    own::BUFFERS,
    own::TABLES,
    own::FRAGMENT,
    servers::REDIS,
    servers::NGINX,
];

/// Those of a quick run, or those that were asked for.
pub(super) fn chosen(names: &[String], quick: bool) -> Result<Vec<&'static Program>> {
    if names.is_empty() {
        return Ok(ALL.iter().filter(|program| program.quick || !quick).collect());
    }
    let known: Vec<&str> = ALL.iter().map(|program| program.name).collect();
    for name in names {
        ensure!(
            known.contains(&name.as_str()) || name == instructions::NAME,
            "there is no program {name:?}; there are: {}, {}",
            known.join(", "),
            instructions::NAME
        );
    }
    Ok(ALL.iter().filter(|program| names.iter().any(|name| name == program.name)).collect())
}

/// Whether instructions are to be counted: it is asked for like a program, but is none of those whose time is measured.
pub(super) fn counts_instructions(names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| name == instructions::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_programs_have_one_name() {
        let mut names: Vec<&str> = ALL.iter().map(|program| program.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn programs_are_chosen_by_name_and_an_unknown_one_is_refused_with_the_names_of_the_known() {
        let names = |wishes: &[&str]| {
            let wishes: Vec<String> = wishes.iter().map(|&wish| wish.to_owned()).collect();
            chosen(&wishes, true)
                .map(|programs| programs.iter().map(|program| program.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["larson", "cfrac"]).unwrap(), ["cfrac", "larson"]);
        let error = names(&["cfrac", "lean"]).unwrap_err().to_string();
        assert!(error.contains("\"lean\"") && error.contains("espresso"), "{error}");
        assert!(names(&[]).unwrap().len() < ALL.len());
    }
}
