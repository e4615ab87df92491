//! Names of sites, as far as symbols give them.

use crate::resident::{Resident, compile};
use crate::{facts, row_of, rows};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("resident");
    compile(&program, &[]);
    (folder, program)
}

fn run(program: &str, arguments: &[&Path]) {
    let options: Vec<&str> = program.split(' ').collect();
    let status = Command::new(options[0]).args(&options[1..]).args(arguments).status().expect("binutils");
    assert!(status.success(), "{program}");
}

/// The row of the small blocks, by their number.
fn small(facts: &Value) -> &Value {
    rows(facts).iter().find(|row| row["count"] == 100 && row["bytes"] == 2400).expect("small blocks")
}

#[test]
fn a_stripped_program_gives_its_file_and_offset() {
    let (_folder, program) = folder();
    run("strip", &[&program]);
    let resident = Resident::start_at(&program, &["0"]);
    let facts = facts(resident.pid(), &[]);
    let frame = &small(&facts)["frames"][0];
    assert_eq!((&frame["function"], frame["file"].as_str()), (&Value::Null, program.to_str()));
    let site = format!("{:#x} (resident)", frame["offset"].as_u64().unwrap());
    assert_eq!(small(&facts)["site"], site);
}

#[test]
fn a_stripped_program_is_named_by_its_debug_file() {
    let (folder, program) = folder();
    let debug = folder.path().join(".debug");
    fs::create_dir(&debug).unwrap();
    let debug = debug.join("resident.debug");
    run("objcopy --only-keep-debug", &[&program, &debug]);
    run("strip", &[&program]);
    run(&format!("objcopy --add-gnu-debuglink={}", debug.display()), &[&program]);
    let resident = Resident::start_at(&program, &["0"]);
    assert_eq!(row_of(&facts(resident.pid(), &[]), "make_small").expect("a name")["count"], 100);
}

#[test]
fn a_program_that_was_replaced_is_not_named_by_the_new_file() {
    let (folder, program) = folder();
    let resident = Resident::start_at(&program, &["0"]);
    let before = facts(resident.pid(), &[]);
    let new = folder.path().join("new");
    // Another build: everything lies elsewhere in it.
    compile(&new, &["-O0", "-DNEXT_RELEASE", "-Wl,--build-id=sha1"]);
    fs::rename(&new, &program).unwrap();
    let after = facts(resident.pid(), &[]);
    let name = |facts: &Value| small(facts)["frames"][0]["function"].clone();
    assert_eq!(name(&before), "make_small");
    // The old file can still be opened by whoever has the rights.
    assert!([Value::from("make_small"), Value::Null].contains(&name(&after)), "{}", name(&after));
    assert_eq!(small(&after)["frames"][0]["file"].as_str(), program.to_str());
}

#[test]
fn a_non_position_independent_program_is_named_too() {
    let (folder, _) = folder();
    let program = folder.path().join("fixed");
    compile(&program, &["-no-pie", "-fno-pie"]);
    let resident = Resident::start_at(&program, &["0"]);
    assert_eq!(row_of(&facts(resident.pid(), &[]), "make_small").expect("a name")["count"], 100);
}

#[test]
fn calls_of_the_c_library_are_named_by_its_exported_functions() {
    let resident = Resident::start(&["0"]);
    let facts = facts(resident.pid(), &[]);
    let of_libc =
        |row: &&Value| row["frames"][0]["file"].as_str().is_some_and(|file| file.contains("libc.so"));
    let buffer = rows(&facts).iter().find(of_libc).expect("the buffer of standard output");
    assert!(buffer["frames"][0]["build_id"].is_string(), "{buffer}");
}
