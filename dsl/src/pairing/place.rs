//! Members with their places, as one structure's list.

use crate::rules::{Path, Step};
use crate::source::{At, FileId, Span};
use mcrx_debuginfo::table::{Count, Kind, Member, Tag, Type};

/// How deep unnamed structures, and paths, are followed. Real ones are a few levels deep; damaged debug info has circles.
const DEEPEST: u32 = 32;

/// How many members of one structure are looked at. The largest real ones have some thousands.
const MOST_MEMBERS: usize = 1 << 16;

/// A member, and where it lies.
#[derive(Debug, Clone)]
pub struct Place<'t> {
    /// As C names it from the outermost type that has a name: `n.notify_event`; of the elements of an array of anonymous structures
    /// `slots[].key`. Of an unnamed union the first of its members. Empty: a whole variable.
    pub path: String,
    /// From the start of the structure that this is a member of. Members of unnamed structures are members of what these are in.
    pub bit_offset: u64,
    /// Of a bit-field: how many bits.
    pub bit_size: Option<u32>,
    /// Its type. `None`: the debug info does not say.
    pub ty: Option<Type<'t>>,
    /// Of an unnamed union: how its members are named. Else none.
    pub alternatives: Vec<String>,
}

impl<'t> Place<'t> {
    /// Something that is whole in itself: a variable.
    pub(super) fn whole(ty: Option<Type<'t>>) -> Place<'t> {
        Place { path: String::new(), bit_offset: 0, bit_size: None, ty, alternatives: Vec::new() }
    }

    /// Whole bytes from the start of the structure.
    pub fn offset(&self) -> u64 {
        self.bit_offset / 8
    }

    /// Bytes. `None`: not known, as of a flexible array.
    pub fn size(&self) -> Option<u64> {
        self.ty.and_then(Type::size)
    }

    /// The type below typedefs and qualifiers.
    pub fn resolved(&self) -> Option<Type<'t>> {
        self.ty.and_then(Type::resolved)
    }

    /// Whether it goes by this name, or has a member of an unnamed union that does.
    pub(super) fn is_named(&self, path: &str) -> bool {
        self.path == path || self.alternatives.iter().any(|name| name == path)
    }

    /// Its name without what comes before it.
    pub fn last_name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// The same for a path as text: `peers[3].port`.
    pub fn named(ty: Type<'t>, path: &str) -> Option<Place<'t>> {
        // It stands in no file.
        let span = Span { file: FileId(0), start: 0, end: 0 };
        let mut steps = Vec::new();
        for part in path.trim_start_matches('.').split('.') {
            let (name, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            if !name.is_empty() {
                steps.push(At { is: Step::Member(name.to_owned()), span });
            }
            for index in indices.split(']').filter(|index| !index.is_empty()) {
                let index = index.trim_start_matches('[').parse().ok()?;
                steps.push(At { is: Step::Index(index), span });
            }
        }
        if steps.is_empty() { None } else { Place::below(ty, &Path { steps }) }
    }

    /// Where a path leads from a type, without going through pointers; counted from that type's start.
    pub fn below(ty: Type<'t>, path: &Path) -> Option<Place<'t>> {
        let mut place = Place::whole(Some(ty));
        for step in &path.steps {
            let outer = place.resolved()?;
            match &step.is {
                Step::Member(name) => {
                    let (bit_offset, member) = outer.field(name)?;
                    place.path =
                        format!("{}{}{name}", place.path, if place.path.is_empty() { "" } else { "." });
                    place.bit_offset = place.bit_offset.checked_add(bit_offset)?;
                    place.bit_size = member.bit_size();
                    place.ty = member.ty();
                }
                Step::Index(index) => {
                    let Kind::Array { element: Some(element), count } = outer.kind() else { return None };
                    if matches!(count, Count::Exactly(count) if count > 0 && *index >= count) {
                        return None;
                    }
                    let bits = element.size()?.checked_mul(8)?.checked_mul(*index)?;
                    place.path = format!("{}[{index}]", place.path);
                    place.bit_offset = place.bit_offset.checked_add(bits)?;
                    place.ty = Some(element);
                }
            }
        }
        Some(place)
    }
}

/// The members of a structure: those of unnamed structures as if they were its own; an unnamed union is one.
pub(super) fn members<'t>(ty: Type<'t>, prefix: &str) -> Vec<Place<'t>> {
    let mut found = Vec::new();
    add(ty, prefix, 0, DEEPEST, &mut found);
    found
}

fn add<'t>(ty: Type<'t>, prefix: &str, start: u64, deeper: u32, found: &mut Vec<Place<'t>>) {
    for member in ty.members() {
        if found.len() >= MOST_MEMBERS {
            return;
        }
        let bit_offset = start.saturating_add(member.bit_offset());
        let inner = member.ty().and_then(Type::resolved).filter(|ty| ty.tag().is_aggregate());
        match (member.name(), inner, deeper.checked_sub(1)) {
            (Some(name), _, _) => {
                found.push(place(member, bit_offset, format!("{prefix}{name}"), Vec::new()))
            }
            (None, Some(inner), _) if inner.tag() == Tag::Union => {
                let names = inner.fields().into_iter().filter_map(|(_, member)| member.name());
                let names: Vec<String> = names.map(|name| format!("{prefix}{name}")).collect();
                let first = names.first().cloned().unwrap_or_default();
                found.push(place(member, bit_offset, first, names));
            }
            (None, Some(inner), Some(deeper)) if !member.is_base() => {
                add(inner, prefix, bit_offset, deeper, found);
            }
            (None, Some(inner), _) if member.is_base() => {
                let path = format!("{prefix}{}", inner.name().unwrap_or(""));
                found.push(place(member, bit_offset, path, Vec::new()));
            }
            // Padding.
            _ => {}
        }
    }
}

fn place<'t>(member: Member<'t>, bit_offset: u64, path: String, alternatives: Vec<String>) -> Place<'t> {
    Place { path, bit_offset, bit_size: member.bit_size(), ty: member.ty(), alternatives }
}
