//! From a type to its pointer map.

use super::{Item, Model, PointerMap, Tail, Ty, What};
use crate::facts::Reading;
use mcrx_debuginfo::table::{Count, Encoding, Kind, Member, Tag, Type};

/// How deep members and elements are looked into. Real types are a few levels deep; damaged debug info has circles.
const DEEPEST: u32 = 64;
/// Most items of one map: an array that would need more is repeated.
const MOST_ITEMS: usize = 1 << 16;
/// Elements of an array are listed one by one as long as they have no more items than this together.
const UNROLLED: u64 = 64;
/// Bytes of a word: of a pointer.
const WORD: u64 = 8;

pub(super) fn compile(model: &Model<'_>, ty: Ty) -> PointerMap {
    let Some(described) = model.ty(ty) else { return PointerMap::default() };
    let Some((table, _)) = model.home(ty) else { return PointerMap::default() };
    let mut compiler = Compiler { model, table, items: Vec::new() };
    compiler.add(described, 0, DEEPEST);
    let mut items = compiler.items;
    items.sort_by_key(|item| item.offset);
    let size = described.size().unwrap_or(0);
    PointerMap { size, items, tail: tail(model, table, described, 0, DEEPEST) }
}

/// The flexible array at the end of a type, if it has one.
fn tail(model: &Model<'_>, table: usize, ty: Type<'_>, base: u64, deeper: u32) -> Option<Tail> {
    let deeper = deeper.checked_sub(1)?;
    if !matches!(ty.tag(), Tag::Structure | Tag::Class) {
        return None;
    }
    let last = ty.members().filter(|member| !member.is_base()).max_by_key(|member| member.offset())?;
    let offset = base.checked_add(last.offset())?;
    let below = last.ty()?.resolved()?;
    match below.kind() {
        Kind::Array { element: Some(element), count: Count::Open | Count::Exactly(0) } => {
            let stride = element.size().filter(|size| *size > 0)?;
            Some(Tail { offset, ty: model.number(table, element)?, stride })
        }
        Kind::Aggregate => tail(model, table, below, offset, deeper),
        _ => None,
    }
}

struct Compiler<'m, 't> {
    model: &'m Model<'t>,
    table: usize,
    items: Vec<Item>,
}

impl Compiler<'_, '_> {
    fn put(&mut self, offset: u64, what: What) {
        if self.items.len() < MOST_ITEMS {
            self.items.push(Item { offset, what });
        }
    }

    fn add(&mut self, ty: Type<'_>, offset: u64, deeper: u32) {
        let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
        match ty.kind() {
            Kind::Pointer(target) => {
                let what = self.pointer(target, u64::MAX);
                self.put(offset, what);
            }
            Kind::Base(encoding) => self.add_base(ty, encoding, offset),
            Kind::Aggregate if ty.tag() == Tag::Union || ty.members().any(|m| m.variant().is_some()) => {
                self.add_union(ty, offset, deeper);
            }
            Kind::Aggregate => {
                for member in ty.members() {
                    self.add_member(ty, member, offset, deeper);
                }
            }
            Kind::Array { element: Some(element), count: Count::Exactly(count) } => {
                self.add_array(element, count, offset, deeper);
            }
            Kind::Unknown => {
                if let Some(len) = ty.size().filter(|len| *len >= WORD) {
                    self.put(offset, What::Likely { len });
                }
            }
            // Numbers, offsets, and what has no size.
            Kind::Enumeration(_)
            | Kind::PointerToMember(_)
            | Kind::Array { .. }
            | Kind::Function(_)
            | Kind::Typedef(_)
            | Kind::Qualified(_) => {}
        }
    }

    fn pointer(&self, target: Option<Type<'_>>, mask: u64) -> What {
        let Some(target) = target.and_then(Type::resolved) else { return What::Opaque { mask } };
        let is_bytes = matches!(target.kind(), Kind::Base(_)) && target.size() == Some(1);
        match target.kind() {
            Kind::Function(_) => What::Function,
            Kind::Unknown => What::Opaque { mask },
            // That it is one of several says nothing of what is there: often only as much as that one needs was allocated.
            Kind::Aggregate if target.tag() == Tag::Union => What::Opaque { mask },
            _ if is_bytes || target.size().is_none_or(|size| size == 0) => What::Opaque { mask },
            _ => match self.model.number(self.table, target) {
                Some(to) => What::Precise { to, mask },
                None => What::Opaque { mask },
            },
        }
    }

