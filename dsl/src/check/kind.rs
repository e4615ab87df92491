//! What is known of a value before there is one: what the checks of readings, arms and expressions go by.

use crate::diagnostic::Release;
use crate::names::Place;
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::{Count, Encoding, Kind as Shape, Type};

/// What sort of value something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind<'t> {
    /// Not known, or something was said against it already: nothing more is.
    Any,
    /// A whole number.
    Integer(Integer<'t>),
    /// A floating point number.
    Float,
    /// True or false; a constant, if it is known.
    Truth(Option<bool>),
    /// Bytes, so many without the zero at their end.
    Text(Option<u64>),
    /// The null pointer.
    Null,
    /// All bytes zero, of any type.
    Zero,
    /// A pointer. `None`: to `void`.
    Pointer(Release, Option<Type<'t>>),
    /// A pointer to a function.
    Code(Release),
    /// A structure or union that lies somewhere, or is made.
    Object(Release, Type<'t>),
    /// Elements side by side, or in a list. `None`: of what is not known.
    Sequence(Release, Option<Type<'t>>, Option<u64>),
}

/// A whole number, and what it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integer<'t> {
    /// How wide it is. `None`: a number of the rules, of any width.
    pub(crate) bits: Option<u32>,
    /// Whether it can be negative.
    pub(crate) is_signed: bool,
    /// The enumeration that it is of.
    pub(crate) of: Option<(Release, Type<'t>)>,
    /// If it is always the same.
    pub(crate) value: Option<i128>,
}

impl<'t> Integer<'t> {
    /// A number that is known.
    pub(crate) fn constant(value: i128) -> Integer<'t> {
        Integer { bits: None, is_signed: true, of: None, value: Some(value) }
    }

    /// One that is computed, of any width.
    pub(crate) fn computed() -> Integer<'t> {
        Integer { bits: None, is_signed: true, of: None, value: None }
    }

    /// The least and the most that it can be; only of what has a width.
    pub(crate) fn range(&self) -> Option<(i128, i128)> {
        if let Some(value) = self.value {
            return Some((value, value));
        }
        let bits = self.bits.filter(|bits| (1..=64).contains(bits))?;
        Some(match self.is_signed {
            true => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
            false => (0, (1_i128 << bits) - 1),
        })
    }
}

impl<'t> Kind<'t> {
    /// Of what lies at a place.
    pub(crate) fn of_place(release: Release, place: &Place<'t>) -> Kind<'t> {
        Kind::of(release, place.ty, place.bit_size())
    }

    /// Of something of a type.
    pub(crate) fn of(release: Release, ty: Option<Type<'t>>, bit_size: Option<u32>) -> Kind<'t> {
        let Some(ty) = ty.and_then(Type::resolved) else { return Kind::Any };
        let whole =
            || ty.size().and_then(|size| size.checked_mul(8)).and_then(|bits| u32::try_from(bits).ok());
        match ty.kind() {
            Shape::Base(Encoding::Float | Encoding::ComplexFloat) => Kind::Float,
            Shape::Base(Encoding::Boolean) => {
                Kind::Integer(Integer { bits: Some(1), is_signed: false, of: None, value: None })
            }
            Shape::Base(encoding) => {
                let is_signed = matches!(encoding, Encoding::Signed | Encoding::SignedChar);
                Kind::Integer(Integer { bits: bit_size.or_else(whole), is_signed, of: None, value: None })
            }
            Shape::Enumeration(_) => Kind::Integer(Integer {
                bits: bit_size.or_else(whole),
                is_signed: !ty.flags().unsigned,
                of: Some((release, ty)),
                value: None,
            }),
            Shape::Pointer(below) => {
                let below = below.and_then(Type::resolved);
                match below.map(Type::kind) {
                    Some(Shape::Function(_)) => Kind::Code(release),
                    _ => Kind::Pointer(release, below),
                }
            }
            Shape::Function(_) => Kind::Code(release),
            Shape::Aggregate => Kind::Object(release, ty),
            Shape::Array { element, count } => Kind::Sequence(
                release,
                element.and_then(Type::resolved),
                match count {
                    Count::Exactly(count) => Some(count),
                    Count::Open => None,
                },
            ),
            _ => Kind::Any,
        }
    }

    /// For people: "a number", "a pointer to `struct conn`".
    pub(crate) fn describe(&self) -> String {
        let spelt = |ty: &Type<'_>| format!("`{}`", type_name(Some(*ty), Anonymous::LeftOut));
        match self {
            Kind::Any => "something".to_owned(),
            Kind::Integer(Integer { of: Some((_, of)), .. }) => format!("a constant of {}", spelt(of)),
            Kind::Integer(Integer { value: Some(value), .. }) => format!("the number {value}"),
            Kind::Integer(_) => "a number".to_owned(),
            Kind::Float => "a floating point number".to_owned(),
            Kind::Truth(_) => "true or false".to_owned(),
            Kind::Text(_) => "text".to_owned(),
            Kind::Null => "the null pointer".to_owned(),
            Kind::Zero => "zero".to_owned(),
            Kind::Pointer(_, Some(to)) => format!("a pointer to {}", spelt(to)),
            Kind::Pointer(_, None) => "a pointer to something of no known type".to_owned(),
            Kind::Code(_) => "a pointer to a function".to_owned(),
            Kind::Object(_, ty) => format!("an object {}", spelt(ty)),
            Kind::Sequence(_, Some(element), _) => format!("several {}", spelt(element)),
            Kind::Sequence(_, None, _) => "several elements".to_owned(),
        }
    }

    /// Whether it can be computed with as a whole number.
    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Kind::Integer(_) | Kind::Truth(_) | Kind::Zero | Kind::Any)
    }

    /// Whether it is an address, or may be one.
    pub(crate) fn is_pointer(&self) -> bool {
        matches!(self, Kind::Pointer(..) | Kind::Code(_) | Kind::Null | Kind::Zero | Kind::Any)
    }

    /// If it is always the same number.
    pub(crate) fn constant(&self) -> Option<i128> {
        match self {
            Kind::Integer(integer) => integer.value,
            Kind::Truth(truth) => truth.map(i128::from),
            Kind::Zero => Some(0),
            _ => None,
        }
    }
}
