//! `mcrx rules reverse`: the rules of the way back, and what they cannot bring back.

use super::check::{living, open, read};
use super::json::DiagnosticFacts;
use super::{new, render};
use crate::exit::Failure;
use crate::output::{Output, PathFact};
use anyhow::Result;
use mcrx_dsl::check;
use mcrx_dsl::codes;
use mcrx_dsl::diagnostic::{Diagnostic, Severity};
use mcrx_dsl::releases::Releases;
use mcrx_dsl::reverse::{self, Between, Reversed};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Derive the rules of the way back, and say what they cannot bring back
///
/// From the rules of OLD -> NEW come those of NEW -> OLD: names are turned round, moved members move back, wide numbers get narrow with a
/// check, what was computed is computed back where that is exact. What `down { ... }` says counts instead. Where more than one old value
/// is possible, or none is known, the file has a hole, todo "...", and a finding tells which rule made it so.
#[derive(clap::Args)]
#[command(after_help = "\
Holes are filled in by hand, or answered once and for all in the down { ... } of the rules themselves. Tests are not turned round.

Exit codes: 0 the file is written, without holes, 1 it has holes, or the rules are wrong and no file is written, 2 there is a file of that \
name already, 3 a program or the rule file cannot be read.

Examples:
  mcrx rules reverse ./nginx-1.22 ./nginx-1.26 --rules nginx-1.26.mcrx -o nginx-1.22.mcrx
  mcrx rules check nginx-1.22.mcrx ./nginx-1.26 ./nginx-1.22      what is left to be answered
  mcrx rules reverse OLD NEW --rules nginx-1.26.mcrx --json")]
pub(crate) struct Args {
    /// The release that the rules lead from, and the way back to
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The release that they lead to
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// The rules of the update
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
    /// Write to this file, which is not there yet, instead of standard output
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The version of what `--json` prints.
const SCHEMA: &str = "mcrx.rules.reverse/1";

/// What `--json` prints.
#[derive(Serialize)]
struct Facts<'a> {
    schema: &'static str,
    /// Where it was written; `null`: nowhere, it is `text`.
    file: Option<PathFact>,
    /// How many questions are left.
    holes: usize,
    /// What does not come back, or may come back as something else.
    diagnostics: Vec<DiagnosticFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<()> {
    let loaded = read(&args.rules)?;
    let (_, old) = open(&args.old)?;
    let (new_binary, new) = open(&args.new)?;
    let releases = Releases::both(&old, &new);
    let is_wrong = |found: &Diagnostic| {
        found.severity == Severity::Error && codes::find("hole").is_none_or(|hole| hole.code != found.code)
    };
    let mut wrong = check::loaded(&loaded, releases, None);
    wrong.retain(is_wrong);
    if !wrong.is_empty() {
        for found in &wrong {
            output.aside(format_args!("{}\n", render::text(found, &loaded, releases)));
        }
        let diagnostics = DiagnosticFacts::all(&wrong, &loaded.files);
        output.facts(&Facts { schema: SCHEMA, file: None, holes: 0, diagnostics, text: None })?;
        let message = format!("{} is wrong, so no way back can be derived", args.rules.display());
        return Err(Failure::Finding(message).into());
    }
    let live = living(&new_binary, &new);
    let folder = args.output.as_deref().map(|file| file.parent().unwrap_or(Path::new("")));
    let between = Between { old: &old, new: &new, loaded: &loaded, live: Some(&live), folder };
    let reversed = reverse::rules(&between);
    let mut facts = Facts {
        schema: SCHEMA,
        file: None,
        holes: reversed.holes,
        diagnostics: DiagnosticFacts::all(&reversed.lost, &loaded.files),
        text: None,
    };
    let told = reversed.lost.iter().map(|found| format!("{}\n", render::text(found, &loaded, releases)));
    match &args.output {
        Some(path) => {
            new::write(path, &reversed.text)?;
            facts.file = Some(PathFact(path.clone()));
            for text in told {
                output.line(text)?;
            }
            let (path, old, new) = (path.display(), args.old.display(), args.new.display());
            output.narrate(format_args!("next: mcrx rules check {path} {new} {old}"));
        }
        None => {
            facts.text = Some(&reversed.text);
            told.for_each(|text| output.aside(text));
            output.line(reversed.text.trim_end())?;
        }
    }
    output.facts(&facts)?;
    match reversed.holes {
        0 => Ok(()),
        _ => Err(Failure::Finding(ending(&reversed)).into()),
    }
}

/// "3 holes are left to be filled in: …".
fn ending(reversed: &Reversed) -> String {
    let are = if reversed.holes == 1 { "hole is" } else { "holes are" };
    format!("{} {are} left to be filled in, or to be answered in down {{ ... }} of the rules", reversed.holes)
}
