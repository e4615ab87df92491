//! Files that import files.

use super::{load, told};

#[test]
fn imported_statements_come_where_they_are_imported() {
    let loaded = load(&[
        ("rules/a.mcrx", "wrapper first\nimport \"../facts/b.mcrx\"\nwrapper last"),
        ("facts/b.mcrx", "wrapper second\nimport \"c.mcrx\""),
        ("facts/c.mcrx", "wrapper third"),
    ]);
    assert_eq!(told(&loaded), [""; 0]);
    let facts: Vec<&str> = loaded.rules.facts.iter().map(|fact| loaded.files.at(fact.span)).collect();
    assert_eq!(facts, ["wrapper first", "wrapper second", "wrapper third", "wrapper last"]);
}

#[test]
fn a_file_that_is_imported_twice_is_read_once() {
    let loaded = load(&[
        ("a.mcrx", "import \"b.mcrx\"\nimport \"./x/../b.mcrx\"\nimport \"c.mcrx\""),
        ("b.mcrx", "wrapper b"),
        ("c.mcrx", "import \"b.mcrx\""),
    ]);
    assert_eq!(told(&loaded), [""; 0]);
    assert_eq!(loaded.rules.facts.len(), 1);
}

#[test]
fn files_that_import_each_other_are_told_with_the_way() {
    let loaded = load(&[
        ("a.mcrx", "import \"b.mcrx\"\nwrapper a"),
        ("b.mcrx", "wrapper b\nimport \"c.mcrx\""),
        ("c.mcrx", "import \"a.mcrx\"\nwrapper c"),
    ]);
    assert_eq!(told(&loaded), ["1:8 MCX051 a file imports itself"]);
    let label = loaded.diagnostics.first().and_then(|found| found.label.as_deref());
    assert_eq!(label, Some("a.mcrx, which imports b.mcrx, which imports c.mcrx, which imports a.mcrx"));
    // What can be read is read.
    assert_eq!(loaded.rules.facts.len(), 3);
}

#[test]
fn a_missing_file_is_told_at_its_import_and_the_rest_is_read() {
    let loaded = load(&[("x/a.mcrx", "import \"b.mcrx\"\nwrapper a")]);
    assert_eq!(told(&loaded), ["1:8 MCX050 x/b.mcrx cannot be imported: there is no such file"]);
    assert_eq!(loaded.rules.facts.len(), 1);
    let nothing = load(&[]);
    assert_eq!(told(&nothing), ["1:1 MCX053  cannot be read: there is no such file"]);
}

#[test]
fn the_importing_file_says_for_which_releases_all_of_it_is() {
    let loaded = load(&[
        ("a.mcrx", "program nginx\nfrom \"1\"\nimport \"b.mcrx\"\nto \"2\""),
        ("b.mcrx", "program nginx\nfrom \"7\"\nto \"8\""),
    ]);
    assert_eq!(told(&loaded), [""; 0]);
    let name = |name: &Option<mcrx_dsl::source::At<String>>| name.as_ref().map(|name| name.is.clone());
    assert_eq!(name(&loaded.rules.from).as_deref(), Some("1"));
    assert_eq!(name(&loaded.rules.to).as_deref(), Some("2"));
}

#[test]
fn facts_of_another_program_are_not_for_this_one() {
    for text in ["program redis\nimport \"b.mcrx\"", "import \"b.mcrx\"\nprogram redis"] {
        let loaded = load(&[("a.mcrx", text), ("b.mcrx", "program nginx")]);
        assert_eq!(loaded.diagnostics.len(), 1, "{text}");
    }
}
