//! Objects of the old release become objects of the new one, one at a time.
//!
//! ```text
//!   Pairing, rules --Migration::compile--> Recipe for each pair of types     once
//!   Recipe, an old object --Machine------> the new object's bytes, Effects   for each object
//! ```
//!
//! A [`recipe::Recipe`] is a list of steps with offsets: bytes that are copied, pointers that are translated, numbers that have to fit, elements,
//! objects inside, values of rules. Objects can be made in any order and by many threads: they see only the old memory, as it was, and what
//! the new release's start-up has left. What a rule makes of other objects (links of a list) is in [`crate::eval::Effects`], to be written
//! when all objects are. Then come [`actions`]: `for each`, `call`, `assert`.
//!
//! Pointers are translated wherever a type says that there is one, by [`crate::eval::World::counterpart`]. In a union nothing says it: its bytes
//! are copied.
//!
//! What it does not do: find objects, decide where new ones lie, or which of two values counts where both releases have made one.

pub mod actions;
mod build;
mod insert;
mod places;
pub mod recipe;
mod run;

pub use actions::{Actions, Called, Each};
pub use insert::{Insertion, Tails};
pub use places::Merged;
pub use recipe::{Recipe, Step};

use crate::eval::{Compiler, Definitions, Failure, Lookup, Machine, Making, Migrate, Mistake, Pairs};
use crate::pairing::{PairId, Pairing};
use crate::rules::Rules;
use mcrx_debuginfo::table::Type;

/// How all objects and variables of a program migrate.
#[derive(Debug, Default)]
pub struct Migration {
    /// By pair, then by which of the types that are made.
    recipes: Vec<Vec<Recipe>>,
    /// As [`Pairing::variables`]. `None`: nothing is carried over.
    variables: Vec<Option<Recipe>>,
    /// What is done when all objects are made.
    pub actions: Actions,
}

impl Migration {
    /// Of two releases, with what is wrong with expressions. What has a mistake refuses to migrate.
    pub fn compile<'t>(
        pairing: &Pairing<'t>,
        rules: &'t Rules,
        old: &Lookup<'t>,
        new: &Lookup<'t>,
    ) -> (Migration, Vec<Mistake>) {
        let definitions = Definitions::of(rules);
        let mut builder = build::Builder::new(pairing, &definitions, old, new);
        let recipes = pairing.types.iter().map(|pair| builder.pair(pair)).collect();
        let variables = pairing.variables.iter().map(|variable| builder.variable(variable)).collect();
        let mut mistakes = builder.mistakes;
        let actions = actions::compile(pairing, rules, &definitions, old, new, &mut mistakes);
        mistakes.sort_by_key(|mistake| mistake.span);
        (Migration { recipes, variables, actions }, mistakes)
    }

    /// How objects of a pair's old type become those of one of its new types.
    pub fn recipe(&self, how: Making) -> Option<&Recipe> {
        let PairId(pair) = how.pair;
        self.recipes.get(usize::try_from(pair).ok()?)?.get(how.made)
    }

    /// How a variable is carried over, by its place in [`Pairing::variables`].
    pub fn variable(&self, index: usize) -> Option<&Recipe> {
        self.variables.get(index)?.as_ref()
    }

    /// Makes an object of the new release. `old`: where the old one lies, and of how many bytes it is; `made`: where all that is made of it will
    /// lie, in the order of the pair's new types.
    pub fn object(
        &self,
        how: Making,
        (old, len): (u64, u64),
        made: &[u64],
        machine: &mut Machine<'_>,
    ) -> Result<Vec<u8>, Failure> {
        match self.recipe(how) {
            Some(recipe) => recipe.make((old, len), made, machine),
            None => Ok(Vec::new()),
        }
    }
}

impl Migrate for Migration {
    fn migrate(
        &self,
        how: Making,
        old: u64,
        into: &mut [u8],
        machine: &mut Machine<'_>,
    ) -> Result<(), Failure> {
        let Some(recipe) = self.recipe(how) else { return Ok(()) };
        recipe.make_into((old, recipe.old_size), &[], into, machine)
    }

    fn take(&self, how: Making, old: u64, into: &mut [u8], machine: &mut Machine<'_>) -> Result<(), Failure> {
        let Some(recipe) = self.recipe(how) else { return Ok(()) };
        let object = (old, recipe.old_size);
        machine.world().taken(object);
        recipe.make_into(object, &[], into, machine)?;
        machine.world().redirect(object, &|offset| recipe.value_place(self, offset), into);
        Ok(())
    }
}

/// Pairs of types for expressions.
pub(crate) struct PairsOf<'p, 't>(pub(crate) &'p Pairing<'t>);

impl<'t> Pairs<'t> for PairsOf<'_, 't> {
    fn pair(&mut self, old: Type<'t>, new: Type<'t>) -> Option<Making> {
        let (id, pair) = self.0.of_old(old)?;
        // A merged type's objects have no place of their own.
        (pair.old.first()? == &old).then_some(())?;
        let made = pair.made.iter().position(|made| made.ty == new)?;
        Some(Making { pair: id, made })
    }

    fn counterpart(&mut self, old: Type<'t>) -> Option<Type<'t>> {
        let (_, pair) = self.0.of_old(old)?;
        Some(pair.made.first()?.ty)
    }
}

/// A compiler for one statement's expressions.
fn compiler<'c, 'r, 't>(
    definitions: &'c Definitions<'r>,
    old: &'c Lookup<'t>,
    new: &'c Lookup<'t>,
    pairs: &'c mut PairsOf<'_, 't>,
) -> Compiler<'c, 'r, 't> {
    Compiler::new(definitions, old, new, pairs)
}
