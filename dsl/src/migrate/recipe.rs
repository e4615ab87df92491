//! How objects of one type become objects of another: steps with offsets.

use super::{Merged, Migration};
use crate::eval::{Code, Making, Reason, Scalar, Stored};
use crate::source::At;
use rustc_hash::FxHashMap;

/// One step. Offsets are bytes, from the start of the object, or of the element that the step is done for.
#[derive(Debug, Clone)]
pub enum Step {
    /// Bytes that stay what they are.
    Copy {
        /// In the old object.
        from: u64,
        /// In the new one.
        to: u64,
        /// How many.
        len: u64,
    },
    /// A pointer, which is to lead to what has become of what it led to.
    Pointer {
        /// In the old object.
        from: u64,
        /// In the new one.
        to: u64,
        /// The new member.
        path: Box<str>,
    },
    /// A pointer to an object that is split, which is to lead to something that is split off it.
    Beside {
        /// In the old object.
        from: u64,
        /// In the new one.
        to: u64,
        /// What that is, of the object that it led to.
        how: Making,
        /// The new member.
        path: Box<str>,
    },
    /// A number that lies otherwise: it has to fit.
    Number {
        /// In the old object.
        from: (u64, Scalar),
        /// In the new one.
        to: (u64, Scalar),
        /// The new member.
        path: Box<str>,
    },
    /// A constant of an enumeration that has others: by its name.
    Constant {
        /// In the old object.
        from: (u64, Scalar),
        /// In the new one.
        to: (u64, Scalar),
        /// What each old value is; `None`: it is gone.
        values: FxHashMap<i128, Option<i128>>,
        /// Whether a value that is no constant's stays.
        others_stay: bool,
        /// The new member.
        path: Box<str>,
    },
    /// Elements, one by one.
    Array {
        /// In the old object, and bytes from one to the next.
        from: (u64, u64),
        /// In the new one, and bytes from one to the next.
        to: (u64, u64),
        /// How many. `None`: as many as there are up to the old object's end.
        count: Option<u64>,
        /// Done for each.
        steps: Vec<Step>,
        /// The new member.
        path: Box<str>,
    },
    /// An object inside.
    Object {
        /// In the old object.
        from: u64,
        /// In the new one.
        to: u64,
        /// How.
        how: Making,
        /// Its bytes in the new one.
        size: u64,
        /// The new member.
        path: Box<str>,
    },
    /// One of several, told by a value.
    Choose {
        /// Which of them, from 0.
        which: At<Code>,
        /// What is done then; nothing for others.
        choices: Vec<Vec<Step>>,
    },
    /// A rule's value.
    Set {
        /// In the new object.
        to: u64,
        /// The value.
        value: Stored,
        /// The new member.
        path: Box<str>,
    },
    /// A member that begins as zero, whatever lay there in the old object. Objects are made in bytes that are zero, so there is nothing to do.
    Zero {
        /// The new member.
        path: Box<str>,
    },
    /// What cannot be done.
    Refuse {
        /// Why.
        reason: Reason,
        /// The new member.
        path: Box<str>,
    },
}

impl Step {
    /// The new member that it is for. Of bytes that are copied alone: none.
    pub fn path(&self) -> &str {
        match self {
            Step::Pointer { path, .. }
            | Step::Beside { path, .. }
            | Step::Number { path, .. }
            | Step::Constant { path, .. }
            | Step::Array { path, .. }
            | Step::Object { path, .. }
            | Step::Set { path, .. }
            | Step::Zero { path }
            | Step::Refuse { path, .. } => path,
            Step::Copy { .. } | Step::Choose { .. } => "",
        }
    }
}

/// How objects of one type become objects of another.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    /// What the old type is called, for people.
    pub name: String,
    /// Bytes of an old object without what a flexible array adds.
    pub old_size: u64,
    /// Bytes of a new one, likewise.
    pub new_size: u64,
    /// How many objects are made that rules can name: all of a type that is split, else none.
    pub named: usize,
    /// In order.
    pub steps: Vec<Step>,
    /// Not to be done: where old members are that rules take as they are.
    pub(super) places: Vec<Step>,
    /// What is merged into these objects.
    pub merged: Vec<Merged>,
}

impl Recipe {
    /// Bytes of the new object that is made from an old one of so many.
    pub fn size(&self, old_len: u64) -> u64 {
        let ends = self.steps.iter().filter_map(|step| match step {
            Step::Array { from, to, count: None, .. } => {
                let elements = old_len.saturating_sub(from.0).checked_div(from.1).unwrap_or(0);
                Some(to.0.saturating_add(elements.saturating_mul(to.1)))
            }
            _ => None,
        });
        ends.fold(self.new_size, u64::max)
    }

    /// Where a place of the old object lies in the new one: for pointers into the middle of it. `None`: nothing has come of it.
    pub fn place(&self, migration: &Migration, old_len: u64, from: u64) -> Option<u64> {
        self.place_of(migration, (old_len, from), u64::MAX)
    }

    /// The same for pointers to something of so many bytes, as their types say: at the start of an object may lie a smaller one that is a
    /// member of it, and has gone elsewhere.
    pub fn place_of(&self, migration: &Migration, (old_len, from): (u64, u64), bytes: u64) -> Option<u64> {
        if from == 0 && self.old_size <= bytes {
            return Some(0);
        }
        // One past the end is a place, too.
        if from == old_len {
            return Some(self.size(old_len));
        }
        let place = |steps| place_in(steps, migration, from, bytes);
        place(&self.steps).or_else(|| place(&self.places))
    }

