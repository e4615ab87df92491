//! What a rule file says of how memory reads, for the subcommands that trace.

use crate::exit::Failure;
use crate::output::Output;
use crate::rules::render;
use anyhow::Result;
use mcrx_dsl::diagnostic::Severity;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::source::FromDisk;
use mcrx_dsl::{load, lower};
use mcrx_tracer::facts::Facts;
use std::path::Path;

/// The facts of a file; none without one. What is wrong with how it is written is narrated; with errors in it nothing is traced by it.
pub(crate) fn facts(path: Option<&Path>, output: &Output) -> Result<Facts> {
    let Some(path) = path else { return Ok(Facts::default()) };
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
    Ok(lower::facts(&loaded.rules))
}
