//! What was seen of one call's result, and what follows for the type of the block.
//!
//! The rule is that a wrong type is worse than none. All that was seen must agree: types do where they are one, or where one begins with
//! the other, since the address of a structure is that of its first member. What a caller merely hands to a function is weak: it may be
//! the first member only. Weak statements settle nothing but together with the exact size. Two that disagree mean *untyped*; so does a
//! size that does not fit. Nothing is guessed from sizes, and nothing is put to the vote.

use super::allocator::Asked;
use super::pointee::{begins_with, flexible_from, same};
use super::value::{Gpr, SOMEWHERE};
use crate::table::{Address, Type};
use std::collections::BTreeSet;

/// How a type was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Landing {
    /// The block's address is in a variable of the function, or of the inlined function that makes the call.
    Variable,
    /// It is stored in a member of an object.
    Member,
    /// It is stored in a variable of the program.
    Global,
    /// The function that decides returns it, and is declared to return a pointer to this type.
    Returned,
    /// The source of the call names the type: `sizeof`.
    Source,
    /// It is in a variable of an inlined function that does not make the call. Weak.
    Inlined,
    /// It is handed to a function. Weak.
    Argument,
    /// The block was made from an older one by `realloc`, and the older one's address was in a pointer to this type. Weak.
    Resized,
}

impl Landing {
    /// Whether it settles a type without more.
    pub fn is_strong(self) -> bool {
        use Landing::*;
        matches!(self, Variable | Member | Global | Returned)
    }
}

/// How much a call asks for, as far as the code shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// Not known before it runs.
    #[default]
    Unknown,
    /// So many bytes.
    Bytes(u64),
    /// Elements of so many bytes.
    Elements {
        /// How many. `None`: not known before it runs.
        count: Option<u64>,
        /// Bytes of each.
        size: u64,
    },
    /// A multiple of this number of bytes.
    MultipleOf(u64),
}

/// How many objects of the type the block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// So many; one may be longer than its type by a flexible array.
    Exactly(u64),
    /// As many as it has room for.
    Array,
    /// One at its start. Whether there are more, or what else follows, is not known.
    AtLeastOne,
}

/// How sure a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Where the block goes says so, and the size that is asked for is no other type's fault: it fits.
    Certain,
    /// Where the block goes says so; the size is not known before it runs.
    Probable,
}

/// Why a block has no type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Untyped {
    /// The function that makes it has no debug info.
    NoDebugInfo,
    /// It goes to `char *` only: bytes of any sort.
    Bytes,
    /// It goes nowhere that has a type.
    Nowhere,
    /// Two statements disagree.
    Disagree,
    /// The size that is asked for does not fit the type.
    WrongSize,
    /// The size that is asked for fits several of the type, but may also be that of a larger type that begins with it.
    PerhapsLarger,
    /// Only weak statements, and no size to bear them out.
    Weak,
    /// It begins with a typed header, and what lies behind that is handed out as memory.
    Carved,
    /// No path that could be followed leads to the call.
    NotReached,
    /// The function is too large to be analysed.
    TooLarge,
}

/// What is to be said of the blocks of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged<'t> {
    Typed {
        ty: Type<'t>,
        extent: Extent,
        confidence: Confidence,
    },
    /// The function hands it on to its own caller, who decides.
    Deeper,
    Untyped(Untyped),
}

/// One thing that was seen.
#[derive(Debug, Clone)]
pub(super) struct Statement<'t> {
    pub(super) landing: Landing,
    pub(super) ty: Type<'t>,
    pub(super) at: Address,
    pub(super) name: String,
}

/// How many statements about one call are kept. More than a few are never needed; more types than this never agree.
const MOST_STATEMENTS: usize = 64;

/// All that was seen of one call's result.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen<'t> {
    pub(super) statements: Vec<Statement<'t>>,
    overflow: bool,
    /// It went to a `char *`.
    pub(super) as_bytes: bool,
    /// Offsets in the block that a function returns as `void *` or `char *`.
    pub(super) returned: BTreeSet<i64>,
    /// Arguments through which it is stored as such, with the offset in the block.
    pub(super) stored: BTreeSet<(Gpr, i64)>,
    /// Some path leads to the call.
    pub(super) reached: bool,
    pub(super) size: Size,
    pub(super) asked: Asked,
    /// The argument of this function that has the block to be resized.
    pub(super) resized: Option<Gpr>,
}

impl<'t> Seen<'t> {
    pub(super) fn add(&mut self, ty: Type<'t>, landing: Landing, at: Address, name: impl FnOnce() -> String) {
        let known = |before: &Statement<'t>| before.landing == landing && same(before.ty, ty);
        if self.statements.iter().any(known) {
            return;
        }
        if self.statements.len() >= MOST_STATEMENTS {
            self.overflow = true;
            return;
        }
        self.statements.push(Statement { landing, ty, at, name: name() });
    }

