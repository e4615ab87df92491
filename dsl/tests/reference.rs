//! `REFERENCE.md`: every example in it is read, and what is in its `test` blocks comes true for the two programs that it shows.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::load;
use mcrx_dsl::source::Only;
use mcrx_dsl::test;
use std::path::Path;
use std::process::Command;

const REFERENCE: &str = include_str!("../REFERENCE.md");

/// The blocks of a language, with the lines that they begin in.
fn blocks(language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside: Option<(usize, String)> = None;
    for (line, text) in REFERENCE.lines().enumerate() {
        match &mut inside {
            None if text == format!("```{language}") => inside = Some((line + 2, String::new())),
            Some(_) if text == "```" => found.extend(inside.take()),
            Some((_, block)) => {
                block.push_str(text);
                block.push('\n');
            }
            None => {}
        }
    }
    found
}

fn table(source: &str) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let (file, program) = (folder.path().join("program.c"), folder.path().join("program"));
    std::fs::write(&file, source).unwrap();
    let compiler = Command::new("gcc")
        .args([
            "-O2",
            "-g",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fno-eliminate-unused-debug-types",
            "-fno-inline",
            "-o",
        ])
        .arg(&program)
        .arg(&file)
        .output()
        .expect("gcc");
    assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
    mcrx_debuginfo::load::load(&Binary::open(&program).expect("a program")).expect("debug info")
}

#[test]
fn every_example_is_read_and_its_tests_come_true() {
    let programs = blocks("c");
    let [(_, old), (_, new)] = programs.as_slice() else { panic!("two programs are shown") };
    let (old, new) = (table(old), table(new));
    let mut tests = 0;
    let mut wrong = Vec::new();
    for (start, text) in blocks("mcrx") {
        let loaded = load::rules(Path::new("example.mcrx"), &Only(&text));
        let line = |span| start + usize::try_from(loaded.files.position(span).line).unwrap() - 1;
        wrong.extend(loaded.diagnostics.iter().map(|one| format!("{}: {}", line(one.span), one.message)));
        if loaded.rules.tests.is_empty() {
            continue;
        }
        let report = test::run(&loaded.rules, &old, &new);
        wrong.extend(report.mistakes.iter().map(|one| format!("{}: {one}", line(one.span))));
        for test in &report.tests {
            tests += 1;
            let problems = test.problems.iter();
            wrong.extend(problems.map(|one| format!("{}: {one}", line(one.span().unwrap_or(test.span)))));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tests >= 15, "only {tests} tests are run");
}
