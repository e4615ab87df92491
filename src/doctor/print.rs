//! What was found, for people.

use super::Facts;
use super::finding::Severity;
use crate::output::{Output, PathFact};
use anyhow::Result;
use std::path::Path;

pub(super) fn facts(facts: &Facts, output: &Output) -> Result<()> {
    let program = facts.file.as_ref().map(|file| shown(&file.0));
    match (&facts.process, program) {
        (Some(process), program) => {
            output.heading(process.title())?;
            output.line(format_args!("  program     {}", program.as_deref().unwrap_or("not known")))?;
        }
        (None, program) => output.heading(program.unwrap_or_default())?,
    }
    let place = |path: &Option<PathFact>| match path {
        Some(_) if *path == facts.file => "in it".to_owned(),
        Some(path) => shown(&path.0),
        None => "none".to_owned(),
    };
    if facts.file.is_some() {
        output.line(format_args!("  build-id    {}", facts.build_id.as_deref().unwrap_or("none")))?;
        output.line(format_args!("  debug info  {}", place(&facts.debug_info)))?;
        output.line(format_args!("  symbols     {}", place(&facts.symbols)))?;
    }
    if let Some(process) = &facts.process {
        process.print(output)?;
    }
    for finding in &facts.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        output.line(format_args!("\n{severity} [{}]: {}", finding.code, finding.message))?;
        output.line(format_args!("  do: {}", finding.help))?;
    }
    if facts.findings.is_empty() {
        output.line("\nNothing stands in the way.")?;
    }
    next(facts, output)
}

fn next(facts: &Facts, output: &Output) -> Result<()> {
    let none_seen = facts.findings.iter().any(|finding| finding.severity == Severity::Error);
    match (&facts.process, &facts.file) {
        (Some(process), _) if process.has_heap() => {
            output.line(format_args!("\nNext: mcrx trace {}", process.pid()))?;
        }
        (None, Some(file)) if !none_seen => output.line(format_args!(
            "\nNext: LD_PRELOAD=/path/to/libmcrx.so {} ..., then mcrx blocks PID",
            shown(&file.0)
        ))?,
        _ => {}
    }
    Ok(())
}

/// A path, for people.
pub(super) fn shown(path: &Path) -> String {
    crate::output::shortened(&path.display().to_string(), usize::MAX)
}
