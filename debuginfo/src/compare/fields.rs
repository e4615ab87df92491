//! What changed among the members of a structure, union or class.

use super::effect::Effect;
use super::pair::Family;
use super::relation::{Difference, Relation};
use crate::table::{Kind, Member, Tag, Type};
use rustc_hash::FxHashMap;

/// How deep anonymous types are looked into. Real ones are a few levels deep; damaged debug info has circles.
const DEEPEST: u32 = 32;

/// How many members of one structure are compared. The largest real ones have some thousands.
const MOST_FIELDS: usize = 1 << 16;

/// A member with its place in the whole structure.
#[derive(Debug, Clone)]
pub struct Field<'t> {
    /// As C names it from the structure: `n.notify_event`; of an array of anonymous structures `slots[].key`. A base class by its type's
    /// name. Unnamed bit-fields are padding, not members.
    pub path: String,
    /// From the start of the structure; of an array's element from the start of the element at index 0.
    pub bit_offset: u64,
    /// The member.
    pub member: Member<'t>,
    /// It shares its bytes with others of an anonymous union.
    pub is_alternative: bool,
}

impl Field<'_> {
    /// Whole bytes from the start of the structure.
    pub fn offset(&self) -> u64 {
        self.bit_offset / 8
    }
}

/// A member that one release does not have, or has otherwise.
#[derive(Debug, Clone)]
pub enum FieldChange<'o, 'n> {
    /// Only the new release has it.
    Added(Field<'n>),
    /// Only the old release has it.
    Removed(Field<'o>),
    /// Both have it.
    Changed {
        /// As it was.
        old: Field<'o>,
        /// As it is.
        new: Field<'n>,
        /// How its type differs.
        difference: Option<Difference>,
    },
}

impl FieldChange<'_, '_> {
    /// What it does to old memory.
    pub fn effect(&self) -> Effect {
        match self {
            FieldChange::Added(_) => Effect::Addition,
            FieldChange::Removed(_) => Effect::Incompatible,
            FieldChange::Changed { .. } if self.is_retyped() || self.is_moved() || self.is_overlaid() => {
                Effect::Incompatible
            }
            FieldChange::Changed { .. } => Effect::Compatible,
        }
    }

    /// Its name in both releases.
    pub fn path(&self) -> &str {
        match self {
            FieldChange::Added(field) => &field.path,
            FieldChange::Removed(field) => &field.path,
            FieldChange::Changed { new, .. } => &new.path,
        }
    }

    /// It is at another offset.
    pub fn is_moved(&self) -> bool {
        matches!(self, FieldChange::Changed { old, new, .. } if old.bit_offset != new.bit_offset)
    }

    /// It has another type, or as a bit-field other bits.
    pub fn is_retyped(&self) -> bool {
        let FieldChange::Changed { old, new, difference } = self else { return false };
        difference.is_some_and(|difference| !difference.is_spelling())
            || old.member.bit_size() != new.member.bit_size()
    }

    /// Its type is only spelt otherwise.
    pub fn is_respelt(&self) -> bool {
        matches!(self, FieldChange::Changed { difference: Some(Difference::Spelling), .. })
    }

    /// It came to share its bytes with others, or no longer does.
    pub fn is_overlaid(&self) -> bool {
        matches!(self, FieldChange::Changed { old, new, .. } if old.is_alternative != new.is_alternative)
    }
}

/// A member of both releases that holds, by value, types that have names of their own.
pub(super) struct Held<'o, 'n> {
    pub(super) path: String,
    pub(super) old: Type<'o>,
    pub(super) new: Type<'n>,
}

/// What was found out about two structures.
#[derive(Default)]
pub(super) struct Fields<'o, 'n> {
    pub(super) changes: Vec<FieldChange<'o, 'n>>,
    pub(super) held: Vec<Held<'o, 'n>>,
    /// How many members were looked at.
    seen: usize,
}

/// Where the members of an anonymous type begin.
#[derive(Clone, Copy)]
struct Base<'a> {
    path: &'a str,
    bit_offset: u64,
}

impl<'o, 'n> Fields<'o, 'n> {
    /// Compares two structures, unions or classes.
    pub(super) fn of(relation: &mut Relation<'_, 'o, 'n>, old: Type<'o>, new: Type<'n>) -> Fields<'o, 'n> {
        let mut fields = Fields::default();
        let start = Base { path: "", bit_offset: 0 };
        fields.compare(relation, (old, start), (new, start), DEEPEST);
        fields
    }

    fn compare(
        &mut self,
        relation: &mut Relation<'_, 'o, 'n>,
        (old, old_base): (Type<'o>, Base<'_>),
        (new, new_base): (Type<'n>, Base<'_>),
        deeper: u32,
    ) {
        let before = listed(old, old_base);
        let after = listed(new, new_base);
        self.seen = self.seen.saturating_add(before.len().max(after.len()));
        if self.seen > MOST_FIELDS {
            return;
        }
        let mut partners: FxHashMap<String, Field<'n>> =
            after.iter().map(|field| (field.path.clone(), field.clone())).collect();
        for old in before {
            match partners.remove(&old.path) {
                Some(new) => self.compare_field(relation, old, new, deeper),
                None => self.changes.push(FieldChange::Removed(old)),
            }
        }
        // Of two with one name, which only damaged debug info has, the first is left out, too.
        let added = after.into_iter().filter(|field| partners.remove(&field.path).is_some());
        self.changes.extend(added.map(FieldChange::Added));
    }

