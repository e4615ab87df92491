//! Whether types of two releases correspond, and where the members of the one lie in the other.
//!
//! For each pair of types that is met there is one [`Shape`]: pieces of the old object, each with its place in the new one.
//!
//! ```text
//!   struct conn (old)                 struct conn (new)
//!     0  fd, flags          ------>     0  fd, flags            bytes
//!     8  bufs[2], 24 each   ------>    16  bufs[4], 32 each     elements, by the shape of a buffer
//!    56  peer               ------>   144  peer                 by the shape of a peer
//! ```
//!
//! Types of the programs correspond as the pairing says; others, and those that it does not speak of, if they are laid out alike.
//!
//! What it does not do: convert values. A place is all that is asked for.

use crate::side::Side;
use mcrx_debuginfo::table::{Count, Encoding, Kind, Type, TypeId};
use mcrx_dsl::pairing::{Alternative, Body, Conversion, MemberPair, Origin, Pairing, Place};
use mcrx_tracer::model::Ty;
use rustc_hash::FxHashMap;

/// How deep structures inside of others are gone into. Real ones are a few levels deep; damaged debug info has circles.
const DEEPEST: u32 = 48;

/// By its place among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShapeId(usize);

/// Where the parts of an old object lie in the new one.
#[derive(Debug, Default)]
struct Shape {
    /// By old place.
    pieces: Vec<Piece>,
}

/// A part, in bytes from the start of either object.
#[derive(Debug, Clone, Copy)]
struct Piece {
    old: u64,
    len: u64,
    new: u64,
    inner: Inner,
}

#[derive(Debug, Clone, Copy)]
enum Inner {
    /// Bytes in the same order.
    Bytes,
    /// An object.
    Object(ShapeId),
    /// Objects side by side, so many bytes from one to the next in either.
    Elements { old: u64, new: u64, shape: ShapeId },
}

/// All shapes that were asked for.
pub(super) struct Shapes<'s, 'p> {
    start: &'s Side<'p>,
    new: &'s Side<'p>,
    pairing: &'s Pairing<'p>,
    all: Vec<Shape>,
    /// Of types of both models.
    asked: FxHashMap<(Ty, Ty), Option<ShapeId>>,
    /// Of types of both programs.
    known: FxHashMap<(TypeId, TypeId), Option<ShapeId>>,
}

/// Where the members of a structure count from, in bits.
#[derive(Debug, Clone, Copy, Default)]
struct Base {
    old: u64,
    new: u64,
}

impl<'s, 'p> Shapes<'s, 'p> {
    pub(super) fn new(start: &'s Side<'p>, new: &'s Side<'p>, pairing: &'s Pairing<'p>) -> Shapes<'s, 'p> {
        let (asked, known) = (FxHashMap::default(), FxHashMap::default());
        Shapes { start, new, pairing, all: Vec::new(), asked, known }
    }

    /// How objects of one type lie in those of the other. `None`: the types do not correspond.
    pub(super) fn of(&mut self, old: Ty, new: Ty) -> Option<ShapeId> {
        if let Some(known) = self.asked.get(&(old, new)) {
            return *known;
        }
        let found = self.of_models(old, new);
        self.asked.insert((old, new), found);
        found
    }

    fn of_models(&mut self, old: Ty, new: Ty) -> Option<ShapeId> {
        let (before, after) = (self.start.trace.model, self.new.trace.model);
        // Two variants of one type are different things.
        let names = [before.variant(old), after.variant(new)].map(|found| found.map(|found| &found.name));
        if names[0] != names[1] {
            return None;
        }
        self.between(before.ty(old)?, after.ty(new)?, DEEPEST)
    }

    /// How a variable lies in what it has become, as the pairing says of it.
    pub(super) fn of_variable(
        &mut self,
        from: &Place<'p>,
        to: &Place<'p>,
        conversion: &Conversion<'p>,
    ) -> ShapeId {
        let mut pieces = Vec::new();
        self.conversion(from, to, conversion, Base::default(), &mut pieces, DEEPEST);
        self.put(pieces)
    }

    /// The same of two types of the programs.
    pub(super) fn of_types(&mut self, old: Type<'p>, new: Type<'p>) -> Option<ShapeId> {
        self.between(old, new, DEEPEST)
    }

