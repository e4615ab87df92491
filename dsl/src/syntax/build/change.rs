//! Changes.

use super::super::kind::{Node, SyntaxKind as K};
use super::expression::{expression_of, expressions_of, values};
use super::names::{
    Build, all, child, children, has_word, hole, name_or_text, path_of, paths, strings, symbol, symbol_of,
    tokens, ty, ty_of,
};
use crate::rules::{
    Action, Change, End, ForEach, GlobalChange, Symbol, TypeChange, TypeItem, TypeName, Which,
};
use crate::source::At;

pub(super) fn change(build: Build, node: &Node) -> Option<At<Change>> {
    let is = match node.kind() {
        K::TypeChange if child(node, K::Block).is_none() && has_word(node, "drop") => {
            let types = child(node, K::Types)?;
            Change::GivenUp(all(children(&types, K::Type), |node| ty(build, &node))?)
        }
        K::TypeChange => Change::Type(type_change(build, node)?),
        K::GlobalChange => Change::Global { name: symbol_of(build, node)?, change: global(build, node)? },
        K::FunctionChange => {
            let mut names = children(node, K::Symbol).filter_map(|node| symbol(build, &node));
            Change::Function { from: names.next()?, to: names.next()? }
        }
        K::TextChange => {
            let mut texts = strings(build, node).into_iter();
            Change::Text { from: texts.next()?, to: texts.next()? }
        }
        K::ForEach => Change::ForEach(for_each(build, node)?),
        K::Drain => Change::Drain { ty: ty_of(build, node)?, within: build.duration(node)? },
        K::CallChange => {
            let (function, arguments) = call(build, node)?;
            Change::Call { function, arguments }
        }
        K::Adapter => Change::Adapter(name_or_text(build, node)?),
        K::Assert => {
            let every =
                if has_word(node, "every") { Some((ty_of(build, node)?, build.name(node)?)) } else { None };
            Change::Assert { every, that: expression_of(build, node)? }
        }
        K::Define => Change::Define {
            name: build.name(node)?,
            parameters: build.names(&child(node, K::Arguments)?),
            body: expression_of(build, node)?,
        },
        K::Down => {
            let block = child(node, K::Block)?;
            Change::Down(block.children().filter_map(|node| change(build, &node)).collect())
        }
        K::Hole => Change::Hole(hole(build, node)?),
        _ => return None,
    };
    Some(build.at(node, is))
}

/// A function of the program, and what it is given.
pub(super) fn call(build: Build, node: &Node) -> Option<(At<Symbol>, Vec<At<crate::rules::Expression>>)> {
    Some((symbol_of(build, node)?, values(build, node)?))
}

fn type_change(build: Build, node: &Node) -> Option<TypeChange> {
    let types =
        |node: Node| -> Option<Vec<At<TypeName>>> { all(children(&node, K::Type), |node| ty(build, &node)) };
    let mut sides = children(node, K::Types);
    let from = types(sides.next()?)?;
    let to = match sides.next() {
        Some(side) => types(side)?,
        None => from.clone(),
    };
    let items = child(node, K::Block)?.children().filter_map(|node| type_item(build, &node)).collect();
    Some(TypeChange { from, to, items })
}

fn type_item(build: Build, node: &Node) -> Option<At<TypeItem>> {
    let is = match node.kind() {
        K::SetItem => TypeItem::Set { path: path_of(build, node)?, value: expression_of(build, node)? },
        K::RenameItem => {
            let mut paths = paths(build, node)?.into_iter();
            TypeItem::Rename { from: paths.next()?, to: paths.next()? }
        }
        K::DropItem => TypeItem::Drop(paths(build, node)?),
        K::ResetItem => TypeItem::Reset(paths(build, node)?),
        K::KeepItem => TypeItem::Keep { which: which(build, node)?.is, paths: paths(build, node)? },
        K::Hole => TypeItem::Hole(hole(build, node)?),
        _ => return None,
    };
    Some(build.at(node, is))
}

/// `old`, `new`: the word, and where.
fn which(build: Build, node: &Node) -> Option<At<Which>> {
    tokens(node).filter(|token| token.kind() == K::Keyword).find_map(|token| match token.text() {
        "old" => Some(build.at_token(&token, Which::Old)),
        "new" => Some(build.at_token(&token, Which::New)),
        _ => None,
    })
}

fn global(build: Build, node: &Node) -> Option<At<GlobalChange>> {
    // What becomes of it is all that comes behind its name.
    let name = build.span(&child(node, K::Symbol)?);
    let behind = |token: &crate::syntax::Token| build.range(token.text_range()).start >= name.end;
    let first = tokens(node).find(|token| behind(token) && !token.kind().is_trivia())?;
    let span = build.range(first.text_range()).to(build.span(node));
    let is = if has_word(node, "keep") {
        GlobalChange::Keep(which(build, node)?.is)
    } else if has_word(node, "drop") {
        GlobalChange::Drop
    } else if let Some(path) = path_of(build, node) {
        GlobalChange::Becomes(path)
    } else {
        GlobalChange::Set(expression_of(build, node)?)
    };
    Some(At { is, span })
}

fn for_each(build: Build, node: &Node) -> Option<ForEach> {
    let mut expressions = expressions_of(build, node).into_iter();
    let among = if has_word(node, "in") { Some(expressions.next()?) } else { None };
    let condition = if has_word(node, "where") { Some(expressions.next()?) } else { None };
    let actions = child(node, K::Block)?.children().filter_map(|node| action(build, &node)).collect();
    Some(ForEach {
        which: which(build, node),
        ty: ty_of(build, node)?,
        name: build.name(node)?,
        among,
        condition,
        actions,
    })
}

fn action(build: Build, node: &Node) -> Option<At<Action>> {
    let is = match node.kind() {
        K::Insert => {
            let mut paths = paths(build, node)?.into_iter();
            let end = tokens(node).filter(|token| token.kind() == K::Keyword).find_map(|token| {
                match token.text() {
                    "head" => Some(build.at_token(&token, End::Head)),
                    "tail" => Some(build.at_token(&token, End::Tail)),
                    _ => None,
                }
            });
            let (what, into) = (paths.next()?, expression_of(build, node)?);
            Action::Insert { what, into, at: end, via: paths.next() }
        }
        K::SetItem => Action::Set { path: path_of(build, node)?, value: expression_of(build, node)? },
        K::CallChange => {
            let (function, arguments) = call(build, node)?;
            Action::Call { function, arguments }
        }
        _ => return None,
    };
    Some(build.at(node, is))
}
