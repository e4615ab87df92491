//! The rules of the way back, from two programs and the rules of the update.

use super::{Back, Lost, RuleFiles};
use mcrx_debuginfo::cache::Cache;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::sites::Options;
use mcrx_debuginfo::table::Table;
use mcrx_dsl::check;
use mcrx_dsl::codes;
use mcrx_dsl::diagnostic::{Diagnostic, Severity};
use mcrx_dsl::load::Loaded;
use mcrx_dsl::pairing::Live;
use mcrx_dsl::releases::Releases;
use mcrx_dsl::reverse::{self, Between};
use std::path::Path;

/// What the derived file is called, beside the one that it is derived from.
const NAME: &str = "undo.mcrx";

/// Derives them. The error is for people.
pub(super) fn way_back(old: &Path, new: &Path, loaded: &Loaded) -> Result<Back, String> {
    let cache = Cache::default();
    let (_, old) = open(&cache, old)?;
    let (binary, new) = open(&cache, new)?;
    let releases = Releases::both(&old, &new);
    let hole = codes::find("hole").map(|hole| hole.code);
    let is_wrong = |found: &&Diagnostic| found.severity == Severity::Error && Some(found.code) != hole;
    if let Some(wrong) = check::loaded(loaded, releases, None).iter().find(is_wrong) {
        return Err(format!("the rules of the update are wrong: {}", wrong.message));
    }
    // What the new release can have made is what has to go back.
    let live = Live::of(&binary, &new, &cache.sites(&binary, &new, &Options::default()));
    let between = Between { old: &old, new: &new, loaded, live: Some(&live), folder: None };
    let reversed = reverse::rules(&between);
    let lost = reversed.lost.iter().map(|found| lost(found, loaded)).collect();
    Ok(Back::Rules { files: RuleFiles::with(loaded, NAME, reversed.text), holes: reversed.holes, lost })
}

fn open(cache: &Cache, path: &Path) -> Result<(Binary, Table), String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let binary = Binary::open(path).map_err(|error| told(&error))?;
    let table = cache.table(&binary).map_err(|error| told(&error))?;
    Ok((binary, table))
}

fn lost(found: &Diagnostic, loaded: &Loaded) -> Lost {
    Lost {
        code: found.code.to_string(),
        message: found.message.clone(),
        file: loaded.files.path(found.span.file).display().to_string(),
        line: loaded.files.position(found.span).line,
    }
}
