//! One style for all rule files, as a careful person would write them.
//!
//! Four spaces of indent; operators of neighbouring items below each other; at most one empty line between statements; nothing longer
//! than 110 columns that has a place to be broken at. Comments stay where they are: behind what they are behind, above what they are
//! above. A block that was written on one line stays so if it fits; commas between items of others are taken away.
//!
//! ```text
//!   tree --sheet--> statements, items, words, comments --layout--> lines
//! ```
//!
//! What it does not do: format what cannot be read. It would be guessing.

mod layout;
mod sheet;
mod spacing;

use crate::diagnostic::Diagnostic;
use crate::source::FileId;
use crate::syntax;

/// How long lines may be, in columns.
const WIDTH: usize = 110;

/// How far a block is indented, in columns.
const INDENT: usize = 4;

/// The text in the style. If it cannot be read: why; places are in a file with number 0.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parse = syntax::parse(text, FileId(0));
    if parse.diagnostics.is_empty() {
        Ok(layout::lines(&sheet::of_file(&parse.tree)))
    } else {
        Err(parse.diagnostics)
    }
}

#[cfg(test)]
mod tests;
