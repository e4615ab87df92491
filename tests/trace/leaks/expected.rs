//! What a program says at its head of what it loses.
//!
//! ```text
//!   // lost: direct make_head 1 16       blocks and bytes by function and class; or: nothing
//!   // strictly: ...                     where no heuristic is used; without it: the same
//!   // memcheck: ...                     what memcheck says; without it: the same
//!   // lsan: ...                         what LeakSanitizer says; without it: the same
//!   // because: ...                      why they differ
//! ```

use super::counts::{Class, Counts};
use super::program::source;
use mcrx_harness::{Explain, Result, bail, ensure};

/// What is to be found.
pub(super) struct Expected {
    /// By mcrx.
    pub(super) lost: Counts,
    /// By mcrx without heuristics, and by memcheck without them.
    pub(super) strictly: Counts,
    /// By memcheck with them.
    pub(super) memcheck: Counts,
    pub(super) memcheck_strictly: Counts,
    pub(super) lsan: Counts,
}

impl Expected {
    pub(super) fn read(file: &str) -> Result<Expected> {
        let source = source(file)?;
        let lost = section(&source, "lost")?.with_context(|| format!("{file} does not say what it loses"))?;
        let (strictly, memcheck, lsan) =
            (section(&source, "strictly")?, section(&source, "memcheck")?, section(&source, "lsan")?);
        let differs = strictly.is_some() || memcheck.is_some() || lsan.is_some();
        ensure!(!differs || source.contains("\n// because: "), "{file} does not say why they differ");
        Ok(Expected {
            memcheck_strictly: strictly.as_ref().or(memcheck.as_ref()).unwrap_or(&lost).clone(),
            strictly: strictly.unwrap_or_else(|| lost.clone()),
            memcheck: memcheck.unwrap_or_else(|| lost.clone()),
            lsan: lsan.unwrap_or_else(|| lost.clone()),
            lost,
        })
    }

    /// Of what was found what is to be compared: the loader keeps something of its own for threads, which is possibly lost by its own
    /// pointers into the middle, and of which there is as much as there are stacks to be used again.
    pub(super) fn comparable(&self, found: Counts) -> Counts {
        let compared = self.strictly.names_libraries() || self.lost.names_libraries();
        if compared { found } else { found.without_libraries() }
    }
}

/// What the lines of one name say. `None`: there are none.
fn section(source: &str, name: &str) -> Result<Option<Counts>> {
    let start = format!("// {name}: ");
    let mut lines = source.lines().filter_map(|line| line.strip_prefix(&start)).peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    let mut counts = Counts::default();
    for line in lines.filter(|line| *line != "nothing") {
        let words: Vec<&str> = line.split(' ').collect();
        let [class, function, blocks, bytes] = words[..] else { bail!("{start}{line} is not understood") };
        counts.add(function, Class::named(class)?, blocks.parse()?, bytes.parse()?);
    }
    Ok(Some(counts))
}