    fn compare_field(
        &mut self,
        relation: &mut Relation<'_, 'o, 'n>,
        old: Field<'o>,
        new: Field<'n>,
        deeper: u32,
    ) {
        let types = (old.member.ty(), new.member.ty());
        let mut difference = relation.of(types.0, types.1);
        let mut is_said = false;
        if difference == Some(Difference::Contents)
            && let Some(deeper) = deeper.checked_sub(1)
            && let Some((old_inner, new_inner, brackets)) = anonymous(types.0, types.1)
        {
            // Said by path, member for member.
            let (old_path, new_path) =
                (format!("{}{brackets}.", old.path), format!("{}{brackets}.", new.path));
            let old_base = Base { path: &old_path, bit_offset: old.bit_offset };
            let new_base = Base { path: &new_path, bit_offset: new.bit_offset };
            (difference, is_said) = (None, true);
            self.compare(relation, (old_inner, old_base), (new_inner, new_base), deeper);
        }
        if matches!(difference, None | Some(Difference::Spelling | Difference::Length)) && !is_said {
            self.hold(&old.path, types, DEEPEST);
        }
        let change = FieldChange::Changed { old, new, difference };
        if change.effect() != Effect::Compatible || difference.is_some() {
            self.changes.push(change);
        }
    }

    /// Notes what a member of both releases holds.
    fn hold(&mut self, path: &str, (old, new): (Option<Type<'o>>, Option<Type<'n>>), deeper: u32) {
        let (Some(old), Some(new)) = (old.and_then(element), new.and_then(element)) else { return };
        match (old.name(), deeper.checked_sub(1)) {
            (None, Some(deeper)) if old.tag().is_aggregate() => {
                if self.seen > MOST_FIELDS {
                    return;
                }
                let after: FxHashMap<Option<&str>, Option<Type<'n>>> =
                    new.members().map(|member| (member.name(), member.ty())).collect();
                for member in old.members() {
                    self.seen = self.seen.saturating_add(1);
                    let inner = format!("{path}.{}", member.name().unwrap_or(""));
                    let other = after.get(&member.name()).copied().flatten();
                    self.hold(&inner, (member.ty(), other), deeper);
                }
                // It may have a typedef for a name.
                self.held.push(Held { path: path.to_owned(), old, new });
            }
            _ if matches!(Family::of(old), Some(Family::Aggregate | Family::Enumeration)) => {
                self.held.push(Held { path: path.to_owned(), old, new });
            }
            _ => {}
        }
    }
}

/// What an array is made of, or the type itself, below typedefs and qualifiers.
pub(super) fn element(ty: Type<'_>) -> Option<Type<'_>> {
    let mut current = ty.resolved()?;
    for _ in 0..DEEPEST {
        match current.kind() {
            Kind::Array { element: Some(element), .. } => current = element.resolved()?,
            _ => return Some(current),
        }
    }
    None
}

/// Two anonymous structures, unions or classes that members consist of, and the brackets of arrays of the same length around them.
fn anonymous<'o, 'n>(
    old: Option<Type<'o>>,
    new: Option<Type<'n>>,
) -> Option<(Type<'o>, Type<'n>, &'static str)> {
    let (mut old, mut new) = (old?.resolved()?, new?.resolved()?);
    let mut brackets = "";
    for _ in 0..DEEPEST {
        match (old.kind(), new.kind()) {
            (
                Kind::Array { element: Some(one), count: few },
                Kind::Array { element: Some(other), count: many },
            ) if few == many => {
                (old, new, brackets) = (one.resolved()?, other.resolved()?, "[]");
            }
            (Kind::Aggregate, Kind::Aggregate) if old.tag() == new.tag() => {
                return Some((old, new, brackets));
            }
            _ => return None,
        }
    }
    None
}

/// The members of a structure that is itself a member.
pub(super) fn inside<'t>(ty: Type<'t>, outer: &Field<'t>) -> Vec<Field<'t>> {
    listed(ty, Base { path: &format!("{}.", outer.path), bit_offset: outer.bit_offset })
}

/// The members that can be named from a structure, those of unnamed members among them.
fn listed<'t>(ty: Type<'t>, base: Base<'_>) -> Vec<Field<'t>> {
    let mut list = List { fields: Vec::new(), looked_at: 0 };
    list.add(ty, base, false, DEEPEST);
    list.fields
}

struct List<'t> {
    fields: Vec<Field<'t>>,
    looked_at: usize,
}

impl<'t> List<'t> {
    fn add(&mut self, ty: Type<'t>, base: Base<'_>, is_alternative: bool, deeper: u32) {
        for member in ty.members() {
            self.looked_at += 1;
            if self.looked_at > MOST_FIELDS {
                return;
            }
            let bit_offset = base.bit_offset.saturating_add(member.bit_offset());
            let inner = member.ty().and_then(Type::resolved).filter(|ty| ty.tag().is_aggregate());
            match (member.name(), inner, deeper.checked_sub(1)) {
                (None, Some(inner), Some(deeper)) if !member.is_base() => {
                    let is_alternative = is_alternative || inner.tag() == Tag::Union;
                    self.add(inner, Base { bit_offset, ..base }, is_alternative, deeper);
                }
                (name, inner, _) => {
                    let base_class = inner.and_then(Type::name).filter(|_| member.is_base());
                    let Some(name) = name.or(base_class) else { continue };
                    // A variant of a Rust enumeration may have members that another one has, too.
                    let path = match member.variant() {
                        Some(variant) => format!("{}{name}@{variant}", base.path),
                        None => format!("{}{name}", base.path),
                    };
                    self.fields.push(Field { path, bit_offset, member, is_alternative });
                }
            }
        }
    }
}
