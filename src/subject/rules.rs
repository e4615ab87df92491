//! What a rule file says of how memory reads, for the subcommands that trace.

use crate::exit::Failure;
use crate::output::Output;
use crate::rules::render;
use anyhow::Result;
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::load::Loaded;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::FromDisk;
use mcrx_dsl::{load, lower};
use mcrx_tracer::facts::Facts;
use std::path::Path;

/// The facts of a file; none without one.
pub(crate) fn facts(path: Option<&Path>, output: &Output) -> Result<Facts> {
    Ok(loaded(path, output)?.map_or_else(Facts::default, |loaded| lower::facts(&loaded.rules)))
}

/// A rule file, if one is named. What is wrong with how it is written is narrated; with errors in it nothing is done by it.
pub(crate) fn loaded(path: Option<&Path>, output: &Output) -> Result<Option<Loaded>> {
    let Some(path) = path else { return Ok(None) };
    let loaded = load::rules(path, &FromDisk);
    for diagnostic in &loaded.diagnostics {
        output.narrate(render::text(diagnostic, &loaded, Releases { old: None, new: None }));
    }
    let errors = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    if errors > 0 {
        let many = if errors == 1 { "an error" } else { "errors" };
        let path = path.display();
        return Err(Failure::Usage(format!("{path} has {many}: mcrx rules check {path} says more")).into());
    }
    Ok(Some(loaded))
}
