//! Which type of the old release becomes which of the new one, and what becomes of each member.
//!
//! [`Pairing::of`] takes the debug info of two releases and the rules, possibly none. What comes out is plain data, which an evaluator
//! goes through for each object:
//!
//! - **Types** pair by kind and name, those of one name by their unit and likeness ([`mcrx_debuginfo::compare::Pairs`]), anonymous ones by
//!   their typedef or by the member that they are, and where a `type` statement says so. A pair whose objects' bytes stay as they are, at
//!   any depth, is [`TypePair::is_same`]: nothing else need be looked at.
//! - **Members** pair by name. Each new one has an [`Origin`]: an old member with a [`Conversion`], or what a rule says, or a question.
//! - **Questions** are what nobody has said and nobody may guess. They are asked whatever lives; [`Live`] tells which of them matter.
//!
//! A pointer's bytes stay as they are here: that what it leads to has moved is the transform's affair.
//!
//! What it does not do: look at values, evaluate expressions, say what is wrong with the rules (statements about what the releases do not
//! have are passed over here: `check` reports them), guess.

mod constants;
mod container;
mod conversion;
mod counter;
mod functions;
mod holes;
mod live;
mod make;
mod place;
mod plain;
mod question;
mod said;
mod variables;

pub use constants::Constants;
pub use conversion::{Alternative, Conversion, Elements, Number, Pointee, is_lock};
pub use functions::FunctionPair;
pub use live::{Live, Lives};
pub use place::Place;
pub use question::{About, Asked, Question, QuestionId, declared, type_declaration};
pub use said::named_type;
pub use variables::{VariablePair, is_state};

use crate::rules::{Expression, Rules, TypeChange, Which};
use crate::source::At;
use mcrx_debuginfo::table::{Function, Table, Type, TypeId};
use rustc_hash::FxHashMap;

/// A pair of types, by its place in [`Pairing::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub u32);

/// What becomes of what.
#[derive(Debug, Default)]
pub struct Pairing<'t> {
    /// Structures, unions and enumerations that have names.
    pub types: Vec<TypePair<'t>>,
    /// Variables that have a place in either release.
    pub variables: Vec<VariablePair<'t>>,
    /// Functions with code in the old release.
    pub functions: Vec<FunctionPair<'t>>,
    /// Functions that only the new release has.
    pub new_functions: Vec<Function<'t>>,
    /// What is to be said by a person.
    pub questions: Vec<Question<'t>>,
    of_old: FxHashMap<TypeId, PairId>,
    of_new: FxHashMap<TypeId, PairId>,
}

/// How objects of a type become objects of another.
#[derive(Debug)]
pub struct TypePair<'t> {
    /// As the new release calls it: its tag, or the typedef of an anonymous one.
    pub name: &'t str,
    /// One; several: they are merged, and the first is the one whose place it takes.
    pub old: Vec<Type<'t>>,
    /// One; several: it is split, and the first takes the old one's place.
    pub made: Vec<Made<'t>>,
    /// Members that are given up on purpose.
    pub dropped: Vec<Place<'t>>,
    /// The statement about it.
    pub rule: Option<&'t TypeChange>,
    /// Objects keep their bytes, all of them, at any depth of what they hold by value.
    pub is_same: bool,
    /// The update waits until none lives.
    pub is_drained: bool,
}

/// How objects of one new type are made.
#[derive(Debug)]
pub struct Made<'t> {
    /// The type.
    pub ty: Type<'t>,
    /// What they are made from.
    pub body: Body<'t>,
    /// What rules say of parts of members. It is done after all else; places count from the start of the object.
    pub parts: Vec<MemberPair<'t>>,
}

