//! `REFERENCE.md`: every example in it is read, and what is in its `test` blocks comes true for the two programs that it shows.

use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::load;
use mcrx_dsl::reverse::{self, Between};
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

/// Words of a text: how it is laid out does not matter.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_way_back_of_an_example_is_what_is_shown() {
    let programs = blocks("c");
    let [(_, old), (_, new)] = programs.as_slice() else { panic!("two programs are shown") };
    let (old, new) = (table(old), table(new));
    let (there, back) = (blocks("mcrx there"), blocks("mcrx back"));
    let ([(_, there)], [(_, back)]) = (there.as_slice(), back.as_slice()) else { panic!("one of each") };
    let loaded = load::rules(Path::new("rules.mcrx"), &Only(there));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let between = Between { old: &old, new: &new, loaded: &loaded, live: None, folder: None };
    let reversed = reverse::rules(&between);
    let text = words(&reversed.text);
    // Statements begin at the margin, and so do the ends of their blocks.
    let is_start = |line: &str| line.starts_with(|letter: char| letter.is_ascii_lowercase());
    let mut statements: Vec<String> = Vec::new();
    for line in back.lines() {
        match statements.last_mut().filter(|_| !is_start(line)) {
            Some(statement) => statement.push_str(&format!("\n{line}")),
            None => statements.push(line.to_owned()),
        }
    }
    assert!(statements.len() > 8);
    for statement in statements {
        assert!(text.contains(&words(&statement)), "no {statement} in\n{}", reversed.text);
    }
}
