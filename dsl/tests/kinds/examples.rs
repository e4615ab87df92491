//! The folders of `examples/rules`.

use super::compiled::table;
use mcrx_dsl::check;
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::FromDisk;
use mcrx_dsl::test;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rules")
}

/// Rules without a syntax error.
fn read(path: &Path) -> Loaded {
    let loaded = load::rules(path, &FromDisk);
    let wrong: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|found| format!("{}: {}", loaded.files.position(found.span).line, found.message))
        .collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", path.display());
    loaded
}

/// Nothing is wrong with a folder's rules, all of its tests pass, and there are some.
fn passes(kind: &str) {
    let folder = folder().join(kind);
    let loaded = read(&folder.join("rules.mcrx"));
    let (old, new) = (table(&folder.join("old.c")), table(&folder.join("new.c")));
    let found = check::loaded(&loaded, Releases::both(&old, &new), None);
    let found: Vec<String> = found
        .iter()
        .map(|one| format!("{}: {}: {}", loaded.files.position(one.span).line, one.code, one.message))
        .collect();
    assert!(found.is_empty(), "{kind}: {found:#?}");
    let report = test::run(&loaded.rules, &old, &new);
    let line = |span| loaded.files.position(span).line;
    let mistakes = report.mistakes.iter().map(|mistake| format!("{}: {mistake}", line(mistake.span)));
    let problems = report.tests.iter().flat_map(|test| {
        test.problems.iter().map(|problem| {
            let line = problem.span().map_or(0, line);
            format!("{}: {line}: {problem}", test.name)
        })
    });
    let all: Vec<String> = mistakes.chain(problems).collect();
    assert!(all.is_empty(), "{kind}: {all:#?}");
    assert!(!report.tests.is_empty(), "{kind} has no tests");
}

macro_rules! kinds {
    ($($name:ident $kind:literal)*) => {
        $(#[test]
        fn $name() {
            passes($kind);
        })*

        #[test]
        fn every_folder_is_one_of_these_tests() {
            let mut there: Vec<String> = std::fs::read_dir(folder())
                .unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect();
            there.sort();
            let mut tested = vec![$($kind),*];
            tested.sort();
            assert_eq!(there, tested);
        }
    };
}

kinds! {
    a_counter_follows_the_list_that_it_counts "counter-kept"
    a_generic_container_grows_with_its_elements "container-grows"
    a_hash_table_is_rebuilt_by_the_new_release "rebuilt-hash"
    a_header_in_shared_memory_grows "shared-header"
    a_length_in_bytes_becomes_a_count_of_blocks "length-in-blocks"
    a_tagged_union_is_told_apart_by_its_tag "tagged-union"
    a_list_becomes_a_hash_table "list-to-hash"
    a_list_becomes_an_array "list-to-array"
    an_array_becomes_a_list "array-to-list"
    an_enumeration_becomes_a_mask "enum-to-mask"
    an_enumeration_gains_a_value_at_zero "enum-value-at-0"
    addresses_become_ipv6_in_the_tables_of_vsftpd "vsftpd-ipv6"
    an_inline_buffer_becomes_a_pointer "buffer-to-pointer"
    idle_objects_are_linked_into_a_new_list "new-list"
    one_program_becomes_three "one-to-three"
}