/// What an object is made from.
#[derive(Debug)]
pub enum Body<'t> {
    /// The old bytes as they are: see [`TypePair::is_same`].
    Same,
    /// A structure, member by member, in the order of the new one.
    Members(Vec<MemberPair<'t>>),
    /// A union: all of the old bytes, the rest zero. Whichever member counts, they are right.
    Union(Vec<Alternative<'t>>),
    /// An enumeration.
    Constants(Constants<'t>, Number, Number),
    /// That is a question.
    Open(QuestionId),
}

/// What a member of the new release is made from.
#[derive(Debug, Clone)]
pub struct MemberPair<'t> {
    /// Where it lies in the new object.
    pub to: Place<'t>,
    /// What it is made from.
    pub origin: Origin<'t>,
    /// In objects that both releases have made: whose value counts. `None`: what changed since start-up.
    pub keep: Option<Which>,
}

/// Where a new value comes from.
#[derive(Debug, Clone)]
pub enum Origin<'t> {
    /// From an old one.
    Old {
        /// Which of the old types it is in, where several are merged.
        of: usize,
        /// Where it lies there. Its place counts from the start of the old object if a rule names it, else from that of the structure
        /// that corresponds to the one that the new member is in.
        from: Place<'t>,
        /// How.
        conversion: Conversion<'t>,
        /// A rule names it.
        is_by_rule: bool,
    },
    /// From an expression of a rule.
    Set(&'t At<Expression>),
    /// As the new release's start-up leaves it; zero in objects that it has not made.
    Reset,
    /// A structure that is new, of which rules say something: member by member.
    Parts(Vec<MemberPair<'t>>),
    /// That is a question.
    Open(QuestionId),
}

impl<'t> Pairing<'t> {
    /// What becomes of each type, variable and function of the old release.
    pub fn of(old: &'t Table, new: &'t Table, rules: &'t Rules) -> Pairing<'t> {
        make::pairing(old, new, rules)
    }

    /// A pair.
    pub fn pair(&self, id: PairId) -> Option<&TypePair<'t>> {
        self.types.get(usize::try_from(id.0).ok()?)
    }

    /// The pair of an old type, below its typedefs.
    pub fn of_old(&self, ty: Type<'t>) -> Option<(PairId, &TypePair<'t>)> {
        let id = *self.of_old.get(&ty.resolved()?.id())?;
        Some((id, self.pair(id)?))
    }

    /// The pair of a new type, below its typedefs.
    pub fn of_new(&self, ty: Type<'t>) -> Option<(PairId, &TypePair<'t>)> {
        let id = *self.of_new.get(&ty.resolved()?.id())?;
        Some((id, self.pair(id)?))
    }

    /// A question.
    pub fn question(&self, id: QuestionId) -> Option<&Question<'t>> {
        self.questions.get(usize::try_from(id.0).ok()?)
    }

    /// The questions that have to be answered, given what can live: those that no hole stands for, in the order of the types.
    pub fn questions_about<'a>(
        &'a self,
        live: &'a Live,
    ) -> impl Iterator<Item = (QuestionId, &'a Question<'t>)> {
        let numbered = (0..).map(QuestionId).zip(&self.questions);
        numbered.filter(|(_, question)| !question.is_in_hole && self.matters(question, live))
    }

    /// Whether what is asked can be about an object that lives.
    fn matters(&self, question: &Question<'t>, live: &Live) -> bool {
        let is_first_value = matches!(question.asked, Asked::FirstValue);
        match question.about {
            // A variable that both have is as the new release's start-up left it where the old one has nothing to say.
            About::Variable { old, .. } => !is_first_value && !old.is_some_and(|old| live.is_table(&old)),
            About::Pair(id) => {
                let Some(pair) = self.pair(id).filter(|pair| !pair.is_drained) else { return false };
                match pair.old.iter().map(|ty| live.place(*ty)).max() {
                    // Only a suspicion: there may be no such numbers.
                    _ if matches!(question.asked, Asked::Renumbered(_)) => false,
                    Some(Lives::Anywhere) => true,
                    Some(Lives::InVariables) => !is_first_value,
                    Some(Lives::InTables | Lives::Nowhere) | None => false,
                }
            }
        }
    }
}

impl<'t> MemberPair<'t> {
    /// Whether its bytes are right where they are.
    fn is_same(&self, is_pair_same: &dyn Fn(PairId) -> bool) -> bool {
        match &self.origin {
            Origin::Old { of: 0, from, conversion, is_by_rule: false } => {
                self.keep.is_none()
                    && from.bit_offset == self.to.bit_offset
                    && from.bit_size == self.to.bit_size
                    && conversion.is_same(is_pair_same)
            }
            _ => false,
        }
    }

    /// The pairs that it is made of.
    fn pairs(&self, found: &mut Vec<PairId>) {
        match &self.origin {
            Origin::Old { conversion, .. } => conversion.pairs(found),
            Origin::Parts(members) => members.iter().for_each(|member| member.pairs(found)),
            _ => {}
        }
    }
}
