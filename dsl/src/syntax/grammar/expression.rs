//! Expressions.
//!
//! Outside of brackets one ends with its line, unless that ends in an operator: so nothing that begins a line is taken as an operator.

use super::super::errors;
use super::super::kind::SyntaxKind as K;
use super::super::parser::{DEEPEST, Parsed, Parser};
use super::names::{arms, dotted_path, is_keyword, is_word_of_c, name, symbol, ty};
use super::{arguments, list, operator};

/// How many levels of nodes an expression has.
type Height = u32;

/// How tightly operators bind, from the loosest.
const EITHER: u8 = 1;
const BOTH: u8 = 2;
const COMPARISON: u8 = 3;
const BITS: u8 = 4;

fn level(kind: K) -> Option<u8> {
    Some(match kind {
        K::OrOr => EITHER,
        K::AndAnd => BOTH,
        K::EqualEqual | K::NotEqual | K::Less | K::LessEqual | K::Greater | K::GreaterEqual => COMPARISON,
        K::Ampersand | K::Bar | K::Caret => BITS,
        K::ShiftLeft | K::ShiftRight => 5,
        K::Plus | K::Minus => 6,
        K::Star | K::Slash | K::Percent => 7,
        _ => return None,
    })
}

pub(super) fn expression(parser: &mut Parser<'_>) -> Parsed {
    whole(parser).map(|_| ())
}

/// One behind which a block comes, so that `{` begins no object.
pub(super) fn expression_before_block(parser: &mut Parser<'_>) -> Parsed {
    let objects = std::mem::replace(&mut parser.objects, false);
    let outcome = expression(parser);
    parser.objects = objects;
    outcome
}

/// Something that lies somewhere: a name, with members and elements of it.
pub(super) fn place(parser: &mut Parser<'_>, what: &str) -> Parsed {
    let is_more = matches!(parser.nth(1), K::OpenParen | K::OpenBrace) && !parser.nth_is_first(1);
    if parser.kind() != K::Name || is_more || parser.nth_is_word(0, "todo") && parser.nth(1) == K::String {
        return Err(parser.expected(what));
    }
    postfix(parser).map(|_| ())
}

/// Whether what comes next may belong to the expression.
fn goes_on(parser: &Parser<'_>) -> bool {
    !(parser.lines_count && parser.is_first())
}

/// One level more, if there may be.
fn higher(parser: &mut Parser<'_>, one: Height, other: Height) -> Parsed<Height> {
    let height = one.max(other) + 1;
    if parser.depth + height > DEEPEST {
        let diagnostic = errors::too_deep(parser.span(), DEEPEST);
        return Err(parser.fail(diagnostic));
    }
    Ok(height)
}

fn whole(parser: &mut Parser<'_>) -> Parsed<Height> {
    parser.deeper(|parser| {
        let start = parser.here();
        let mut height = binary(parser, EITHER)?;
        if goes_on(parser) && parser.is(K::Question) {
            height = parser.wrap(start, K::ConditionalExpression, |parser| {
                parser.bump();
                let yes = whole(parser)?;
                operator(parser, K::Colon, "and the value if it is not so")?;
                let no = whole(parser)?;
                higher(parser, height, yes.max(no))
            })?;
        }
        if goes_on(parser) && parser.at_word("else") {
            height = parser.wrap(start, K::ElseExpression, |parser| {
                parser.keyword();
                let other = whole(parser)?;
                higher(parser, height, other)
            })?;
        }
        Ok(height)
    })
}

fn binary(parser: &mut Parser<'_>, least: u8) -> Parsed<Height> {
    let start = parser.here();
    let mut height = unary(parser)?;
    let mut before = None;
    while goes_on(parser) {
        let Some((level, meant)) = operator_here(parser).filter(|(level, _)| *level >= least) else {
            break;
        };
        if let Some((wanted, what)) = meant {
            let diagnostic = errors::other_operator(parser.span(), parser.text(), wanted, what);
            parser.report(diagnostic);
        }
        let span = parser.span();
        match before {
            Some((COMPARISON, first)) if level == COMPARISON => {
                let diagnostic = errors::compared_twice(span, first);
                parser.report(diagnostic);
            }
            Some((BITS, first)) if level == BITS && parser.text_at(first) != parser.text() => {
                let diagnostic = errors::mixed_operators(span, (first, parser.text_at(first)), parser.text());
                parser.report(diagnostic);
            }
            _ => {}
        }
        before = Some((level, span));
        height = parser.wrap(start, K::BinaryExpression, |parser| {
            parser.bump();
            if parser.lines_count {
                super::begins(parser, "an expression", &[K::Equal, K::FatArrow])?;
            }
            let other = parser.deeper(|parser| binary(parser, level + 1))?;
            higher(parser, height, other)
        })?;
    }
    Ok(height)
}

