//! The grammar, a function for each production. `GRAMMAR.md` has it in one piece.
//!
//! A function that gives `Err` has said what is wrong. Blocks do not: what is wrong in them is skipped item by item.

mod change;
mod expression;
mod fact;
mod names;
mod process;
mod reading;
mod said;

use super::errors;
use super::kind::SyntaxKind as K;
use super::parser::{Parsed, Parser};
use crate::names::nearest;

/// How a statement goes on behind its first word.
type Rest = fn(&mut Parser<'_>) -> Parsed;

/// What statements begin with.
const STATEMENTS: [(&str, K, Rest); 31] = [
    ("mcrx", K::Version, said::version),
    ("program", K::Program, said::program),
    ("from", K::From, said::text),
    ("to", K::To, said::text),
    ("import", K::Import, said::text),
    ("hook", K::HookPool, fact::hook),
    ("wrapper", K::Wrapper, fact::wrapper),
    ("site", K::Site, fact::site),
    ("field", K::Field, fact::field),
    ("pointer", K::Pointer, fact::pointer),
    ("variant", K::Variant, fact::variant),
    ("slab", K::Slab, fact::slab),
    ("scratch", K::Scratch, fact::scratch),
    ("module", K::Module, fact::module),
    ("container", K::Container, fact::container),
    ("handle", K::Descriptor, fact::handle),
    ("type", K::TypeChange, change::ty),
    ("global", K::GlobalChange, change::global),
    ("function", K::FunctionChange, change::function),
    ("string", K::TextChange, change::string),
    ("for", K::ForEach, change::for_each),
    ("drain", K::Drain, change::drain),
    ("call", K::CallChange, change::call_after),
    ("adapter", K::Adapter, change::adapter),
    ("assert", K::Assert, change::assert),
    ("define", K::Define, change::define),
    ("down", K::Down, change::down),
    ("quiesce", K::Quiesce, process::quiesce),
    ("role", K::Role, process::role),
    ("allow", K::Allow, said::allow),
    ("test", K::Test, said::test),
];

/// Which of them are changes, and so may stand in `down { … }`.
const CHANGES: [&str; 11] =
    ["type", "global", "function", "string", "for", "drain", "call", "adapter", "assert", "define", "down"];

/// Whether statements begin with this word. Not `todo`, which items are too.
pub(super) fn is_statement(word: &str) -> bool {
    statement_of(word).is_some()
}

/// Whether one is most likely meant.
pub(super) fn is_misspelt_statement(word: &str) -> bool {
    const SHORTEST: usize = 4;
    word.len() >= SHORTEST && STATEMENTS.iter().any(|(known, _, _)| nearest::is_slip(word, known))
}

fn statement_of(word: &str) -> Option<(K, Rest)> {
    STATEMENTS.iter().find(|(known, _, _)| *known == word).map(|(_, kind, rest)| (*kind, *rest))
}

/// All statements, whatever is wrong with some.
pub(super) fn file(parser: &mut Parser<'_>) {
    while !parser.is(K::End) {
        let before = parser.progress();
        parser.column = parser.nth_column(0);
        let start = parser.here();
        if statement(parser).is_err() || parser.progress() == before {
            parser.wrap(start, K::Error, |parser| parser.skip_statement(before));
        }
    }
}

fn statement(parser: &mut Parser<'_>) -> Parsed {
    match parser.kind() {
        K::Name => named_statement(parser),
        K::CloseBrace | K::CloseBracket | K::CloseParen => {
            let diagnostic = errors::closes_nothing(parser.span(), parser.text());
            parser.report(diagnostic);
            parser.node(K::Error, Parser::bump);
            Ok(())
        }
        K::Semicolon | K::Comma => {
            let diagnostic = errors::needless_separator(parser.span(), parser.text());
            parser.report(diagnostic);
            parser.node(K::Error, |parser| while parser.eat(K::Semicolon) || parser.eat(K::Comma) {});
            Ok(())
        }
        _ => {
            let diagnostic =
                parser.stray_operator(parser.column).unwrap_or_else(|| extra_or(parser, "a statement"));
            Err(parser.fail(diagnostic))
        }
    }
}

fn named_statement(parser: &mut Parser<'_>) -> Parsed {
    let word = parser.text();
    if word == "todo" {
        return change::hole(parser);
    }
    if let Some((kind, rest)) = statement_of(word) {
        return take_statement(parser, kind, rest);
    }
    if !parser.is_first() {
        let diagnostic = extra_or(parser, "a statement");
        return Err(parser.fail(diagnostic));
    }
    let known = STATEMENTS.map(|(word, _, _)| word);
    let (diagnostic, meant) = errors::unknown_statement(word, parser.span(), &known);
    parser.report(diagnostic);
    // What it is meant for is read, so that what else is wrong with it is told too.
    match meant.and_then(statement_of) {
        Some((kind, rest)) if !parser.nth_is_first(1) => take_statement(parser, kind, rest),
        _ => Err(super::parser::Failed),
    }
}

fn take_statement(parser: &mut Parser<'_>, kind: K, rest: Rest) -> Parsed {
    parser.node(kind, |parser| {
        parser.keyword();
        rest(parser)
    })
}

/// What is wrong where something else begins on a line that is complete, or nothing can begin so.
fn extra_or(parser: &Parser<'_>, what: &str) -> crate::diagnostic::Diagnostic {
    if parser.is_first() {
        return parser.expectation(what);
    }
    let after = parser.text_at(parser.span_before());
    errors::too_much(parser.text(), parser.span(), after, parser.tried())
}

/// What is wrong with an item of a block that begins like none.
fn no_item(
    parser: &mut Parser<'_>,
    what: &str,
    words: &[&'static str],
    forms: &str,
) -> super::parser::Failed {
    let diagnostic = if parser.is_first() || parser.tried().is_empty() {
        errors::unknown_item(what, parser.text(), parser.span(), words, forms)
    } else {
        extra_or(parser, what)
    };
    parser.fail(diagnostic)
}

/// This operator, or another one that is reported and taken for it.
fn operator(parser: &mut Parser<'_>, wanted: K, what: &str) -> Parsed {
    let text = match wanted {
        K::Colon => ":",
        K::Arrow => "->",
        K::FatArrow => "=>",
        _ => "=",
    };
    if parser.eat(wanted) {
        return Ok(());
    }
    if parser.is_any(&[K::Colon, K::Equal, K::EqualEqual, K::Arrow, K::FatArrow]) && !parser.is_first() {
        let diagnostic = errors::other_operator(parser.span(), parser.text(), text, what);
        parser.report(diagnostic);
        parser.bump();
        return Ok(());
    }
    Err(parser.expected(&format!("`{text}` {what}")))
}

/// What comes behind the path that an item begins with.
const BEHIND_PATHS: &[K] = &[K::Equal, K::FatArrow, K::Colon];

/// Whether something stands behind an operator, and not the next item, on a line of its own: a path with one of these behind it.
fn begins(parser: &mut Parser<'_>, what: &str, behind: &[K]) -> Parsed {
    let length = if parser.is_first() { names::path_length(parser, 0) } else { 0 };
    let is_next =
        behind.contains(&parser.nth(length)) || parser.nth(length) == K::Arrow && parser.is_beside();
    if length > 0 && is_next {
        return Err(parser.expected(what));
    }
    Ok(())
}

/// `x, y, …`, as long as what follows a comma is no new item of the block.
fn list(
    parser: &mut Parser<'_>,
    mut element: impl FnMut(&mut Parser<'_>) -> Parsed,
    goes_on: impl Fn(&Parser<'_>) -> bool,
) -> Parsed {
    element(parser)?;
    while parser.is(K::Comma) && goes_on(parser) {
        parser.bump();
        element(parser)?;
    }
    Ok(())
}

/// `(x, y, …)`, perhaps empty.
fn arguments(parser: &mut Parser<'_>, element: impl FnMut(&mut Parser<'_>) -> Parsed) -> Parsed {
    parser.node(K::Arguments, |parser| {
        parser.enclosed((K::OpenParen, K::CloseParen), "`(`", |parser| {
            if parser.is(K::CloseParen) { Ok(()) } else { list(parser, element, |_| true) }
        })
    })
}

/// The rest of a statement with a block: if what is before it is wrong, its items are read all the same.
fn with_block(
    parser: &mut Parser<'_>,
    head: impl FnOnce(&mut Parser<'_>) -> Parsed,
    block: impl FnOnce(&mut Parser<'_>) -> Parsed,
) -> Parsed {
    let outcome = head(parser);
    if outcome.is_err() && !parser.skip_to_block() {
        return outcome;
    }
    block(parser).and(outcome)
}
