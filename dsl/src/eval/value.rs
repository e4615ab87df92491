//! Values.

use crate::diagnostic::Release;

/// An address in one of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whose.
    pub of: Release,
    /// Never 0 in a [`Value::Pointer`].
    pub address: u64,
}

/// What an expression gives. Of which C type it is was settled when the expression was compiled (see [`super::Sort`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, a character, a constant of an enumeration.
    Integer(i128),
    /// A `float` or `double`.
    Float(f64),
    /// True or false.
    Truth(bool),
    /// Bytes, without C's zero behind them.
    Text(Vec<u8>),
    /// The null pointer.
    Null,
    /// All bytes zero, of whatever type.
    Zero,
    /// A pointer, and where it leads to.
    Pointer(Place),
    /// A structure, union or array that lies somewhere.
    Object(Place),
    /// One that lies nowhere yet: its bytes, in the layout of the release that is written to.
    Bytes(Vec<u8>),
    /// Elements.
    Sequence(Vec<Value>),
}

impl Value {
    /// A pointer; 0 is null.
    pub fn pointer(of: Release, address: u64) -> Value {
        if address == 0 { Value::Null } else { Value::Pointer(Place { of, address }) }
    }

    /// As C reads a condition.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Integer(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Truth(truth) => *truth,
            Value::Null | Value::Zero => false,
            _ => true,
        }
    }

    /// As a number. `None`: it is none.
    pub fn integer(&self) -> Option<i128> {
        match self {
            Value::Integer(number) => Some(*number),
            Value::Truth(truth) => Some(i128::from(*truth)),
            Value::Zero => Some(0),
            _ => None,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Integer(number) => write!(out, "{number}"),
            Value::Float(number) => write!(out, "{number}"),
            Value::Truth(truth) => write!(out, "{truth}"),
            Value::Text(text) => write!(out, "\"{}\"", text.escape_ascii()),
            Value::Null => out.write_str("null"),
            Value::Zero => out.write_str("zero"),
            Value::Pointer(place) => write!(out, "{:#x}", place.address),
            Value::Object(place) => write!(out, "the object at {:#x}", place.address),
            Value::Bytes(bytes) => write!(out, "{} bytes", bytes.len()),
            Value::Sequence(values) => {
                out.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.write_str(", ")?;
                    }
                    value.fmt(out)?;
                }
                out.write_str("]")
            }
        }
    }
}
