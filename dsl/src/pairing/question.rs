//! What nobody has said, and nobody may guess.

use super::PairId;
use super::place::Place;
use crate::diagnostic::{Declaration, Release};
use mcrx_debuginfo::spell::{self, Anonymous};
use mcrx_debuginfo::table::{Declared, Enumerator, Type, Variable};

/// A question of [`super::Pairing::questions`], by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u32);

/// Something that a person has to say.
#[derive(Debug, Clone)]
pub struct Question<'t> {
    /// What it is about.
    pub about: About<'t>,
    /// What is to be said.
    pub asked: Asked<'t>,
    /// The old member. A whole variable has an empty path.
    pub old: Option<Place<'t>>,
    /// The new member.
    pub new: Option<Place<'t>>,
    /// A hole in the rules stands for it: who answers the one answers the other.
    pub is_in_hole: bool,
}

/// What a question is about.
#[derive(Debug, Clone, Copy)]
pub enum About<'t> {
    /// A type of both releases.
    Pair(PairId),
    /// A variable; of one release or both.
    Variable {
        /// As it was.
        old: Option<Variable<'t>>,
        /// As it is.
        new: Option<Variable<'t>>,
    },
}

/// What is to be said.
#[derive(Debug, Clone)]
pub enum Asked<'t> {
    /// Which value a new member has in old objects.
    FirstValue,
    /// What becomes of a member, or of a variable, that is gone.
    Gone,
    /// How a value becomes one of another kind.
    Retyped,
    /// What becomes of values that do not fit.
    Narrowed,
    /// What becomes of elements that there is no room for.
    Shrunk,
    /// Which member of a union counts: the members changed.
    Union,
    /// What becomes of values whose constants are gone.
    Constants(Vec<Enumerator<'t>>),
    /// Which plain numbers hold values of an enumeration whose constants have other values now, and that nothing is declared as.
    Renumbered(Vec<(&'t str, i64, i64)>),
    /// How many elements a flexible array has: they changed.
    Flexible,
    /// What an old `void *` array holds whose elements have a stored size.
    Container {
        /// The member that says how many they are.
        count: String,
        /// The member that says how large one is.
        stride: String,
    },
    /// Whether a counter is still right that counts what a pointer led to which is gone.
    Counter {
        /// The pointer that is gone.
        gone: String,
        /// The one that is new.
        added: String,
    },
}

impl Asked<'_> {
    /// Whether it is asked which member of a union counts.
    pub fn is_union(&self) -> bool {
        matches!(self, Asked::Union)
    }
}

impl<'t> Question<'t> {
    /// The path that it is about: in the new release, if it is there.
    pub fn path(&self) -> &str {
        let place = self.new.as_ref().or(self.old.as_ref());
        place.map_or("", |place| place.path.as_str())
    }

    /// It as one sentence.
    pub fn text(&self) -> String {
        let old = || self.old.as_ref().map_or_else(String::new, |place| declared(place, self.name()));
        let new = || self.new.as_ref().map_or_else(String::new, |place| declared(place, self.name()));
        match &self.asked {
            Asked::FirstValue => format!("`{}` is new: what is its value in objects that live?", new()),
            Asked::Gone => format!("`{}` is gone: what becomes of what it says?", old()),
            Asked::Retyped => format!("`{}` is now `{}`: how does one become the other?", old(), new()),
            Asked::Narrowed => format!("`{}` is now `{}`: what if a value does not fit?", old(), new()),
            Asked::Shrunk => {
                format!("`{}` is now `{}`: what becomes of the elements without a place?", old(), new())
            }
            Asked::Union => {
                format!("the union `{}` changed: which of its members counts, and when?", self.path_or_type())
            }
            Asked::Constants(gone) => {
                let names: Vec<&str> = gone.iter().map(|constant| constant.name).collect();
                let (is, what) = if names.len() == 1 {
                    ("is", "it has that value")
                } else {
                    ("are", "it has one of them")
                };
                let path = self.path_or_type();
                format!("{} {is} gone: what becomes of `{path}` where {what}?", names.join(", "))
            }
            Asked::Renumbered(constants) => {
                let of = |(name, old, new): &(&str, i64, i64)| format!("{name} was {old} and is {new}");
                let some: Vec<String> = constants.iter().take(3).map(of).collect();
                let more = if constants.len() > some.len() { ", ..." } else { "" };
                format!(
                    "{}{more}: which plain numbers hold values of `{}`?",
                    some.join(", "),
                    self.path_or_type()
                )
            }
            Asked::Flexible => format!("the elements of `{}` changed: how many are there?", old()),
            Asked::Container { .. } => {
                format!("`{}` leads to elements of a stored size: of which types are they?", old())
            }
            Asked::Counter { gone, added } => format!(
                "`{}` is kept, though `{gone}` is gone and `{added}` is new: does it still count the same?",
                new()
            ),
        }
    }

    /// What it is about, as each release declares it.
    pub fn declarations(&self) -> Vec<Declaration> {
        let (old_at, new_at) = match self.about {
            About::Variable { old, new } => {
                (old.map(|variable| variable.declared()), new.map(|variable| variable.declared()))
            }
            About::Pair(_) => (None, None),
        };
        let of = |release, place: &Option<Place<'t>>, at: Option<Declared<'t>>| {
            place.as_ref().map(|place| Declaration {
                release,
                text: format!("{};", declared(place, self.name())),
                place: at.filter(|at| at.line > 0).map(|at| (at.file.to_owned(), at.line)),
            })
        };
        let both = [of(Release::Old, &self.old, old_at), of(Release::New, &self.new, new_at)];
        both.into_iter().flatten().collect()
    }

    fn name(&self) -> &str {
        match self.about {
            About::Variable { old, new } => new.or(old).map_or("", |variable| variable.name()),
            About::Pair(_) => "",
        }
    }

    fn path_or_type(&self) -> String {
        let place = self.new.as_ref().or(self.old.as_ref());
        match place {
            Some(place) if !place.path.is_empty() => place.path.clone(),
            Some(place) => spell::type_name(place.ty, Anonymous::LeftOut),
            None => self.name().to_owned(),
        }
    }
}

/// A member as C declares it, under its path.
pub fn declared(place: &Place<'_>, name: &str) -> String {
    let path = match (name, place.path.as_str()) {
        (_, path) if name.is_empty() => path.to_owned(),
        (name, "") => name.to_owned(),
        (name, path) if path.starts_with('[') => format!("{name}{path}"),
        (name, path) => format!("{name}.{path}"),
    };
    let declaration = spell::declaration(place.ty, &path, Anonymous::LeftOut);
    match place.bit_size {
        Some(bits) => format!("{declaration} : {bits}"),
        None => declaration,
    }
}

/// A type with the line where it is declared, as a diagnostic shows it.
pub fn type_declaration(release: Release, ty: Type<'_>) -> Declaration {
    let at = ty.declared();
    Declaration {
        release,
        text: spell::type_name(Some(ty), Anonymous::LeftOut),
        place: (at.line > 0).then(|| (at.file.to_owned(), at.line)),
    }
}