/// How tightly the operator binds that comes next. Of one that is meant for another: for which, and what that does.
fn operator_here(parser: &Parser<'_>) -> Option<(u8, Option<(&'static str, &'static str)>)> {
    match (parser.kind(), parser.text()) {
        (K::Equal, _) => Some((COMPARISON, Some(("==", "to compare")))),
        (K::Name, "and") => Some((BOTH, Some(("&&", "to join what is true")))),
        (K::Name, "or") => Some((EITHER, Some(("||", "to join what is true")))),
        (kind, _) => level(kind).map(|level| (level, None)),
    }
}

fn unary(parser: &mut Parser<'_>) -> Parsed<Height> {
    match parser.kind() {
        K::Minus | K::Bang | K::Tilde | K::Ampersand => parser.node(K::UnaryExpression, |parser| {
            parser.bump();
            let of = parser.deeper(unary)?;
            higher(parser, of, 0)
        }),
        K::Star => {
            let help = "what a pointer points to is reached by `.`, as if it were the pointer's own";
            let diagnostic = errors::foreign(parser.span(), "there is no `*` before a value", help);
            Err(parser.fail(diagnostic.fixed_by("leave it out", parser.span(), "")))
        }
        K::AndAnd => {
            let diagnostic = parser.expectation("an expression");
            Err(parser.fail(diagnostic))
        }
        _ => postfix(parser),
    }
}

fn postfix(parser: &mut Parser<'_>) -> Parsed<Height> {
    let start = parser.here();
    let mut height = primary(parser)?;
    while goes_on(parser) {
        match parser.kind() {
            K::Dot | K::Arrow => {
                height = parser.wrap(start, K::MemberExpression, |parser| {
                    super::names::dot(parser)?;
                    name(parser, "the name of a member")?;
                    higher(parser, height, 0)
                })?;
            }
            K::OpenBracket => {
                let (mut other, mut is_slice) = (0, false);
                parser.enclosed((K::OpenBracket, K::CloseBracket), "`[`", |parser| {
                    other = whole(parser)?;
                    is_slice = parser.eat(K::DotDot);
                    if is_slice {
                        other = other.max(whole(parser)?);
                    }
                    Ok(())
                })?;
                let kind = if is_slice { K::SliceExpression } else { K::IndexExpression };
                parser.wrap(start, kind, |_| ());
                height = higher(parser, height, other)?;
            }
            _ => break,
        }
    }
    Ok(height)
}

fn primary(parser: &mut Parser<'_>) -> Parsed<Height> {
    match parser.kind() {
        K::Number | K::Character | K::String => {
            parser.node(K::Constant, Parser::bump);
            Ok(1)
        }
        K::Name => named(parser),
        K::OpenParen => {
            if is_keyword(parser.nth_text(1)) || is_word_of_c(parser.nth_text(1)) {
                let help = "values have no types of C's: they are numbers of 64 bits, and one that does not fit its member is refused";
                let diagnostic = errors::foreign(parser.span(), "there are no casts", help);
                return Err(parser.fail(diagnostic));
            }
            let height = parser.node(K::ParenExpression, |parser| {
                let mut height = 0;
                parser.enclosed((K::OpenParen, K::CloseParen), "`(`", |parser| {
                    height = whole(parser)?;
                    Ok(())
                })?;
                Ok(height)
            })?;
            higher(parser, height, 0)
        }
        K::OpenBracket => {
            parser.node(K::List, |parser| {
                parser.enclosed((K::OpenBracket, K::CloseBracket), "`[`", |parser| {
                    if parser.is(K::CloseBracket) { Ok(()) } else { list(parser, expression, |_| true) }
                })
            })?;
            Ok(DEEPEST.saturating_sub(parser.depth).min(2))
        }
        _ => {
            let diagnostic = parser.expectation("an expression");
            let help = match parser.kind() {
                K::Duration => Some("a time stands behind `within` only"),
                _ => None,
            };
            let diagnostic = help.into_iter().fold(diagnostic, |diagnostic, help| diagnostic.helped(help));
            Err(parser.fail(diagnostic))
        }
    }
}

