//! How a value of one type becomes one of another, where that needs nobody's word.

use super::constants::Constants;
use super::place::{Place, members};
use super::{MemberPair, PairId};
use mcrx_debuginfo::table::{Encoding, Kind, Type};

/// How a member's old bytes become its new ones.
#[derive(Debug, Clone)]
pub enum Conversion<'t> {
    /// They stay what they are, as many as both have.
    Same,
    /// They stay what they are, and are an address.
    Pointer(Pointee),
    /// A number in another size, or in bits: as C converts it, but that a value which does not fit is an error.
    Number {
        /// As it was.
        from: Number,
        /// As it is.
        to: Number,
    },
    /// An enumeration without a name of its own: by the names of its constants.
    Constants(Constants<'t>, Number, Number),
    /// Element by element, as many as both have; what is more in the new array is zero.
    Array {
        /// Of one.
        element: Box<Conversion<'t>>,
        /// As it was.
        from: Elements,
        /// As it is.
        to: Elements,
    },
    /// A structure, union or enumeration, by its own pairing.
    Pair(PairId),
    /// An anonymous structure, member by member.
    Members(Vec<MemberPair<'t>>),
    /// A union without a pairing of its own. Where a fact tells which member counts that one is converted; else all of its old bytes are
    /// taken, which is right for each of its alternatives.
    Union(Vec<Alternative<'t>>),
}

/// What a pointer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointee {
    /// Objects of this pair.
    Pair(PairId),
    /// Objects of this pair, and in the new release what is split off them: which of the types that are made.
    Beside(PairId, usize),
    /// A function.
    Function,
    /// Characters.
    Text,
    /// Something of a type that is the same in both releases: numbers, other pointers.
    Other,
    /// Something that its type does not tell: `void *`.
    Opaque,
}

/// A number as it lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// How many.
    pub bits: u32,
    /// Whether it has a sign.
    pub is_signed: bool,
    /// Floating point.
    pub is_float: bool,
}

/// An array as it lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elements {
    /// `None`: as many as there is room for.
    pub count: Option<u64>,
    /// Bytes from one to the next.
    pub stride: u64,
}

/// A member of a union in both releases.
#[derive(Debug, Clone)]
pub struct Alternative<'t> {
    /// As it was.
    pub old: Place<'t>,
    /// As it is. `None`: it is gone.
    pub new: Option<Place<'t>>,
    /// What would become of it. `None`: that is not known.
    pub conversion: Option<Conversion<'t>>,
}

/// Why a value cannot be converted without being asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stopped {
    /// It is something else.
    Retyped,
    /// Not all values fit.
    Narrowed,
    /// Not all elements fit.
    Shrunk,
}

impl Number {
    /// Of a base type or an enumeration.
    pub(super) fn of(ty: Type<'_>, bit_size: Option<u32>) -> Option<Number> {
        let whole =
            ty.size().and_then(|size| size.checked_mul(8)).and_then(|bits| u32::try_from(bits).ok())?;
        let (is_signed, is_float, own) = match ty.kind() {
            Kind::Base(Encoding::Signed | Encoding::SignedChar) => (true, false, whole),
            Kind::Base(Encoding::Unsigned | Encoding::UnsignedChar) => (false, false, whole),
            // One bit counts, whatever room it has.
            Kind::Base(Encoding::Boolean) => (false, false, whole),
            Kind::Base(Encoding::Float) => (true, true, whole),
            Kind::Enumeration(_) => (!ty.flags().unsigned, false, whole),
            _ => return None,
        };
        Some(Number { bits: bit_size.unwrap_or(own), is_signed, is_float })
    }

    /// Whether each value of this is one of that. A change of sign alone keeps the bits, as C does.
    pub fn fits(self, to: Number) -> bool {
        match (self.is_float, to.is_float) {
            (true, true) | (false, false) => self.bits <= to.bits,
            // A float has half of its bits or more for the digits.
            (false, true) => self.bits <= to.bits / 2,
            (true, false) => false,
        }
    }
}

