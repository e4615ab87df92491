//! Nodes and tokens of a node, and names, paths, types, texts and numbers of them.

use super::super::kind::{Node, SyntaxKind as K, Token};
use super::super::literal;
use crate::rules::{Hole, Keyword, Milliseconds, Path, Pattern, Step, Symbol, TypeName, Value};
use crate::source::{At, FileId, Span};
use rowan::TextRange;

/// What all of it needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Build {
    pub(super) file: FileId,
}

impl Build {
    pub(super) fn range(self, range: TextRange) -> Span {
        Span { file: self.file, start: range.start().into(), end: range.end().into() }
    }

    pub(super) fn span(self, node: &Node) -> Span {
        self.range(node.text_range())
    }

    /// Something, where the node is.
    pub(super) fn at<T>(self, node: &Node, is: T) -> At<T> {
        At { is, span: self.span(node) }
    }

    pub(super) fn at_token<T>(self, token: &Token, is: T) -> At<T> {
        At { is, span: self.range(token.text_range()) }
    }

    /// The first name of a node.
    pub(super) fn name(self, node: &Node) -> Option<At<String>> {
        token(node, K::Name).map(|token| self.at_token(&token, token.text().to_owned()))
    }

    /// All of them.
    pub(super) fn names(self, node: &Node) -> Vec<At<String>> {
        tokens(node)
            .filter(|token| token.kind() == K::Name)
            .map(|token| self.at_token(&token, token.text().to_owned()))
            .collect()
    }

    /// The first number of a node.
    pub(super) fn number(self, node: &Node) -> Option<At<u64>> {
        let token = token(node, K::Number)?;
        Some(self.at_token(&token, literal::number(token.text()).ok()?))
    }

    pub(super) fn duration(self, node: &Node) -> Option<At<Milliseconds>> {
        let token = token(node, K::Duration)?;
        Some(self.at_token(&token, Milliseconds(literal::duration(token.text()).ok()?)))
    }
}

/// The tokens right below a node.
pub(super) fn tokens(node: &Node) -> impl Iterator<Item = Token> {
    node.children_with_tokens().filter_map(rowan::NodeOrToken::into_token)
}

pub(super) fn token(node: &Node, kind: K) -> Option<Token> {
    tokens(node).find(|token| token.kind() == kind)
}

/// Whether this word of the language is right below it.
pub(super) fn has_word(node: &Node, word: &str) -> bool {
    tokens(node).any(|token| token.kind() == K::Keyword && token.text() == word)
}

pub(super) fn child(node: &Node, kind: K) -> Option<Node> {
    node.children().find(|child| child.kind() == kind)
}

pub(super) fn children(node: &Node, kind: K) -> impl Iterator<Item = Node> {
    node.children().filter(move |child| child.kind() == kind)
}

/// Each of them, or nothing at all.
pub(super) fn all<T>(
    nodes: impl Iterator<Item = Node>,
    build: impl FnMut(Node) -> Option<T>,
) -> Option<Vec<T>> {
    nodes.map(build).collect()
}

/// The block of a node, if nothing in it is wrong.
pub(super) fn whole_block(node: &Node) -> Option<Node> {
    let block = child(node, K::Block)?;
    child(&block, K::Error).is_none().then_some(block)
}

pub(super) fn symbol(build: Build, node: &Node) -> Option<At<Symbol>> {
    let name = build.name(node)?;
    let unit = match token(node, K::String) {
        Some(token) => Some(text_of(&token)?),
        None => None,
    };
    Some(build.at(node, Symbol { name: name.is, unit }))
}

/// The first symbol of a node.
pub(super) fn symbol_of(build: Build, node: &Node) -> Option<At<Symbol>> {
    symbol(build, &child(node, K::Symbol)?)
}

pub(super) fn pattern(build: Build, node: &Node) -> Option<At<Pattern>> {
    let name = build.name(node)?.is;
    Some(build.at(node, Pattern { name, is_prefix: token(node, K::Star).is_some() }))
}

