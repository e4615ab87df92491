//! `mcrx doctor` as its users run it, on small programs built here and on Debian's own.

mod allocators;
mod build;
mod debug_info;
mod process;
mod start;

use build::Folder;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    // Debug files that this machine happens to have are none of the tests' business.
    command
        .arg("doctor")
        .args(arguments)
        .env("DEBUGINFOD_CACHE_PATH", "/nonexistent")
        .output()
        .expect("mcrx runs")
}

/// What it printed as JSON. It ends with 1 exactly if there are findings.
fn facts(path: &Path) -> Value {
    let output = doctor(&["--json", path.to_str().expect("text")]);
    let facts: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let findings = facts["findings"].as_array().expect("findings");
    assert_eq!(output.status.code(), Some(i32::from(!findings.is_empty())));
    assert_eq!(facts["schema"], "mcrx.doctor/1");
    for finding in findings {
        for field in ["code", "severity", "message", "help"] {
            assert!(!finding[field].as_str().expect("text").is_empty(), "{finding}");
        }
    }
    facts
}

/// The codes of what was found, each with its severity.
fn codes(path: &Path) -> Vec<String> {
    let facts = facts(path);
    let findings = facts["findings"].as_array().expect("findings").iter();
    findings.map(|finding| format!("{} {}", text(finding, "severity"), text(finding, "code"))).collect()
}

/// The message of the finding with this code.
fn message(path: &Path, code: &str) -> String {
    let facts = facts(path);
    let mut findings = facts["findings"].as_array().expect("findings").iter();
    let finding =
        findings.find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("no {code}: {facts}"));
    text(finding, "message").to_owned()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("text")
}

#[test]
fn a_program_that_nothing_is_wrong_with_is_said_to_be_fine() {
    let folder = Folder::new();
    let program = folder.program("fine", &[]);
    let facts = facts(&program);
    assert_eq!(facts["findings"], Value::Array(Vec::new()));
    for field in ["file", "debug_info", "symbols"] {
        assert_eq!(facts[field].as_str(), program.to_str(), "{field}");
    }
    assert_eq!(text(&facts, "build_id").len(), 40);
    assert!(text(&facts, "interpreter").contains("ld-linux-x86-64"), "{facts}");
    assert_eq!(facts["libraries"][0]["name"], "libc.so.6");
    let output = doctor(&[program.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("Nothing stands in the way.") && text.contains("LD_PRELOAD=/path/to/libmcrx.so"),
        "{text}"
    );
}

#[test]
fn findings_are_printed_with_what_to_do_errors_first() {
    let folder = Folder::new();
    let program = folder.program("bad", &["-static", "-s", "-Wl,--build-id=none"]);
    let output = doctor(&[program.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let places =
        ["error [static]: ", "  do: link it dynamically", "warning [no-build-id]: ", "warning [stripped]: "];
    let places: Vec<_> =
        places.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"))).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains("LD_PRELOAD=/path"), "{text}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, format!("error: 4 findings about {}\n", program.display()));
}

#[test]
fn a_name_is_looked_for_in_path() {
    let output = doctor(&["--json", "sh"]);
    let facts: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(text(&facts, "file").ends_with("/sh"), "{facts}");
}

#[test]
fn what_cannot_be_looked_at_is_no_finding() {
    for (program, want) in [
        ("/nonexistent/program", "error: cannot look at /nonexistent/program: "),
        ("no-such-program-anywhere", "error: there is no file no-such-program-anywhere, here or in PATH"),
        ("/usr", "error: /usr is a directory"),
    ] {
        let output = doctor(&[program]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.starts_with(want) && output.stdout.is_empty(), "{said}");
    }
    assert_eq!(doctor(&[]).status.code(), Some(2));
}