    /// What follows from it.
    pub(super) fn judge(&self) -> Judged<'t> {
        if !self.reached {
            return Judged::Untyped(Untyped::NotReached);
        }
        let strong = self.statements.iter().any(|statement| statement.landing.is_strong());
        let handed_on = self.returned.iter().any(|offset| *offset != SOMEWHERE)
            || self.stored.iter().any(|(_, offset)| *offset != SOMEWHERE);
        // What a function hands on from behind a header of its own is the caller's.
        let whole = self.returned.contains(&0) || self.stored.iter().any(|(_, offset)| *offset == 0);
        if handed_on && (self.statements.is_empty() || strong && !whole) {
            return Judged::Deeper;
        }
        if strong && !whole && self.returned.contains(&SOMEWHERE) {
            return Judged::Untyped(Untyped::Carved);
        }
        let Some(first) = self.statements.first() else {
            return Judged::Untyped(if self.as_bytes { Untyped::Bytes } else { Untyped::Nowhere });
        };
        let outermost = self.statements.iter().fold(first.ty, |outer, statement| {
            if begins_with(outer, statement.ty) { outer } else { statement.ty }
        });
        let agree = self.statements.iter().all(|statement| begins_with(outermost, statement.ty));
        if self.overflow || !agree {
            return Judged::Untyped(Untyped::Disagree);
        }
        let says_it = |statement: &&Statement<'t>| same(statement.ty, outermost);
        let ty = self.statements.iter().find(says_it).map_or(outermost, |statement| statement.ty);
        let strong = self.statements.iter().filter(says_it).any(|statement| statement.landing.is_strong());
        let named =
            self.statements.iter().filter(says_it).any(|statement| statement.landing == Landing::Source);
        match (fit(ty, self.size, named), strong) {
            (Fit::Wrong, _) => Judged::Untyped(Untyped::WrongSize),
            (Fit::PerhapsLarger, _) => Judged::Untyped(Untyped::PerhapsLarger),
            (Fit::Exactly(count), true) => {
                Judged::Typed { ty, extent: Extent::Exactly(count), confidence: Confidence::Certain }
            }
            (Fit::Exactly(1), false) => {
                Judged::Typed { ty, extent: Extent::Exactly(1), confidence: Confidence::Probable }
            }
            // A weak statement, the source and the size agree.
            (Fit::Exactly(count), false) if named => {
                Judged::Typed { ty, extent: Extent::Exactly(count), confidence: Confidence::Probable }
            }
            (Fit::Array, true) => {
                Judged::Typed { ty, extent: Extent::Array, confidence: Confidence::Certain }
            }
            (Fit::Unknown, true) => {
                let is_plain = ty.resolved().is_some_and(|ty| !ty.tag().is_aggregate());
                let extent = if is_plain { Extent::Array } else { Extent::AtLeastOne };
                Judged::Typed { ty, extent, confidence: Confidence::Probable }
            }
            (Fit::Exactly(_) | Fit::Array | Fit::Unknown, false) => Judged::Untyped(Untyped::Weak),
        }
    }
}

/// How a size goes with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Exactly(u64),
    Array,
    Unknown,
    PerhapsLarger,
    Wrong,
}

/// Whether the program has a structure that begins with a type and that several of the type may be mistaken for.
fn may_be_larger(ty: Type<'_>, bytes: u64) -> bool {
    let one = ty.size().unwrap_or(0);
    let is_larger = |other: &Type<'_>| {
        other.tag().is_aggregate()
            && other.size().is_some_and(|size| size > one && bytes.is_multiple_of(size))
            && begins_with(*other, ty)
    };
    ty.table().types().any(|other| is_larger(&other))
}

/// `named`: the source of the call names the type.
fn fit(ty: Type<'_>, size: Size, named: bool) -> Fit {
    let is_aggregate = ty.resolved().is_some_and(|ty| ty.tag().is_aggregate());
    let flexible = flexible_from(ty);
    let Some(one) = ty.size().filter(|one| *one > 0) else {
        return if flexible.is_some() { Fit::Unknown } else { Fit::Wrong };
    };
    let whole = |bytes: u64| match flexible {
        _ if bytes == 0 => Fit::Unknown,
        _ if bytes == one => Fit::Exactly(1),
        // Whether several, or one with a long tail, is not to be told.
        Some(from) if bytes >= from => Fit::Exactly(1),
        _ if !bytes.is_multiple_of(one) => Fit::Wrong,
        // The larger type may be one that the debug info leaves out, as compilers do with types that only `sizeof` names.
        _ if is_aggregate && !named => Fit::PerhapsLarger,
        _ => Fit::Exactly(bytes / one),
    };
    match size {
        Size::Unknown => Fit::Unknown,
        Size::Bytes(bytes) => whole(bytes),
        Size::Elements { count: Some(count), size } if size == one => Fit::Exactly(count),
        Size::Elements { count: Some(count), size } => count.checked_mul(size).map_or(Fit::Wrong, whole),
        Size::Elements { count: None, size: 0 | 1 } => Fit::Unknown,
        Size::Elements { count: None, size } if size == one => Fit::Array,
        Size::Elements { count: None, size } if size.is_multiple_of(one) && flexible.is_none() => {
            if is_aggregate && !named {
                Fit::PerhapsLarger
            } else {
                Fit::Array
            }
        }
        Size::Elements { count: None, .. } if flexible.is_some() => Fit::Unknown,
        Size::Elements { count: None, .. } => Fit::Wrong,
        Size::MultipleOf(bytes) if bytes == one => Fit::Array,
        Size::MultipleOf(bytes) if !bytes.is_multiple_of(one) => Fit::Unknown,
        Size::MultipleOf(bytes) if is_aggregate && !named && may_be_larger(ty, bytes) => Fit::PerhapsLarger,
        Size::MultipleOf(_) => Fit::Array,
    }
}
