//! Statements about processes.

use super::super::kind::SyntaxKind as K;
use super::super::parser::{Parsed, Parser};
use super::names::{dot, dotted_path, duration, name, name_or_text, number, symbol, text};
use super::{arguments, list, no_item, operator, with_block};

/// `quiesce at f in "worker process" within 2s`
pub(super) fn quiesce(parser: &mut Parser<'_>) -> Parsed {
    parser.expect_word("at")?;
    symbol(parser, "the name of a function")?;
    if parser.eat_word("in") {
        text(parser, "a part of a process's title, in quotes,")?;
    }
    if parser.eat_word("within") {
        duration(parser)?;
    }
    Ok(())
}

/// `role session in frame server_loop2 blocked in ppoll { … }`
pub(super) fn role(parser: &mut Parser<'_>) -> Parsed {
    let head = |parser: &mut Parser<'_>| {
        name(parser, "a name for the role")?;
        parser.expect_word("in")?;
        parser.expect_word("frame")?;
        symbol(parser, "the name of a function")?;
        if parser.eat_word("blocked") {
            parser.expect_word("in")?;
            name(parser, "the name of a system call")?;
        }
        Ok(())
    };
    with_block(parser, head, |parser| parser.block(Parser::at_statement, item))
}

const WORDS: [&str; 6] = ["image", "bind", "enter", "mute", "opaque", "wait"];

fn item(parser: &mut Parser<'_>) -> Parsed {
    const FORMS: &str = "`image PROGRAM`, `bind NAME = frame.VARIABLE`, `enter FUNCTION(…)`, `mute CALL`, \
                         `opaque PATH : export FUNCTION, import FUNCTION`, or `wait for ROLE within TIME`";
    let (kind, rest): (K, fn(&mut Parser<'_>) -> Parsed) = match (parser.kind(), parser.text()) {
        (K::Name, "image") => (K::Image, |parser| name_or_text(parser, "the name of a program")),
        (K::Name, "bind") => (K::Bind, |parser| list(parser, binding, has_binding_behind)),
        (K::Name, "enter") => (K::Enter, enter),
        (K::Name, "mute") => (K::Mute, |parser| list(parser, mute, has_call_behind)),
        (K::Name, "opaque") => (K::OpaqueState, opaque),
        (K::Name, "wait") => (K::Wait, wait),
        _ => return Err(no_item(parser, "an item of a role", &WORDS, FORMS)),
    };
    parser.node(kind, |parser| {
        parser.keyword();
        rest(parser)
    })
}

/// `ssh = frame.ssh@entry`
fn binding(parser: &mut Parser<'_>) -> Parsed {
    parser.node(K::Binding, |parser| {
        name(parser, "a name for the value")?;
        operator(parser, K::Equal, "and a variable of a frame, like `frame.ssh`,")?;
        symbol(parser, "`frame` or the name of a function")?;
        dot(parser)?;
        name(parser, "the name of a variable")?;
        if parser.eat(K::At) { parser.expect_word("entry") } else { Ok(()) }
    })
}

fn has_binding_behind(parser: &Parser<'_>) -> bool {
    parser.nth(1) == K::Name && parser.nth(2) == K::Equal
}

/// `server_loop2(ssh, authctxt) then exit(0)`
fn enter(parser: &mut Parser<'_>) -> Parsed {
    symbol(parser, "the name of a function")?;
    arguments(parser, |parser| name(parser, "a name that is bound"))?;
    if parser.eat_word("then") {
        parser.expect_word("exit")?;
        parser.enclosed((K::OpenParen, K::CloseParen), "`(` and an exit code", |parser| {
            number(parser, "an exit code")
        })?;
    }
    Ok(())
}

/// `write to inherited`, `fcntl(F_SETOWN | F_SETFL)`
fn mute(parser: &mut Parser<'_>) -> Parsed {
    if parser.nth_is_word(0, "write") && parser.nth_is_word(1, "to") {
        return parser.node(K::MuteWrite, |parser| {
            parser.keyword();
            parser.keyword();
            parser.expect_word("inherited")
        });
    }
    parser.node(K::MuteCall, |parser| {
        name(parser, "the name of a system call")?;
        if !parser.is(K::OpenParen) {
            return Ok(());
        }
        parser.enclosed((K::OpenParen, K::CloseParen), "`(`", |parser| {
            name(parser, "the name of a command")?;
            while parser.eat(K::Bar) {
                name(parser, "the name of a command")?;
            }
            Ok(())
        })
    })
}

/// Whether another call follows the comma, and no new item.
fn has_call_behind(parser: &Parser<'_>) -> bool {
    let is_item = WORDS.iter().any(|word| parser.nth_is_word(1, word))
        && matches!(parser.nth(2), K::Name | K::String)
        && !parser.nth_is_first(2);
    parser.nth(1) == K::Name && !is_item
}

/// `ssh.state : export f, import g`
fn opaque(parser: &mut Parser<'_>) -> Parsed {
    dotted_path(parser, "what is carried over")?;
    operator(parser, K::Colon, "and the functions that carry it over")?;
    parser.expect_word("export")?;
    symbol(parser, "the name of a function of the old release")?;
    parser.expect(K::Comma, "`,` and `import`")?;
    parser.expect_word("import")?;
    symbol(parser, "the name of a function of the new release")
}

/// `for session within 30s`
fn wait(parser: &mut Parser<'_>) -> Parsed {
    parser.expect_word("for")?;
    name(parser, "the name of a role")?;
    parser.expect_word("within")?;
    duration(parser)
}
