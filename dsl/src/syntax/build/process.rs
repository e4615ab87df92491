//! Statements about processes.

use super::super::kind::{Node, SyntaxKind as K};
use super::names::{
    Build, all, child, children, has_word, name_or_text, path_of, string, symbol, symbol_of, token,
};
use crate::rules::{Mute, Process, Role, RoleItem, Variable};
use crate::source::At;

pub(super) fn process(build: Build, node: &Node) -> Option<At<Process>> {
    let is = match node.kind() {
        K::Quiesce => Process::Quiesce {
            at: symbol_of(build, node)?,
            title: string(build, node),
            within: build.duration(node),
        },
        _ => {
            let mut names = build.names(node).into_iter();
            let items = child(node, K::Block)?.children().filter_map(|node| item(build, &node)).collect();
            let (name, blocked_in) = (names.next()?, names.next());
            Process::Role(Role { name, frame: symbol_of(build, node)?, blocked_in, items })
        }
    };
    Some(build.at(node, is))
}

fn item(build: Build, node: &Node) -> Option<At<RoleItem>> {
    let is = match node.kind() {
        K::Image => RoleItem::Image(name_or_text(build, node)?),
        K::Bind => RoleItem::Bind(all(children(node, K::Binding), |node| binding(build, &node))?),
        K::Enter => RoleItem::Enter {
            function: symbol_of(build, node)?,
            arguments: build.names(&child(node, K::Arguments)?),
            exit: if has_word(node, "exit") { Some(build.number(node)?) } else { None },
        },
        K::Mute => {
            let calls = node.children().filter(|node| matches!(node.kind(), K::MuteWrite | K::MuteCall));
            RoleItem::Mute(all(calls, |node| mute(build, &node))?)
        }
        K::OpaqueState => {
            let mut functions = children(node, K::Symbol).filter_map(|node| symbol(build, &node));
            RoleItem::Opaque {
                path: path_of(build, node)?,
                export: functions.next()?,
                import: functions.next()?,
            }
        }
        K::Wait => RoleItem::Wait { role: build.name(node)?, within: build.duration(node)? },
        _ => return None,
    };
    Some(build.at(node, is))
}

fn binding(build: Build, node: &Node) -> Option<(At<String>, At<Variable>)> {
    let mut names = build.names(node).into_iter();
    let (name, variable) = (names.next()?, names.next()?);
    let function = symbol_of(build, node)?;
    let span = function.span.to(build.span(node));
    let is_own = function.is.name == "frame" && function.is.unit.is_none();
    let is = Variable {
        function: (!is_own).then_some(function),
        name: variable,
        at_entry: token(node, K::At).is_some(),
    };
    Some((name, At { is, span }))
}

fn mute(build: Build, node: &Node) -> Option<At<Mute>> {
    let is = match node.kind() {
        K::MuteWrite => Mute::WriteToInherited,
        _ => {
            let mut names = build.names(node).into_iter();
            Mute::Call { name: names.next()?, commands: names.collect() }
        }
    };
    Some(build.at(node, is))
}
