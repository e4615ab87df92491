//! `mcrx rules fmt`: rule files in the one style.

use super::render;
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use anyhow::{Context, Result};
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
/// Comments stay where they are, and what the rules say is not changed. A file that cannot be read as rules is left as it is.
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
    /// `formatted`, `changed` (with `--check`: would be), `invalid`.
    state: &'static str,
}

enum State {
    /// It was in the style.
    Formatted,
    /// It was not.
    Changed,
    /// It is none that could be.
    Invalid,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let mut facts = Vec::new();
    let (mut changed, mut invalid) = (0_usize, 0_usize);
    for file in &args.files {
        let state = one(file, args.check, output)?;
        match state {
            State::Formatted => {}
            State::Changed => changed += 1,
            State::Invalid => invalid += 1,
        }
        facts.push(FileFacts { file: PathFact(file.clone()), state: state.name() });
    }
    output.facts(&Facts { schema: SCHEMA, files: facts })?;
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

fn one(file: &Path, is_check: bool, output: &Output) -> Result<State> {
    let is_input = file == Path::new("-");
    let text = if is_input { input()? } else { read(file)? };
    let formatted = match format::format(&text) {
        Ok(formatted) => formatted,
        Err(found) => {
            let mut files = Files::default();
            let name = if is_input { Path::new("standard input") } else { file };
            files.add(name, text).context("a rule file is longer than 4 GiB")?;
            let loaded = Loaded { files, rules: Rules::default(), diagnostics: found };
            for diagnostic in &loaded.diagnostics {
                output.line(format_args!(
                    "{}\n",
                    render::text(diagnostic, &loaded, Releases { old: None, new: None })
                ))?;
            }
            return Ok(State::Invalid);
        }
    };
    let state = if formatted == text { State::Formatted } else { State::Changed };
    match state {
        State::Changed if is_check => output.line(file.display())?,
        State::Changed if !is_input => {
            std::fs::write(file, &formatted).with_context(|| format!("cannot write {}", file.display()))?;
            output.line(format_args!("formatted {}", file.display()))?;
        }
        _ if is_input && !is_check && !formatted.is_empty() => {
            output.line(formatted.trim_end_matches('\n'))?;
        }
        _ => {}
    }
    Ok(state)
}

fn input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text)
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read the rule file {}", file.display()))
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            State::Formatted => "formatted",
            State::Changed => "changed",
            State::Invalid => "invalid",
        }
    }
}
