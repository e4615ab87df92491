//! Numbers and pointers in the bytes of a C object.
//!
//! Every integer of up to 128 bits, with sign or without, bit-fields at any bit, enumerations, truth values, `float`, `double`, pointers.
//! x86-64 only, as everything here: bytes are little-endian, and a bit-field's place is counted from the least significant bit.
//!
//! What it does not do: `long double`, complex numbers and vectors; whoever meets one can copy its bytes and nothing more.

use super::failure::Reason;
use super::value::Value;
use crate::diagnostic::Release;
use mcrx_debuginfo::table::{Encoding, Kind, Type};

/// The bits of a bit-field, from the least significant bit of the byte at its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bits {
    /// Bits before it, below 8.
    pub first: u32,
    /// How many it has, 1 to 64.
    pub count: u32,
}

/// What bits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A whole number.
    Integer {
        /// Two's complement.
        signed: bool,
    },
    /// `_Bool`
    Boolean,
    /// IEEE 754, of 4 or 8 bytes.
    Float,
    /// An address.
    Pointer,
}

/// How a number or pointer lies in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scalar {
    /// What its bits mean.
    pub shape: Shape,
    /// Of its type, 1 to 16.
    pub size: u32,
    /// Of a bit-field.
    pub bits: Option<Bits>,
}

/// The most bytes that one lies in: 64 bits that begin anywhere in a byte, or 16 bytes.
pub const MOST_BYTES: usize = 16;

impl Scalar {
    /// Of a type. `None`: it is no number or pointer that values can be made of.
    pub fn of(ty: Type<'_>, bits: Option<Bits>) -> Option<Scalar> {
        let ty = ty.resolved()?;
        let size = u32::try_from(ty.size()?).ok()?;
        let shape = match ty.kind() {
            Kind::Base(encoding) => shape(encoding, size)?,
            Kind::Enumeration(below) => Shape::Integer { signed: is_signed(ty, below) },
            Kind::Pointer(_) => Shape::Pointer,
            _ => return None,
        };
        let is_whole = bits.is_none_or(|bits| (1..=64).contains(&bits.count) && bits.first < 8);
        let is_sized = match shape {
            Shape::Integer { .. } | Shape::Boolean => (1..=16).contains(&size),
            Shape::Float => matches!(size, 4 | 8) && bits.is_none(),
            Shape::Pointer => size == 8 && bits.is_none(),
        };
        (is_whole && is_sized).then_some(Scalar { shape, size, bits })
    }

    /// How many bytes hold some of it.
    pub fn bytes(&self) -> usize {
        let bytes = self.bits.map_or(self.size, |bits| (bits.first + bits.count).div_ceil(8));
        usize::try_from(bytes).unwrap_or(MOST_BYTES).min(MOST_BYTES)
    }

    /// How many bits it has.
    pub fn width(&self) -> u32 {
        self.bits.map_or(self.size * 8, |bits| bits.count)
    }

    /// The least and the most whole number that it can hold. Of a float: none.
    pub fn range(&self) -> Option<(i128, i128)> {
        let width = self.width();
        match self.shape {
            Shape::Integer { signed: true } if width >= 128 => Some((i128::MIN, i128::MAX)),
            Shape::Integer { signed: true } => Some((-(1_i128 << (width - 1)), (1_i128 << (width - 1)) - 1)),
            Shape::Integer { signed: false } | Shape::Pointer if width >= 127 => Some((0, i128::MAX)),
            Shape::Integer { signed: false } | Shape::Pointer => Some((0, (1_i128 << width) - 1)),
            Shape::Boolean => Some((0, 1)),
            Shape::Float => None,
        }
    }

    /// Reads it. `bytes` are those that hold some of it.
    pub fn read(&self, of: Release, bytes: &[u8]) -> Result<Value, Reason> {
        let raw = self.raw(bytes);
        Ok(match self.shape {
            Shape::Integer { signed: true } => {
                let unused = 128 - self.width().clamp(1, 128);
                Value::Integer((raw << unused).cast_signed() >> unused)
            }
            Shape::Integer { signed: false } => {
                Value::Integer(i128::try_from(raw).map_err(|_| Reason::Overflow)?)
            }
            Shape::Boolean => Value::Truth(raw != 0),
            Shape::Pointer => Value::pointer(of, u64::try_from(raw).map_err(|_| Reason::Overflow)?),
            Shape::Float => match (bytes.first_chunk::<4>(), bytes.first_chunk::<8>()) {
                (Some(four), _) if self.size == 4 => Value::Float(f64::from(f32::from_le_bytes(*four))),
                (_, Some(eight)) => Value::Float(f64::from_le_bytes(*eight)),
                _ => Value::Zero,
            },
        })
    }

