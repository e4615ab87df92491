//! Rule files as text: what they are read as, and that all of a text is in its tree.

use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::rules::Rules;
use mcrx_dsl::source::{FileId, Load};
use mcrx_dsl::syntax;
use std::path::Path;

/// Files in memory.
struct InMemory<'t>(&'t [(&'t str, &'t str)]);

impl Load for InMemory<'_> {
    fn load(&self, path: &Path) -> Result<String, String> {
        let file = self.0.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "there is no such file".to_owned())
    }
}

const EVERYTHING: &str = include_str!("everything.mcrx");

fn load(files: &[(&str, &str)]) -> Loaded {
    load::rules(Path::new(files[0].0), &InMemory(files))
}

fn told(loaded: &Loaded) -> Vec<String> {
    let files = &loaded.files;
    loaded
        .diagnostics
        .iter()
        .map(|found| {
            let place = files.position(found.span);
            format!("{}:{}: {}: {}", place.line, place.column, found.code, found.message)
        })
        .collect()
}

#[test]
fn every_construct_of_the_grammar_is_read() {
    let loaded = load(&[("a.mcrx", EVERYTHING), ("other.mcrx", "program nginx\nwrapper imported")]);
    assert_eq!(told(&loaded), [""; 0]);
    let Rules { facts, changes, processes, allowed, tests, .. } = &loaded.rules;
    let counts = [facts.len(), changes.len(), processes.len(), allowed.len(), tests.len()];
    assert_eq!(counts, [31, 24, 3, 1, 1]);
}

#[test]
fn all_of_a_text_is_in_its_tree() {
    for text in
        [EVERYTHING, "", "\u{feff}type conn {", "}}}} \u{2019} \r\n\"", "/* a", "field a.b : match x { 1 =>"]
    {
        assert_eq!(syntax::parse(text, FileId(0)).text(), text);
    }
}
