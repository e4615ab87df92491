//! How a structure lies in memory: holes, padding, and which member is at an offset.

use super::types::{Count, Kind, Member, Tag, Type};

/// How deep members are looked into. Real structures are nested a few levels deep; damaged debug info has circles.
const DEEPEST: usize = 64;

/// How many members are looked at to list the fields of one structure. The largest real ones have some thousands; structures that hold
/// each other twice, many levels deep, have more than anybody can wait for.
const MOST_MEMBERS: usize = 1 << 16;

/// Bits that no member uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// From the start of the structure.
    pub bit_offset: u64,
    /// How many.
    pub bits: u64,
}

/// The members of a structure with what lies between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// Between members, in order; whole bytes and left-over bits of bit-fields.
    pub holes: Vec<Gap>,
    /// Behind the last member.
    pub padding: Option<Gap>,
}

impl Layout {
    /// Of a structure, class or union whose size is known; else empty.
    pub fn of(ty: Type<'_>) -> Layout {
        let mut layout = Layout::default();
        let (true, Some(size)) = (ty.tag().is_aggregate(), ty.size()) else { return layout };
        let mut members: Vec<(u64, u64)> = ty
            .members()
            .map(|member| (member.bit_offset(), member.bit_offset().saturating_add(bits(member))))
            .collect();
        members.sort_unstable();
        let mut used = 0;
        for (start, end) in members {
            if start > used && ty.tag() != Tag::Union {
                layout.holes.push(Gap { bit_offset: used, bits: start - used });
            }
            used = used.max(end);
        }
        let all = size.saturating_mul(8);
        if all > used && used > 0 {
            layout.padding = Some(Gap { bit_offset: used, bits: all - used });
        }
        layout
    }
}

fn bits(member: Member<'_>) -> u64 {
    let whole = || member.ty().and_then(Type::size).unwrap_or(0).saturating_mul(8);
    member.bit_size().map_or_else(whole, u64::from)
}

/// A place inside an object: which member, of which type, down to the innermost one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'t> {
    /// As C would write it behind the object's name: `.pool`, `.buckets[3].next`; empty for the object itself.
    pub path: String,
    /// The innermost type that begins at or before the offset and reaches over it.
    pub ty: Type<'t>,
    /// Bytes from the start of that innermost one.
    pub rest: u64,
}

impl<'t> Type<'t> {
    /// What lies at an offset, as deep as it goes. In a union: the object is the union itself, since which member it holds is not
    /// known here. `None`: behind its end, or in a hole.
    pub fn place(self, offset: u64) -> Option<Place<'t>> {
        let mut place = Place { path: String::new(), ty: self.resolved()?, rest: offset };
        for _ in 0..DEEPEST {
            match place.ty.kind() {
                Kind::Aggregate if place.ty.tag() != Tag::Union => {
                    let Some(member) = place.ty.member_over(place.rest) else {
                        let inside = place.ty.size().is_some_and(|size| place.rest < size);
                        return (inside && place.ty.members().len() == 0).then_some(place);
                    };
                    if member.bit_size().is_some() {
                        return Some(place);
                    }
                    if let Some(name) = member.name() {
                        place.path.push('.');
                        place.path.push_str(name);
                    }
                    place.rest -= member.offset();
                    place.ty = member.ty()?.resolved()?;
                }
                Kind::Array { element: Some(element), count } => {
                    let size = element.size().filter(|size| *size > 0)?;
                    let index = place.rest / size;
                    if matches!(count, Count::Exactly(count) if count > 0 && index >= count) {
                        return None;
                    }
                    place.path.push_str(&format!("[{index}]"));
                    place.rest %= size;
                    place.ty = element.resolved()?;
                }
                _ => return place.ty.size().is_none_or(|size| place.rest < size).then_some(place),
            }
        }
        None
    }

    /// The member whose bytes hold an offset; a flexible array at the end holds all that follows.
    fn member_over(self, offset: u64) -> Option<Member<'t>> {
        let holds = |member: &Member<'t>| {
            let start = member.offset();
            let Some(end) = bits(*member).checked_add(member.bit_offset()).map(|bits| bits.div_ceil(8))
            else {
                return false;
            };
            let open = || {
                matches!(
                    member.ty().and_then(Type::resolved).map(Type::kind),
                    Some(Kind::Array { count: Count::Open | Count::Exactly(0), .. })
                )
            };
            start <= offset && (offset < end || open())
        };
        self.members().find(holds)
    }

    /// The members that can be named, each with its path from the start: those of anonymous structures and unions as if they were this
    /// one's.
    pub fn fields(self) -> Vec<(u64, Member<'t>)> {
        let mut fields = Vec::new();
        let mut budget = MOST_MEMBERS;
        collect(self, 0, DEEPEST, &mut budget, &mut fields);
        fields
    }

    /// The member with this name, also inside anonymous ones, and its offset in bits.
    pub fn field(self, name: &str) -> Option<(u64, Member<'t>)> {
        self.fields().into_iter().find(|(_, member)| member.name() == Some(name))
    }
}

fn collect<'t>(
    ty: Type<'t>,
    bit_offset: u64,
    deeper: usize,
    budget: &mut usize,
    fields: &mut Vec<(u64, Member<'t>)>,
) {
    for member in ty.members() {
        let Some(left) = budget.checked_sub(1) else { return };
        *budget = left;
        let at = bit_offset.saturating_add(member.bit_offset());
        let inner = member.ty().and_then(Type::resolved).filter(|ty| ty.tag().is_aggregate());
        match (member.name(), inner, deeper.checked_sub(1)) {
            (None, Some(inner), Some(deeper)) => collect(inner, at, deeper, budget, fields),
            _ => fields.push((at, member)),
        }
    }
}
