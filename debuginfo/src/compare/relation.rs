//! Whether a type of the old release is the same as one of the new, and if not, what sets them apart.

use super::pair::Pairs;
use crate::table::{Count, Encoding, Kind, Type, TypeId};
use rustc_hash::FxHashMap;

/// How deep types are compared, and how many typedefs are looked through. Real ones are a few levels deep.
const DEEPEST: u32 = 128;

/// How two types differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// Only in names of typedefs and base types, or in qualifiers: the same bytes mean the same.
    Spelling,
    /// Both are pointers, to different things.
    Pointee,
    /// Functions, or pointers to them, that take or return other things.
    Signature,
    /// Arrays of another length.
    Length,
    /// Numbers of another size, or with and without sign.
    Number,
    /// Anonymous structures, unions or enumerations with other contents.
    Contents,
    /// Different altogether.
    Kind,
}

impl Difference {
    /// Whether the same bytes mean the same in both.
    pub fn is_spelling(self) -> bool {
        self == Difference::Spelling
    }
}

/// `None`: the same.
type Answer = Option<Difference>;

/// Answers, and what was found out on the way.
pub struct Relation<'p, 'o, 'n> {
    pairs: &'p Pairs<'o, 'n>,
    known: FxHashMap<(TypeId, TypeId), Answer>,
    /// Pairs that were found to be the same, oldest first: each may rest on one before it that is still being looked at.
    trail: Vec<(TypeId, TypeId)>,
}

