//! `mcrx rules reverse` as its users run it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const OLD: &str =
    "struct conn { int fd; int legacy; }; struct conn *conns; int main(void) { return conns != 0; }";
const NEW: &str = "struct conn { int handle; }; struct conn *conns; int main(void) { return conns != 0; }";

/// Two programs, and rules with facts that they import.
struct Example {
    folder: tempfile::TempDir,
}

impl Example {
    fn new(down: &str) -> Example {
        let example = Example { folder: tempfile::tempdir().unwrap() };
        for (name, source) in [("old", OLD), ("new", NEW)] {
            std::fs::write(example.file(&format!("{name}.c")), source).unwrap();
            let mut command = Command::new("gcc");
            let command =
                command.args(["-g", "-o"]).arg(example.file(name)).arg(example.file(&format!("{name}.c")));
            assert!(command.status().expect("gcc").success());
        }
        std::fs::create_dir(example.file("facts")).unwrap();
        std::fs::create_dir(example.file("back")).unwrap();
        std::fs::write(example.file("facts/conn.mcrx"), "field conn.legacy : bytes\n").unwrap();
        let rules = format!(
            "mcrx 1\nprogram small\nfrom \"1\"\nto \"2\"\nimport \"facts/conn.mcrx\"\n\ntype conn {{\n    fd -> handle\n    drop legacy\n}}\n{down}\n"
        );
        std::fs::write(example.file("rules.mcrx"), rules).unwrap();
        example
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, more: &[&str]) -> Output {
        mcrx(
            &["reverse"],
            &[&self.file("old"), &self.file("new")],
            &["--rules"],
            &self.file("rules.mcrx"),
            more,
        )
    }
}

fn mcrx(first: &[&str], files: &[&Path], then: &[&str], rules: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    command.arg("rules").args(first).args(files).args(then).arg(rules).args(more).env("NO_COLOR", "1");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn imports_are_found_wherever_the_paths_are_relative_to() {
    let example = Example::new(DOWN);
    let back = example.file("back/rules.mcrx");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrx"));
    command.args(["rules", "reverse", "../old", "../new", "--rules", "../rules.mcrx", "-o"]).arg(&back);
    let output = command.current_dir(example.file("facts")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rules = std::fs::read_to_string(&back).unwrap();
    assert!(rules.contains("import \"../facts/conn.mcrx\""), "{rules}");
}

const DOWN: &str = "down { type conn { legacy = 7 } }";

#[test]
fn what_does_not_come_back_is_told_and_left_open() {
    let output = Example::new("").run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let (result, told) = (text(&output.stdout), text(&output.stderr));
    assert!(result.contains("from \"2\"\nto \"1\"\n") && result.contains("legacy = todo \""), "{result}");
    assert!(told.contains("warning[MCX206]: `legacy` of `conn` does not come back"), "{told}");
    assert!(told.contains("rules.mcrx:9:10") && told.contains("1 hole is left"), "{told}");
}

#[test]
fn a_whole_way_back_is_written_and_checks_where_it_is_written() {
    let example = Example::new(DOWN);
    let back = example.file("back/rules.mcrx");
    let output = example.run(&["-o", back.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rules = std::fs::read_to_string(&back).unwrap();
    assert!(rules.contains("import \"../facts/conn.mcrx\"") && rules.contains("handle -> fd"), "{rules}");
    let (old, new) = (example.file("old"), example.file("new"));
    let checked = mcrx(&["check", back.to_str().unwrap()], &[&new], &[], &old, &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
    let again = example.run(&["-o", back.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("is there already"), "{}", text(&again.stderr));
}

#[test]
fn json_has_the_text_and_what_is_told() {
    let output = Example::new("").run(&["--json"]);
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&facts["schema"], &facts["holes"]), (&"mcrx.rules.reverse/1".into(), &1.into()), "{facts:#}");
    assert_eq!(facts["diagnostics"][0]["code"], "MCX206", "{facts:#}");
    assert_eq!((&facts["diagnostics"][0]["line"], &facts["file"]), (&9.into(), &Value::Null), "{facts:#}");
    assert!(facts["text"].as_str().unwrap().contains("handle -> fd"), "{facts:#}");
}

#[test]
fn rules_that_are_wrong_have_no_way_back() {
    let output = Example::new("type connn { drop fd }").run(&[]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    let told = text(&output.stderr);
    assert!(told.contains("error[MCX101]") && told.contains("no way back can be derived"), "{told}");
}
