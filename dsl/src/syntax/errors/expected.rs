//! Something else than what has to come: MCX010 to MCX019.

use super::{either, either_of, quoted};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::nearest;
use crate::source::Span;

const EXPECTED: Code = Code(10);
const UNKNOWN_STATEMENT: Code = Code(11);
const UNKNOWN_ITEM: Code = Code(12);
const EXTRA: Code = Code(13);

/// `after`: the token before, empty if there is none.
pub(in super::super) fn expected(what: &str, after: &str, found: &str, span: Span) -> Diagnostic {
    let after = if after.is_empty() { String::new() } else { format!(" after {}", quoted(after)) };
    let what = if after.is_empty() { what.trim_end_matches(',') } else { what };
    Diagnostic::error(EXPECTED, span, format!("expected {what}{after}, found {found}"))
}

/// One of some words was expected.
pub(in super::super) fn expected_words(
    words: &[&str],
    after: &str,
    found: (&str, &str),
    span: Span,
) -> Diagnostic {
    let (text, shown) = found;
    let diagnostic = expected(&either(words), after, shown, span);
    meant(diagnostic, text, span, words.iter().copied())
}

/// What begins like a statement and is none.
pub(in super::super) fn unknown_statement(
    word: &str,
    span: Span,
    known: &[&'static str],
) -> (Diagnostic, Option<&'static str>) {
    let found = Diagnostic::error(UNKNOWN_STATEMENT, span, format!("there is no statement {}", quoted(word)));
    let near = near(word, known.iter().copied());
    let found = match word {
        "struct" | "union" | "enum" => found.helped("how objects of a type migrate is said by `type NAME { … }`, how its members read by `field NAME.MEMBER : READING`"),
        "rename" => found.helped("a member is renamed within `type NAME { old_name -> new_name }`, a variable by `global old -> new`"),
        "tag" | "union_" => found.helped("bits of pointers to a type are named by `pointer NAME : tagged 0b111`"),
        "include" | "use" | "require" => found.fixed_by("write `import`", span, "import"),
        "fn" | "func" | "let" | "def" => found.helped("a function of rules is made by `define NAME(PARAMETERS) = EXPRESSION`"),
        _ => match near {
            Some(near) => return (found.fixed_by(format!("write `{near}`"), span, near), Some(near)),
            None => found.helped(format!("statements begin with {}", either(known))),
        },
    };
    (found, None)
}

/// What begins an item of a block and is none.
pub(in super::super) fn unknown_item(
    what: &str,
    text: &str,
    span: Span,
    words: &[&'static str],
    forms: &str,
) -> Diagnostic {
    let found = Diagnostic::error(UNKNOWN_ITEM, span, format!("expected {what}, found {}", quoted(text)));
    meant(found.helped(format!("{what} is {forms}")), text, span, words.iter().copied())
}

/// Something behind what is complete; `words` could be there.
pub(in super::super) fn extra(text: &str, span: Span, after: &str, words: &[&'static str]) -> Diagnostic {
    let wanted = either_of(words, "the end of the line");
    let message = format!("expected {wanted} after {}, found {}", quoted(after), quoted(text));
    meant(Diagnostic::error(EXTRA, span, message), text, span, words.iter().copied())
}

/// No `{` where a block begins; `words` could be there too.
pub(in super::super) fn no_block(
    found: Diagnostic,
    text: &str,
    place: Span,
    words: &[&'static str],
) -> Diagnostic {
    let found = meant(found, text, place, words.iter().copied());
    if found.fix.is_some() {
        found
    } else {
        found.fixed_by("put it in", Span { end: place.start, ..place }, " {")
    }
}

fn near(word: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    // Names that hold it are none that it could be meant for.
    let like = nearest::names(word, known).first().copied()?;
    (like.len().abs_diff(word.len()) <= word.len() / 3 + 1).then_some(like)
}

fn meant<'a>(found: Diagnostic, text: &str, span: Span, words: impl Iterator<Item = &'a str>) -> Diagnostic {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return found;
    }
    match nearest::names(text, words).first() {
        Some(near) => found.fixed_by(format!("write `{near}`"), span, *near),
        None => found,
    }
}
