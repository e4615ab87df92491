//! The folders of `examples/rules`, each turned round: which of them come back whole, and what is listed for the others.

use super::compiled::table;
use mcrx_dsl::check;
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::format::format;
use mcrx_dsl::load;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::reverse::{self, Between};
use mcrx_dsl::source::{FromDisk, Only};
use std::path::{Path, PathBuf};

/// What is listed of each: the code, the line of the rules, and what does not come back. Nothing: all of it does.
const LISTED: &[(&str, &[&str])] = &[
    ("array-to-list", &[]),
    ("buffer-to-pointer", &[]),
    ("container-grows", &[]),
    (
        "counter-kept",
        &[
            "9 MCX206 `free_buffers` of `pool` does not come back: the update gives it up",
            "11 MCX206 `free_count` of `pool` does not come back: the update gives it another value",
        ],
    ),
    ("enum-to-mask", &[]),
    ("enum-value-at-0", &[]),
    ("length-in-blocks", &["10 MCX205 `length` of `file` has no way back: it is made of several values"]),
    ("list-to-array", &[]),
    (
        "list-to-hash",
        &[
            "7 MCX206 `sessions` does not come back: the update gives it up",
            "9 MCX206 `next` of `session` does not come back: the update gives it another value",
            "11 MCX205 what is done for each `session` has no way back: a function has none",
        ],
    ),
    ("new-list", &[]),
    (
        "one-to-three",
        &[
            "9 MCX205 the role `authenticating` has no way back: which of its processes were which is known only to a person",
            "15 MCX205 the role `serving` has no way back: which of its processes were which is known only to a person",
        ],
    ),
    ("rebuilt-hash", &["7 MCX205 what table_rehash() does has no way back: a function has none"]),
    (
        "shared-header",
        &["8 MCX206 `version` of `header` does not come back: the update gives it another value"],
    ),
    ("tagged-union", &[]),
    (
        "vsftpd-ipv6",
        &[
            "15 MCX205 what is done for each `hash_node` has no way back: a function has none",
            "18 MCX205 what is done for each `hash_node` has no way back: a function has none",
        ],
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rules")
}

#[test]
fn every_example_is_reversible_or_what_is_not_is_listed() {
    let mut there: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, LISTED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (name, listed) in LISTED {
        let path = folder().join(name);
        let loaded = load::rules(&path.join("rules.mcrx"), &FromDisk);
        let (old, new) = (table(&path.join("old.c")), table(&path.join("new.c")));
        let between = Between { old: &old, new: &new, loaded: &loaded, live: None, folder: None };
        let reversed = reverse::rules(&between);
        let found: Vec<String> = reversed
            .lost
            .iter()
            .map(|one| format!("{} {} {}", loaded.files.position(one.span).line, one.code, one.message))
            .collect();
        if found != *listed {
            wrong.push(format!("{name}: {found:#?}"));
        }
        assert_eq!(reversed.holes, listed.len(), "{name}:\n{}", reversed.text);
        assert_eq!(format(&reversed.text).as_ref(), Ok(&reversed.text), "{name}: the style");
        let back = load::rules(Path::new("back.mcrx"), &Only(&reversed.text));
        let errors = check::loaded(&back, Releases::both(&new, &old), None);
        let holes = errors.iter().filter(|one| one.severity == Severity::Error);
        let holes: Vec<String> = holes.map(|one| one.code.to_string()).collect();
        assert_eq!(holes, vec!["MCX501"; listed.len()], "{name}:\n{}", reversed.text);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
