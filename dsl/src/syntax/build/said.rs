//! What a file says of itself.

use super::super::kind::{Node, SyntaxKind as K};
use super::change::call;
use super::expression::{example, expression_of};
use super::names::{Build, all, child, children, has_word, name_or_text, string, symbol_of, whole_block};
use crate::diagnostic::Code;
use crate::rules::{Allow, Expected, Given, Literal, Symbol, Test};
use crate::source::At;

pub(super) fn program(build: Build, node: &Node) -> Option<At<String>> {
    name_or_text(build, node)
}

pub(super) fn allow(build: Build, node: &Node) -> Option<Allow> {
    let name = build.name(node)?;
    let code = At { is: code(&name.is)?, span: name.span };
    Some(Allow { code, because: string(build, node)?, span: build.span(node) })
}

/// `MCX101`
pub(in super::super) fn code(text: &str) -> Option<Code> {
    let digits = text.strip_prefix("MCX").filter(|digits| digits.len() == 3)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok().map(Code))?
}

pub(super) fn test(build: Build, node: &Node) -> Option<Test> {
    let block = whole_block(node)?;
    Some(Test {
        name: string(build, node)?,
        given: all(children(&block, K::Given), |node| given(build, &node))?,
        expected: all(children(&block, K::Expect), |node| expected(build, &node))?,
        span: build.span(node),
    })
}

fn given(build: Build, node: &Node) -> Option<At<Given>> {
    let is = if has_word(node, "global") {
        let (name, value) = global(build, node)?;
        Given::Global(name, value)
    } else {
        let (name, literal) = object(build, node)?;
        Given::Object { name, literal }
    };
    Some(build.at(node, is))
}

fn expected(build: Build, node: &Node) -> Option<At<Expected>> {
    let is = if has_word(node, "fail") {
        Expected::Fail(string(build, node))
    } else if has_word(node, "global") {
        let (name, value) = global(build, node)?;
        Expected::Global(name, value)
    } else if let Some(node) = child(node, K::CallChange) {
        let (function, arguments) = call(build, &node)?;
        Expected::Call { function, arguments }
    } else {
        let (name, literal) = object(build, node)?;
        Expected::Object { name, literal }
    };
    Some(build.at(node, is))
}

fn global(build: Build, node: &Node) -> Option<(At<Symbol>, At<crate::rules::Expression>)> {
    Some((symbol_of(build, node)?, expression_of(build, node)?))
}

fn object(build: Build, node: &Node) -> Option<(Option<At<String>>, At<Literal>)> {
    let literal = node.children().find(|child| matches!(child.kind(), K::Object | K::List))?;
    Some((build.name(node), example(build, &literal)?))
}
