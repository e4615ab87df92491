//! Names, paths, types, texts and times.

use super::super::errors;
use super::super::kind::SyntaxKind as K;
use super::super::parser::{Parsed, Parser};

/// Words of C that are types, or parts of their names.
const WORDS_OF_C: [&str; 13] = [
    "unsigned", "signed", "char", "short", "int", "long", "float", "double", "void", "_Bool", "bool",
    "_Complex", "__int128",
];

pub(super) fn is_word_of_c(word: &str) -> bool {
    WORDS_OF_C.contains(&word)
}

/// `name`
pub(super) fn name(parser: &mut Parser<'_>, what: &str) -> Parsed {
    // A statement's first word is no name that is missing at the end of the line before.
    if parser.at_statement() { Err(parser.expected(what)) } else { parser.expect(K::Name, what) }
}

/// `name`, `name@"dict.c"`
pub(super) fn symbol(parser: &mut Parser<'_>, what: &str) -> Parsed {
    parser.node(K::Symbol, |parser| {
        name(parser, what)?;
        if parser.eat(K::At) {
            parser.expect(K::String, "the end of a source file's path, like `\"dict.c\"`,")?;
        }
        Ok(())
    })
}

/// `name`, `name*`
pub(super) fn pattern(parser: &mut Parser<'_>, what: &str) -> Parsed {
    parser.node(K::Pattern, |parser| {
        name(parser, what)?;
        if parser.is(K::Star) && parser.nth_is_joined(0) {
            parser.bump();
        }
        Ok(())
    })
}

/// `a.b[3].c`, where `->` means something else.
pub(super) fn path(parser: &mut Parser<'_>, what: &str) -> Parsed {
    parser.node(K::Path, |parser| steps(parser, what, false))
}

/// The same where `->` cannot stand, so that it is meant for a dot.
pub(super) fn dotted_path(parser: &mut Parser<'_>, what: &str) -> Parsed {
    parser.node(K::Path, |parser| steps(parser, what, true))
}

fn steps(parser: &mut Parser<'_>, what: &str, is_dotted: bool) -> Parsed {
    name(parser, what)?;
    loop {
        if parser.is(K::OpenBracket) && parser.nth(1) == K::Number {
            parser.bump();
            parser.bump();
            parser.expect(K::CloseBracket, "`]`")?;
        } else if parser.is(K::Dot) || is_dotted && parser.is(K::Arrow) {
            dot(parser)?;
            name(parser, "the name of a member")?;
        } else {
            return Ok(());
        }
    }
}

/// `.`, or what is meant for it.
pub(super) fn dot(parser: &mut Parser<'_>) -> Parsed {
    if parser.is(K::Arrow) {
        let diagnostic = errors::arrow_for_dot(parser.span());
        parser.report(diagnostic);
        parser.bump();
        return Ok(());
    }
    parser.expect(K::Dot, "`.` and the name of a member")
}

/// How many tokens of a path come, from that one on; 0: none begins there.
pub(super) fn path_length(parser: &Parser<'_>, from: usize) -> usize {
    if parser.nth(from) != K::Name {
        return 0;
    }
    let mut at = from + 1;
    loop {
        let is_member = parser.nth(at) == K::Dot && parser.nth(at + 1) == K::Name;
        let is_index = parser.nth(at) == K::OpenBracket
            && parser.nth(at + 1) == K::Number
            && parser.nth(at + 2) == K::CloseBracket;
        match (is_member, is_index) {
            (true, _) => at += 2,
            (_, true) => at += 3,
            _ => return at - from,
        }
    }
}

/// `conn`, `struct conn *`, `unsigned char[3]`
pub(super) fn ty(parser: &mut Parser<'_>, what: &str) -> Parsed {
    parser.node(K::Type, |parser| {
        while ["const", "volatile"].iter().any(|word| parser.nth_is_word(0, word)) && parser.nth(1) == K::Name
        {
            let diagnostic = errors::foreign(
                parser.span(),
                &format!("there is no `{}`", parser.text()),
                "types are named without it",
            );
            parser.report(diagnostic.fixed_by("leave it out", parser.span(), ""));
            parser.node(K::Error, Parser::bump);
        }
        if is_keyword(parser.text()) && parser.nth(1) == K::Name {
            parser.keyword();
        }
        let is_of_c = is_word_of_c(parser.text());
        symbol(parser, what)?;
        while is_of_c && is_word_of_c(parser.text()) && !parser.is_first() {
            parser.bump();
        }
        while parser.eat(K::Star) {}
        while parser.is(K::OpenBracket) && parser.nth(1) == K::Number {
            parser.bump();
            parser.bump();
            parser.expect(K::CloseBracket, "`]`")?;
        }
        Ok(())
    })
}

