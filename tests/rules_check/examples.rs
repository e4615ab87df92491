//! The files in `examples/`: nothing is wrong with them, and every fact of a facts file speaks of something in some release.

use crate::programs::rules;
use mcrx_harness::{Context, Explain, Result, Suite, ensure, server};
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

/// The servers that have a facts file, by its name, and all their releases.
const SERVERS: [(&str, &[&str]); 4] = [
    ("nginx", &["1.18.0", "1.22.1", "1.26.3", "1.28.0", "1.28.3"]),
    ("redis", &["6.0.16", "7.0.15", "8.0.2", "8.0.6"]),
    ("memcached", &["1.6.18", "1.6.38"]),
    ("vsftpd", &["3.0.5", "3.0.5+mcrx1"]),
];

pub(crate) fn tests(suite: Suite) -> Suite {
    let needs =
        SERVERS.iter().flat_map(|(name, releases)| releases.iter().map(|release| server(*name, *release)));
    suite.test(needs, facts_files_hold_in_all_releases_and_each_fact_in_one)
}

fn facts_files_hold_in_all_releases_and_each_fact_in_one(test: &Context) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, releases) in SERVERS {
        let file = format!("examples/facts/{name}.mcrx");
        // What is said of the file in every release.
        let mut everywhere: Option<HashSet<String>> = None;
        for release in releases {
            let program = test.release(name, release)?.path.clone();
            let program = program.to_str().context("text")?;
            let output = rules(folder, &["check", &file, program, "--json"], test.scratch().directory())?;
            let facts: Value =
                serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
            ensure!(facts["errors"] == 0, "{name} {release}: {facts:#}");
            let found = facts["diagnostics"].as_array().context("diagnostics")?.iter();
            let found: HashSet<String> =
                found.map(|one| format!("{} {}", one["line"], one["message"])).collect();
            everywhere = Some(match everywhere {
                Some(before) => before.intersection(&found).cloned().collect(),
                None => found,
            });
        }
        let everywhere = everywhere.unwrap_or_default();
        ensure!(everywhere.is_empty(), "{file}: of no release is this true: {everywhere:?}");
    }
    Ok(())
}
