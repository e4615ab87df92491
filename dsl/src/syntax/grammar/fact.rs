//! Facts.

use super::super::errors;
use super::super::kind::SyntaxKind as K;
use super::super::parser::{Parsed, Parser};
use super::names::{arms, dot, dotted_path, name, name_or_text, pattern, symbol, ty};
use super::reading::reading;
use super::{arguments, list, no_item, operator, with_block};

/// `hook pool ngx_palloc(pool, size), …`
pub(super) fn hook(parser: &mut Parser<'_>) -> Parsed {
    parser.expect_word("pool")?;
    list(parser, call, |_| true)
}

fn call(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::Call, |parser| {
        pattern(parser, "the name of a function")?;
        arguments(parser, |parser| name(parser, "`pool`, `size`, or what else the parameter is called"))
    })
}

/// `wrapper f, g*`
pub(super) fn wrapper(parser: &mut Parser<'_>) -> Parsed {
    functions(parser)
}

fn functions(parser: &mut Parser<'_>) -> Parsed {
    list(parser, |parser| pattern(parser, "the name of a function"), |_| true)
}

/// `site f : robj`
pub(super) fn site(parser: &mut Parser<'_>) -> Parsed {
    functions(parser)?;
    operator(parser, K::Colon, "and what blocks are")?;
    match parser.text() {
        "bytes" | "caller" | "opaque" => {
            parser.node(K::WordReading, Parser::keyword);
            Ok(())
        }
        "todo" if parser.nth(1) == K::String => super::change::hole(parser),
        _ => ty(parser, "a type, `bytes`, `caller` or `opaque`"),
    }
}

/// `field dict.type : opaque`, `field conf.main, srv : opaque`
pub(super) fn field(parser: &mut Parser<'_>) -> Parsed {
    symbol(parser, "the name of a structure")?;
    if parser.is(K::Colon) {
        let diagnostic = parser.expectation("`.` and the name of a member");
        let help = "how one member reads is said by `field STRUCT.MEMBER : …`, how all pointers to a type read by `pointer TYPE : …`";
        return Err(parser.fail(diagnostic.helped(help)));
    }
    dot(parser)?;
    list(parser, |parser| dotted_path(parser, "the name of a member"), |_| true)?;
    operator(parser, K::Colon, "and a reading")?;
    reading(parser)
}

/// `pointer dictEntry : tagged 0b111`
pub(super) fn pointer(parser: &mut Parser<'_>) -> Parsed {
    symbol(parser, "the name of a type")?;
    while parser.is(K::Star) {
        let diagnostic = errors::needless_star(parser.span());
        parser.report(diagnostic);
        parser.node(K::Error, Parser::bump);
    }
    operator(parser, K::Colon, "and a reading")?;
    reading(parser)
}

/// `variant zset_entry of dictEntry { v : .d }`
pub(super) fn variant(parser: &mut Parser<'_>) -> Parsed {
    let head = |parser: &mut Parser<'_>| {
        name(parser, "a name for the variant")?;
        parser.expect_word("of")?;
        symbol(parser, "the name of a type")
    };
    with_block(parser, head, |parser| {
        parser.block(Parser::at_statement, |parser| {
            if !parser.is(K::Name) {
                return Err(no_item(parser, "a member", &[], "`MEMBER : READING`"));
            }
            parser.node(K::FieldReading, |parser| {
                dotted_path(parser, "the name of a member")?;
                operator(parser, K::Colon, "and a reading")?;
                super::begins(parser, "a reading", super::BEHIND_PATHS)?;
                reading(parser)
            })
        })
    })
}

/// `slab slabclass { pages = slab_list[slabs]  stride = size  element = item }`
pub(super) fn slab(parser: &mut Parser<'_>) -> Parsed {
    let head = |parser: &mut Parser<'_>| dotted_path(parser, "the variable that describes the slab classes");
    with_block(parser, head, |parser| parser.block(Parser::at_statement, slab_item))
}