    /// Where a place of an old object lies in the new one. `None`: nowhere, as far as is known.
    pub(super) fn place(&self, shape: ShapeId, at: u64) -> Option<u64> {
        let (mut shape, mut at, mut new) = (self.all.get(shape.0)?, at, 0_u64);
        for _ in 0..=DEEPEST {
            let before = shape.pieces.partition_point(|piece| piece.old <= at);
            let piece = shape.pieces.get(before.checked_sub(1)?)?;
            let into = at - piece.old;
            if into >= piece.len {
                return None;
            }
            new = new.checked_add(piece.new)?;
            match piece.inner {
                Inner::Bytes => return new.checked_add(into),
                Inner::Object(inner) => (shape, at) = (self.all.get(inner.0)?, into),
                Inner::Elements { old: stride, new: new_stride, shape: inner } => {
                    let index = into.checked_div(stride)?;
                    new = new.checked_add(index.checked_mul(new_stride)?)?;
                    (shape, at) = (self.all.get(inner.0)?, into - index * stride);
                }
            }
        }
        None
    }

    /// Where an element of an array begins, whatever rules say of its first member.
    pub(super) fn element(&self, shape: ShapeId, at: u64) -> Option<u64> {
        self.place(shape, at).or_else(|| {
            let pieces = &self.all.get(shape.0)?.pieces;
            let before = pieces.partition_point(|piece| piece.old <= at);
            let piece = pieces.get(before.checked_sub(1)?)?;
            let into = (at - piece.old < piece.len).then_some(at - piece.old)?;
            let Inner::Elements { old, new, .. } = piece.inner else { return None };
            piece.new.checked_add(into.checked_div(old)?.checked_mul(new)?)
        })
    }

    fn put(&mut self, mut pieces: Vec<Piece>) -> ShapeId {
        pieces.retain(|piece| piece.len > 0);
        // Of two of one place the first counts.
        pieces.sort_by_key(|piece| piece.old);
        pieces.dedup_by_key(|piece| piece.old);
        self.all.push(Shape { pieces });
        ShapeId(self.all.len() - 1)
    }

    fn bytes(&mut self, len: u64) -> ShapeId {
        self.put(vec![Piece { old: 0, len, new: 0, inner: Inner::Bytes }])
    }

    fn between(&mut self, old: Type<'p>, new: Type<'p>, deeper: u32) -> Option<ShapeId> {
        let (old, new, deeper) = (old.resolved()?, new.resolved()?, deeper.checked_sub(1)?);
        let is_of_programs = self.is_of_programs(old, new);
        if is_of_programs && let Some(known) = self.known.get(&(old.id(), new.id())) {
            return *known;
        }
        let found = self.make(old, new, is_of_programs, deeper);
        if is_of_programs {
            self.known.insert((old.id(), new.id()), found);
        }
        found
    }

    fn is_of_programs(&self, old: Type<'_>, new: Type<'_>) -> bool {
        old.table().build_id() == self.start.table.build_id()
            && new.table().build_id() == self.new.table.build_id()
    }

    fn make(&mut self, old: Type<'p>, new: Type<'p>, is_of_programs: bool, deeper: u32) -> Option<ShapeId> {
        match (old.kind(), new.kind()) {
            (Kind::Aggregate | Kind::Enumeration(_), Kind::Aggregate | Kind::Enumeration(_)) => {
                if is_of_programs {
                    self.of_pair(old, new, deeper)
                } else {
                    self.alike(old, new)
                }
            }
            (Kind::Base(before), Kind::Base(after)) if class(before) == class(after) => {
                Some(self.bytes(size(old).min(size(new))))
            }
            (Kind::Pointer(before), Kind::Pointer(after)) => {
                self.is_same_pointee(before, after, is_of_programs).then(|| self.bytes(size(old)))
            }
            (Kind::Array { element: Some(before), .. }, Kind::Array { element: Some(after), .. }) => {
                let shape = self.between(before, after, deeper)?;
                let strides = (before.size()?, after.size()?);
                let piece = elements((old, new), strides, shape)?;
                Some(self.put(vec![piece]))
            }
            _ => None,
        }
    }

