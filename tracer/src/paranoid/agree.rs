//! Whether two types can both be true of a place: the same question as [`Model::relation`](crate::model::Model::relation) answers,
//! asked once more.

use super::Twin;
use crate::model::{Relation, Ty};
use mcrx_debuginfo::table::{Count, Kind as Form, Member, Type};

/// How deep members are looked into.
const DEEPEST: u32 = 32;

impl Twin<'_> {
    /// How a claim, that there is something of a type `into` bytes into an object of a known type, stands to that.
    pub(super) fn relation(&self, known: Ty, into: u64, claimed: Ty) -> Relation {
        let model = self.input.model;
        if known == claimed && into == 0 {
            return Relation::Within;
        }
        let (Some(outer), Some(inner)) = (model.ty(known), model.ty(claimed)) else {
            return Relation::Disagree;
        };
        let is_inside = holds(outer, into, inner, DEEPEST);
        if into == 0 && outer.size() == inner.size() {
            let sorts = (model.variant(known), model.variant(claimed));
            if let (Some(one), Some(other)) = sorts
                && one != other
            {
                return Relation::Disagree;
            }
            if sorts.0.is_none() && sorts.1.is_some() && is_inside {
                return Relation::Around;
            }
        }
        match is_inside {
            true => Relation::Within,
            false if into == 0 && holds(inner, 0, outer, DEEPEST) => Relation::Around,
            false => Relation::Disagree,
        }
    }

    /// Numbers are pointed to wherever they lie.
    pub(super) fn is_number(&self, ty: Ty) -> bool {
        self.input.model.ty(ty).is_some_and(|ty| matches!(ty.kind(), Form::Base(_) | Form::Enumeration(_)))
    }
}

/// Whether there is an `inner` at an offset of `outer`.
fn holds<'t>(outer: Type<'t>, offset: u64, inner: Type<'t>, deeper: u32) -> bool {
    let (Some(outer), Some(deeper)) = (outer.resolved(), deeper.checked_sub(1)) else { return false };
    let mut inner = inner;
    loop {
        if offset == 0 && alike(outer, inner) {
            return true;
        }
        match inner.kind() {
            Form::Array { element: Some(element), .. } => match element.resolved() {
                Some(element) => inner = element,
                None => break,
            },
            _ => break,
        }
    }
    match outer.kind() {
        Form::Aggregate => outer.members().filter(|member| member.bit_size().is_none()).any(|member| {
            let Some(ty) = member.ty().and_then(Type::resolved) else { return false };
            let is_open = matches!(ty.kind(), Form::Array { count: Count::Open | Count::Exactly(0), .. });
            let end = ty.size().and_then(|size| size.checked_add(member.offset()));
            offset >= member.offset()
                && (is_open || end.is_some_and(|end| offset < end))
                && holds(ty, offset - member.offset(), inner, deeper)
        }),
        Form::Array { element: Some(element), .. } => {
            let size = element.size().unwrap_or(0);
            size > 0 && holds(element, offset % size, inner, deeper)
        }
        _ => false,
    }
}

/// Whether two types can stand for one another.
fn alike(one: Type<'_>, other: Type<'_>) -> bool {
    let target = |ty: Type<'_>| {
        ty.target().and_then(Type::resolved).map(|t| (t.tag(), t.size(), t.name().map(str::to_owned), t.id()))
    };
    match (one.kind(), other.kind()) {
        _ if one == other => true,
        (Form::Pointer(_), Form::Pointer(_)) => match (target(one), target(other)) {
            (Some((tag, size, name, id)), Some((tag_other, size_other, name_other, id_other))) => {
                size.is_none_or(|size| size <= 1)
                    || size_other.is_none_or(|size| size <= 1)
                    || (tag == tag_other && name == name_other)
                    || (id == id_other && std::ptr::eq(one.table(), other.table()))
            }
            _ => true,
        },
        (Form::Base(_) | Form::Enumeration(_), Form::Base(_) | Form::Enumeration(_)) => {
            one.size() == other.size()
        }
        (Form::Aggregate, Form::Aggregate) => {
            let shape = |ty: Type<'_>| {
                let member = |m: Member<'_>| {
                    (m.name().map(str::to_owned), m.bit_offset(), m.bit_size(), m.ty().map(Type::size))
                };
                (
                    ty.tag(),
                    ty.name().map(str::to_owned),
                    ty.size(),
                    ty.members().map(member).collect::<Vec<_>>(),
                )
            };
            one.name().is_some()
                && !one.is_declaration()
                && !other.is_declaration()
                && shape(one) == shape(other)
        }
        _ => false,
    }
}
