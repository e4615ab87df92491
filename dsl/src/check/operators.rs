//! Operators of two operands.

use super::Context;
use super::expression::{Scope, at};
use super::functions::is_text;
use super::kind::{Integer, Kind};
use crate::codes;
use crate::rules::{Binary, Expression};
use crate::source::{At, Span};

/// In how many bits values are shifted.
const WIDTH: u32 = 64;

impl<'a> Context<'a> {
    pub(crate) fn binary(
        &self,
        scope: &Scope<'a>,
        operator: At<Binary>,
        one: &'a At<Expression>,
        other: &'a At<Expression>,
        span: Span,
    ) -> Kind<'a> {
        use Binary::{Both, Either, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        match operator.is {
            Both | Either => {
                let truths = (self.condition(scope, at(one)), self.condition(scope, at(other)));
                Kind::Truth(match (operator.is, truths) {
                    (Both, (Some(false), _) | (_, Some(false))) => Some(false),
                    (Both, (Some(true), Some(true))) => Some(true),
                    (Either, (Some(true), _) | (_, Some(true))) => Some(true),
                    (Either, (Some(false), Some(false))) => Some(false),
                    _ => None,
                })
            }
            Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual => {
                let (first, second) = self.operands(scope, one, other);
                self.compare(operator.is, (first, one.span), (second, other.span), span)
            }
            _ => {
                let (first, second) = self.operands(scope, one, other);
                self.compute(operator, (first, one.span), (second, other.span))
            }
        }
    }

    /// Both operands; a bare name is a constant of the enumeration that the other one is of.
    fn operands(
        &self,
        scope: &Scope<'a>,
        one: &'a At<Expression>,
        other: &'a At<Expression>,
    ) -> (Kind<'a>, Kind<'a>) {
        if matches!(one.is, Expression::Name(_)) {
            let second = self.kind(scope, at(other));
            let first = self.kind(&scope.hinted(&second), at(one));
            return (first, second);
        }
        let first = self.kind(scope, at(one));
        let second = self.kind(&scope.hinted(&first), at(other));
        (first, second)
    }

