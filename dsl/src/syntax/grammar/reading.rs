//! How memory reads: what stands behind the colon of facts, and in the arms of a `match` there.

use super::super::errors;
use super::super::kind::SyntaxKind as K;
use super::super::parser::{DEEPEST, Parsed, Parser};
use super::names::{arms, dotted_path, name, number, symbol, ty};

const FORMS: &str = "a reading is `bytes`, `pin`, `opaque`, `retained`, `declared`, `.MEMBER`, a type, `TYPE[COUNT]`, `infer[COUNT]`, \
                     `tagged BITS`, `by_module LIST`, or `match MEMBER { VALUE => READING }`";

pub(super) fn reading(parser: &mut Parser<'_>) -> Parsed {
    parser.deeper(|parser| {
        let start = parser.here();
        simple(parser)?;
        let mut wrapped = parser.depth;
        // On a line of its own it may be a member called so.
        while parser.at_word("as") && (parser.nth(1) == K::Name || !parser.is_first()) {
            wrapped += 1;
            if wrapped > DEEPEST {
                let diagnostic = errors::too_deep(parser.span(), DEEPEST);
                return Err(parser.fail(diagnostic));
            }
            parser.wrap(start, K::VariantReading, |parser| {
                parser.keyword();
                name(parser, "the name of a variant")
            })?;
        }
        Ok(())
    })
}

fn simple(parser: &mut Parser<'_>) -> Parsed {
    match parser.kind() {
        K::Dot => parser.node(K::MemberReading, |parser| {
            parser.bump();
            dotted_path(parser, "the name of a member")
        }),
        K::Name => match parser.text() {
            "bytes" | "pin" | "opaque" | "retained" | "declared" => {
                parser.node(K::WordReading, Parser::keyword);
                Ok(())
            }
            "tagged" if parser.nth(1) == K::Number => parser.node(K::TaggedReading, |parser| {
                parser.keyword();
                number(parser, "the bits")
            }),
            "infer" if parser.nth(1) == K::OpenBracket => parser.node(K::ArrayReading, |parser| {
                parser.keyword();
                array(parser)
            }),
            "by_module" if parser.nth(1) == K::Name => parser.node(K::ByModule, |parser| {
                parser.keyword();
                symbol(parser, "a list of modules")
            }),
            "match" if parser.nth(1) == K::Name => matched(parser),
            "todo" if parser.nth(1) == K::String => super::change::hole(parser),
            _ => typed(parser),
        },
        _ => {
            let diagnostic = parser.expectation("a reading").helped(FORMS);
            Err(parser.fail(diagnostic))
        }
    }
}

/// `robj`, `robj tagged 0b11`, `item[count]`
fn typed(parser: &mut Parser<'_>) -> Parsed {
    let start = parser.here();
    ty(parser, "a reading")?;
    if parser.is(K::OpenBracket) {
        return parser.wrap(start, K::ArrayReading, array);
    }
    parser.wrap(start, K::TypeReading, |parser| {
        let is_tagged = parser.at_word("tagged") && (parser.nth(1) == K::Number || !parser.is_first());
        if !is_tagged {
            return Ok(());
        }
        parser.keyword();
        number(parser, "the bits that are used for something else, like `0b11`,")
    })
}

/// `[count] stride size`
fn array(parser: &mut Parser<'_>) -> Parsed {
    parser.expect(K::OpenBracket, "`[`")?;
    dotted_path(parser, "the member with the number of elements")?;
    parser.expect(K::CloseBracket, "`]`")?;
    if parser.at_word("stride") && (parser.nth(1) == K::Name || !parser.is_first()) {
        parser.keyword();
        dotted_path(parser, "the member with the size of an element")?;
    }
    Ok(())
}

/// `match read.handler { … }`
fn matched(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::MatchReading, |parser| {
        parser.keyword();
        super::with_block(parser, subject, |parser| arms(parser, reading))
    })
}

fn subject(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::Subject, |parser| {
        if parser.nth_is_word(0, "global") && parser.nth(1) == K::Name {
            parser.keyword();
            return dotted_path(parser, "the name of a variable");
        }
        if parser.nth_is_word(0, "bits") && parser.nth(1) == K::Number {
            parser.keyword();
            return number(parser, "the bits");
        }
        dotted_path(parser, "a member")
    })
}
