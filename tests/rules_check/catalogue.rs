//! The catalogue: `dsl/tests/wrong/NNN-what.mcrx`, each with the text that a person gets beside it.
//!
//! `MCRX_REWRITE=1` writes the texts anew. They are to be read then: each is the best answer that we know to the mistake.

use crate::programs::{arguments, catalogue, is_way_back, releases, rules};
use mcrx_dsl::codes;
use mcrx_dsl::diagnostic::Class;
use mcrx_harness::{Context, Explain, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;

/// The wrong files, by name.
fn files() -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(catalogue())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?.to_owned();
        if name.ends_with(".mcrx") {
            files.push((name, path));
        }
    }
    files.sort();
    ensure!(files.len() >= 60, "{} files", files.len());
    Ok(files)
}

pub(crate) fn every_wrong_file_is_told_what_is_expected(test: &Context) -> Result<()> {
    let [old, new] = releases(test)?;
    let mut wrong = Vec::new();
    for (name, path) in files()? {
        let text = std::fs::read_to_string(&path)?;
        let output = rules(&catalogue(), &arguments(&text, &name, [&old, &new]), test.scratch().directory())?;
        // The derived file goes where the result goes, and what is to be said of it beside it.
        let said = if is_way_back(&text) { output.stderr } else { output.stdout };
        let said = String::from_utf8(said)?;
        let code = name.get(..3).context("a number")?;
        ensure!(said.contains(&format!("[MCX{code}]")), "{name}: nothing is said of MCX{code}: {said}");
        let expected = path.with_extension("out");
        if std::env::var_os("MCRX_REWRITE").is_some() {
            std::fs::write(&expected, &said)?;
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(&said) {
            wrong.push(format!("{name}:\n{said}"));
        }
    }
    ensure!(wrong.is_empty(), "otherwise than expected; MCRX_REWRITE=1 rewrites:\n{}", wrong.join("\n"));
    Ok(())
}

pub(crate) fn every_code_has_a_wrong_file(_: &Context) -> Result<()> {
    let files = files()?;
    let is_shown = |code: u16| files.iter().any(|(name, _)| name.starts_with(&format!("{code:03}-")));
    let missing: Vec<&str> = codes::all()
        .filter(|entry| entry.class() != Class::Syntax && !is_shown(entry.code.0))
        .map(|entry| entry.name)
        .collect();
    ensure!(missing.is_empty(), "no wrong file for {missing:?}");
    Ok(())
}

/// A fix that is offered is right: applied, that finding is no longer there.
pub(crate) fn every_fix_makes_its_finding_go_away(test: &Context) -> Result<()> {
    let [old, new] = releases(test)?;
    let folder = test.scratch().directory();
    let mut fixed = 0;
    for (name, path) in files()? {
        let text = std::fs::read_to_string(&path)?;
        let diagnostics = |text: &str| -> Result<Vec<Value>> {
            std::fs::write(folder.join(&name), text)?;
            let mut arguments = arguments(text, &name, [&old, &new]);
            arguments.push("--json");
            let output = rules(folder, &arguments, folder)?;
            let facts: Value =
                serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
            Ok(facts["diagnostics"].as_array().context("diagnostics")?.clone())
        };
        for diagnostic in diagnostics(&text)? {
            let fix = &diagnostic["fix"];
            if fix.is_null() {
                continue;
            }
            let number =
                |key: &str| fix[key].as_u64().and_then(|it| usize::try_from(it).ok()).context("a number");
            let (line, column) = (number("line")?, number("column")?);
            let (end_line, end) = (number("end_line")?, number("end_column")?);
            ensure!(line == end_line, "{diagnostic:#}");
            let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
            let changed = lines.get_mut(line - 1).context("a line")?;
            // Columns count characters.
            let byte = |column: usize| {
                let mut places = changed.char_indices().map(|(at, _)| at).chain([changed.len()]);
                places.nth(column - 1).context("a column")
            };
            let range = byte(column)?..byte(end)?;
            changed.replace_range(range, fix["text"].as_str().context("a text")?);
            let after = diagnostics(&(lines.join("\n") + "\n"))?;
            let is_same = |other: &Value| {
                other["code"] == diagnostic["code"]
                    && other["message"] == diagnostic["message"]
                    && other["line"] == line
            };
            ensure!(!after.iter().any(is_same), "{name}: {diagnostic:#} is still there after its fix");
            fixed += 1;
        }
    }
    ensure!(fixed >= 15, "{fixed} fixes");
    Ok(())
}