    fn compare(
        &self,
        operator: Binary,
        (one, first): (Kind<'a>, Span),
        (other, second): (Kind<'a>, Span),
        span: Span,
    ) -> Kind<'a> {
        let is_number = |kind: &Kind<'_>| kind.is_integer() || *kind == Kind::Float;
        let is_written = |kind: &Kind<'_>| matches!(kind, Kind::Text(_));
        let can_be = if matches!(one, Kind::Any) || matches!(other, Kind::Any) {
            true
        } else if is_written(&one) || is_written(&other) {
            is_text(&one) && is_text(&other)
        } else {
            (is_number(&one) && is_number(&other)) || (one.is_pointer() && other.is_pointer())
        };
        if !can_be {
            let is_zero = one.constant() == Some(0) || other.constant() == Some(0);
            let help = if (one.is_pointer() || other.is_pointer()) && is_zero {
                Some("the pointer that leads nowhere is `null`")
            } else if matches!(one, Kind::Object(..)) && matches!(other, Kind::Object(..)) {
                Some("compare their members one by one")
            } else if matches!((one, other), (Kind::Null, Kind::Integer(_)) | (Kind::Integer(_), Kind::Null))
            {
                Some("a number is compared with 0; `null` is for pointers")
            } else if matches!(one, Kind::Object(..)) || matches!(other, Kind::Object(..)) {
                Some("name the member of the object that is to be compared")
            } else if is_written(&one) || is_written(&other) {
                Some(
                    "text is compared with text: an array of characters, or what a `char *` leads to; no object is `null`",
                )
            } else {
                None
            };
            self.report(codes::wrong_comparison::report(
                one.describe(),
                other.describe(),
                help,
                span,
                (first, second),
            ));
            return Kind::Truth(None);
        }
        let truth = one.constant().zip(other.constant()).map(|(one, other)| match operator {
            Binary::Equal => one == other,
            Binary::NotEqual => one != other,
            Binary::Less => one < other,
            Binary::LessOrEqual => one <= other,
            Binary::Greater => one > other,
            _ => one >= other,
        });
        Kind::Truth(truth.or_else(|| always(operator, one, other)))
    }

    fn compute(
        &self,
        operator: At<Binary>,
        (one, first): (Kind<'a>, Span),
        (other, second): (Kind<'a>, Span),
    ) -> Kind<'a> {
        if let (Binary::Subtract, Kind::Pointer(..), Kind::Pointer(..)) = (operator.is, one, other) {
            return Kind::Integer(Integer::computed());
        }
        let mut is_right = true;
        for (kind, span, partner) in [(one, first, other), (other, second, one)] {
            if !kind.is_integer() {
                is_right = false;
                let help = match kind {
                    Kind::Pointer(..) if partner.is_integer() => {
                        Some(format!("an element further on is `&{}[NUMBER]`", self.files.at(span)))
                    }
                    Kind::Text(_) => Some("`len(...)` is how long it is".to_owned()),
                    Kind::Object(..) => Some("name one of its members that is a number".to_owned()),
                    Kind::Float => {
                        Some("floating point numbers are kept as they are, not computed with".to_owned())
                    }
                    _ => None,
                };
                self.report(codes::wrong_operand::report(
                    spelt(operator.is),
                    kind.describe(),
                    help,
                    span,
                    operator.span,
                ));
            }
        }
        if !is_right {
            return Kind::Any;
        }
        match (operator.is, other.constant()) {
            (Binary::Divide | Binary::Remainder, Some(0)) => {
                self.report(codes::division_by_zero::report(second));
                return Kind::Any;
            }
            (Binary::ShiftLeft | Binary::ShiftRight, Some(by)) if !(0..i128::from(WIDTH)).contains(&by) => {
                self.report(codes::shift_beyond_width::report(by, WIDTH, second));
                return Kind::Any;
            }
            _ => {}
        }
        let value =
            one.constant().zip(other.constant()).and_then(|(one, other)| value(operator.is, one, other));
        if value.is_some() {
            return Kind::Integer(Integer { value, ..Integer::computed() });
        }
        Kind::Integer(bounded(operator.is, one, other))
    }
}

/// The value of two constants.
fn value(operator: Binary, one: i128, other: i128) -> Option<i128> {
    match operator {
        Binary::Add => one.checked_add(other),
        Binary::Subtract => one.checked_sub(other),
        Binary::Multiply => one.checked_mul(other),
        Binary::Divide => one.checked_div(other),
        Binary::Remainder => one.checked_rem(other),
        Binary::And => Some(one & other),
        Binary::Or => Some(one | other),
        Binary::ExclusiveOr => Some(one ^ other),
        Binary::ShiftLeft => one.checked_mul(1_i128.checked_shl(u32::try_from(other).ok()?)?),
        Binary::ShiftRight => one.checked_shr(u32::try_from(other).ok()?),
        _ => None,
    }
}

/// What is known of a result: `a & 0xff` has eight bits.
fn bounded<'t>(operator: Binary, one: Kind<'_>, other: Kind<'_>) -> Integer<'t> {
    let mask = match operator {
        Binary::And => one.constant().or(other.constant()),
        Binary::Remainder => other.constant().map(|by| by - 1),
        _ => None,
    };
    let bits = mask.filter(|mask| *mask >= 0).map(|mask| 128 - mask.leading_zeros());
    match bits {
        Some(bits) if operator == Binary::And || is_positive(one) => {
            Integer { bits: Some(bits.max(1)), is_signed: false, of: None, value: None }
        }
        _ => Integer::computed(),
    }
}

fn is_positive(kind: Kind<'_>) -> bool {
    matches!(kind, Kind::Integer(integer) if integer.range().is_some_and(|(least, _)| least >= 0))
}

/// Whether a comparison with a constant always comes out the same: `old.count >= 0` where it has no sign.
fn always(operator: Binary, one: Kind<'_>, other: Kind<'_>) -> Option<bool> {
    let (Kind::Integer(one), Kind::Integer(other)) = (one, other) else { return None };
    let ((least, most), (other_least, other_most)) = (one.range()?, other.range()?);
    match operator {
        Binary::Equal if most < other_least || other_most < least => Some(false),
        Binary::NotEqual if most < other_least || other_most < least => Some(true),
        Binary::Less if most < other_least => Some(true),
        Binary::Less if least >= other_most => Some(false),
        Binary::LessOrEqual if most <= other_least => Some(true),
        Binary::LessOrEqual if least > other_most => Some(false),
        Binary::Greater if least > other_most => Some(true),
        Binary::Greater if most <= other_least => Some(false),
        Binary::GreaterOrEqual if least >= other_most => Some(true),
        Binary::GreaterOrEqual if most < other_least => Some(false),
        _ => None,
    }
}

/// As it is written.
pub(crate) fn spelt(operator: Binary) -> &'static str {
    match operator {
        Binary::Add => "+",
        Binary::Subtract => "-",
        Binary::Multiply => "*",
        Binary::Divide => "/",
        Binary::Remainder => "%",
        Binary::And => "&",
        Binary::Or => "|",
        Binary::ExclusiveOr => "^",
        Binary::ShiftLeft => "<<",
        Binary::ShiftRight => ">>",
        Binary::Equal => "==",
        Binary::NotEqual => "!=",
        Binary::Less => "<",
        Binary::LessOrEqual => "<=",
        Binary::Greater => ">",
        Binary::GreaterOrEqual => ">=",
        Binary::Both => "&&",
        Binary::Either => "||",
    }
}