/// What begins with a name.
fn named(parser: &mut Parser<'_>) -> Parsed<Height> {
    let has_arguments = parser.nth(1) == K::OpenParen && !(parser.lines_count && parser.nth_is_first(1));
    match parser.text() {
        "true" | "false" | "null" | "zero" if !has_arguments && parser.nth(1) != K::At => {
            parser.node(K::Constant, Parser::keyword);
        }
        "NULL" | "nullptr" | "nil" => {
            let diagnostic =
                errors::other_operator(parser.span(), parser.text(), "null", "for the null pointer");
            parser.report(diagnostic);
            parser.node(K::Constant, Parser::keyword);
        }
        "sizeof" if has_arguments => parser.node(K::SizeOf, |parser| {
            parser.keyword();
            parser.enclosed((K::OpenParen, K::CloseParen), "`(`", |parser| ty(parser, "a type"))
        })?,
        "match" if is_match(parser) => parser.node(K::MatchExpression, |parser| {
            parser.keyword();
            let head = |parser: &mut Parser<'_>| expression_before_block(parser);
            super::with_block(parser, head, |parser| arms(parser, expression))
        })?,
        "todo" if parser.nth(1) == K::String => super::change::hole(parser)?,
        word if is_keyword(word) && parser.nth(1) == K::Name => {
            parser.node(K::Object, object)?;
        }
        _ if has_arguments => parser.node(K::CallExpression, |parser| {
            parser.bump();
            arguments(parser, argument)
        })?,
        _ => {
            let start = parser.here();
            symbol(parser, "an expression")?;
            if parser.objects && parser.is(K::OpenBrace) && goes_on(parser) {
                parser.wrap(start, K::Type, |_| ());
                parser.wrap(start, K::Object, members)?;
            } else {
                parser.wrap(start, K::NameExpression, |_| ());
            }
        }
    }
    Ok(2)
}

/// Whether `match` is no variable or function here.
fn is_match(parser: &Parser<'_>) -> bool {
    /// An expression is no longer.
    const FARTHEST: usize = 1000;
    if parser.nth(1) != K::OpenParen {
        return matches!(parser.nth(1), K::Name | K::Number | K::String | K::Character);
    }
    let mut open = 0_u32;
    for ahead in 1..FARTHEST {
        match parser.nth(ahead) {
            K::OpenParen => open += 1,
            K::CloseParen if open == 1 => return parser.nth(ahead + 1) == K::OpenBrace,
            K::CloseParen => open -= 1,
            K::End => return false,
            _ => {}
        }
    }
    false
}

fn argument(parser: &mut Parser<'_>) -> Parsed {
    if parser.nth_is_word(0, "via") && parser.nth(1) == K::Name {
        return parser.node(K::Via, |parser| {
            parser.keyword();
            dotted_path(parser, "the member that leads to the next")
        });
    }
    expression(parser)
}

/// `conn { id = 3 }`
fn object(parser: &mut Parser<'_>) -> Parsed {
    ty(parser, "the name of a type")?;
    members(parser)
}

fn members(parser: &mut Parser<'_>) -> Parsed {
    parser.block(Parser::at_statement, |parser| {
        if !parser.is(K::Name) {
            return Err(super::no_item(parser, "a member", &[], "`MEMBER = VALUE`"));
        }
        parser.node(K::SetItem, |parser| {
            dotted_path(parser, "the name of a member")?;
            operator(parser, K::Equal, "and a value")?;
            super::begins(parser, "an expression", super::BEHIND_PATHS)?;
            expression(parser)
        })
    })
}

/// `conn { … }`, `[ … ]`: where nothing else can stand.
pub(super) fn literal(parser: &mut Parser<'_>) -> Parsed {
    match parser.kind() {
        K::OpenBracket => primary(parser).map(|_| ()),
        K::Name => parser.node(K::Object, object),
        _ => {
            let diagnostic = parser.expectation("an example");
            Err(parser.fail(diagnostic.helped("an example is `TYPE { MEMBER = VALUE … }` or `[ VALUE, … ]`")))
        }
    }
}
