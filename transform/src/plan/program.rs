//! A recipe that needs no rule, as one list of what is to be done with the bytes of an object: for types of which there are millions.
//!
//! ```text
//!   old   | id | uses | owner | act  | name .......... |
//!   new   | act  | owner | uses     | name .......... | number |
//!   copies: owner, act, name      numbers: uses (4 bytes, 8 bytes), id
//! ```
//!
//! Pointers are copied as they are, and redirected afterwards. What does not fit, and what a program cannot say, is left to the recipe, which
//! also says what is wrong.

use super::kinds::Read;
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::{Making, Scalar};
use mcrx_dsl::migrate::{Migration, Step};

/// How many steps a program has at most: longer ones gain nothing.
const MOST_STEPS: usize = 256;
/// How deep objects are in objects.
const DEEPEST: u32 = 16;

/// What is done with the bytes of one object.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) old_size: usize,
    pub(super) new_size: usize,
    copies: Vec<Copy>,
    numbers: Vec<Number<'a>>,
    /// Where pointers are that the recipe translates, in the old object.
    pointers: Vec<u64>,
    /// Where each of the words that were asked for lies in the new object.
    pub(super) places: Vec<Option<u64>>,
}

#[derive(Debug, Clone, Copy)]
struct Copy {
    from: usize,
    to: usize,
    len: usize,
}

#[derive(Debug)]
struct Number<'a> {
    from: (usize, Scalar),
    to: (usize, Scalar),
    /// What each constant becomes, and whether others stay.
    constants: Option<(&'a rustc_hash::FxHashMap<i128, Option<i128>>, bool)>,
}

impl<'a> Program<'a> {
    /// For objects with pointers at these places. `None`: it takes rules, or more than this can say.
    pub(super) fn of(migration: &'a Migration, how: Making, words: &[(u64, Read)]) -> Option<Program<'a>> {
        let recipe = migration.recipe(how)?;
        let mut program = Program {
            old_size: usize::try_from(recipe.old_size).ok()?,
            new_size: usize::try_from(recipe.new_size).ok()?,
            copies: Vec::new(),
            numbers: Vec::new(),
            pointers: Vec::new(),
            places: words.iter().map(|(offset, _)| recipe.value_place(migration, *offset)).collect(),
        };
        program.add(migration, &recipe.steps, (0, 0), DEEPEST)?;
        // A pointer that is not among the words is none by some fact: only the recipe knows what becomes of it.
        let is_word = |from: &u64| {
            let of = words.iter().find(|(offset, _)| offset == from);
            of.is_some_and(|(_, read)| !matches!(read, Read::Likely { .. }))
        };
        program.pointers.iter().all(is_word).then_some(program)
    }

    fn add(
        &mut self,
        migration: &'a Migration,
        steps: &'a [Step],
        at: (u64, u64),
        deeper: u32,
    ) -> Option<()> {
        let deeper = deeper.checked_sub(1)?;
        for step in steps {
            if self.copies.len() + self.numbers.len() > MOST_STEPS {
                return None;
            }
            match step {
                Step::Copy { from, to, len } => self.copy((at.0 + from, at.1 + to), *len)?,
                Step::Pointer { from, to, .. } => {
                    self.pointers.push(at.0 + from);
                    self.copy((at.0 + from, at.1 + to), 8)?;
                }
                Step::Number { from, to, .. } => {
                    self.number((at.0 + from.0, from.1), (at.1 + to.0, to.1), None)?
                }
                Step::Constant { from, to, values, others_stay, .. } => {
                    let constants = Some((values, *others_stay));
                    self.number((at.0 + from.0, from.1), (at.1 + to.0, to.1), constants)?;
                }
                Step::Array { from, to, count, steps, .. } => {
                    for index in 0..(*count)? {
                        let at = (at.0 + from.0 + index * from.1, at.1 + to.0 + index * to.1);
                        self.add(migration, steps, at, deeper)?;
                    }
                }
                Step::Object { from, to, how, .. } => {
                    let inside = migration.recipe(*how)?;
                    self.add(migration, &inside.steps, (at.0 + from, at.1 + to), deeper)?;
                }
                Step::Zero { .. } => {}
                Step::Choose { .. } | Step::Beside { .. } | Step::Set { .. } | Step::Refuse { .. } => {
                    return None;
                }
            }
        }
        Some(())
    }

    fn copy(&mut self, (from, to): (u64, u64), len: u64) -> Option<()> {
        let [from, to, len] = [from, to, len].map(usize::try_from);
        let (from, to, len) = (from.ok()?, to.ok()?, len.ok()?);
        let fits = from.checked_add(len)? <= self.old_size && to.checked_add(len)? <= self.new_size;
        match self.copies.last_mut() {
            Some(last) if last.from + last.len == from && last.to + last.len == to => last.len += len,
            _ => self.copies.push(Copy { from, to, len }),
        }
        fits.then_some(())
    }

    fn number(
        &mut self,
        from: (u64, Scalar),
        to: (u64, Scalar),
        constants: Option<(&'a rustc_hash::FxHashMap<i128, Option<i128>>, bool)>,
    ) -> Option<()> {
        let from = (usize::try_from(from.0).ok()?, from.1);
        let to = (usize::try_from(to.0).ok()?, to.1);
        let fits = from.0.checked_add(from.1.bytes())? <= self.old_size
            && to.0.checked_add(to.1.bytes())? <= self.new_size;
        self.numbers.push(Number { from, to, constants });
        fits.then_some(())
    }

    /// Makes one object of another, with pointers as they are, into bytes that are zero. `None`: something does not fit.
    #[inline]
    pub(super) fn run(&self, old: &[u8], new: &mut [u8]) -> Option<()> {
        for Copy { from, to, len } in &self.copies {
            new.get_mut(*to..to + len)?.copy_from_slice(old.get(*from..from + len)?);
        }
        for Number { from, to, constants } in &self.numbers {
            let bytes = old.get(from.0..from.0 + from.1.bytes())?;
            let mut value = from.1.read(Release::Old, bytes).ok()?;
            if let Some((constants, others_stay)) = constants {
                let old = value.integer().unwrap_or(0);
                value = mcrx_dsl::eval::Value::Integer(match constants.get(&old) {
                    Some(Some(new)) => *new,
                    None if *others_stay => old,
                    _ => return None,
                });
            }
            let value = to.1.fit(value).ok()?;
            to.1.write(&value, new.get_mut(to.0..to.0 + to.1.bytes())?);
        }
        Some(())
    }

    /// Whether the recipe translates the pointer at a place of the old object.
    #[inline]
    pub(super) fn translates(&self, offset: u64) -> bool {
        self.pointers.contains(&offset)
    }
}
