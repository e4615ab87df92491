//! Changes.

use super::super::errors;
use super::super::kind::SyntaxKind as K;
use super::super::parser::{Parsed, Parser};
use super::expression::{expression, expression_before_block};
use super::names::{dotted_path, duration, name, name_or_text, path, path_length, symbol, text};
use super::{CHANGES, arguments, list, no_item, operator, with_block};

/// `type conn -> connection { … }`, `type history drop`
pub(super) fn ty(parser: &mut Parser<'_>) -> Parsed {
    let named = types(parser);
    if named.is_ok() && parser.nth_is_word(0, "drop") && !parser.nth_is_first(0) {
        parser.keyword();
        return Ok(());
    }
    let head = |parser: &mut Parser<'_>| {
        named?;
        if parser.is_any(&[K::Arrow, K::FatArrow]) {
            operator(parser, K::Arrow, "and the new type")?;
            types(parser)?;
        }
        Ok(())
    };
    with_block(parser, head, |parser| parser.block(Parser::at_statement, type_item))
}

fn types(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::Types, |parser| {
        super::names::ty(parser, "the name of a type")?;
        while parser.eat(K::Plus) {
            super::names::ty(parser, "the name of a type")?;
        }
        Ok(())
    })
}

/// Whether a word begins an item of a type, and is no member of this name.
fn is_item_word(parser: &Parser<'_>, ahead: usize) -> bool {
    let words = ["drop", "reset", "keep"];
    words.iter().any(|word| parser.nth_is_word(ahead, word))
        && parser.nth(ahead + 1) == K::Name
        && !parser.nth_is_first(ahead + 1)
}

/// Whether another path follows the comma, and no new item.
fn has_path_behind(parser: &Parser<'_>) -> bool {
    let length = path_length(parser, 1);
    let is_hole = parser.nth_is_word(1, "todo") && parser.nth(2) == K::String;
    length > 0
        && !is_hole
        && !is_item_word(parser, 1)
        && !matches!(parser.nth(1 + length), K::Equal | K::Arrow)
}

fn type_item(parser: &mut Parser<'_>) -> Parsed {
    const FORMS: &str = "`MEMBER = EXPRESSION`, `OLD_NAME -> NEW_NAME`, `drop MEMBER`, `reset MEMBER`, `keep old MEMBER`, `keep new MEMBER`, or \
                         `todo \"QUESTION\"`";
    if parser.nth_is_word(0, "todo") && parser.nth(1) == K::String {
        return hole(parser);
    }
    if is_item_word(parser, 0) {
        let kind = match parser.text() {
            "drop" => K::DropItem,
            "reset" => K::ResetItem,
            _ => K::KeepItem,
        };
        return parser.node(kind, |parser| {
            parser.keyword();
            if kind == K::KeepItem {
                which(parser)?;
            }
            list(parser, |parser| dotted_path(parser, "the name of a member"), has_path_behind)
        });
    }
    let start = parser.here();
    let length = path_length(parser, 0);
    let words = ["drop", "reset", "keep", "todo"];
    let is_two_words = parser.nth(length) == K::Name && !parser.nth_is_first(length);
    if length == 0 || is_two_words {
        if is_diff_sign(parser) {
            let diagnostic = sign(parser);
            return Err(parser.fail(diagnostic));
        }
        return Err(no_item(parser, "an item of a type", &words, FORMS));
    }
    path(parser, "the name of a member")?;
    match parser.kind() {
        K::Arrow | K::FatArrow => parser.wrap(start, K::RenameItem, |parser| {
            let arrow = parser.span();
            operator(parser, K::Arrow, "and the new name")?;
            if parser.is_beside() && is_item_word(parser, 0) {
                return Err(parser.expected("the new name of the member"));
            }
            super::begins(parser, "the new name of the member", super::BEHIND_PATHS)?;
            path(parser, "the new name of the member")?;
            if parser.is(K::Equal) && !parser.is_first() {
                let diagnostic = errors::arrow_in_rename(arrow, parser.text());
                return Err(parser.fail(diagnostic));
            }
            if parser.is(K::Arrow) {
                let diagnostic = errors::arrow_for_dot(parser.span());
                return Err(parser.fail(diagnostic));
            }
            Ok(())
        }),
        _ => {
            parser.wrap(start, K::SetItem, |parser| assignment(parser, "and a value, or `->` and a new name"))
        }
    }
}

/// Whether members are listed as other tools list differences.
fn is_diff_sign(parser: &Parser<'_>) -> bool {
    parser.is_any(&[K::Plus, K::Minus]) && parser.nth(1) == K::Name
}

