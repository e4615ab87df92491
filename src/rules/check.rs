//! `mcrx rules check`: what is wrong with a rule file, by itself and against debug info.

use super::{json, render, sarif};
use crate::exit::Failure;
use crate::locate;
use crate::output::Output;
use anyhow::{Context, Result};
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::sites::Options;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::check;
use mcrx_dsl::diagnostic::{Diagnostic, Severity};
use mcrx_dsl::load::{self, Loaded};
use mcrx_dsl::pairing::Live;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::FromDisk;
use std::path::{Path, PathBuf};

/// Check a rule file, against the debug info of one release or of two
///
/// Without a program it says what can be said of the rules by themselves. With one, facts are held against it: which names there are, and
/// what they are. With two, the old release and the new one, changes are too.
#[derive(clap::Args)]
#[command(after_help = "\
Every finding has a code that mcrx rules explain CODE explains. What is meant so is silenced with a reason: \
allow MCX401 because \"ports fit\", before what it is for.

Exit codes: 0 nothing is wrong (warnings may have been printed), 1 errors were found, 3 a file cannot be read or has no debug info.

Examples:
  mcrx rules check nginx.mcrx
  mcrx rules check nginx-facts.mcrx ./nginx
  mcrx rules check nginx-1.26.mcrx ./nginx-1.22 ./nginx-1.26
  mcrx rules check nginx-1.26.mcrx OLD NEW --sarif")]
pub(crate) struct Args {
    /// The rule file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The release that runs; of a facts file, the program
    #[arg(value_name = "OLD")]
    old: Option<PathBuf>,
    /// The release that is to run
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// Print the findings as SARIF 2.1.0, for code hosts and editors
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<()> {
    let loaded = read(&args.file)?;
    let old = args.old.as_deref().map(open).transpose()?;
    let new = args.new.as_deref().map(open).transpose()?;
    let releases =
        Releases { old: old.as_ref().map(|(_, table)| table), new: new.as_ref().map(|(_, table)| table) };
    let live = match (&old, &new) {
        (Some((binary, table)), Some(_)) => Some(living(binary, table)),
        _ => None,
    };
    let found = check::loaded(&loaded, releases, live.as_ref());
    let errors = count(&found, Severity::Error);
    if args.sarif {
        output.document(&sarif::Log::of(&found, &loaded.files))?;
    } else {
        for diagnostic in &found {
            output.line(format_args!("{}\n", render::text(diagnostic, &loaded, releases)))?;
        }
        output.facts(&json::Facts::of(args, &found, &loaded.files))?;
        if errors == 0 {
            summary(args, &found, &loaded, output)?;
        }
    }
    if errors > 0 {
        return Err(Failure::Finding(ending(&args.file, &found)).into());
    }
    Ok(())
}

impl Args {
    pub(super) fn programs(&self) -> [Option<&Path>; 2] {
        [self.old.as_deref(), self.new.as_deref()]
    }

    pub(super) fn rules(&self) -> &Path {
        &self.file
    }
}

/// A rule file with what it imports. That it cannot be read is no finding.
pub(super) fn read(file: &Path) -> Result<Loaded> {
    let metadata = std::fs::metadata(file);
    let metadata = metadata.with_context(|| format!("cannot read the rule file {}", file.display()))?;
    anyhow::ensure!(!metadata.is_dir(), "{} is a directory, not a rule file", file.display());
    Ok(load::rules(file, &FromDisk))
}

/// A program with its debug info.
pub(super) fn open(program: &Path) -> Result<(Binary, Table)> {
    let binary = Binary::open(&locate::program(program)?)?;
    let table = Cache::default().table(&binary)?;
    Ok((binary, table))
}

/// The debug info of a program.
pub(super) fn table(program: &Path) -> Result<Table> {
    Ok(open(program)?.1)
}

/// Where objects of a program can be when it is updated.
pub(super) fn living(binary: &Binary, table: &Table) -> Live {
    Live::of(binary, table, &Cache::default().sites(binary, table, &Options::default()))
}

fn count(found: &[Diagnostic], severity: Severity) -> usize {
    found.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

/// "2 errors and 1 warning in nginx.mcrx; `mcrx rules explain MCX101` says more".
fn ending(file: &Path, found: &[Diagnostic]) -> String {
    let several = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    };
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning")];
    let counts: Vec<String> =
        counts.into_iter().filter_map(|(severity, what)| several(count(found, severity), what)).collect();
    let first = found.iter().max_by_key(|diagnostic| diagnostic.severity);
    let more = first.map_or(String::new(), |first| format!("; mcrx rules explain {} says more", first.code));
    format!("{} in {}{more}", counts.join(" and "), file.display())
}

/// What to read when nothing is wrong, and what to do next.
fn summary(args: &Args, found: &[Diagnostic], loaded: &Loaded, output: &Output) -> Result<()> {
    let file = args.file.display();
    if count(found, Severity::Warning) > 0 {
        output.line(ending(&args.file, found))?;
    } else {
        output.line(format_args!("{file}: nothing is wrong"))?;
    }
    let has_changes = !loaded.rules.changes.is_empty();
    match (&args.old, &args.new) {
        (None, _) if has_changes => {
            output.narrate(format_args!("names were not looked up; next: mcrx rules check {file} OLD NEW"))
        }
        (None, _) => {
            output.narrate(format_args!("names were not looked up; next: mcrx rules check {file} PROGRAM"))
        }
        (Some(old), None) if has_changes => output.narrate(format_args!(
            "changes need both releases; next: mcrx rules check {file} {} NEW",
            old.display()
        )),
        _ => {}
    }
    Ok(())
}
