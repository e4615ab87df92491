//! `mcrx rules fmt`: rule files in the one style.

use super::json::DiagnosticFacts;
use super::{render, replace};
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use anyhow::{Context, Error, Result, anyhow};
use mcrx_dsl::format;
use mcrx_dsl::load::Loaded;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::rules::Rules;
use mcrx_dsl::source::Files;
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Write rule files in the one style: indents, operators below each other, lines of at most 110 columns
///
/// Comments stay where they are, and what the rules say is not changed. A file is replaced as a whole, with its permissions and its owner, or
/// not at all: one that cannot be read as rules is left as it is, and the others are formatted all the same.
#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 done, 1 a file is not in the style (with --check) or cannot be read as rules, 3 a file cannot be read or written.

Examples:
  mcrx rules fmt nginx.mcrx nginx-facts.mcrx
  mcrx rules fmt --check nginx.mcrx
  mcrx rules fmt - < nginx.mcrx")]
pub(crate) struct Args {
    /// The rule files; `-` for standard input, which is written to standard output
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Change nothing, and name the files that would be changed
    #[arg(long)]
    check: bool,
}

const SCHEMA: &str = "mcrx.rules.fmt/1";

#[derive(Serialize)]
struct Facts {
    schema: &'static str,
    files: Vec<FileFacts>,
}

#[derive(Serialize)]
struct FileFacts {
    file: PathFact,
    /// `formatted`, `changed` (with `--check`: would be), `invalid`, `failed`.
    state: &'static str,
    /// Of standard input: as it is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Why it is `invalid`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<DiagnosticFacts>,
    /// Why it `failed`: it cannot be read, or not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What was found of a file.
enum State {
    /// It was in the style.
    Formatted,
    /// It was not.
    Changed,
    /// It is none that could be.
    Invalid(Box<Loaded>),
    /// It cannot be read, or not written.
    Failed(Error),
}

/// A file, and what it is in the style.
struct Done {
    state: State,
    text: String,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let mut facts = Vec::new();
    let (mut changed, mut invalid, mut failed) = (0_usize, 0_usize, Vec::new());
    for file in &args.files {
        let Done { state, text } = one(file, args.check).unwrap_or_else(Done::failed);
        print(file, &state, &text, args.check, output)?;
        facts.push(FileFacts::of(file, &state, text, args.check));
        match state {
            State::Formatted => {}
            State::Changed => changed += 1,
            State::Invalid(_) => invalid += 1,
            State::Failed(error) => failed.push(error),
        }
    }
    output.facts(&Facts { schema: SCHEMA, files: facts })?;
    // The last of them is what the command ends with.
    if let Some(last) = failed.pop() {
        failed.iter().for_each(|error| output.error(error));
        return Err(last);
    }
    let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
    if invalid > 0 {
        return Err(Failure::Finding(format!("{} cannot be read as rules", files(invalid))).into());
    }
    if args.check && changed > 0 {
        let verb = if changed == 1 { "is" } else { "are" };
        return Err(Failure::Finding(format!(
            "{} {verb} not in the style; mcrx rules fmt changes that",
            files(changed)
        ))
        .into());
    }
    Ok(())
}

/// Formats a file, and writes it if that is wanted.
fn one(file: &Path, is_check: bool) -> Result<Done> {
    let is_input = is_input(file);
    let text = if is_input { input()? } else { read(file)? };
    let formatted = match format::format(&text) {
        Ok(formatted) => formatted,
        Err(diagnostics) => {
            let mut files = Files::default();
            let name = if is_input { Path::new("standard input") } else { file };
            files.add(name, text).context("a rule file is longer than 4 GiB")?;
            let state = State::Invalid(Box::new(Loaded { files, rules: Rules::default(), diagnostics }));
            return Ok(Done { state, text: String::new() });
        }
    };
    let state = if formatted == text { State::Formatted } else { State::Changed };
    if matches!(state, State::Changed) && !is_check && !is_input {
        replace::content(file, &formatted).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(Done { state, text: formatted })
}

/// What a person reads of it. Where standard output is the text, what is wrong with it goes elsewhere.
fn print(file: &Path, state: &State, text: &str, is_check: bool, output: &Output) -> Result<()> {
    match state {
        State::Changed if is_check => output.line(file.display())?,
        State::Formatted | State::Changed if is_input(file) && !is_check => output.text(text)?,
        State::Changed => output.line(format_args!("formatted {}", file.display()))?,
        State::Invalid(loaded) => {
            for diagnostic in &loaded.diagnostics {
                let found = render::text(diagnostic, loaded, Releases { old: None, new: None });
                if is_input(file) {
                    output.aside(format_args!("{found}\n"));
                } else {
                    output.line(format_args!("{found}\n"))?;
                }
            }
        }
        State::Formatted | State::Failed(_) => {}
    }
    Ok(())
}

fn is_input(file: &Path) -> bool {
    file == Path::new("-")
}

fn input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text)
}

fn read(file: &Path) -> Result<String> {
    let failed = || format!("cannot read the rule file {}", file.display());
    // What is no file cannot be replaced by one.
    if !std::fs::metadata(file).with_context(failed)?.is_file() {
        let message = "it is not a regular file; `-` formats standard input";
        return Err(anyhow!(message)).with_context(failed);
    }
    std::fs::read_to_string(file).with_context(failed)
}

impl Done {
    fn failed(error: Error) -> Done {
        Done { state: State::Failed(error), text: String::new() }
    }
}

impl FileFacts {
    fn of(file: &Path, state: &State, text: String, is_check: bool) -> FileFacts {
        let (state, diagnostics, error) = match state {
            State::Formatted => ("formatted", Vec::new(), None),
            State::Changed => ("changed", Vec::new(), None),
            State::Invalid(loaded) => {
                ("invalid", DiagnosticFacts::all(&loaded.diagnostics, &loaded.files), None)
            }
            State::Failed(error) => ("failed", Vec::new(), Some(format!("{error:#}"))),
        };
        let is_result = is_input(file) && !is_check && matches!(state, "formatted" | "changed");
        let text = is_result.then_some(text);
        FileFacts { file: PathFact(file.to_owned()), state, text, diagnostics, error }
    }
}