/// `struct`, `union`, `enum`
pub(super) fn is_keyword(word: &str) -> bool {
    matches!(word, "struct" | "union" | "enum")
}

/// A name, or a text for what is no name in C.
pub(super) fn name_or_text(parser: &mut Parser<'_>, what: &str) -> Parsed {
    if parser.eat(K::String) {
        return Ok(());
    }
    name(parser, what)?;
    // What goes on is no name in C, but may be one of a file.
    if parser.is_any(&[K::Minus, K::Dot, K::Plus, K::Slash]) && parser.nth_is_joined(0) {
        let first = parser.span_before();
        let mut last = first;
        let mut ahead = 0;
        while parser.nth_is_joined(ahead) && parser.nth(ahead) != K::End {
            last = parser.nth_span(ahead);
            ahead += 1;
        }
        let whole = first.to(last);
        let diagnostic = errors::needs_quotes(parser.text_at(whole), whole);
        parser.report(diagnostic);
        parser.node(K::Error, |parser| (0..ahead).for_each(|_| parser.bump()));
    }
    Ok(())
}

/// `"text"`
pub(super) fn text(parser: &mut Parser<'_>, what: &str) -> Parsed {
    if parser.is(K::Name) && !parser.is_first() {
        let diagnostic = parser.expectation(what);
        let quoted = format!("\"{}\"", parser.text());
        let diagnostic = diagnostic.fixed_by("put it in quotes", parser.span(), quoted);
        return Err(parser.fail(diagnostic));
    }
    parser.expect(K::String, what)
}

/// `5s`
pub(super) fn duration(parser: &mut Parser<'_>) -> Parsed {
    if parser.is(K::Number) && !parser.is_first() {
        let next = (parser.nth_text(1), parser.nth_span(1));
        let diagnostic = errors::no_unit(parser.text(), parser.span(), next);
        parser.report(diagnostic);
        parser.bump();
        if ["ms", "s", "min"].iter().any(|unit| parser.nth_is_word(0, unit)) && !parser.is_first() {
            parser.bump();
        }
        return Ok(());
    }
    parser.expect(K::Duration, "a time, like `500ms`, `5s` or `1min`,")
}

/// A number.
pub(super) fn number(parser: &mut Parser<'_>, what: &str) -> Parsed {
    parser.expect(K::Number, what)
}

/// `-3`, `IDLE`, `ngx_http_*`, `& 4`, `& 7 == 2`
pub(super) fn value(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::Value, |parser| match parser.kind() {
        K::Number | K::Character => {
            parser.bump();
            Ok(())
        }
        K::Minus => {
            parser.bump();
            number(parser, "a number")
        }
        K::Name => pattern(parser, "a value"),
        K::Ampersand => {
            parser.bump();
            number(parser, "the bits that are looked at, a number,")?;
            if parser.eat(K::EqualEqual) { number(parser, "what the bits are, a number,") } else { Ok(()) }
        }
        _ => {
            let diagnostic = parser.expectation("a value");
            let forms = "a value is a number, the name of a constant or function (`ngx_http_*`: all that begin so), `& BITS`, \
                         `& BITS == NUMBER`, or `_` for all others";
            Err(parser.fail(diagnostic.helped(forms)))
        }
    })
}

/// The arms of a `match`: `{ A, B => …  _ => … }`.
pub(super) fn arms(parser: &mut Parser<'_>, mut body: impl FnMut(&mut Parser<'_>) -> Parsed) -> Parsed {
    let indent = parser.indent();
    let mut otherwise = None;
    let is_outside = move |parser: &Parser<'_>| {
        parser.at_statement() || parser.is_first() && parser.nth_column(0) <= indent && is_other_item(parser)
    };
    parser.block(is_outside, |parser| {
        let start = parser.span();
        if let Some(otherwise) = otherwise {
            let diagnostic = errors::unreachable_arm(start, otherwise);
            parser.report(diagnostic);
        }
        let is_rest = parser.nth_is_word(0, "_");
        if is_rest {
            otherwise = Some(start);
        }
        parser.node(K::Arm, |parser| {
            if is_rest {
                parser.keyword();
            } else {
                super::list(parser, value, |_| true)?;
            }
            super::operator(parser, K::FatArrow, "and what follows")?;
            super::begins(parser, "what follows", super::BEHIND_PATHS)?;
            body(parser)
        })
    })
}

/// Whether an item of the block around comes, and no arm: `path =`, `path ->`, `path :`.
fn is_other_item(parser: &Parser<'_>) -> bool {
    let length = path_length(parser, 0);
    length > 0 && matches!(parser.nth(length), K::Equal | K::Arrow | K::Colon)
}