impl Conversion<'_> {
    /// Whether the bytes are right as they are, given which pairs are so.
    pub(super) fn is_same(&self, is_pair_same: &dyn Fn(PairId) -> bool) -> bool {
        match self {
            // What is split off an object lies elsewhere.
            Conversion::Pointer(Pointee::Beside(..)) => false,
            Conversion::Same | Conversion::Pointer(_) => true,
            Conversion::Number { from, to } => from.bits == to.bits && from.is_float == to.is_float,
            Conversion::Constants(constants, from, to) => constants.are_same() && from.bits == to.bits,
            Conversion::Array { element, from, to } => {
                from.count.unwrap_or(0) == to.count.unwrap_or(0)
                    && from.stride == to.stride
                    && element.is_same(is_pair_same)
            }
            Conversion::Pair(pair) => is_pair_same(*pair),
            Conversion::Members(members) => members.iter().all(|member| member.is_same(is_pair_same)),
            Conversion::Union(alternatives) => alternatives.iter().all(|one| one.is_same(is_pair_same)),
        }
    }

    /// The pairs that it is made of.
    pub(super) fn pairs(&self, found: &mut Vec<PairId>) {
        match self {
            Conversion::Pair(pair) => found.push(*pair),
            Conversion::Array { element, .. } => element.pairs(found),
            Conversion::Members(members) => members.iter().for_each(|member| member.pairs(found)),
            Conversion::Union(alternatives) => {
                alternatives
                    .iter()
                    .filter_map(|one| one.conversion.as_ref())
                    .for_each(|one| one.pairs(found));
            }
            _ => {}
        }
    }
}

impl Alternative<'_> {
    /// Whether the union's bytes are right as they are, if this is the member that counts.
    pub(super) fn is_same(&self, is_pair_same: &dyn Fn(PairId) -> bool) -> bool {
        self.new
            .as_ref()
            .is_some_and(|new| new.bit_offset == self.old.bit_offset && new.bit_size == self.old.bit_size)
            && self.conversion.as_ref().is_some_and(|conversion| conversion.is_same(is_pair_same))
    }
}

/// The members of two unions, by their names.
pub(super) fn alternatives<'t>(
    old: Type<'t>,
    new: Type<'t>,
    prefix: &str,
    mut convert: impl FnMut(&Place<'t>, &Place<'t>) -> Option<Conversion<'t>>,
) -> Vec<Alternative<'t>> {
    let after = members(new, prefix);
    let mut found = Vec::new();
    for old in members(old, prefix) {
        let new = after.iter().find(|new| new.path == old.path).cloned();
        let conversion = new.as_ref().and_then(|new| convert(&old, new));
        found.push(Alternative { old, new, conversion });
    }
    found
}

/// Whether this is a character, as pointers to text lead to.
pub(super) fn is_text(ty: Type<'_>) -> bool {
    matches!(ty.kind(), Kind::Base(_)) && ty.size() == Some(1)
}

/// How C libraries call what synchronises threads. The new release's are unlocked ones of their kind, whatever the old one's were.
const LOCKS: [&str; 8] = [
    "pthread_mutex_t",
    "pthread_cond_t",
    "pthread_rwlock_t",
    "pthread_spinlock_t",
    "pthread_barrier_t",
    "pthread_once_t",
    "pthread_t",
    "sem_t",
];

/// Whether something of this type belongs to the threads of one release.
pub fn is_lock(ty: Option<Type<'_>>) -> bool {
    let mut current = ty;
    // Typedefs and qualifiers around it; real ones are few.
    for _ in 0..16 {
        let Some(ty) = current else { return false };
        if ty.name().is_some_and(|name| LOCKS.contains(&name)) {
            return true;
        }
        current = match ty.kind() {
            Kind::Array { element, .. } => element,
            Kind::Typedef(below) | Kind::Qualified(below) => below,
            _ => return false,
        };
    }
    false
}
