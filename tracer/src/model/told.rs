//! What only a value elsewhere tells: which of several things a member is, how many elements are in use, which part of an object is
//! live. Compiled from facts; looked at when an object is scanned.

use super::reach::{Here, Reach};
use super::{Item, Model, Ty};
use crate::facts::{Bound, Choice, Pattern, Scratch, Subject};
use mcrx_debuginfo::table::{Kind, Type};
use std::ops::Range;

/// Something in a type that is to be read as a value tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told(pub(super) Sort);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sort {
    /// One of several readings.
    Choice {
        on: Source,
        arms: Vec<(Values, Vec<Item>)>,
        otherwise: Vec<Item>,
        /// Bytes that are read conservatively where the value cannot be had.
        len: u64,
    },
    /// A pointer to several objects.
    Behind { to: Ty, extent: Extent },
    /// Several objects in place, of as many as there is room for.
    Inside { ty: Ty, extent: Extent, room: u64 },
}

/// How many objects of which size there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// Bytes of one.
    pub(super) size: u64,
    pub(super) count: Reach,
    /// What the process says of the size.
    pub(super) stride: Option<Reach>,
}

/// Where a value that tells something comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Value(Reach),
    /// Bits of the very word that is read.
    Bits(u64),
}

/// What a value is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values {
    /// Bits under a mask.
    masked: Vec<(u64, u64)>,
    numbers: Vec<u64>,
    /// What names stand for, in order. Of a value, only as many bits as it has are compared.
    named: Vec<u64>,
}

/// An end of a part that holds nothing live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// At the address that this holds.
    Pointer(Reach),
    /// So many elements behind an array's start, or behind where a pointer points to.
    Element {
        array: Reach,
        is_pointer: bool,
        index: Reach,
        size: u64,
    },
    Block,
}

/// A part of an object that holds nothing live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    from: End,
    to: End,
}

impl Values {
    fn of(model: &Model<'_>, patterns: &[Pattern], ty: Option<Type<'_>>) -> Values {
        let mut values = Values::default();
        for pattern in patterns {
            match (pattern, ty) {
                (Pattern::Number(number), _) => values.numbers.push(number.cast_unsigned()),
                (Pattern::Bits { mask, value }, _) => values.masked.push((*mask, *value)),
                (Pattern::Name(name), Some(ty)) => values.named.extend(model.values_named(name, ty)),
                (Pattern::Name(_), None) => {}
            }
        }
        values.named.sort_unstable();
        values
    }

    /// `bits`: those that the value has.
    fn have(&self, value: u64, bits: u64) -> bool {
        let bare = value & bits;
        self.numbers.iter().any(|number| *number == value || *number == bare)
            || self.masked.iter().any(|(mask, masked)| value & mask == *masked)
            || self.named.binary_search(&bare).is_ok()
            || (bits != u64::MAX && self.named.iter().any(|named| named & bits == bare))
    }
}

/// A choice whose value is somewhere in the program.
pub(crate) struct Compiled<'c, T> {
    pub(super) on: Source,
    pub(super) arms: Vec<(Values, &'c T)>,
    pub(super) otherwise: &'c T,
}

impl<'c, T> Compiled<'c, T> {
    /// What is chosen of an object. `None`: the value cannot be had.
    pub(crate) fn of(&self, here: Here<'_>) -> Option<&'c T> {
        chosen(&self.on, &self.arms, &self.otherwise, here, None).copied()
    }
}

impl<'t> Model<'t> {
    /// `None`: the program has no such value. `owner`: the type of the object, and where it begins in what is at hand.
    pub(crate) fn choice<'c, T>(
        &self,
        choice: &'c Choice<T>,
        owner: Option<(Type<'t>, u64)>,
    ) -> Option<Compiled<'c, T>> {
        let (on, ty) = match &choice.on {
            Subject::Bits(bits) => (Source::Bits(*bits), None),
            Subject::Member(path) => {
                let (owner, base) = owner?;
                let found = self.reach(owner, base, path)?;
                (Source::Value(found.reach), Some(found.ty))
            }
            Subject::Global(path) => {
                let found = self.reach_global(path)?;
                (Source::Value(found.reach), Some(found.ty))
            }
        };
        let arms = choice.arms.iter().map(|arm| (Values::of(self, &arm.when, ty), &arm.then)).collect();
        Some(Compiled { on, arms, otherwise: &choice.otherwise })
    }

    /// The parts of objects of a type that hold nothing live.
    pub(super) fn dead(&self, owner: Type<'t>, base: u64, scratch: &Scratch) -> Option<Dead> {
        let end = |bound: &Bound| match bound {
            Bound::EndOfBlock => Some(End::Block),
            Bound::Pointer(path) => {
                let found = self.reach(owner, base, path)?;
                matches!(found.ty.kind(), Kind::Pointer(_)).then_some(End::Pointer(found.reach))
            }
            Bound::Element { array, index } => {
                let (array, index) = (self.reach(owner, base, array)?, self.reach(owner, base, index)?);
                let (element, is_pointer) = match array.ty.kind() {
                    Kind::Pointer(target) => (target, true),
                    Kind::Array { element, .. } => (element, false),
                    _ => return None,
                };
                // Of `void *`, bytes.
                let size = element.map_or(Some(1), Type::size)?;
                Some(End::Element { array: array.reach, is_pointer, index: index.reach, size })
            }
        };
        Some(Dead { from: end(&scratch.from)?, to: end(&scratch.to)? })
    }
}

/// The arm that a value chooses. `None`: it cannot be had. `word`: what is being read.
pub(super) fn chosen<'c, T>(
    on: &Source,
    arms: &'c [(Values, T)],
    otherwise: &'c T,
    here: Here<'_>,
    word: Option<u64>,
) -> Option<&'c T> {
    let (value, bits) = match on {
        Source::Bits(bits) => (word? & bits, u64::MAX),
        Source::Value(reach) => (reach.value(here)?, reach.mask()),
    };
    let arm = arms.iter().find(|(values, _)| values.have(value, bits));
    Some(arm.map_or(otherwise, |(_, then)| then))
}

impl Extent {
    /// How many objects there are. `None`: that cannot be had, or it is not believed.
    pub(super) fn count(&self, here: Here<'_>) -> Option<u64> {
        let stride = match &self.stride {
            Some(stride) => stride.value(here)?,
            None => self.size,
        };
        self.count.value(here).filter(|_| stride == self.size)
    }
}

impl Dead {
    /// Which addresses. `None`: they cannot be had, or make no sense. An end that is that of the block is as high as can be.
    pub(super) fn range(&self, here: Here<'_>) -> Option<Range<u64>> {
        let address = |end: &End| match end {
            End::Block => Some(u64::MAX),
            End::Pointer(reach) => reach.value(here).filter(|address| *address != 0),
            End::Element { array, is_pointer, index, size } => {
                let start = if *is_pointer { array.value(here)? } else { array.address(here)? };
                let start = Some(start).filter(|start| *start != 0)?;
                start.checked_add(index.value(here)?.checked_mul(*size)?)
            }
        };
        let range = address(&self.from)?..address(&self.to)?;
        (range.start <= range.end).then_some(range)
    }
}
