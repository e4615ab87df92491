//! Rule files as text: what they are read as, what is wrong with them, and what they import.

use mcrx_dsl::codes;
use mcrx_dsl::diagnostic::Class;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::rules::Rules;
use mcrx_dsl::source::Load;
use std::path::Path;

#[path = "syntax/imports.rs"]
mod imports;
#[path = "syntax/mistakes.rs"]
mod mistakes;

/// Files in memory.
struct InMemory<'t>(&'t [(&'t str, &'t str)]);

impl Load for InMemory<'_> {
    fn load(&self, path: &Path) -> Result<String, String> {
        let file = self.0.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "there is no such file".to_owned())
    }
}

const EVERYTHING: &str = include_str!("everything.mcrx");

/// The first of some files, with what it imports.
fn load(files: &[(&str, &str)]) -> Loaded {
    let first = files.first().map_or("", |(name, _)| *name);
    load::rules(Path::new(first), &InMemory(files))
}

/// What is wrong, and where.
fn told(loaded: &Loaded) -> Vec<String> {
    let files = &loaded.files;
    let line = |found: &mcrx_dsl::diagnostic::Diagnostic| {
        let place = files.position(found.span);
        format!("{}:{} {} {}", place.line, place.column, found.code, found.message)
    };
    loaded.diagnostics.iter().map(line).collect()
}

#[test]
fn every_construct_of_the_grammar_is_read() {
    let loaded = load(&[("a.mcrx", EVERYTHING), ("other.mcrx", "program nginx\nwrapper imported")]);
    assert_eq!(told(&loaded), [""; 0]);
    let Rules { facts, changes, processes, allowed, tests, .. } = &loaded.rules;
    let counts = [facts.len(), changes.len(), processes.len(), allowed.len(), tests.len()];
    assert_eq!(counts, [33, 26, 3, 1, 1]);
}

#[test]
fn what_explains_a_mistake_shows_it() {
    for entry in codes::all().filter(|entry| entry.class() == Class::Syntax) {
        let codes = |text: &str| {
            let files = [
                ("itself.mcrx", text),
                ("nginx-facts.mcrx", "program nginx"),
                ("redis-facts.mcrx", "program redis"),
            ];
            load(&files).diagnostics.iter().map(|found| found.code).collect::<Vec<_>>()
        };
        let (wrong, right) = (codes(entry.wrong), codes(entry.right));
        let is_shown = !wrong.is_empty() && wrong.iter().all(|code| *code == entry.code);
        assert!(is_shown || entry.wrong.is_empty(), "{}: {wrong:?}", entry.name);
        assert_eq!(right, [], "{}", entry.name);
    }
}
