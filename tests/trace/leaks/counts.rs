//! Lost blocks, counted by the function that made them and by how they are lost.

use mcrx_harness::{Explain, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// How a block is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Direct,
    Indirect,
    Possibly,
}

impl Class {
    pub(super) fn named(name: &str) -> Result<Class> {
        Ok(match name {
            "direct" => Class::Direct,
            "indirect" => Class::Indirect,
            "possibly" => Class::Possibly,
            _ => bail!("{name:?} is no way to be lost"),
        })
    }
}

/// The function of a block that a library made.
pub(super) const LIBRARY: &str = "(library)";

/// Blocks and bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<(String, Class), (u64, u64)>);

impl Counts {
    pub(super) fn add(&mut self, function: &str, class: Class, blocks: u64, bytes: u64) {
        if blocks > 0 {
            let sum = self.0.entry((function.to_owned(), class)).or_default();
            *sum = (sum.0 + blocks, sum.1 + bytes);
        }
    }

    /// What `mcrx leaks --json` says.
    pub(super) fn of_mcrx(found: &Value, program: &Path) -> Result<Counts> {
        let mut counts = Counts::default();
        for row in rows(found)? {
            for name in ["direct", "indirect", "possibly"] {
                let (blocks, bytes) = pair(row, name)?;
                counts.add(function(row, program), Class::named(name)?, blocks, bytes);
            }
        }
        Ok(counts)
    }

    /// The same, as LeakSanitizer would divide it.
    pub(super) fn of_mcrx_by_pointers(found: &Value, program: &Path) -> Result<Counts> {
        let mut counts = Counts::default();
        for row in rows(found)? {
            let (direct, indirect) = (pair(row, "direct")?, pair(row, "indirect")?);
            let not_pointed_at = pair(row, "not_pointed_at")?;
            counts.add(function(row, program), Class::Direct, not_pointed_at.0, not_pointed_at.1);
            let (blocks, bytes) = (direct.0 + indirect.0, direct.1 + indirect.1);
            let pointed_at = (blocks - not_pointed_at.0, bytes - not_pointed_at.1);
            counts.add(function(row, program), Class::Indirect, pointed_at.0, pointed_at.1);
        }
        Ok(counts)
    }

    pub(super) fn names_libraries(&self) -> bool {
        self.0.keys().any(|(function, _)| function == LIBRARY)
    }

    pub(super) fn without_libraries(mut self) -> Counts {
        self.0.retain(|(function, _), _| function != LIBRARY);
        self
    }

    /// Those that cannot be reached at all, whoever made them.
    pub(super) fn lost(&self) -> (u64, u64) {
        let lost = self.0.iter().filter(|((_, class), _)| *class != Class::Possibly);
        lost.fold((0, 0), |sum, (_, (blocks, bytes))| (sum.0 + blocks, sum.1 + bytes))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str("nothing");
        }
        for ((function, class), (blocks, bytes)) in &self.0 {
            write!(out, "{class:?} {function} {blocks} {bytes}; ")?;
        }
        Ok(())
    }
}

fn rows(found: &Value) -> Result<&Vec<Value>> {
    found["rows"].as_array().with_context(|| format!("no rows in {found}"))
}

fn pair(row: &Value, name: &str) -> Result<(u64, u64)> {
    let number = |key: &str| row[name][key].as_u64().with_context(|| format!("no {name}.{key} in {row}"));
    Ok((number("blocks")?, number("bytes")?))
}

/// The function that made a row's blocks.
fn function<'r>(row: &'r Value, program: &Path) -> &'r str {
    let frame = &row["frames"][0];
    let is_own = frame["file"].as_str().is_some_and(|file| Path::new(file) == program);
    frame["function"].as_str().filter(|_| is_own).unwrap_or(LIBRARY)
}
