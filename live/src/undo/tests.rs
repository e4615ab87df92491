use super::*;
use mcrx_dsl::load;
use mcrx_dsl::source::FromDisk;
use std::fs;

#[test]
fn rules_are_remembered_with_all_that_they_import() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("facts")).unwrap();
    let facts = folder.path().join("facts/a.mcrx");
    fs::write(&facts, "field conn.data : opaque\n").unwrap();
    let rules = folder.path().join("rules.mcrx");
    fs::write(&rules, "mcrx 1\nimport \"facts/a.mcrx\"\ntype conn { drop peer }\n").unwrap();
    let loaded = load::rules(&rules, &FromDisk);
    let kept = serde_json::to_string(&RuleFiles::of(&loaded)).unwrap();
    drop(folder);
    let again = serde_json::from_str::<RuleFiles>(&kept).unwrap().load();
    assert!(again.diagnostics.is_empty(), "{:?}", again.diagnostics);
    assert_eq!((again.rules.facts.len(), again.rules.changes.len()), (1, 1));
}

#[test]
fn a_file_of_the_release_before_is_known_by_its_build_id_alone() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("server");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let id = build_id(&program).unwrap();
    let of = |build_id: &str| [Binary { path: program.clone().into(), build_id: build_id.to_owned() }];
    assert!(same(&of(&id), &program).is_ok());
    let changed = same(&of("00"), &program).unwrap_err().to_string();
    assert!(changed.contains(&id) && changed.contains("was 00"), "{changed}");
    assert!(matches!(same(&[], &program), Err(UndoError::Unmarked(_))));
    fs::remove_file(&program).unwrap();
    assert!(matches!(same(&of(&id), &program), Err(UndoError::Gone(_))));
}
