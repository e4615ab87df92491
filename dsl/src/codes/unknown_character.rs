//! MCX001

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(1),
    name: "unknown-character",
    severity: Severity::Error,
    title: "a character that begins nothing",
    text: "Outside of texts and comments a rule file has letters, digits and the operators of the language. What text \
processors write in the place of plain quotes, hyphens and spaces looks the same and is none of them.",
    wrong: "from “1.22.1”",
    right: "from \"1.22.1\"",
};

pub(crate) fn report(text: &str, span: Span) -> Diagnostic {
    let found = ENTRY.at(span, format!("{} means nothing here", shown(text)));
    if text.chars().all(|c| matches!(c, '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}')) {
        return found.helped("texts stand in straight quotes").fixed_by("write a straight quote", span, "\"");
    }
    if text.chars().all(char::is_whitespace) {
        let found = found.helped("white space is spaces, tabs and ends of lines");
        return found.fixed_by("write a space", span, " ");
    }
    match text {
        "\u{2192}" => found.fixed_by("write `->`", span, "->"),
        "\u{21d2}" => found.fixed_by("write `=>`", span, "=>"),
        "\u{2013}" | "\u{2014}" | "\u{2212}" => found.fixed_by("write `-`", span, "-"),
        _ => found,
    }
}

/// A character that a terminal may not show is given by its number.
fn shown(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(c), None) if c.is_control() || c.is_whitespace() => {
            format!("the character U+{:04X}", u32::from(c))
        }
        _ => quoted(text),
    }
}