    /// Where a value of the old object lies in the new one: a number or a pointer, also one that the object begins with.
    pub fn value_place(&self, migration: &Migration, from: u64) -> Option<u64> {
        place_in(&self.steps, migration, from, 0)
    }

    /// Whether some new value is an old one that lies there, or a part of it. What rules' expressions read is not known here.
    pub fn takes(&self, migration: &Migration, from: u64) -> bool {
        takes(&self.steps, migration, from)
    }

    /// Whether rules' expressions say what some of a new object is, or of what it holds by value.
    pub fn has_values(&self, migration: &Migration) -> bool {
        has_values(&self.steps, migration)
    }

    /// Whether a rule's expression says what lies at a place of the new object, or of what it holds by value there.
    pub fn sets(&self, migration: &Migration, to: u64) -> bool {
        sets(&self.steps, migration, to)
    }

    /// Whether old bytes are new ones, but for pointers.
    pub fn is_copy(&self) -> bool {
        self.old_size == self.new_size
            && self.steps.iter().all(|step| match step {
                Step::Copy { from, to, .. } | Step::Pointer { from, to, .. } => from == to,
                _ => false,
            })
    }
}

fn takes(steps: &[Step], migration: &Migration, at: u64) -> bool {
    let within = |from: u64, len: u64| at.checked_sub(from).filter(|inside| *inside < len.max(1));
    steps.iter().any(|step| match step {
        Step::Copy { from, len, .. } => within(*from, *len).is_some(),
        Step::Pointer { from, .. } | Step::Beside { from, .. } => within(*from, 8).is_some(),
        Step::Number { from, .. } | Step::Constant { from, .. } => from.0 == at,
        Step::Object { from, how, .. } => migration.recipe(*how).is_some_and(|recipe| {
            within(*from, recipe.old_size).is_some_and(|inside| takes(&recipe.steps, migration, inside))
        }),
        Step::Array { from, count, steps, .. } => at.checked_sub(from.0).is_some_and(|inside| {
            let index = inside.checked_div(from.1).unwrap_or(0);
            count.is_none_or(|count| index < count) && takes(steps, migration, inside - index * from.1)
        }),
        Step::Choose { choices, .. } => choices.iter().any(|steps| takes(steps, migration, at)),
        Step::Set { .. } | Step::Zero { .. } => false,
        // Nobody has said what becomes of it.
        Step::Refuse { .. } => true,
    })
}

fn has_values(steps: &[Step], migration: &Migration) -> bool {
    steps.iter().any(|step| match step {
        Step::Set { .. } => true,
        Step::Object { how, .. } => migration.recipe(*how).is_some_and(|recipe| recipe.has_values(migration)),
        Step::Array { steps, .. } => has_values(steps, migration),
        Step::Choose { choices, .. } => choices.iter().any(|steps| has_values(steps, migration)),
        _ => false,
    })
}

fn sets(steps: &[Step], migration: &Migration, at: u64) -> bool {
    steps.iter().any(|step| match step {
        Step::Set { to, .. } => *to == at,
        Step::Object { to, how, size, .. } => at.checked_sub(*to).is_some_and(|inside| {
            inside < *size && migration.recipe(*how).is_some_and(|recipe| recipe.sets(migration, inside))
        }),
        Step::Array { to, count, steps, .. } => at.checked_sub(to.0).is_some_and(|inside| {
            let index = inside.checked_div(to.1).unwrap_or(0);
            count.is_none_or(|count| index < count) && sets(steps, migration, inside - index * to.1)
        }),
        Step::Choose { choices, .. } => choices.iter().any(|steps| sets(steps, migration, at)),
        _ => false,
    })
}

pub(super) fn place_in(steps: &[Step], migration: &Migration, at: u64, bytes: u64) -> Option<u64> {
    let within = |from: u64, len: u64| at.checked_sub(from).filter(|inside| *inside < len.max(1));
    steps.iter().find_map(|step| match step {
        Step::Copy { from, to, len } => within(*from, *len).map(|inside| to + inside),
        Step::Pointer { from, to, .. } | Step::Beside { from, to, .. } => {
            within(*from, 8).map(|inside| to + inside)
        }
        Step::Number { from, to, .. } | Step::Constant { from, to, .. } => (from.0 == at).then_some(to.0),
        Step::Object { from, to, how, .. } => {
            let recipe = migration.recipe(*how)?;
            let inside = within(*from, recipe.old_size)?;
            let is_it = inside == 0 && recipe.old_size <= bytes;
            Some(to + if is_it { 0 } else { place_in(&recipe.steps, migration, inside, bytes)? })
        }
        Step::Array { from, to, count, steps, .. } => {
            let inside = at.checked_sub(from.0)?;
            let index =
                inside.checked_div(from.1).filter(|index| count.is_none_or(|count| *index < count))?;
            let start = to.0 + index * to.1;
            let rest = inside - index * from.1;
            let is_it = rest == 0 && from.1 <= bytes;
            if is_it { Some(start) } else { Some(start + place_in(steps, migration, rest, bytes)?) }
        }
        // Which it is goes by the object; what lies at one place in all of them lies there.
        Step::Choose { choices, .. } => {
            let mut places = choices.iter().map(|steps| place_in(steps, migration, at, bytes));
            let first = places.next().flatten()?;
            places.all(|place| place.is_none_or(|place| place == first)).then_some(first)
        }
        Step::Set { .. } | Step::Zero { .. } | Step::Refuse { .. } => None,
    })
}