    /// As the pairing says of two structures, unions or enumerations.
    fn of_pair(&mut self, old: Type<'p>, new: Type<'p>, deeper: u32) -> Option<ShapeId> {
        let Some((_, pair)) = self.pairing.of_old(old) else {
            let is_taken = self.pairing.of_new(new).is_some();
            return if is_taken { None } else { self.alike(old, new) };
        };
        let made = pair.made.first()?;
        // What is merged into another, and what is made besides, is another object.
        if !is_one(*pair.old.first()?, old) || !is_one(made.ty, new) {
            return None;
        }
        let mut pieces = Vec::new();
        match &made.body {
            Body::Same => return Some(self.bytes(u64::MAX)),
            Body::Open(_) => return None,
            Body::Constants(..) | Body::Union(_) => return Some(self.bytes(size(old).min(size(new)))),
            Body::Members(members) => self.members(members, (old, Base::default()), &mut pieces, deeper),
        }
        let mut by_rules = Vec::new();
        self.members(&made.parts, (old, Base::default()), &mut by_rules, deeper);
        // What a rule says of a part counts before what holds for all of the member.
        by_rules.append(&mut pieces);
        Some(self.put(by_rules))
    }

    fn members(
        &mut self,
        members: &[MemberPair<'p>],
        (owner, base): (Type<'p>, Base),
        pieces: &mut Vec<Piece>,
        deeper: u32,
    ) {
        for MemberPair { to, origin, .. } in members {
            match origin {
                Origin::Old { of: 0, from, conversion, is_by_rule } => {
                    let base = Base { old: if *is_by_rule { 0 } else { base.old }, ..base };
                    self.conversion(from, to, conversion, base, pieces, deeper);
                }
                Origin::Parts(members) => {
                    let base = Base { new: base.new.saturating_add(to.bit_offset), ..base };
                    self.members(members, (owner, base), pieces, deeper);
                }
                // Its value is the new start-up's; what the old one's led to is what it leads to.
                Origin::Reset => self.of_name(owner, to, base, pieces, deeper),
                Origin::Old { .. } | Origin::Set(_) | Origin::Open(_) => {}
            }
        }
    }

    /// The old member of the same name, if there is one and it is of such a type.
    fn of_name(&mut self, owner: Type<'p>, to: &Place<'p>, base: Base, pieces: &mut Vec<Piece>, deeper: u32) {
        let Some((bits, old)) = owner.field(&to.path) else { return };
        let (Some(old), Some(new), None, None) = (old.ty(), to.ty, old.bit_size(), to.bit_size) else {
            return;
        };
        let Some(shape) = self.between(old, new, deeper) else { return };
        let place = |base: u64, bits: u64| base.saturating_add(bits) / 8;
        let (old_place, new_place) = (place(base.old, bits), place(base.new, to.bit_offset));
        let inner = Inner::Object(shape);
        pieces.push(Piece { old: old_place, len: size(old), new: new_place, inner });
    }

    fn conversion(
        &mut self,
        from: &Place<'p>,
        to: &Place<'p>,
        conversion: &Conversion<'p>,
        base: Base,
        pieces: &mut Vec<Piece>,
        deeper: u32,
    ) {
        let Some(deeper) = deeper.checked_sub(1) else { return };
        let (Some(old), Some(new)) = (from.resolved(), to.resolved()) else { return };
        let at = Base {
            old: base.old.saturating_add(from.bit_offset),
            new: base.new.saturating_add(to.bit_offset),
        };
        // Bits of a byte hold no pointer.
        if from.bit_size.is_some() || to.bit_size.is_some() {
            return;
        }
        let mut put = |len, inner| pieces.push(Piece { old: at.old / 8, len, new: at.new / 8, inner });
        match conversion {
            Conversion::Same | Conversion::Union(_) => {
                // A flexible array goes on to the end of the object.
                let open = |ty: Type<'_>| ty.size().unwrap_or(u64::MAX);
                let len = match conversion {
                    Conversion::Union(alternatives) => union_len(alternatives, size(old).min(size(new))),
                    _ => open(old).min(open(new)),
                };
                put(len, Inner::Bytes);
            }
            Conversion::Pointer(_) | Conversion::Number { .. } | Conversion::Constants(..) => {
                put(size(old).min(size(new)), Inner::Bytes);
            }
            Conversion::Array { element, from: before, to: after } => {
                let below = [old, new].map(|array| match array.kind() {
                    Kind::Array { element, .. } => element,
                    _ => None,
                });
                let [Some(old_element), Some(new_element)] = below else { return };
                let mut inner = Vec::new();
                let (one, other) = (whole(old_element), whole(new_element));
                self.conversion(&one, &other, element, Base::default(), &mut inner, deeper);
                let shape = self.put(inner);
                if let Some(piece) = elements((old, new), (before.stride, after.stride), shape) {
                    put(piece.len, piece.inner);
                }
            }
            Conversion::Pair(_) => {
                if let Some(shape) = self.between(old, new, deeper) {
                    put(size(old), Inner::Object(shape));
                }
            }
            Conversion::Members(members) => self.members(members, (old, at), pieces, deeper),
        }
    }

    /// What pointers lead to is asked for there; here it is enough that it may be the same.
    fn is_same_pointee(&self, old: Option<Type<'p>>, new: Option<Type<'p>>, is_of_programs: bool) -> bool {
        let (mut old, mut new) = (old, new);
        for _ in 0..DEEPEST {
            let (Some(before), Some(after)) = (old.and_then(Type::resolved), new.and_then(Type::resolved))
            else {
                return true;
            };
            match (before.kind(), after.kind()) {
                (Kind::Pointer(one), Kind::Pointer(other)) => (old, new) = (one, other),
                (Kind::Aggregate, Kind::Aggregate) => {
                    let pair = self.pairing.of_old(before).filter(|_| is_of_programs);
                    let made = pair.and_then(|(_, pair)| pair.made.first());
                    return made.map_or(before.name() == after.name(), |made| is_one(made.ty, after));
                }
                (Kind::Base(_) | Kind::Enumeration(_), Kind::Base(_) | Kind::Enumeration(_)) => return true,
                (one, other) => return std::mem::discriminant(&one) == std::mem::discriminant(&other),
            }
        }
        false
    }

    /// Two types that the pairing does not speak of: of a library, or of another module than the other.
    fn alike(&mut self, old: Type<'p>, new: Type<'p>) -> Option<ShapeId> {
        let is_alike = old.table().build_id() == new.table().build_id() && is_one(old, new)
            || is_laid_out_alike(old, new);
        is_alike.then(|| self.bytes(u64::MAX))
    }
}

/// Whether two types of one release are one: a structure that several units know differently (what a pointer in it leads to, say) is as
/// many types, of which the pairing pairs one.
fn is_one(one: Type<'_>, other: Type<'_>) -> bool {
    one.id() == other.id() || is_laid_out_alike(one, other)
}

/// Whether two structures, unions or enumerations have one name, and members of the same names and sorts at the same places.
fn is_laid_out_alike(one: Type<'_>, other: Type<'_>) -> bool {
    let tag = |ty: Option<Type<'_>>| ty.and_then(Type::resolved).map(Type::tag);
    one.name().is_some()
        && one.name() == other.name()
        && one.tag() == other.tag()
        && one.size().is_some()
        && one.size() == other.size()
        && one.members().len() == other.members().len()
        && one.members().zip(other.members()).all(|(one, other)| {
            one.name() == other.name()
                && one.bit_offset() == other.bit_offset()
                && one.bit_size() == other.bit_size()
                && one.ty().and_then(Type::size) == other.ty().and_then(Type::size)
                && tag(one.ty()) == tag(other.ty())
        })
}

/// Something that is whole in itself.
fn whole(ty: Type<'_>) -> Place<'_> {
    Place { path: String::new(), bit_offset: 0, bit_size: None, ty: Some(ty), alternatives: Vec::new() }
}

/// The elements of two arrays, as many as both have.
fn elements((old, new): (Type<'_>, Type<'_>), strides: (u64, u64), shape: ShapeId) -> Option<Piece> {
    let count = |array: Type<'_>| match array.kind() {
        Kind::Array { count: Count::Exactly(count), .. } if count > 0 => count,
        _ => u64::MAX,
    };
    let (before, after) = strides;
    let len = count(old).min(count(new)).saturating_mul(before);
    let inner = Inner::Elements { old: before, new: after, shape };
    (before > 0 && after > 0).then_some(Piece { old: 0, len, new: 0, inner })
}

/// Bytes of a union whose members begin where they began; else none is where it was, as far as is known.
fn union_len(alternatives: &[Alternative<'_>], len: u64) -> u64 {
    let stays =
        |one: &Alternative<'_>| one.new.as_ref().is_none_or(|new| new.bit_offset == one.old.bit_offset);
    if alternatives.iter().all(stays) { len } else { 0 }
}

fn size(ty: Type<'_>) -> u64 {
    ty.size().unwrap_or(0)
}

/// Numbers of one class become each other.
fn class(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Float => 1,
        Encoding::Signed
        | Encoding::Unsigned
        | Encoding::SignedChar
        | Encoding::UnsignedChar
        | Encoding::Boolean => 0,
        _ => 2,
    }
}
