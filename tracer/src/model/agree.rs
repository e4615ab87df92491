//! Whether what a pointer says of an object and what is known of it can both be true.

use super::{Model, Ty};
use mcrx_debuginfo::table::{Count, Kind, Type};
use rustc_hash::FxHashMap;

/// How deep members are looked into.
const DEEPEST: u32 = 32;

/// How a claim stands to the type that something is known to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// There is such a thing at that place: the object itself, a member, an element.
    Within,
    /// The claim is of something larger, that begins with what is known.
    Around,
    /// Not both can be true.
    Disagree,
}

/// Answers of a [`Model`] about what lies within what, kept: the same few types are asked about for millions of pointers.
pub(crate) struct Within<'m, 'a> {
    model: &'m Model<'a>,
    answers: FxHashMap<(Ty, u64, Ty), bool>,
}

impl<'m, 'a> Within<'m, 'a> {
    pub(crate) fn new(model: &'m Model<'a>) -> Within<'m, 'a> {
        Within { model, answers: FxHashMap::default() }
    }

    /// Whether a claim, that something of type `claimed` lies `offset` bytes into an object of type `known`, is [`Relation::Within`].
    pub(crate) fn is(&mut self, known: Ty, offset: u64, claimed: Ty) -> bool {
        let ask = || self.model.relation(known, offset, claimed) == Relation::Within;
        *self.answers.entry((known, offset, claimed)).or_insert_with(ask)
    }
}

impl Model<'_> {
    /// How a claim, that something of type `claimed` lies `offset` bytes into an object of type `known`, stands to that type.
    pub fn relation(&self, known: Ty, offset: u64, claimed: Ty) -> Relation {
        if offset == 0 && known == claimed {
            return Relation::Within;
        }
        let (Some(outer), Some(inner)) = (self.ty(known), self.ty(claimed)) else {
            return Relation::Disagree;
        };
        if offset == 0 && outer.size() == inner.size() {
            // Of one place. A variant says more than its type does; two variants say different things.
            match (self.variant(known), self.variant(claimed)) {
                (Some(one), Some(other)) if one.name != other.name => return Relation::Disagree,
                (None, Some(_)) if has(outer, 0, inner, DEEPEST) => return Relation::Around,
                _ => {}
            }
        }
        if has(outer, offset, inner, DEEPEST) {
            Relation::Within
        } else if offset == 0 && has(inner, 0, outer, DEEPEST) {
            Relation::Around
        } else {
            Relation::Disagree
        }
    }

    /// Whether a type is a number: what points to one says little, as numbers are passed about by `int *` wherever they lie.
    pub fn is_number(&self, ty: Ty) -> bool {
        matches!(self.ty(ty).map(Type::kind), Some(Kind::Base(_) | Kind::Enumeration(_)))
    }
}

/// Whether something of type `inner` begins at an offset of `outer`. In a union any member counts.
fn has(outer: Type<'_>, offset: u64, inner: Type<'_>, deeper: u32) -> bool {
    let (Some(outer), Some(deeper)) = (outer.resolved(), deeper.checked_sub(1)) else { return false };
    if offset == 0 && same(outer, inner) {
        return true;
    }
    match outer.kind() {
        Kind::Aggregate => outer.members().any(|member| {
            let Some(ty) = member.ty().and_then(Type::resolved).filter(|_| member.bit_size().is_none())
            else {
                return false;
            };
            let Some(rest) = offset.checked_sub(member.offset()) else { return false };
            let is_open = matches!(ty.kind(), Kind::Array { count: Count::Open | Count::Exactly(0), .. });
            (is_open || ty.size().is_some_and(|size| rest < size)) && has(ty, rest, inner, deeper)
        }),
        Kind::Array { element: Some(element), .. } => match element.size() {
            Some(size) if size > 0 => has(element, offset % size, inner, deeper),
            _ => false,
        },
        _ => false,
    }
}

/// Whether two types, without typedefs and qualifiers, are one; an array and its element are.
fn same(one: Type<'_>, other: Type<'_>) -> bool {
    if one == other {
        return true;
    }
    match (one.kind(), other.kind()) {
        (_, Kind::Array { element: Some(element), .. }) => {
            element.resolved().is_some_and(|element| same(one, element))
        }
        // What a pointer points to is said where it points; here it is a pointer.
        (Kind::Pointer(one), Kind::Pointer(other)) => pointees_agree(one, other),
        (Kind::Base(_) | Kind::Enumeration(_), Kind::Base(_) | Kind::Enumeration(_)) => {
            one.size() == other.size()
        }
        // Of two modules, or of two units that know different things of what it points to.
        (Kind::Aggregate, Kind::Aggregate) => laid_out_alike(one, other),
        _ => false,
    }
}

/// Whether two structures or unions have one name, and members of the same names at the same places.
fn laid_out_alike(one: Type<'_>, other: Type<'_>) -> bool {
    let is_known = one.name().is_some() && !one.is_declaration() && !other.is_declaration();
    is_known
        && one.tag() == other.tag()
        && one.name() == other.name()
        && one.size() == other.size()
        && one.members().len() == other.members().len()
        && one.members().zip(other.members()).all(|(one, other)| {
            one.name() == other.name()
                && one.bit_offset() == other.bit_offset()
                && one.bit_size() == other.bit_size()
                && one.ty().map(Type::size) == other.ty().map(Type::size)
        })
}

fn pointees_agree(one: Option<Type<'_>>, other: Option<Type<'_>>) -> bool {
    let (Some(one), Some(other)) = (one.and_then(Type::resolved), other.and_then(Type::resolved)) else {
        return true;
    };
    let is_open = |ty: Type<'_>| ty.size().is_none_or(|size| size <= 1);
    is_open(one) || is_open(other) || one == other || (one.tag() == other.tag() && one.name() == other.name())
}
