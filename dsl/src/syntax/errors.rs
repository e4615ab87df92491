//! What can be wrong with how a rule file is written, and how it is put.
//!
//! What it does not do: find it. The parser does, and who builds rules, and who follows imports.

mod expected;
mod file;
mod structure;
mod token;

pub(super) use expected::{expected, expected_words, extra, no_block, unknown_item, unknown_statement};
pub(crate) use file::{cannot_import, cannot_read, imports_itself, said_twice, two_programs};
pub(super) use file::{no_such_code, version_not_first, version_unknown};
pub(super) use structure::{
    arrow_for_dot, closes_nothing, compared_twice, dot_is_gone, foreign, line_ended, mixed_bits,
    needless_star, not_closed, other_operator, separator, too_deep, unreachable_arm,
};
pub(super) use token::{needs_quotes, no_unit, of_token};

/// As messages show a piece of a file.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or("");
    let short: String = line.chars().take(LONGEST).collect();
    if short.len() == text.len() { format!("`{text}`") } else { format!("`{short}…`") }
}

/// "a, b or c"
pub(super) fn either(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, others)) => either_of(others, &format!("`{last}`")),
        None => String::new(),
    }
}

/// The same with something last that is no word.
pub(super) fn either_of(words: &[&str], last: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    if words.is_empty() { last.to_owned() } else { format!("{} or {last}", words.join(", ")) }
}
