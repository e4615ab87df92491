//! What changed between two releases of a program, as far as it matters to who carries live memory from one into the other.
//!
//! [`compare`] takes two tables. What it finds:
//!
//! - **Types** are paired by family (structure or union; enumeration; typedef) and name. Where a release has several of one name, those
//!   pair that are most alike, and those that cannot be told apart count as one; an anonymous one pairs by the typedef that names it, also with one that got a tag meanwhile. An anonymous
//!   type inside another belongs to its owner: its members are the owner's, by path.
//! - **A member's type is the same** in both releases if it is built in the same way from types that are pairs. So a structure has
//!   changed where its own bytes have, not because something that it points to has; where a type changed that it *holds*, it says via
//!   which. Typedefs and qualifiers are looked through: a difference in them alone is one of [`Difference::Spelling`].
//! - **Each change has an [`Effect`]**, and what is reported comes in this order: first what makes the old bytes wrong for the new code,
//!   then what the new code has more of, then what reads the same.
//!
//! Types may be circular in both tables: that two are the same is assumed for as long as they are being looked at, and taken back with
//! all that followed from it if they turn out not to be. Time is linear in the types but for those of one name, which are few; nothing
//! recurses as deep as a file wants it to.
//!
//! What it does not know: what a change means. That a member was renamed is a guess ([`Renamed`]); that one was not, though its name and
//! type stayed, is not even that.

mod effect;
mod enumeration;
mod fields;
mod functions;
mod pair;
mod relation;
mod rename;
mod similar;
mod source;
mod types;
mod variables;

pub use effect::Effect;
pub use enumeration::ConstantChange;
pub use fields::{Field, FieldChange};
pub use functions::{FunctionChange, FunctionPairs, Functions, function_pairs};
pub use pair::{Pair, Pairs};
pub use relation::{Difference, Relation};
pub use rename::Renamed;
pub use types::{Named, TypeChange, Types, Via};
pub use variables::{VariableChange, VariablePairs, Variables, variable_pairs};

use crate::table::Table;

/// All that differs between two tables.
#[derive(Debug)]
pub struct Comparison<'o, 'n> {
    /// Types.
    pub types: Types<'o, 'n>,
    /// Global and static variables, thread-local ones among them.
    pub variables: Variables<'o, 'n>,
    /// Functions that have code.
    pub functions: Functions<'o, 'n>,
}

impl Comparison<'_, '_> {
    /// Whether anything makes memory of the old release wrong for the new one: types, or variables.
    pub fn is_incompatible(&self) -> bool {
        self.types.changed.iter().any(|change| change.effect() == Effect::Incompatible)
            || self.variables.changed.iter().any(|change| change.effect() == Effect::Incompatible)
            || !self.types.removed.is_empty()
            || !self.variables.removed.is_empty()
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        let Comparison { types, variables, functions } = self;
        let types = types.changed.is_empty() && types.added.is_empty() && types.removed.is_empty();
        let variables =
            variables.changed.is_empty() && variables.added.is_empty() && variables.removed.is_empty();
        types && variables && functions.is_empty()
    }
}

/// What differs between an old release and a new one.
///
/// Who wants to know what pairs with what, changed or not, takes [`Pairs`], [`variable_pairs`] and [`function_pairs`].
pub fn compare<'o, 'n>(old: &'o Table, new: &'n Table) -> Comparison<'o, 'n> {
    let pairs = Pairs::of(old, new);
    let mut relation = Relation::new(&pairs);
    let types = types::compare(&pairs, &mut relation);
    let variables = variables::compare(old, new, &mut relation, &types);
    let functions = functions::compare(old, new, &mut relation);
    Comparison { types: types.into_changes(), variables, functions }
}
