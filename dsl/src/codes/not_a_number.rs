//! MCX006

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(6),
    name: "not-a-number",
    severity: Severity::Error,
    title: "what begins as a number and is none",
    text: "Numbers are decimal, hexadecimal (0x), binary (0b) or octal (0), as in C, with `_` between digits where \
that helps to read them. All have 64 bits, so there are no suffixes.",
    wrong: "global limit = 10ul",
    right: "global limit = 10",
};

/// A digit that is none of the base, or no digit at all.
pub(crate) fn digits(base: u32, text: &str, span: Span) -> Diagnostic {
    let found = ENTRY.at(span, format!("{} is no number", quoted(text)));
    match base {
        2 => found.labelled("`0b` is followed by the digits 0 and 1"),
        8 => {
            let decimal = text.trim_start_matches(['0', '_']);
            let found = found.labelled("a number that begins with 0 is octal: its digits are 0 to 7");
            if decimal.bytes().all(|byte| byte.is_ascii_digit()) {
                found.fixed_by("write it as a decimal number", span, decimal)
            } else {
                found
            }
        }
        16 => found.labelled("`0x` is followed by the digits 0 to 9 and a to f"),
        _ => found,
    }
}

pub(crate) fn too_large(text: &str, span: Span) -> Diagnostic {
    ENTRY.at(span, format!("the number {} has more than 64 bits", quoted(text)))
}

/// `10ul`: C's suffixes.
pub(crate) fn suffix(text: &str, digits: &str, span: Span) -> Diagnostic {
    ENTRY
        .at(span, format!("{} is no number", quoted(text)))
        .labelled("numbers have no suffix: all have 64 bits")
        .fixed_by("leave the suffix out", span, digits)
}