fn slab_item(parser: &mut Parser<'_>) -> Parsed {
    const WORDS: [&str; 5] = ["pages", "stride", "per_page", "element", "match"];
    const FORMS: &str = "`pages = MEMBER[COUNT]`, `stride = MEMBER`, `per_page = MEMBER`, `element = TYPE`, or `match MEMBER { … }`";
    let kind = match (parser.kind(), parser.text()) {
        (K::Name, "pages") => K::SlabPages,
        (K::Name, "stride") => K::SlabStride,
        (K::Name, "per_page") => K::SlabPerPage,
        (K::Name, "element") => K::SlabElement,
        (K::Name, "match") => {
            return parser.node(K::SlabMatch, |parser| {
                parser.keyword();
                let head = |parser: &mut Parser<'_>| dotted_path(parser, "a member of the element");
                with_block(parser, head, |parser| arms(parser, element))
            });
        }
        _ => return Err(no_item(parser, "an item of a slab", &WORDS, FORMS)),
    };
    parser.node(kind, |parser| {
        parser.keyword();
        operator(parser, K::Equal, "and where it is")?;
        match kind {
            K::SlabElement => ty(parser, "the type of an element"),
            K::SlabPages => counted(parser, false),
            _ => dotted_path(parser, "a member of the slab class"),
        }
    })
}

/// What is in an element: `free`, `pin`, a type.
fn element(parser: &mut Parser<'_>) -> Parsed {
    match parser.text() {
        "free" | "pin" => {
            parser.node(K::WordReading, Parser::keyword);
            Ok(())
        }
        _ => ty(parser, "`free`, `pin` or a type"),
    }
}

/// `elts[nelts]`: a path, and in brackets another.
fn counted(parser: &mut Parser<'_>, must: bool) -> Parsed {
    dotted_path(parser, "a member")?;
    if !must && !parser.is(K::OpenBracket) {
        return Ok(());
    }
    parser.expect(K::OpenBracket, "`[` and the member with the number of elements")?;
    dotted_path(parser, "the member with the number of elements")?;
    parser.expect(K::CloseBracket, "`]`")
}

/// `scratch ngx_pool_s [d.last .. d.end]`
pub(super) fn scratch(parser: &mut Parser<'_>) -> Parsed {
    symbol(parser, "the name of a structure")?;
    parser.enclosed((K::OpenBracket, K::CloseBracket), "`[` and where it begins", |parser| {
        bound(parser)?;
        parser.expect(K::DotDot, "`..` and where it ends")?;
        bound(parser)
    })
}

fn bound(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::Bound, |parser| {
        let goes_on = matches!(parser.nth(1), K::Dot | K::OpenBracket);
        if parser.nth_is_word(0, "end") && !goes_on {
            parser.keyword();
            return Ok(());
        }
        dotted_path(parser, "a member or `end`")?;
        if parser.eat(K::OpenBracket) {
            dotted_path(parser, "the member with the number of an element")?;
            parser.expect(K::CloseBracket, "`]`")?;
        }
        Ok(())
    })
}

/// `module libcrypto pin`
pub(super) fn module(parser: &mut Parser<'_>) -> Parsed {
    name_or_text(parser, "the name of a library")?;
    parser.expect_word("pin")
}

/// `container ngx_array_t { elements = elts[nelts]  stride = size }`
pub(super) fn container(parser: &mut Parser<'_>) -> Parsed {
    let head = |parser: &mut Parser<'_>| symbol(parser, "the name of a structure");
    with_block(parser, head, |parser| {
        parser.block(Parser::at_statement, |parser| {
            const FORMS: &str = "`elements = MEMBER[COUNT]` or `stride = MEMBER`";
            let kind = match (parser.kind(), parser.text()) {
                (K::Name, "elements") => K::ContainerElements,
                (K::Name, "stride") => K::ContainerStride,
                _ => {
                    return Err(no_item(parser, "an item of a container", &["elements", "stride"], FORMS));
                }
            };
            parser.node(kind, |parser| {
                parser.keyword();
                operator(parser, K::Equal, "and where it is")?;
                if kind == K::ContainerElements {
                    counted(parser, true)
                } else {
                    dotted_path(parser, "the member with the size of an element")
                }
            })
        })
    })
}

/// `handle fd conn.sfd`
pub(super) fn handle(parser: &mut Parser<'_>) -> Parsed {
    parser.expect_word("fd")?;
    symbol(parser, "the name of a structure")?;
    dot(parser)?;
    dotted_path(parser, "the name of a member")
}
