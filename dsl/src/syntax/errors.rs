//! What is wrong with tokens by themselves, and the words of messages about how rules are written.
//!
//! Each kind of mistake is a module of [`crate::codes`]; here they have the names by which the grammar calls them.

use super::kind::SyntaxKind;
use super::literal::{self, Flaw};
use crate::codes::{
    foreign_comment, foreign_letters, no_quote, no_unit, not_a_character, not_a_number, unknown_character,
    unknown_escape,
};
use crate::diagnostic::Diagnostic;
use crate::names::nearest;
use crate::source::Span;

pub(super) use crate::codes::arrow_for_dot::{in_rename as arrow_in_rename, report as arrow_for_dot};
pub(super) use crate::codes::closes_nothing::report as closes_nothing;
pub(super) use crate::codes::compared_twice::report as compared_twice;
pub(super) use crate::codes::expected::{no_block, report as expected, words as expected_words};
pub(super) use crate::codes::foreign_construct::{report as foreign, star as needless_star};
pub(super) use crate::codes::line_ended::report as line_ended;
pub(super) use crate::codes::mixed_operators::report as mixed_operators;
pub(super) use crate::codes::needless_separator::report as needless_separator;
pub(super) use crate::codes::needs_quotes::report as needs_quotes;
pub(super) use crate::codes::no_unit::missing as no_unit;
pub(super) use crate::codes::not_a_code::report as not_a_code;
pub(super) use crate::codes::not_closed::report as not_closed;
pub(super) use crate::codes::other_operator::report as other_operator;
pub(super) use crate::codes::too_deep::report as too_deep;
pub(super) use crate::codes::too_much::report as too_much;
pub(super) use crate::codes::unknown_item::report as unknown_item;
pub(super) use crate::codes::unknown_statement::report as unknown_statement;
pub(super) use crate::codes::unreachable_arm::report as unreachable_arm;
pub(super) use crate::codes::version_not_first::report as version_not_first;
pub(super) use crate::codes::version_unknown::report as version_unknown;

/// What is wrong with a token by itself; `whole` is the text of its file.
pub(super) fn of_token(kind: SyntaxKind, text: &str, span: Span, whole: &str) -> Option<Diagnostic> {
    let flaw = match kind {
        SyntaxKind::Unknown => return Some(unknown_character::report(text, span)),
        SyntaxKind::ForeignComment => return Some(foreign_comment::report(text, span, whole)),
        SyntaxKind::Name if !text.is_ascii() => return Some(foreign_letters::report(text, span)),
        SyntaxKind::Number => literal::number(text).err(),
        SyntaxKind::Duration => literal::duration(text).err(),
        SyntaxKind::String => literal::string(text).err(),
        SyntaxKind::Character => literal::character(text).err(),
        _ => None,
    };
    Some(match flaw? {
        Flaw::Open => no_quote::report(text, span),
        Flaw::NotOne => not_a_character::report(text, span),
        Flaw::TooLarge => not_a_number::too_large(text, span),
        Flaw::Digits { base } => not_a_number::digits(base, text, span),
        Flaw::Escape { at, length } => {
            let offset = |at: usize| span.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
            let place = Span { start: offset(at), end: offset(at + length), ..span };
            unknown_escape::report(text.get(at..at + length).unwrap_or("\\"), place)
        }
        Flaw::Unit => match literal::split_duration(text) {
            (digits, "u" | "U" | "l" | "L" | "ul" | "UL" | "ll" | "LL" | "ull" | "ULL") => {
                not_a_number::suffix(text, digits, span)
            }
            parts => no_unit::unknown(text, parts, span),
        },
    })
}

/// As messages show a piece of a file.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let line = text.lines().next().unwrap_or("");
    let short: String = line.chars().take(LONGEST).collect();
    if short.len() == text.len() { format!("`{text}`") } else { format!("`{short}…`") }
}

/// "a, b or c"
pub(crate) fn either(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, others)) => either_of(others, &format!("`{last}`")),
        None => String::new(),
    }
}

/// The same with something last that is no word.
pub(crate) fn either_of(words: &[&str], last: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    if words.is_empty() { last.to_owned() } else { format!("{} or {last}", words.join(", ")) }
}

/// With the word that is most likely meant by the token that stands there, if it is a word.
pub(crate) fn did_you_mean(found: Diagnostic, text: &str, span: Span, words: &[&str]) -> Diagnostic {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return found;
    }
    match nearest::names(text, words.iter().copied()).first() {
        Some(near) => found.fixed_by(format!("write `{near}`"), span, *near),
        None => found,
    }
}