fn sign(parser: &Parser<'_>) -> crate::diagnostic::Diagnostic {
    let help = if parser.is(K::Plus) {
        "a new member's first value is said by `MEMBER = EXPRESSION`"
    } else {
        "a member is given up by `drop MEMBER`"
    };
    let what = format!("there is no `{}` before members", parser.text());
    let found = errors::foreign(parser.span(), &what, help);
    if parser.is(K::Plus) {
        found.fixed_by("leave it out", parser.span(), "")
    } else {
        found.fixed_by("write `drop`", parser.span(), "drop")
    }
}

/// `= expression`, behind a path.
fn assignment(parser: &mut Parser<'_>, what: &str) -> Parsed {
    let is_of_c =
        parser.is_any(&[K::Plus, K::Minus, K::Star, K::Slash, K::Percent, K::Bar, K::Ampersand, K::Caret])
            && (parser.nth(1) == K::Equal || parser.nth(1) == parser.kind())
            && parser.nth_is_joined(1);
    if is_of_c {
        let span = parser.span().to(parser.nth_span(1));
        let text = parser.text_at(span);
        let operator = parser.text();
        let rest = if text.ends_with('=') { "…" } else { "1" };
        let help = format!("write the whole value: `MEMBER = MEMBER {operator} {rest}`");
        let diagnostic = errors::foreign(span, &format!("there is no `{text}`"), &help);
        return Err(parser.fail(diagnostic));
    }
    operator(parser, K::Equal, what)?;
    super::begins(parser, "an expression", super::BEHIND_PATHS)?;
    expression(parser)
}

/// `old`, `new`
fn which(parser: &mut Parser<'_>) -> Parsed {
    if parser.eat_word("old") || parser.eat_word("new") {
        return Ok(());
    }
    Err(expected_words(parser, &["old", "new"]))
}

fn expected_words(parser: &mut Parser<'_>, words: &[&'static str]) -> super::super::parser::Failed {
    let before = parser.text_at(parser.span_before());
    let text = if parser.is_first() { "" } else { parser.text() };
    let diagnostic = errors::expected_words(words, before, (text, &parser.found()), parser.place());
    parser.fail(diagnostic)
}

/// `global a -> b`, `global a = 1`, `global a keep old`, `global a drop`
pub(super) fn global(parser: &mut Parser<'_>) -> Parsed {
    symbol(parser, "the name of a variable")?;
    match parser.kind() {
        K::Arrow | K::FatArrow => {
            operator(parser, K::Arrow, "and what it becomes")?;
            dotted_path(parser, "the name of a variable")
        }
        K::Equal | K::EqualEqual | K::Colon => {
            operator(parser, K::Equal, "and a value")?;
            expression(parser)
        }
        _ if parser.eat_word("drop") => Ok(()),
        _ if parser.eat_word("keep") => which(parser),
        K::Dot => {
            let diagnostic = parser.expectation("`->`, `=`, `keep` or `drop`");
            let help =
                "a rule is about a whole variable; members are dealt with by `type NAME { … }` of its type";
            Err(parser.fail(diagnostic.helped(help)))
        }
        _ => {
            let before = parser.text_at(parser.span_before());
            let text = if parser.is_first() { "" } else { parser.text() };
            let words = ["->", "=", "keep", "drop"];
            let diagnostic = errors::expected_words(&words, before, (text, &parser.found()), parser.place());
            Err(parser.fail(diagnostic))
        }
    }
}

/// `function on_read -> handle_read`
pub(super) fn function(parser: &mut Parser<'_>) -> Parsed {
    symbol(parser, "the name of a function")?;
    operator(parser, K::Arrow, "and its new name")?;
    symbol(parser, "the new name of the function")
}

/// `string "a" -> "b"`
pub(super) fn string(parser: &mut Parser<'_>) -> Parsed {
    text(parser, "a text in quotes")?;
    operator(parser, K::Arrow, "and the new text")?;
    text(parser, "the new text in quotes")
}

/// `for each old conn c where c.busy { … }`
pub(super) fn for_each(parser: &mut Parser<'_>) -> Parsed {
    let head = |parser: &mut Parser<'_>| {
        parser.expect_word("each")?;
        // A type may be called so too: then its object's name follows, and the block.
        let is_which = (parser.nth_is_word(0, "old") || parser.nth_is_word(0, "new"))
            && parser.nth(1) == K::Name
            && parser.nth(2) != K::OpenBrace
            && !parser.nth_is_word(2, "in")
            && !parser.nth_is_word(2, "where");
        if is_which {
            parser.keyword();
        }
        super::names::ty(parser, "the name of a type")?;
        name(parser, "a name for the object")?;
        if parser.eat_word("in") {
            expression_before_block(parser)?;
        }
        if parser.eat_word("where") {
            expression_before_block(parser)?;
        }
        Ok(())
    };
    let is_outside = |parser: &Parser<'_>| parser.at_statement() && !parser.nth_is_word(0, "call");
    with_block(parser, head, |parser| parser.block(is_outside, action))
}

