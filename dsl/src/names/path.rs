//! Where a path leads, step by step.

use crate::rules::{Path, Step};
use mcrx_debuginfo::table::{Count, Kind, Member, Type};

/// How many anonymous structures inside one are looked into. Real ones hold a few; damaged debug info has circles.
const MOST_STRUCTURES: usize = 256;

/// Where a path has led to.
#[derive(Debug, Clone, Copy)]
pub struct Place<'t> {
    /// What is there, without typedefs and qualifiers. `None`: the debug info does not say, or it is `void`.
    pub ty: Option<Type<'t>>,
    /// As it was declared, with typedefs.
    pub declared: Option<Type<'t>>,
    /// The last member on the way, with the structure that has it.
    pub member: Option<(Type<'t>, Member<'t>)>,
    /// Bits from where the path began. `None`: it went through a pointer.
    pub bit_offset: Option<u64>,
}

impl<'t> Place<'t> {
    /// Where a path begins.
    pub fn of(ty: Option<Type<'t>>) -> Place<'t> {
        Place { ty: ty.and_then(Type::resolved), declared: ty, member: None, bit_offset: Some(0) }
    }

    /// Of a bit-field: how many bits.
    pub fn bit_size(&self) -> Option<u32> {
        self.member.and_then(|(_, member)| member.bit_size())
    }
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy)]
pub enum Lost<'t> {
    /// The structure has no member of this name.
    NoMember(Type<'t>),
    /// A member of something that has none.
    NoStructure(Option<Type<'t>>),
    /// A member of a structure of which only a declaration is known.
    Incomplete(Type<'t>),
    /// An element of something that is neither array nor pointer.
    NoArray(Option<Type<'t>>),
    /// An element behind the last of so many.
    Beyond(u64),
}

/// Follows a path. The error says at which step, and why.
pub fn walk<'t>(from: Option<Type<'t>>, path: &Path) -> Result<Place<'t>, (usize, Lost<'t>)> {
    let mut place = Place::of(from);
    for (number, step) in path.steps.iter().enumerate() {
        let next = match &step.is {
            Step::Member(name) => member(place, name),
            Step::Index(index) => element(place, Some(*index)),
        };
        place = next.map_err(|lost| (number, lost))?;
    }
    Ok(place)
}

/// The structure or union that something is, or points to.
pub fn aggregate<'t>(ty: Option<Type<'t>>) -> Option<Type<'t>> {
    let ty = ty?.resolved()?;
    match ty.kind() {
        Kind::Aggregate => Some(ty),
        Kind::Pointer(Some(below)) => below.resolved().filter(|below| below.tag().is_aggregate()),
        _ => None,
    }
}

/// What a pointer points to, or an array has; without typedefs. `None`: it is neither, or points to `void`.
pub fn pointee<'t>(ty: Option<Type<'t>>) -> Option<Type<'t>> {
    match ty?.resolved()?.kind() {
        Kind::Pointer(below) | Kind::Array { element: below, .. } => below?.resolved(),
        _ => None,
    }
}

/// A member of something, or of what it points to.
pub fn member<'t>(of: Place<'t>, name: &str) -> Result<Place<'t>, Lost<'t>> {
    let owner = aggregate(of.ty).ok_or(Lost::NoStructure(of.ty))?;
    if owner.is_declaration() {
        return Err(Lost::Incomplete(owner));
    }
    let (member, inside) = find(owner, name).ok_or(Lost::NoMember(owner))?;
    let is_same_object = of.ty.is_some_and(|ty| ty.tag().is_aggregate());
    Ok(Place {
        ty: member.ty().and_then(Type::resolved),
        declared: member.ty(),
        member: Some((owner, member)),
        bit_offset: of.bit_offset.filter(|_| is_same_object).and_then(|offset| offset.checked_add(inside)),
    })
}

/// An element of an array, or of what a pointer points to. `None`: of one that is not known now.
pub fn element<'t>(of: Place<'t>, index: Option<u64>) -> Result<Place<'t>, Lost<'t>> {
    let inner = |element: Option<Type<'t>>, bit_offset| Place {
        ty: element.and_then(Type::resolved),
        declared: element,
        member: of.member,
        bit_offset,
    };
    match of.ty.map(Type::kind) {
        Some(Kind::Array { element, count }) => {
            if let (Count::Exactly(count), Some(index)) = (count, index)
                && index >= count
                && count > 0
            {
                return Err(Lost::Beyond(count));
            }
            let size = element.and_then(Type::size).and_then(|size| size.checked_mul(8));
            let inside = index.and_then(|index| size?.checked_mul(index));
            let offset = of.bit_offset.and_then(|offset| offset.checked_add(inside?));
            Ok(inner(element, offset))
        }
        Some(Kind::Pointer(below)) => Ok(inner(below, None)),
        _ => Err(Lost::NoArray(of.ty)),
    }
}

/// A member by its name, with its bits from the start of the structure.
fn find<'t>(owner: Type<'t>, name: &str) -> Option<(Member<'t>, u64)> {
    let is_named = |member: &Member<'t>| member.name() == Some(name);
    // Its own come first, and nearly all are.
    let own = owner.members().filter(|member| !member.is_base()).find(is_named);
    own.map(|member| (member, member.bit_offset()))
        .or_else(|| members(owner).find(|(member, _)| is_named(member)))
}

/// The names of all members of a structure or union, those of anonymous ones inside it too.
pub fn member_names(owner: Type<'_>) -> Vec<&str> {
    members(owner).filter_map(|(member, _)| member.name()).collect()
}

/// The members of a structure or union with their bits from its start, then those of anonymous ones inside it.
fn members<'t>(owner: Type<'t>) -> impl Iterator<Item = (Member<'t>, u64)> {
    let mut owners = vec![(owner, 0)];
    let mut next = 0;
    // Each structure is looked into once it is its turn, so that there is no recursion.
    let structures = std::iter::from_fn(move || {
        let (owner, start) = *owners.get(next)?;
        next += 1;
        let mut found = Vec::new();
        for member in owner.members().filter(|member| !member.is_base()) {
            let Some(at) = member.bit_offset().checked_add(start) else { continue };
            let inner = || member.ty().and_then(Type::resolved).filter(|ty| ty.tag().is_aggregate());
            if member.name().is_none()
                && let Some(inner) = inner()
                && owners.len() < MOST_STRUCTURES
            {
                owners.push((inner, at));
            }
            found.push((member, at));
        }
        Some(found)
    });
    structures.flatten()
}