pub(super) fn path(build: Build, node: &Node) -> Option<At<Path>> {
    let mut steps = Vec::new();
    for token in tokens(node) {
        let step = match token.kind() {
            K::Name => Step::Member(token.text().to_owned()),
            K::Number => Step::Index(literal::number(token.text()).ok()?),
            _ => continue,
        };
        steps.push(build.at_token(&token, step));
    }
    (!steps.is_empty()).then(|| build.at(node, Path { steps }))
}

/// The first path of a node.
pub(super) fn path_of(build: Build, node: &Node) -> Option<At<Path>> {
    path(build, &child(node, K::Path)?)
}

pub(super) fn paths(build: Build, node: &Node) -> Option<Vec<At<Path>>> {
    all(children(node, K::Path), |node| path(build, &node))
}

pub(super) fn ty(build: Build, node: &Node) -> Option<At<TypeName>> {
    let mut symbol = symbol_of(build, node)?.is;
    let (mut keyword, mut pointers, mut arrays) = (None, 0, Vec::new());
    for token in tokens(node) {
        match token.kind() {
            K::Keyword => {
                keyword = Some(match token.text() {
                    "struct" => Keyword::Struct,
                    "union" => Keyword::Union,
                    _ => Keyword::Enum,
                });
            }
            K::Name => {
                symbol.name.push(' ');
                symbol.name.push_str(token.text());
            }
            K::Star => pointers += 1,
            K::Number => arrays.push(literal::number(token.text()).ok()?),
            _ => {}
        }
    }
    Some(build.at(node, TypeName { keyword, symbol, pointers, arrays }))
}

/// The first type of a node.
pub(super) fn ty_of(build: Build, node: &Node) -> Option<At<TypeName>> {
    ty(build, &child(node, K::Type)?)
}

/// The first text of a node.
pub(super) fn string(build: Build, node: &Node) -> Option<At<String>> {
    let token = token(node, K::String)?;
    Some(build.at_token(&token, text_of(&token)?))
}

/// All of them.
pub(super) fn strings(build: Build, node: &Node) -> Vec<At<String>> {
    tokens(node)
        .filter(|token| token.kind() == K::String)
        .filter_map(|token| Some(build.at_token(&token, text_of(&token)?)))
        .collect()
}

/// Texts for people are text; escapes that are none show as such.
fn text_of(token: &Token) -> Option<String> {
    let bytes = literal::string(token.text()).ok()?;
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

/// A name, or a text in its place.
pub(super) fn name_or_text(build: Build, node: &Node) -> Option<At<String>> {
    string(build, node).or_else(|| build.name(node))
}

pub(super) fn hole(build: Build, node: &Node) -> Option<Hole> {
    Some(Hole { why: string(build, node)? })
}

pub(super) fn value(build: Build, node: &Node) -> Option<At<Value>> {
    let numbers: Option<Vec<u64>> = tokens(node)
        .filter(|token| matches!(token.kind(), K::Number | K::Character))
        .map(|token| match token.kind() {
            K::Number => literal::number(token.text()).ok(),
            _ => literal::character(token.text()).ok(),
        })
        .collect();
    let is = match (numbers?.as_slice(), token(node, K::Ampersand), token(node, K::Minus)) {
        ([mask, value], Some(_), _) => Value::Bits { mask: *mask, value: *value },
        ([mask], Some(_), _) => Value::Bits { mask: *mask, value: *mask },
        ([number], None, Some(_)) => Value::Number(-i128::from(*number)),
        ([number], None, None) => Value::Number(i128::from(*number)),
        _ => Value::Name(pattern(build, &child(node, K::Pattern)?)?.is),
    };
    Some(build.at(node, is))
}

/// The arms of a `match`: values and what follows, and what follows for all others.
pub(super) type Arms<T> = (Vec<(Vec<At<Value>>, T)>, Option<T>);

/// Of a node with a block of arms.
pub(super) fn arms<T>(build: Build, node: &Node, body: impl Fn(&Node) -> Option<T>) -> Option<Arms<T>> {
    let (mut arms, mut otherwise) = (Vec::new(), None);
    for arm in children(&whole_block(node)?, K::Arm) {
        let then = body(&arm.last_child()?)?;
        if has_word(&arm, "_") {
            otherwise = Some(then);
        } else {
            arms.push((all(children(&arm, K::Value), |node| value(build, &node))?, then));
        }
    }
    Some((arms, otherwise))
}
