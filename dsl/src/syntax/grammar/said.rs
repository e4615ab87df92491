//! What a file says of itself: its header, what is meant so, its tests.

use super::super::build::code;
use super::super::errors;
use super::super::kind::SyntaxKind as K;
use super::super::parser::{Parsed, Parser};
use super::expression::{expression, literal};
use super::names::{self, name, name_or_text, number, symbol};
use super::{no_item, operator, with_block};

/// `mcrx 1`
pub(super) fn version(parser: &mut Parser<'_>) -> Parsed {
    if parser.progress() > 1 {
        let diagnostic = errors::version_not_first(parser.span_before());
        parser.report(diagnostic);
    }
    let known = parser.text() == "1";
    if parser.is(K::Number) && !known {
        let diagnostic = errors::version_unknown(parser.span(), parser.text());
        parser.report(diagnostic);
    }
    number(parser, "the version of the language, a number,")
}

/// `program nginx`
pub(super) fn program(parser: &mut Parser<'_>) -> Parsed {
    name_or_text(parser, "the name of a program")
}

/// `from "1.22.1"`, `to "1.26.3"`, `import "nginx-facts.mcrx"`
pub(super) fn text(parser: &mut Parser<'_>) -> Parsed {
    names::text(parser, "a text in quotes")
}

/// `allow MCX101 because "…"`
pub(super) fn allow(parser: &mut Parser<'_>) -> Parsed {
    if parser.is(K::Name) && code(parser.text()).is_none() {
        let diagnostic = errors::not_a_code(parser.span(), parser.text());
        return Err(parser.fail(diagnostic));
    }
    name(parser, "the code of a finding, like `MCX101`,")?;
    if !parser.nth_is_word(0, "because") {
        let diagnostic = parser.expectation("`because` and a reason");
        return Err(parser.fail(diagnostic.helped("who reads the file later wants to know why this is well")));
    }
    parser.expect_word("because")?;
    names::text(parser, "a reason in quotes")
}

/// `test "an idle connection" { given … expect … }`
pub(super) fn test(parser: &mut Parser<'_>) -> Parsed {
    let head = |parser: &mut Parser<'_>| names::text(parser, "what it shows, in quotes,");
    with_block(parser, head, |parser| parser.block(Parser::at_statement, item))
}

fn item(parser: &mut Parser<'_>) -> Parsed {
    const FORMS: &str = "`given TYPE { … }`, `given NAME = TYPE { … }`, `given global NAME = VALUE`, the same with `expect`, `expect call FUNCTION(…)`, \
                         or `expect fail`";
    match (parser.kind(), parser.text()) {
        (K::Name, "given") => parser.node(K::Given, |parser| {
            parser.keyword();
            said(parser)
        }),
        (K::Name, "expect") => parser.node(K::Expect, |parser| {
            parser.keyword();
            let goes_on = matches!(parser.nth(1), K::OpenBrace | K::Equal);
            if parser.nth_is_word(0, "fail") && !goes_on {
                parser.keyword();
                parser.eat(K::String);
                return Ok(());
            }
            if parser.nth_is_word(0, "call") && parser.nth(1) == K::Name {
                return parser.node(K::CallChange, |parser| {
                    parser.keyword();
                    super::change::call(parser)
                });
            }
            said(parser)
        }),
        _ => Err(no_item(parser, "an item of a test", &["given", "expect"], FORMS)),
    }
}

/// `global count = 3`, `c = conn { … }`, `conn { … }`
fn said(parser: &mut Parser<'_>) -> Parsed {
    if parser.nth_is_word(0, "global") && parser.nth(1) == K::Name {
        parser.keyword();
        symbol(parser, "the name of a variable")?;
        operator(parser, K::Equal, "and its value")?;
        return expression(parser);
    }
    if parser.is(K::Name) && parser.nth(1) == K::Equal {
        parser.bump();
        parser.bump();
    }
    literal(parser)
}