    fn add_base(&mut self, ty: Type<'_>, encoding: Encoding, offset: u64) {
        let is_integer = matches!(encoding, Encoding::Signed | Encoding::Unsigned | Encoding::Other);
        if let (true, Some(len @ (WORD | 16))) = (is_integer, ty.size()) {
            self.put(offset, What::Likely { len });
        }
    }

    fn add_member(&mut self, owner: Type<'_>, member: Member<'_>, base: u64, deeper: u32) {
        let (None, Some(ty)) = (member.bit_size(), member.ty()) else { return };
        let Some(offset) = base.checked_add(member.offset()) else { return };
        let reading =
            owner.name().zip(member.name()).and_then(|(owner, name)| self.model.facts.field(owner, name));
        match reading {
            None => self.add(ty, offset, deeper),
            Some(Reading::NotAPointer) => {}
            Some(Reading::Opaque) => self.put(offset, What::Opaque { mask: u64::MAX }),
            Some(Reading::To(name)) => {
                let to = self.model.named(name);
                let mask = u64::MAX;
                self.put(offset, to.map_or(What::Opaque { mask }, |to| What::Precise { to, mask }));
            }
            Some(Reading::Tagged(bits)) => match ty.resolved().map(Type::kind) {
                Some(Kind::Pointer(target)) => {
                    let what = self.pointer(target, !bits);
                    self.put(offset, what);
                }
                _ => self.put(offset, What::Opaque { mask: !bits }),
            },
            Some(Reading::Conservative) => {
                let len = ty.size().unwrap_or(0);
                self.put(offset, What::Likely { len });
            }
        }
    }

    /// Which member is there is not known: where they agree on a pointer it is one, elsewhere it may be.
    fn add_union(&mut self, ty: Type<'_>, offset: u64, deeper: u32) {
        let mut members: Vec<(u64, Vec<Item>)> = Vec::new();
        for member in ty.members() {
            let mut inner = Compiler { model: self.model, table: self.table, items: Vec::new() };
            inner.add_member(ty, member, 0, deeper);
            inner.items.sort_by_key(|item| item.offset);
            let size = member.ty().and_then(Type::size).unwrap_or(0);
            members.push((member.offset().saturating_add(size), inner.items));
        }
        members.retain(|(end, _)| *end > 0);
        if let Some(((_, first), rest)) = members.split_first()
            && rest.iter().all(|(_, items)| items == first)
        {
            for item in first {
                self.put(offset + item.offset, item.what);
            }
            return;
        }
        let holds_pointers = members.iter().any(|(_, items)| !items.is_empty());
        let len = ty.size().unwrap_or(0);
        if holds_pointers && len >= WORD {
            self.put(offset, What::Likely { len });
        }
    }

    fn add_array(&mut self, element: Type<'_>, count: u64, offset: u64, deeper: u32) {
        let Some(element) = element.resolved() else { return };
        let Some(stride) = element.size().filter(|size| *size > 0) else { return };
        if stride == 1 && matches!(element.kind(), Kind::Base(_)) {
            // A buffer: anything may have been put into it.
            if count >= WORD {
                self.put(offset, What::Likely { len: count });
            }
            return;
        }
        let mut inner = Compiler { model: self.model, table: self.table, items: Vec::new() };
        inner.add(element, 0, deeper);
        let Ok(items) = u64::try_from(inner.items.len()) else { return };
        if items == 0 {
            return;
        }
        if items.saturating_mul(count) > UNROLLED {
            if let Some(ty) = self.model.number(self.table, element) {
                self.put(offset, What::Repeat { ty, count, stride });
            }
            return;
        }
        for index in 0..count {
            for item in &inner.items {
                let at =
                    index.checked_mul(stride).and_then(|at| at.checked_add(offset)?.checked_add(item.offset));
                let Some(at) = at else { return };
                self.put(at, item.what);
            }
        }
    }
}