    /// The value as it can be kept here: a whole number for an integer, and so on. What would be lost is a reason.
    pub fn fit(&self, value: Value) -> Result<Value, Reason> {
        if value == Value::Zero {
            return Ok(Value::Zero);
        }
        match self.shape {
            Shape::Float => self.fit_float(value),
            Shape::Pointer => Ok(value),
            Shape::Boolean if matches!(value, Value::Null | Value::Pointer(_)) => {
                Ok(Value::Truth(value.is_true()))
            }
            Shape::Integer { .. } | Shape::Boolean => {
                let number = match &value {
                    Value::Float(float) => whole(*float)?,
                    Value::Pointer(place) => i128::from(place.address),
                    Value::Null => 0,
                    _ => value.integer().unwrap_or(0),
                };
                let (least, most) = self.range().unwrap_or((0, 0));
                if (least..=most).contains(&number) {
                    return Ok(Value::Integer(number));
                }
                let signed = self.shape == Shape::Integer { signed: true };
                Err(Reason::DoesNotFit { value: number, bits: self.width(), signed, least, most })
            }
        }
    }

    fn fit_float(&self, value: Value) -> Result<Value, Reason> {
        let number = match value {
            Value::Float(number) => number,
            _ => {
                let whole_number = value.integer().unwrap_or(0);
                let number = float(whole_number);
                if whole(number) != Ok(whole_number) {
                    return Err(Reason::Inexact(number));
                }
                number
            }
        };
        // Rounding is what a float does; a number that becomes infinite is another one.
        let is_lost = self.size == 4 && number.is_finite() && !narrow(number).is_finite();
        if is_lost { Err(Reason::Inexact(number)) } else { Ok(Value::Float(number)) }
    }

    /// Writes what [`Scalar::fit`] gave into the bytes that hold some of it; bits around a bit-field stay.
    pub fn write(&self, value: &Value, bytes: &mut [u8]) {
        let raw = match (value, self.shape) {
            (Value::Float(number), _) if self.size == 4 => u128::from(narrow(*number).to_bits()),
            (Value::Float(number), _) => u128::from(number.to_bits()),
            (Value::Pointer(place), _) => u128::from(place.address),
            (value, _) => value.integer().unwrap_or(0).cast_unsigned(),
        };
        let first = self.bits.map_or(0, |bits| bits.first);
        let mask = mask(self.width()) << first;
        let kept = window(bytes) & !mask;
        let all = (kept | ((raw << first) & mask)).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
    }

    /// Its bits, from the lowest.
    fn raw(&self, bytes: &[u8]) -> u128 {
        let first = self.bits.map_or(0, |bits| bits.first);
        (window(bytes) >> first) & mask(self.width())
    }
}

fn shape(encoding: Encoding, size: u32) -> Option<Shape> {
    match encoding {
        Encoding::Boolean => Some(Shape::Boolean),
        Encoding::Signed | Encoding::SignedChar => Some(Shape::Integer { signed: true }),
        Encoding::Unsigned | Encoding::UnsignedChar => Some(Shape::Integer { signed: false }),
        Encoding::Float if matches!(size, 4 | 8) => Some(Shape::Float),
        Encoding::Float | Encoding::ComplexFloat | Encoding::Other => None,
    }
}

fn is_signed(enumeration: Type<'_>, below: Option<Type<'_>>) -> bool {
    match below.and_then(Type::resolved).map(Type::kind) {
        Some(Kind::Base(encoding)) => matches!(encoding, Encoding::Signed | Encoding::SignedChar),
        _ => !enumeration.flags().unsigned,
    }
}

/// So many ones.
fn mask(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

/// Up to 16 bytes as a number.
fn window(bytes: &[u8]) -> u128 {
    let mut all = [0; MOST_BYTES];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    u128::from_le_bytes(all)
}

/// A float that is a whole number.
fn whole(number: f64) -> Result<i128, Reason> {
    // 2^127: all whole floats below it are numbers of 128 bits.
    let limit = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if number.fract() != 0.0 || !(-limit..limit).contains(&number) {
        return Err(Reason::Inexact(number));
    }
    // Whole and within the limits, as was just checked.
    #[allow(clippy::cast_possible_truncation)]
    let whole = number as i128;
    Ok(whole)
}

/// The nearest float; who asks compares it with the number.
#[allow(clippy::cast_precision_loss)]
fn float(number: i128) -> f64 {
    number as f64
}

/// Rounded, as C does it.
#[allow(clippy::cast_possible_truncation)]
fn narrow(number: f64) -> f32 {
    number as f32
}
