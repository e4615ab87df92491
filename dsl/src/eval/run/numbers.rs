//! Arithmetic and comparison: in 128 bits, checked.

use super::Machine;
use crate::diagnostic::Release;
use crate::eval::code::Code;
use crate::eval::failure::{Failure, Reason};
use crate::eval::value::Value;
use crate::rules::Binary;
use crate::source::At;
use std::cmp::Ordering;

impl Machine<'_> {
    pub(super) fn number(&mut self, code: &At<Code>) -> Result<Value, Failure> {
        let number = match &code.is {
            Code::Negate(operand) => self.integer(operand)?.checked_neg(),
            Code::Complement(operand, scalar) => {
                let number = self.integer(operand)?;
                // `~` of an unsigned number stays one, as in C.
                let unsigned = scalar.and_then(|scalar| match scalar.range() {
                    Some((0, most)) => Some(most),
                    _ => None,
                });
                Some(unsigned.map_or(!number, |most| !number & most))
            }
            Code::Binary(operator, one, other) => {
                let (one, other) = (self.integer(one)?, self.integer(other)?);
                return arithmetic(*operator, one, other).map(Value::Integer).map_err(Failure::new);
            }
            Code::Compare(operator, one, other) => {
                let (one, other) = (self.value(one)?, self.value(other)?);
                return self.compare(*operator, one, other).map(Value::Truth);
            }
            Code::Distance(one, other, size) => {
                let (one, other) = (self.place(one)?, self.place(other)?);
                let bytes = i128::from(one.address) - i128::from(other.address);
                bytes.checked_div(i128::from(*size))
            }
            Code::Extreme { of, greatest } => {
                let mut numbers = Vec::with_capacity(of.len());
                for one in of {
                    numbers.push(self.integer(one)?);
                }
                if *greatest { numbers.into_iter().max() } else { numbers.into_iter().min() }
            }
            Code::Clamp(value, least, most) => {
                let (value, least, most) = (self.integer(value)?, self.integer(least)?, self.integer(most)?);
                Some(value.min(most).max(least))
            }
            _ => None,
        };
        number.map(Value::Integer).ok_or_else(|| Failure::new(Reason::Overflow))
    }

    fn compare(&self, operator: Binary, one: Value, other: Value) -> Result<bool, Failure> {
        let order = match (&one, &other) {
            (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
            (Value::Float(_), _) | (_, Value::Float(_)) => float(&one).partial_cmp(&float(&other)),
            (Value::Pointer(_) | Value::Null, _) | (_, Value::Pointer(_) | Value::Null) => {
                // What the new release uses in the place of an old address is the same thing.
                let is_mixed =
                    |value: &Value| matches!(value, Value::Pointer(place) if place.of == Release::New);
                let (one, other) = if is_mixed(&one) || is_mixed(&other) {
                    (self.translated(one, u64::MAX)?, self.translated(other, u64::MAX)?)
                } else {
                    (one, other)
                };
                Some(address(&one).cmp(&address(&other)))
            }
            _ => Some(one.integer().unwrap_or(0).cmp(&other.integer().unwrap_or(0))),
        };
        Ok(match operator {
            Binary::Equal => order == Some(Ordering::Equal),
            Binary::NotEqual => order != Some(Ordering::Equal),
            Binary::Less => order == Some(Ordering::Less),
            Binary::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Binary::Greater => order == Some(Ordering::Greater),
            Binary::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            _ => false,
        })
    }
}

/// With two numbers. Shifts are by 0 to 127 bits; what a left shift would lose is an overflow.
pub(super) fn arithmetic(operator: Binary, one: i128, other: i128) -> Result<i128, Reason> {
    let result = match operator {
        Binary::Add => one.checked_add(other),
        Binary::Subtract => one.checked_sub(other),
        Binary::Multiply => one.checked_mul(other),
        Binary::Divide | Binary::Remainder if other == 0 => return Err(Reason::DivisionByZero),
        Binary::Divide => one.checked_div(other),
        Binary::Remainder => one.checked_rem(other),
        Binary::And => Some(one & other),
        Binary::Or => Some(one | other),
        Binary::ExclusiveOr => Some(one ^ other),
        Binary::ShiftLeft => u32::try_from(other)
            .ok()
            .and_then(|bits| one.checked_shl(bits).filter(|shifted| shifted >> bits == one)),
        Binary::ShiftRight => u32::try_from(other).ok().and_then(|bits| one.checked_shr(bits)),
        _ => None,
    };
    result.ok_or(Reason::Overflow)
}

// Comparing a number of more than 53 bits with a float rounds it, as C does.
#[allow(clippy::cast_precision_loss)]
fn float(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        _ => value.integer().unwrap_or(0) as f64,
    }
}

fn address(value: &Value) -> u64 {
    match value {
        Value::Pointer(place) => place.address,
        _ => 0,
    }
}
