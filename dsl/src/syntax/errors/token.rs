//! Single tokens: MCX001 to MCX009.

use super::super::kind::SyntaxKind;
use super::super::literal::{self, Flaw};
use super::quoted;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

const UNKNOWN_CHARACTER: Code = Code(1);
const FOREIGN_COMMENT: Code = Code(2);
const NO_QUOTE: Code = Code(3);
const ESCAPE: Code = Code(4);
const CHARACTER: Code = Code(5);
const NUMBER: Code = Code(6);
const UNIT: Code = Code(7);
const LETTERS: Code = Code(8);
const QUOTES: Code = Code(9);

/// What is wrong with a token by itself.
pub(in super::super) fn of_token(
    kind: SyntaxKind,
    text: &str,
    span: Span,
    whole: &str,
) -> Option<Diagnostic> {
    match kind {
        SyntaxKind::Unknown => Some(unknown(text, span)),
        SyntaxKind::ForeignComment => Some(foreign_comment(text, span, whole)),
        SyntaxKind::Name if !text.is_ascii() => Some(letters(text, span)),
        SyntaxKind::Number => literal::number(text).err().map(|flaw| flawed(flaw, text, span)),
        SyntaxKind::Duration => literal::duration(text).err().map(|flaw| flawed(flaw, text, span)),
        SyntaxKind::String => literal::string(text).err().map(|flaw| flawed(flaw, text, span)),
        SyntaxKind::Character => literal::character(text).err().map(|flaw| flawed(flaw, text, span)),
        _ => None,
    }
}

fn unknown(text: &str, span: Span) -> Diagnostic {
    let found = Diagnostic::error(UNKNOWN_CHARACTER, span, format!("{} means nothing here", shown(text)));
    if text.chars().all(|c| matches!(c, '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}')) {
        return found.helped("texts stand in straight quotes").fixed_by("write a straight quote", span, "\"");
    }
    if text.chars().all(|c| c.is_whitespace()) {
        return found.helped("white space is spaces, tabs and ends of lines").fixed_by(
            "write a space",
            span,
            " ",
        );
    }
    match text {
        "\u{2192}" => found.fixed_by("write `->`", span, "->"),
        "\u{21d2}" => found.fixed_by("write `=>`", span, "=>"),
        "\u{2013}" | "\u{2014}" | "\u{2212}" => found.fixed_by("write `-`", span, "-"),
        _ => found,
    }
}

/// A character that a terminal may not show is given by its number too.
fn shown(text: &str) -> String {
    match text.chars().next() {
        Some(c) if text.chars().nth(1).is_none() && (c.is_control() || c.is_whitespace()) => {
            format!("the character U+{:04X}", u32::from(c))
        }
        _ => quoted(text),
    }
}

fn foreign_comment(text: &str, span: Span, whole: &str) -> Diagnostic {
    let found = Diagnostic::error(FOREIGN_COMMENT, span, "this is no comment of this language");
    let found = found.labelled("a comment begins with `//` and ends with its line");
    if let Some(directive) = text.strip_prefix('#') {
        if directive.trim_start().starts_with("include") {
            return found.helped("another rule file is brought in by `import \"PATH\"`");
        }
        return found.fixed_by("write `//`", Span { end: span.start + 1, ..span }, "//");
    }
    let Some(inner) = text.strip_prefix("/*").and_then(|inner| inner.strip_suffix("*/")) else {
        return found.helped("it is not closed, either").fixed_by(
            "write `//`",
            Span { end: span.start + 2, ..span },
            "//",
        );
    };
    // Something behind it on its line would become a part of the comment.
    let after = whole.get(span.range().end..).unwrap_or("");
    if !after.lines().next().unwrap_or("").trim().is_empty() {
        return found;
    }
    let lines: Vec<String> = inner
        .trim()
        .lines()
        .map(|line| format!("// {}", line.trim_start_matches([' ', '\t', '*'])))
        .collect();
    let text = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    found.fixed_by("write it with `//`", span, text)
}

fn letters(text: &str, span: Span) -> Diagnostic {
    let message = format!("the name {} has letters that names in C do not have", quoted(text));
    Diagnostic::error(LETTERS, span, message).labelled("letters are A to Z, a to z, `_` and `$`")
}