impl<'p, 'o, 'n> Relation<'p, 'o, 'n> {
    /// Nothing has been looked at.
    pub fn new(pairs: &'p Pairs<'o, 'n>) -> Relation<'p, 'o, 'n> {
        Relation { pairs, known: FxHashMap::default(), trail: Vec::new() }
    }

    /// How two types differ; `None`: they do not. The types themselves may be `void`.
    pub fn of(&mut self, old: Option<Type<'o>>, new: Option<Type<'n>>) -> Answer {
        let answer = self.look(old, new, DEEPEST);
        self.trail.clear();
        answer
    }

    fn look(&mut self, old: Option<Type<'o>>, new: Option<Type<'n>>, deeper: u32) -> Answer {
        let spelling = (!are_spelt_alike(old, new)).then_some(Difference::Spelling);
        let (old, new) = (old.and_then(Type::resolved), new.and_then(Type::resolved));
        match (old, new) {
            (None, None) => spelling,
            (Some(old), Some(new)) => spelling.max(self.look_at(old, new, deeper)),
            _ => Some(Difference::Kind),
        }
    }

    /// Of types that are no typedefs and not qualified.
    fn look_at(&mut self, old: Type<'o>, new: Type<'n>, deeper: u32) -> Answer {
        let key = (old.id(), new.id());
        if let Some(answer) = self.known.get(&key) {
            return *answer;
        }
        // What is not looked at is not known to be the same.
        let Some(deeper) = deeper.checked_sub(1) else { return Some(Difference::Kind) };
        // Assumed until it is known: types may be circular.
        self.known.insert(key, None);
        let started = self.trail.len();
        self.trail.push(key);
        let answer = self.answer(old, new, deeper);
        if answer.is_some() {
            // What rested on the assumption is open again.
            for key in self.trail.drain(started..) {
                self.known.remove(&key);
            }
            self.known.insert(key, answer);
        }
        answer
    }

    fn answer(&mut self, old: Type<'o>, new: Type<'n>, deeper: u32) -> Answer {
        match (old.kind(), new.kind()) {
            (Kind::Base(one), Kind::Base(other)) => numbers((old, one), (new, other)),
            (Kind::Aggregate, Kind::Aggregate) | (Kind::Enumeration(_), Kind::Enumeration(_)) => {
                self.named(old, new, deeper)
            }
            (Kind::Pointer(one), Kind::Pointer(other)) if old.tag() == new.tag() => {
                match self.look(one, other, deeper)? {
                    Difference::Spelling => Some(Difference::Spelling),
                    Difference::Signature => Some(Difference::Signature),
                    _ => Some(Difference::Pointee),
                }
            }
            (Kind::PointerToMember(one), Kind::PointerToMember(other)) => self.look(one, other, deeper),
            (Kind::Array { element: one, count: few }, Kind::Array { element: other, count: many }) => {
                let length = (!are_as_many(few, many)).then_some(Difference::Length);
                self.look(one, other, deeper).max(length)
            }
            (Kind::Function(one), Kind::Function(other)) => self.functions((old, one), (new, other), deeper),
            (Kind::Unknown, Kind::Unknown) => (old.name() != new.name()).then_some(Difference::Kind),
            _ => Some(Difference::Kind),
        }
    }

    /// Types that a name makes one, whatever is in them; anonymous ones are what is in them.
    fn named(&mut self, old: Type<'o>, new: Type<'n>, deeper: u32) -> Answer {
        if self.pairs.are_one(old, new) {
            return None;
        }
        match (old.name(), new.name()) {
            (None, None) if self.pairs.index_of(old).is_none() => {
                let differs = old.tag() != new.tag()
                    || old.size() != new.size()
                    || !old.enumerators().eq(new.enumerators())
                    || self.members_differ(old, new, deeper);
                differs.then_some(Difference::Contents)
            }
            (Some(one), Some(other)) if one == other && (old.is_declaration() || new.is_declaration()) => {
                None
            }
            _ => Some(Difference::Kind),
        }
    }

    fn members_differ(&mut self, old: Type<'o>, new: Type<'n>, deeper: u32) -> bool {
        old.members().len() != new.members().len()
            || old.members().zip(new.members()).any(|(one, other)| {
                one.name() != other.name()
                    || one.bit_offset() != other.bit_offset()
                    || one.bit_size() != other.bit_size()
                    || self.look(one.ty(), other.ty(), deeper).is_some_and(|how| !how.is_spelling())
            })
    }

    fn functions(
        &mut self,
        (old, returned): (Type<'o>, Option<Type<'o>>),
        (new, returns): (Type<'n>, Option<Type<'n>>),
        deeper: u32,
    ) -> Answer {
        if old.parameters().len() != new.parameters().len() || old.flags().variadic != new.flags().variadic {
            return Some(Difference::Signature);
        }
        let mut worst = self.look(returned, returns, deeper);
        for (one, other) in old.parameters().zip(new.parameters()) {
            worst = worst.max(self.look(one.ty, other.ty, deeper));
        }
        worst.map(
            |difference| {
                if difference.is_spelling() { Difference::Spelling } else { Difference::Signature }
            },
        )
    }
}

fn numbers((old, one): (Type<'_>, Encoding), (new, other): (Type<'_>, Encoding)) -> Answer {
    if old.size() != new.size() || sort(one) != sort(other) {
        return Some(Difference::Number);
    }
    (old.name() != new.name()).then_some(Difference::Spelling)
}

/// Encodings that read bytes alike: a character is a small integer.
fn sort(encoding: Encoding) -> Encoding {
    match encoding {
        Encoding::SignedChar => Encoding::Signed,
        Encoding::UnsignedChar => Encoding::Unsigned,
        other => other,
    }
}

/// `T a[0]` is the old way to write `T a[]`.
fn are_as_many(old: Count, new: Count) -> bool {
    let length = |count| match count {
        Count::Exactly(count) => count,
        Count::Open => 0,
    };
    length(old) == length(new)
}

/// Whether the same typedefs and qualifiers lead to what is below them.
fn are_spelt_alike(old: Option<Type<'_>>, new: Option<Type<'_>>) -> bool {
    let (mut old, mut new) = (old, new);
    for _ in 0..DEEPEST {
        let layer = |ty: Option<Type<'_>>| ty.is_some_and(|ty| ty.tag().is_transparent());
        match (old.filter(|_| layer(old)), new.filter(|_| layer(new))) {
            (None, None) => return true,
            (Some(one), Some(other)) if (one.tag(), one.name()) == (other.tag(), other.name()) => {
                (old, new) = (one.target(), other.target());
            }
            _ => return false,
        }
    }
    true
}
