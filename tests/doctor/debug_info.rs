//! What is known of a program beside its code, and where that is looked for.

use crate::build::{Folder, run, strip};
use crate::{codes, facts, message, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn a_program_without_debug_info_symbols_or_build_id_is_found() {
    let folder = Folder::new();
    assert_eq!(codes(&folder.program("no-g", &["-g0"])), ["warning no-debug-info"]);
    assert_eq!(codes(&folder.program("s", &["-s"])), ["warning no-debug-info", "warning stripped"]);
    assert_eq!(codes(&folder.program("no-id", &["-Wl,--build-id=none"])), ["warning no-build-id"]);
    assert_eq!(codes(&folder.program("packed", &["-gz"])), Vec::<String>::new(), "compressed");
}

/// Moves debug info and symbols of a program to a file of their own.
fn separate(program: &Path, debug: &Path) {
    run(Command::new("objcopy").arg("--only-keep-debug").args([program, debug]));
    strip(program);
}

fn link(program: &Path, debug: &Path) {
    run(Command::new("objcopy").arg(format!("--add-gnu-debuglink={}", debug.display())).arg(program));
}

#[test]
fn a_debug_file_beside_the_program_is_found_by_its_link() {
    let folder = Folder::new();
    for (name, place) in [("one", "one.debug"), ("two", ".debug/two.debug")] {
        let (program, debug) = (folder.program(name, &[]), folder.path(place));
        fs::create_dir_all(debug.parent().unwrap()).unwrap();
        separate(&program, &debug);
        assert_eq!(codes(&program), ["warning no-debug-info", "warning stripped"], "{name}, without a link");
        link(&program, &debug);
        let facts = facts(&program);
        assert_eq!(facts["findings"], Value::Array(Vec::new()));
        assert_eq!(
            (facts["debug_info"].as_str(), facts["symbols"].as_str()),
            (debug.to_str(), debug.to_str())
        );
    }
}

#[test]
fn a_program_that_is_named_by_a_link_has_the_debug_file_beside_it() {
    let folder = Folder::new();
    let (program, debug) = (folder.program("program", &[]), folder.path("program.debug"));
    separate(&program, &debug);
    link(&program, &debug);
    let other = Folder::new();
    let named = other.path("name");
    std::os::unix::fs::symlink(&program, &named).unwrap();
    let facts = facts(&named);
    assert_eq!((facts["file"].as_str(), facts["debug_info"].as_str()), (named.to_str(), debug.to_str()));
}

#[test]
fn a_debug_file_of_another_build_is_not_taken() {
    let folder = Folder::new();
    for id in ["-Wl,--build-id", "-Wl,--build-id=none"] {
        let (program, debug) = (folder.program("program", &[id]), folder.path("program.debug"));
        separate(&program, &debug);
        link(&program, &debug);
        assert!(!codes(&program).contains(&"warning no-debug-info".to_owned()), "{id}");
        let other = folder.compile("other", "int main(void) { return 7; }\n", &[id]);
        run(Command::new("objcopy").arg("--only-keep-debug").args([&other, &debug]));
        assert!(codes(&program).contains(&"warning no-debug-info".to_owned()), "{id}");
        assert!(message(&program, "no-debug-info").contains("program.debug beside it"));
    }
}

#[test]
fn what_debuginfod_has_fetched_before_is_found_by_build_id() {
    let folder = Folder::new();
    let program = folder.program("program", &[]);
    let id = text(&facts(&program), "build_id").to_owned();
    let place: PathBuf = folder.path(&id);
    fs::create_dir(&place).unwrap();
    let debug = place.join("debuginfo");
    separate(&program, &debug);
    let output = Command::new(env!("CARGO_BIN_EXE_mcrx"))
        .args(["doctor", "--json"])
        .arg(&program)
        .env("DEBUGINFOD_CACHE_PATH", folder.path(""))
        .output()
        .unwrap();
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(facts["debug_info"].as_str(), debug.to_str());
    assert_eq!(output.status.code(), Some(0));
}