fn flawed(flaw: Flaw, text: &str, span: Span) -> Diagnostic {
    match flaw {
        Flaw::Open => open(text, span),
        Flaw::NotOne => {
            let found = Diagnostic::error(CHARACTER, span, format!("{} is not one character", quoted(text)));
            let inner = text.trim_matches('\'');
            let found = found.helped(
                "a character is one byte or one escape in single quotes; a text stands in double quotes",
            );
            if inner.is_empty() || inner.contains(['"', '\\']) {
                found
            } else {
                found.fixed_by("make it a text", span, format!("\"{inner}\""))
            }
        }
        Flaw::Escape { at, length } => {
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            let start = span.start.saturating_add(offset(at));
            let place = Span { start, end: start.saturating_add(offset(length)), ..span };
            let escape = text.get(at..at + length).unwrap_or("\\");
            let found = Diagnostic::error(ESCAPE, place, format!("{} is no escape", quoted(escape)));
            let found = found.helped(
                r#"escapes are \n \t \r \0 \\ \" \' and \xHH with two digits; a backslash itself is \\"#,
            );
            if escape.starts_with("\\x") {
                found
            } else {
                found.fixed_by("double the backslash", Span { end: start, ..place }, "\\")
            }
        }
        Flaw::TooLarge => {
            Diagnostic::error(NUMBER, span, format!("the number {} has more than 64 bits", quoted(text)))
        }
        Flaw::Unit => unit(text, span),
        Flaw::Digits { base } => digits(base, text, span),
    }
}

fn open(text: &str, span: Span) -> Diagnostic {
    let quote = text.get(..1).unwrap_or("\"");
    let what = if quote == "\"" { "text" } else { "character" };
    // As a rule only the quote was forgotten, and what comes behind the first word is meant to be outside.
    Diagnostic::error(NO_QUOTE, span, format!("the {what} that begins here has no `{quote}` at its end"))
        .labelled("it ends with its line")
        .helped(format!("put a `{quote}` where it ends; one in it is written \\{quote}"))
}

fn unit(text: &str, span: Span) -> Diagnostic {
    let (count, unit) = literal::split_duration(text);
    let found =
        Diagnostic::error(UNIT, span, format!("{} has no unit of time that is known here", quoted(text)));
    let found = found.labelled("units are `ms`, `s` and `min`");
    let meant = match unit.to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "mins" | "minute" | "minutes" => "min",
        "msec" | "msecs" | "millis" => "ms",
        // A number with C's suffix.
        "u" | "l" | "ul" | "ull" | "ll" | "lu" => "",
        "h" | "hour" | "hours" => return found.helped("an hour is `60min`"),
        _ => return found,
    };
    let text = format!("{count}{meant}");
    if meant.is_empty() {
        Diagnostic::error(NUMBER, span, format!("{} is no number", quoted(&format!("{count}{unit}"))))
            .labelled("numbers have no suffix: all have 64 bits")
            .fixed_by("leave the suffix out", span, text)
    } else {
        found.fixed_by(format!("write `{text}`"), span, text)
    }
}

fn digits(base: u32, text: &str, span: Span) -> Diagnostic {
    let found = Diagnostic::error(NUMBER, span, format!("{} is no number", quoted(text)));
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

/// A number where a time is wanted; `next` is what follows it.
pub(in super::super) fn no_unit(span: Span, text: &str, next: (&str, Span)) -> Diagnostic {
    let found = Diagnostic::error(UNIT, span, format!("expected a time, found the number {}", quoted(text)));
    if matches!(next.0, "ms" | "s" | "min") {
        let whole = span.to(next.1);
        return found.helped("a time is written without a space").fixed_by(
            "join them",
            whole,
            format!("{text}{}", next.0),
        );
    }
    found.helped(format!("a time has a unit: `{text}ms`, `{text}s` or `{text}min`"))
}

/// What is no name in C, where names and texts can stand.
pub(in super::super) fn needs_quotes(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(QUOTES, span, format!("{} is no name as C has them", quoted(text)))
        .helped("what is not only letters, digits and `_` stands in quotes")
}
