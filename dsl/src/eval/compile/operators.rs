//! Operators.

use super::looking::Found;
use super::{Compiled, Compiler, Hint, compiled};
use crate::eval::code::{Code, Node};
use crate::eval::failure::Mistake;
use crate::eval::scalar::Scalar;
use crate::eval::sort::Sort;
use crate::rules::{Binary, Expression, Unary};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Count, Kind};

impl<'t> Compiler<'_, '_, 't> {
    pub(super) fn unary(
        &mut self,
        operator: Unary,
        operand: &At<Expression>,
        span: Span,
        hint: Hint<'t>,
    ) -> Result<Compiled<'t>, Mistake> {
        match operator {
            Unary::Not => {
                let operand = self.condition(operand)?;
                Ok(compiled(Code::Not(Box::new(operand)), span, Sort::Truth))
            }
            Unary::Negate => {
                let operand = self.integer(operand, hint)?;
                Ok(compiled(Code::Negate(operand), span, Sort::Integer(None)))
            }
            Unary::Complement => {
                let value = self.value(operand, hint)?;
                if !value.sort.is_integer() {
                    return Err(Mistake::new(
                        span,
                        format!("`~` is for numbers, not for {}", value.sort.describe()),
                    ));
                }
                // In as many bits as its type has, as C does it from `int` on; a bare number has none to invert.
                let scalar = match value.sort {
                    Sort::Integer(Some((_, ty))) => Scalar::of(ty, None),
                    _ => None,
                };
                Ok(compiled(Code::Complement(Box::new(value.code), scalar), span, Sort::Integer(None)))
            }
            Unary::AddressOf => match self.look(operand, None)? {
                Found::Spot(spot) if spot.bits.is_none() => {
                    let sort = Sort::Pointer(spot.of, Some(spot.ty));
                    Ok(compiled(Code::Refer(Box::new(At { is: spot.code, span })), span, sort))
                }
                Found::Spot(_) => Err(Mistake::new(span, "bits have no address")),
                // `&f` is `f`, as in C.
                Found::Value(value) if matches!(value.code.is, Code::Function(..)) => Ok(value),
                Found::Value(value) => {
                    Err(Mistake::new(span, format!("{} has no address", value.sort.describe())))
                }
            },
        }
    }

    pub(super) fn binary(
        &mut self,
        operator: At<Binary>,
        one: &At<Expression>,
        other: &At<Expression>,
        span: Span,
        hint: Hint<'t>,
    ) -> Result<Compiled<'t>, Mistake> {
        use Binary::{Both, Either, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual, Subtract};
        match operator.is {
            Both | Either => {
                let (one, other) = (self.condition(one)?, self.condition(other)?);
                let code = Code::Logic(operator.is, Box::new(one), Box::new(other));
                Ok(compiled(code, span, Sort::Truth))
            }
            Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual => {
                let (one, other) = self.operands(one, other, None)?;
                self.comparison(operator, one, other, span)
            }
            _ => {
                let (one, other) = self.operands(one, other, hint)?;
                if let (Subtract, Sort::Pointer(_, Some(a)), Sort::Pointer(_, Some(b))) =
                    (operator.is, &one.sort, &other.sort)
                {
                    let size = a.size().filter(|size| *size > 0 && b.size() == Some(*size));
                    let size = size.ok_or_else(|| {
                        Mistake::new(operator.span, "these pointers lead to elements of different sizes")
                    })?;
                    let code = Code::Distance(Box::new(one.code), Box::new(other.code), size);
                    return Ok(compiled(code, span, Sort::Integer(None)));
                }
                for operand in [&one, &other] {
                    if !operand.sort.is_integer() {
                        let message =
                            format!("one computes with numbers, not with {}", operand.sort.describe());
                        return Err(Mistake::new(operand.code.span, message));
                    }
                }
                let code = Code::Binary(operator.is, Box::new(one.code), Box::new(other.code));
                Ok(compiled(code, span, Sort::Integer(None)))
            }
        }
    }

    /// Both operands; a bare name is a constant of the enumeration that the other one is of.
    fn operands(
        &mut self,
        one: &At<Expression>,
        other: &At<Expression>,
        hint: Hint<'t>,
    ) -> Result<(Compiled<'t>, Compiled<'t>), Mistake> {
        if matches!(one.is, Expression::Name(_)) {
            let second = self.value(other, hint)?;
            let first = self.value(one, of(&second.sort).or(hint))?;
            return Ok((first, second));
        }
        let first = self.value(one, hint)?;
        let second = self.value(other, of(&first.sort).or(hint))?;
        Ok((first, second))
    }

    fn comparison(
        &mut self,
        operator: At<Binary>,
        one: Compiled<'t>,
        other: Compiled<'t>,
        span: Span,
    ) -> Result<Compiled<'t>, Mistake> {
        let is_number = |sort: &Sort<'_>| sort.is_integer() || *sort == Sort::Float;
        let is_pointer =
            |sort: &Sort<'_>| matches!(sort, Sort::Pointer(..) | Sort::Null | Sort::Zero | Sort::Never);
        let (one, other) = if one.sort == Sort::Text || other.sort == Sort::Text {
            (self.text(one)?, self.text(other)?)
        } else if (is_number(&one.sort) && is_number(&other.sort))
            || (is_pointer(&one.sort) && is_pointer(&other.sort))
        {
            (Box::new(one.code), Box::new(other.code))
        } else {
            let message =
                format!("{} cannot be compared with {}", one.sort.describe(), other.sort.describe());
            return Err(Mistake::new(operator.span, message));
        };
        Ok(compiled(Code::Compare(operator.is, one, other), span, Sort::Truth))
    }

    /// Text: as it is written, or up to the zero in an array of characters or behind a pointer to some.
    pub(super) fn text(&mut self, value: Compiled<'t>) -> Result<Node, Mistake> {
        let span = value.code.span;
        let is_character =
            |ty: Option<mcrx_debuginfo::table::Type<'_>>| ty.is_some_and(|ty| ty.size() == Some(1));
        let code = match &value.sort {
            Sort::Text | Sort::Never => return Ok(Box::new(value.code)),
            Sort::Pointer(_, to) if to.is_none() || is_character(*to) => {
                Code::CText(Box::new(value.code), None)
            }
            Sort::Object(_, array) => match array.kind() {
                Kind::Array { element, count: Count::Exactly(count) } if is_character(element) => {
                    Code::CText(Box::new(value.code), Some(count))
                }
                _ => return Err(Mistake::new(span, format!("{} is no text", value.sort.describe()))),
            },
            sort => return Err(Mistake::new(span, format!("{} is no text", sort.describe()))),
        };
        Ok(Box::new(At { is: code, span }))
    }
}

/// What a value says of names beside it.
fn of<'t>(sort: &Sort<'t>) -> Hint<'t> {
    match sort {
        Sort::Integer(Some((release, ty))) => Some((*release, *ty)),
        // A function's name beside an old pointer is the old release's.
        Sort::Pointer(release, Some(ty)) => Some((*release, *ty)),
        _ => None,
    }
}
