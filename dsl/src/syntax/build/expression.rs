//! Expressions.

use super::super::kind::{Node, SyntaxKind as K};
use super::super::literal;
use super::names::{
    Build, all, arms, child, children, hole, path_of, symbol_of, token, tokens, ty_of, whole_block,
};
use crate::rules::{Argument, Arm, Binary, Expression, Literal, Unary};
use crate::source::At;

pub(super) fn expression(build: Build, node: &Node) -> Option<At<Expression>> {
    let mut parts = node.children().filter(|child| is_expression(child.kind()));
    let mut part = || expression(build, &parts.next()?).map(Box::new);
    let is = match node.kind() {
        K::Constant => constant(node)?,
        K::NameExpression => Expression::Name(symbol_of(build, node)?.is),
        K::ParenExpression => part()?.is,
        K::MemberExpression => Expression::Member(part()?, build.name(node)?),
        K::IndexExpression => Expression::Index(part()?, part()?),
        K::SliceExpression => Expression::Slice(part()?, part()?, part()?),
        K::UnaryExpression => Expression::Unary(unary(node)?, part()?),
        K::BinaryExpression => Expression::Binary(binary(build, node)?, part()?, part()?),
        K::ConditionalExpression => Expression::Conditional(part()?, part()?, part()?),
        K::ElseExpression => Expression::Else(part()?, part()?),
        K::SizeOf => Expression::SizeOf(ty_of(build, node)?),
        K::CallExpression => Expression::Call(build.name(node)?, arguments(build, node)?),
        K::MatchExpression => {
            let on = part()?;
            let (arms, otherwise) = arms(build, node, |node| expression(build, node))?;
            let arms = arms.into_iter().map(|(when, then)| Arm { when, then }).collect();
            Expression::Match { on, arms, otherwise: otherwise.map(Box::new) }
        }
        K::Object | K::List => Expression::Literal(example(build, node)?.is),
        K::Hole => Expression::Hole(hole(build, node)?),
        _ => return None,
    };
    Some(build.at(node, is))
}

/// The first expression of a node.
pub(super) fn expression_of(build: Build, node: &Node) -> Option<At<Expression>> {
    expression(build, &node.children().find(|child| is_expression(child.kind()))?)
}

/// All that are a node's own, in order.
pub(super) fn expressions_of(build: Build, node: &Node) -> Vec<At<Expression>> {
    let own = node.children().filter(|child| is_expression(child.kind()));
    own.filter_map(|child| expression(build, &child)).collect()
}

fn is_expression(kind: K) -> bool {
    matches!(
        kind,
        K::Constant
            | K::NameExpression
            | K::ParenExpression
            | K::MemberExpression
            | K::IndexExpression
            | K::SliceExpression
            | K::UnaryExpression
            | K::BinaryExpression
            | K::ConditionalExpression
            | K::ElseExpression
            | K::SizeOf
            | K::CallExpression
            | K::MatchExpression
            | K::Object
            | K::List
            | K::Hole
    )
}

fn constant(node: &Node) -> Option<Expression> {
    let token = tokens(node).next()?;
    Some(match token.kind() {
        K::Number => Expression::Number(literal::number(token.text()).ok()?),
        K::Character => Expression::Number(literal::character(token.text()).ok()?),
        K::String => Expression::Text(literal::string(token.text()).ok()?),
        _ => match token.text() {
            "true" => Expression::Truth(true),
            "false" => Expression::Truth(false),
            "zero" => Expression::Zero,
            _ => Expression::Null,
        },
    })
}

fn unary(node: &Node) -> Option<Unary> {
    tokens(node).find_map(|token| match token.kind() {
        K::Minus => Some(Unary::Negate),
        K::Bang => Some(Unary::Not),
        K::Tilde => Some(Unary::Complement),
        K::Ampersand => Some(Unary::AddressOf),
        _ => None,
    })
}

fn binary(build: Build, node: &Node) -> Option<At<Binary>> {
    tokens(node).find_map(|token| {
        let is = match token.kind() {
            K::Plus => Binary::Add,
            K::Minus => Binary::Subtract,
            K::Star => Binary::Multiply,
            K::Slash => Binary::Divide,
            K::Percent => Binary::Remainder,
            K::Ampersand => Binary::And,
            K::Bar => Binary::Or,
            K::Caret => Binary::ExclusiveOr,
            K::ShiftLeft => Binary::ShiftLeft,
            K::ShiftRight => Binary::ShiftRight,
            // The first of it is taken for comparing where it is written so; that has been reported.
            K::EqualEqual | K::Equal => Binary::Equal,
            K::NotEqual => Binary::NotEqual,
            K::Less => Binary::Less,
            K::LessEqual => Binary::LessOrEqual,
            K::Greater => Binary::Greater,
            K::GreaterEqual => Binary::GreaterOrEqual,
            K::AndAnd => Binary::Both,
            K::OrOr => Binary::Either,
            _ => return None,
        };
        Some(build.at_token(&token, is))
    })
}

fn arguments(build: Build, node: &Node) -> Option<Vec<At<Argument>>> {
    all(child(node, K::Arguments)?.children(), |node| {
        let is = match node.kind() {
            K::Via => Argument::Via(path_of(build, &node)?.is),
            _ => Argument::Value(expression(build, &node)?.is),
        };
        Some(build.at(&node, is))
    })
}

/// What a function of the program is given.
pub(super) fn values(build: Build, node: &Node) -> Option<Vec<At<Expression>>> {
    all(child(node, K::Arguments)?.children(), |node| expression(build, &node))
}

/// `conn { id = 3 }`, `[1, 2]`
pub(super) fn example(build: Build, node: &Node) -> Option<At<Literal>> {
    let is = match node.kind() {
        K::Object => Literal::Object {
            ty: ty_of(build, node)?,
            members: all(children(&whole_block(node)?, K::SetItem), |node| {
                Some((path_of(build, &node)?, expression_of(build, &node)?))
            })?,
        },
        _ => {
            token(node, K::CloseBracket)?;
            Literal::List(all(node.children(), |node| expression(build, &node))?)
        }
    };
    Some(build.at(node, is))
}
