//! What a declared pointer says of the block that it points to, and when two such statements are one.

use crate::table::{Count, Kind, Tag, Type};

/// How deep types are compared. Real ones are a few levels deep; damaged debug info has circles.
const DEEPEST: usize = 16;

/// What a pointer's declared type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pointee<'t> {
    /// `void *`: nothing at all.
    Void,
    /// `char *` and its like: bytes of any sort.
    Bytes,
    /// A function; or a type that is only declared.
    Opaque,
    /// Objects of this type. Its typedef is kept, its qualifiers are not.
    Object(Type<'t>),
}

impl<'t> Pointee<'t> {
    /// What a pointer of this type points to. `None`: it is no pointer.
    pub(super) fn of(pointer: Type<'t>) -> Option<Pointee<'t>> {
        let Kind::Pointer(target) = pointer.resolved()?.kind() else { return None };
        let Some(target) = target.and_then(unqualified) else { return Some(Pointee::Void) };
        let Some(resolved) = target.resolved() else { return Some(Pointee::Void) };
        Some(match resolved.kind() {
            Kind::Function(_) | Kind::Unknown => Pointee::Opaque,
            Kind::Base(_) if resolved.size() == Some(1) => Pointee::Bytes,
            _ if resolved.size().is_none_or(|size| size == 0) && !is_flexible(resolved) => Pointee::Opaque,
            _ => Pointee::Object(target),
        })
    }

    pub(super) fn object(self) -> Option<Type<'t>> {
        match self {
            Pointee::Object(ty) => Some(ty),
            _ => None,
        }
    }

    /// Whether it leaves open what the objects are.
    pub(super) fn is_silent(self) -> bool {
        matches!(self, Pointee::Void | Pointee::Bytes)
    }
}

/// Without qualifiers. `None`: `const void`.
fn unqualified(ty: Type<'_>) -> Option<Type<'_>> {
    let mut current = ty;
    for _ in 0..DEEPEST {
        match current.kind() {
            Kind::Qualified(below) => current = below?,
            _ => break,
        }
    }
    Some(current)
}

/// Whether two types are one, but for qualifiers and typedefs at any depth.
pub(super) fn same(left: Type<'_>, right: Type<'_>) -> bool {
    same_to(left, right, DEEPEST)
}

fn same_to(left: Type<'_>, right: Type<'_>, deeper: usize) -> bool {
    let (left, right) = match (left.resolved(), right.resolved()) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.is_none() && right.is_none(),
    };
    if left == right {
        return true;
    }
    let Some(deeper) = deeper.checked_sub(1) else { return false };
    let below = |left: Option<Type<'_>>, right: Option<Type<'_>>| match (left, right) {
        (Some(left), Some(right)) => same_to(left, right, deeper),
        (left, right) => left.is_none() && right.is_none(),
    };
    match (left.kind(), right.kind()) {
        (Kind::Base(left_bits), Kind::Base(right_bits)) => {
            left_bits == right_bits && left.size() == right.size()
        }
        (Kind::Pointer(left), Kind::Pointer(right)) => below(left, right),
        (
            Kind::Array { element: left, count: left_count },
            Kind::Array { element: right, count: right_count },
        ) => left_count == right_count && below(left, right),
        _ => false,
    }
}

/// Whether an object of one type has one of another type where it begins, at whatever depth: then a pointer to the inner one is no
/// other statement than one to the outer one.
pub(super) fn begins_with(outer: Type<'_>, inner: Type<'_>) -> bool {
    begins_to(outer, inner, DEEPEST)
}

fn begins_to(outer: Type<'_>, inner: Type<'_>, deeper: usize) -> bool {
    if same(outer, inner) {
        return true;
    }
    let (Some(outer), Some(deeper)) = (outer.resolved(), deeper.checked_sub(1)) else { return false };
    match outer.kind() {
        Kind::Aggregate => outer
            .members()
            .filter(|member| member.bit_offset() == 0 && member.bit_size().is_none())
            .take(if outer.tag() == Tag::Union { usize::MAX } else { 2 })
            .filter_map(|member| member.ty())
            .any(|first| begins_to(first, inner, deeper)),
        Kind::Array { element: Some(element), .. } => begins_to(element, inner, deeper),
        _ => false,
    }
}

/// Where the array begins that an object may be longer by: a flexible last member, also the old way with 0 or 1 elements.
pub(super) fn flexible_from(ty: Type<'_>) -> Option<u64> {
    let mut current = ty.resolved()?;
    let mut from: u64 = 0;
    for _ in 0..DEEPEST {
        if current.tag() == Tag::Union || !current.tag().is_aggregate() {
            return None;
        }
        let last = current.members().last()?;
        from = from.checked_add(last.offset())?;
        current = last.ty()?.resolved()?;
        if let Kind::Array { count, .. } = current.kind() {
            return matches!(count, Count::Open | Count::Exactly(0 | 1)).then_some(from);
        }
    }
    None
}

fn is_flexible(ty: Type<'_>) -> bool {
    flexible_from(ty).is_some()
}
