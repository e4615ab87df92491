//! A check of what is written about the command: examples in `--help` and in the documentation are commands that it takes.
//!
//! Whether they do what is said of them is for the tests of the subcommands.

use crate::Cli;
use clap::{CommandFactory, Parser};

/// A command line without what a shell does with it, or a comment behind it.
fn words(line: &str) -> Vec<&str> {
    let line =
        [" | ", " && ", " > "].iter().fold(line, |line, end| line.split(end).next().unwrap_or_default());
    // Two blanks begin a comment; `#` does in a shell.
    let line = line.split("  ").next().unwrap_or_default().split(" #").next().unwrap_or_default();
    // What stands in quotes is one word.
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(number, part)| match number % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    words.map(stands_for).collect()
}

/// Something of the kind that a word in capitals stands for.
fn stands_for(word: &str) -> &str {
    match word {
        "PID" => "4711",
        "FILE" | "FOLDER" => "somewhere",
        "ADDRESS" => "0x1000",
        word => word,
    }
}

fn check(line: &str, from: &str) {
    if let Err(error) = Cli::try_parse_from(words(line)) {
        panic!("{from}: {line}: {error}");
    }
}

#[test]
fn the_command_is_put_together_without_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn every_subcommand_has_a_help_with_examples_that_it_takes() {
    for subcommand in Cli::command().get_subcommands_mut() {
        let name = subcommand.get_name().to_owned();
        let help = subcommand.render_long_help().to_string();
        let examples: Vec<&str> =
            help.lines().map(str::trim_start).filter(|line| line.starts_with("mcrx ")).collect();
        assert!(!examples.is_empty() || name == "demo", "{name} has no example: {help}");
        for example in &examples {
            check(example, &name);
        }
        let own = examples.iter().filter(|example| example.starts_with(&format!("mcrx {name} ")));
        assert!(own.count() > 0 || name == "demo", "{name} has no example of its own: {help}");
    }
}

#[test]
fn what_the_documentation_has_people_run_is_what_the_command_takes() {
    let documents = [
        ("README.md", include_str!("../README.md")),
        ("CONTRIBUTING.md", include_str!("../CONTRIBUTING.md")),
        ("examples/demo/README.md", include_str!("../examples/demo/README.md")),
    ];
    let mut checked = 0;
    for (name, text) in documents {
        // In code within a sentence it ends with the code.
        for (_, rest) in
            text.match_indices("cargo run --release -- ").map(|(at, own)| (at, &text[at + own.len()..]))
        {
            let line = rest.split(['\n', '`']).next().unwrap_or_default();
            check(&format!("mcrx {line}"), name);
            checked += 1;
        }
    }
    assert!(checked > 5, "{checked}");
}