fn action(parser: &mut Parser<'_>) -> Parsed {
    const FORMS: &str = "`insert PATH into PATH`, `PATH = EXPRESSION`, or `call FUNCTION(…)`";
    let is_word = parser.nth(1) == K::Name && !parser.nth_is_first(1);
    if is_word && parser.nth_is_word(0, "insert") {
        return parser.node(K::Insert, insert);
    }
    if is_word && parser.nth_is_word(0, "call") {
        return parser.node(K::CallChange, |parser| {
            parser.keyword();
            call(parser)
        });
    }
    let length = path_length(parser, 0);
    if length == 0 || parser.nth(length) == K::Name && !parser.nth_is_first(length) {
        return Err(no_item(parser, "an action", &["insert", "call"], FORMS));
    }
    parser.node(K::SetItem, |parser| {
        dotted_path(parser, "a member of the object")?;
        assignment(parser, "and a value")
    })
}

/// `insert c.queue into cycle.reusable at head via next`
fn insert(parser: &mut Parser<'_>) -> Parsed {
    parser.keyword();
    dotted_path(parser, "what is inserted")?;
    parser.expect_word("into")?;
    super::expression::place(parser, "the head of a list")?;
    if parser.at_word("at") && parser.nth(1) == K::Name {
        parser.keyword();
        if !parser.eat_word("head") && !parser.eat_word("tail") {
            return Err(expected_words(parser, &["head", "tail"]));
        }
    }
    if parser.at_word("via") && parser.nth(1) == K::Name {
        parser.keyword();
        dotted_path(parser, "the member that leads to the next")?;
    }
    Ok(())
}

/// `drain conn within 5s`
pub(super) fn drain(parser: &mut Parser<'_>) -> Parsed {
    super::names::ty(parser, "the name of a type")?;
    parser.expect_word("within")?;
    duration(parser)
}

/// `call rebuild(1) after transfer`
pub(super) fn call_after(parser: &mut Parser<'_>) -> Parsed {
    call(parser)?;
    parser.expect_word("after")?;
    parser.expect_word("transfer")
}

/// `rebuild(1)`: a function of the program.
pub(super) fn call(parser: &mut Parser<'_>) -> Parsed {
    if parser.is(K::String) {
        let span = parser.span();
        let diagnostic = parser.expectation("the name of a function");
        let bare = parser.text().trim_matches('"').to_owned();
        return Err(parser.fail(diagnostic.fixed_by("leave the quotes out", span, bare)));
    }
    symbol(parser, "the name of a function")?;
    arguments(parser, expression)
}

/// `adapter libevent`
pub(super) fn adapter(parser: &mut Parser<'_>) -> Parsed {
    name_or_text(parser, "the name of an adapter")
}

/// `assert every conn c : c.fd >= -1`
pub(super) fn assert(parser: &mut Parser<'_>) -> Parsed {
    if parser.nth_is_word(0, "every") && parser.nth(1) == K::Name && !parser.nth_is_first(1) {
        parser.keyword();
        super::names::ty(parser, "the name of a type")?;
        name(parser, "a name for the object")?;
        operator(parser, K::Colon, "and what is true of it")?;
    }
    expression(parser)
}

/// `define blocks(bytes) = (bytes + 4095) / 4096`
pub(super) fn define(parser: &mut Parser<'_>) -> Parsed {
    name(parser, "a name for the function")?;
    arguments(parser, |parser| name(parser, "the name of a parameter"))?;
    operator(parser, K::Equal, "and its value")?;
    expression(parser)
}

/// `down { … }`
pub(super) fn down(parser: &mut Parser<'_>) -> Parsed {
    let is_outside = |parser: &Parser<'_>| parser.at_statement() && !CHANGES.contains(&parser.text());
    let column = parser.column;
    let outcome = parser.deeper(|parser| {
        parser.block(is_outside, |parser| {
            parser.column = parser.nth_column(0);
            if parser.nth_is_word(0, "todo") {
                return hole(parser);
            }
            let word = parser.text();
            match super::statement_of(word) {
                Some((kind, rest)) if CHANGES.contains(&word) => super::take_statement(parser, kind, rest),
                _ => Err(no_item(
                    parser,
                    "a change",
                    &CHANGES,
                    "one of the statements that say how memory migrates",
                )),
            }
        })
    });
    parser.column = column;
    outcome
}

/// `todo "which of the two?"`
pub(super) fn hole(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::Hole, |parser| {
        parser.keyword();
        text(parser, "a question in quotes")
    })
}
