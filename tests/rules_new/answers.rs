//! The guesses of a generated file, taken as they are: each hole is answered by the first guess below it, or by `zero` if there is none. A
//! hole that is a statement, and has no guess, stays.

use crate::file::{NewRules, is_hole, json};
use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;

/// What stands between a guess and what speaks for it.
const REASON: &str = "    ";

/// What is said of a hole.
const HOLE: &str = "MCX501";

/// Nothing that is an error is left. Warnings may be: what is given up is said.
pub(crate) fn guesses_can_be_taken(test: &Context, rules: &NewRules) -> Result<()> {
    let path = test.scratch().directory().join("answered.mcrx");
    let text = answered(&rules.text);
    std::fs::write(&path, &text)?;
    let file = path.to_string_lossy().into_owned();
    let output = rules.run(&["rules", "check", "--json", &file, &rules.old, &rules.new])?;
    let facts = json(&output)?;
    let found = facts["diagnostics"].as_array().context("diagnostics")?;
    let errors: Vec<&Value> =
        found.iter().filter(|one| one["severity"] == "error" && one["code"] != HOLE).collect();
    ensure!(errors.is_empty(), "{errors:#?}\n{text}");
    Ok(())
}

fn answered(text: &str) -> String {
    let mut answered = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !is_hole(line) {
            answered.push_str(&format!("{line}\n"));
            continue;
        }
        let mut guesses = Vec::new();
        while let Some(guess) = lines.peek().and_then(|line| line.trim_start().strip_prefix("// ")) {
            guesses.push(guess.split(REASON).next().unwrap_or(guess).to_owned());
            lines.next();
        }
        match (line.split_once("= todo"), guesses.split_first()) {
            // What is gone is listed, each with its own line; else the first is the best.
            (None, Some(_)) if guesses.iter().all(|guess| guess.ends_with(" drop")) => {
                guesses.iter().for_each(|guess| answered.push_str(&format!("{guess}\n")));
            }
            (None, Some(_)) if line.contains("` are gone") || line.contains("` is gone: given up") => {
                guesses.iter().for_each(|guess| answered.push_str(&format!("{guess}\n")));
            }
            (_, Some((first, _))) => answered.push_str(&format!("{first}\n")),
            (Some((member, _)), None) => answered.push_str(&format!("{member}= zero\n")),
            // A question without a guess: it stays.
            (None, None) => answered.push_str(&format!("{line}\n")),
        }
    }
    answered
}
