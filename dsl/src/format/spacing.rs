//! Which tokens stand together, and which have a space between them.

use crate::syntax::SyntaxKind as K;

/// A token, and what it is a part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) kind: K,
    pub(super) of: K,
}

/// Whether nothing stands between a token and the one before.
pub(super) fn are_joined(before: Part, part: Part) -> bool {
    match (before.kind, part.kind) {
        (_, K::Comma | K::CloseParen | K::CloseBracket) => true,
        (K::OpenParen | K::OpenBracket, _) => true,
        (_, K::At) | (K::At, _) => true,
        (_, K::OpenParen) => part.of != K::ParenExpression || is_prefix(before),
        (_, K::OpenBracket) => !matches!(part.of, K::Scratch | K::List) || is_prefix(before),
        // `.d`, a reading, has nothing before the dot.
        (_, K::Dot) => part.of != K::MemberReading,
        (K::Dot, _) => true,
        (K::Star, K::Star) => part.of == K::Type,
        (_, K::Star) => part.of == K::Pattern,
        _ => is_prefix(before) && !(part.of == K::UnaryExpression && part.kind == before.kind),
    }
}

/// Whether it is an operator that stands right before its operand.
fn is_prefix(part: Part) -> bool {
    part.of == K::UnaryExpression || part.of == K::Value && part.kind == K::Minus
}
