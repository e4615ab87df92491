//! What a register or a stack slot holds, as far as the flow of a function tells: the abstract values of the analysis.
//!
//! Two questions are answered at once. What is *certainly* there ([`Known`]): a constant, an address in the frame, a pointer to an
//! object of a known type. And which allocation's block *may* be there ([`Held`]): by one path or another the result of that call, moved
//! by so many bytes. Where paths meet, what is known must agree, and what may be held is what either path brings.

use crate::table::TypeId;

/// A general-purpose register, by its number in instructions: rax 0, rcx 1, rdx 2, rbx 3, rsp 4, rbp 5, rsi 6, rdi 7, r8 8 ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gpr(u8);

impl Gpr {
    pub(super) const RAX: Gpr = Gpr(0);
    pub(super) const RDX: Gpr = Gpr(2);
    pub(super) const RSP: Gpr = Gpr(4);
    pub(super) const RBP: Gpr = Gpr(5);
    pub(super) const COUNT: usize = 16;

    /// Those that carry whole and pointer arguments, in order (System V ABI for AMD64, 3.2.3).
    pub(super) const ARGUMENTS: [Gpr; 6] = [Gpr(7), Gpr(6), Gpr(2), Gpr(1), Gpr(8), Gpr(9)];

    /// Those that a call may change.
    pub(super) const CALLER_SAVED: [Gpr; 9] =
        [Gpr(0), Gpr(1), Gpr(2), Gpr(6), Gpr(7), Gpr(8), Gpr(9), Gpr(10), Gpr(11)];

    /// The register that an instruction's operand names, whole or in part.
    pub(super) fn of(register: iced_x86::Register) -> Option<Gpr> {
        if !register.is_gpr() {
            return None;
        }
        u8::try_from(register.full_register().number()).ok().filter(|number| *number < 16).map(Gpr)
    }

    /// By the number that DWARF gives it (System V ABI for AMD64, figure 3.36).
    pub(super) fn of_dwarf(number: u16) -> Option<Gpr> {
        const NUMBERS: [u8; Gpr::COUNT] = [0, 2, 1, 3, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15];
        NUMBERS.get(usize::from(number)).copied().map(Gpr)
    }

    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// As instructions have it.
    pub(super) fn number(self) -> u8 {
        self.0
    }

    pub(super) fn numbered(number: u8) -> Option<Gpr> {
        (usize::from(number) < Gpr::COUNT).then_some(Gpr(number))
    }

    pub(super) fn all() -> impl Iterator<Item = Gpr> {
        (0..16).map(Gpr)
    }

    /// Which argument it carries, from 0.
    pub fn argument(self) -> Option<usize> {
        Gpr::ARGUMENTS.iter().position(|register| *register == self)
    }
}

/// What is certainly there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Known {
    /// It may be anything.
    #[default]
    Nothing,
    /// This number; also an address in the program.
    Constant(u64),
    /// An address in the frame: so many bytes from the canonical frame address.
    Frame(i64),
    /// What the register held when the function was entered, plus so much.
    Entry(Gpr, i64),
    /// The same, or on some path a number instead: a size that is kept from being zero. Good for sizes only.
    Roughly(Gpr, i64),
    /// So many bytes behind the start of an object of a type; or null.
    Pointer(TypeId, i64),
    /// Some multiple of this number.
    Multiple(u64),
}

impl Known {
    fn join(self, other: Known) -> Known {
        match (self, other) {
            (left, right) if left == right => left,
            // A null pointer is a pointer to anything.
            (Known::Constant(0), pointer @ Known::Pointer(..))
            | (pointer @ Known::Pointer(..), Known::Constant(0)) => pointer,
            (Known::Entry(register, plus) | Known::Roughly(register, plus), Known::Constant(_))
            | (Known::Constant(_), Known::Entry(register, plus) | Known::Roughly(register, plus)) => {
                Known::Roughly(register, plus)
            }
            (Known::Entry(left, plus), Known::Roughly(right, other))
            | (Known::Roughly(left, plus), Known::Entry(right, other))
                if (left, plus) == (right, other) =>
            {
                Known::Roughly(left, plus)
            }
            _ => Known::Nothing,
        }
    }

    pub(super) fn plus(self, by: i64) -> Known {
        match self {
            Known::Constant(number) => Known::Constant(number.wrapping_add_signed(by)),
            Known::Frame(offset) => Known::Frame(offset.wrapping_add(by)),
            Known::Entry(register, plus) => Known::Entry(register, plus.wrapping_add(by)),
            Known::Roughly(register, plus) => Known::Roughly(register, plus.wrapping_add(by)),
            Known::Pointer(ty, offset) => Known::Pointer(ty, offset.wrapping_add(by)),
            _ => Known::Nothing,
        }
    }

    /// `self * by`.
    pub(super) fn times(self, by: u64) -> Known {
        match self {
            Known::Constant(number) => Known::Constant(number.wrapping_mul(by)),
            Known::Multiple(of) => of.checked_mul(by).map_or(Known::Nothing, Known::Multiple),
            _ if by == 1 => self,
            _ => Known::Multiple(by),
        }
    }
}

/// The result of an allocation call, or a place in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Which call: an index among those of the function.
    pub(super) site: u16,
    /// Bytes from the block's start, or [`SOMEWHERE`] in it.
    pub(super) offset: i64,
    /// Whether it is there on all paths; if not, it may be something else.
    pub(super) must: bool,
}

/// The offset of a place in a block that is not known.
pub(super) const SOMEWHERE: i64 = i64::MIN;

/// How many blocks one place is followed for. Where more meet, none is followed further.
const MOST_HELD: usize = 4;

/// The blocks that may be in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Blocks {
    held: [Option<Held>; MOST_HELD],
    /// Too many met here. It never shrinks again, so that the analysis ends.
    lost: bool,
}

impl Blocks {
    pub(super) fn one(held: Held) -> Blocks {
        let mut blocks = Blocks::default();
        blocks.held[0] = Some(held);
        blocks
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Held> + use<> {
        let held = if self.lost { [None; MOST_HELD] } else { self.held };
        held.into_iter().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn insert(&mut self, new: Held) {
        let same = |held: &&mut Held| (held.site, held.offset) == (new.site, new.offset);
        if let Some(held) = self.held.iter_mut().flatten().find(same) {
            held.must &= new.must;
            return;
        }
        match self.held.iter_mut().find(|held| held.is_none()) {
            Some(free) => *free = Some(new),
            None => *self = Blocks { held: [None; MOST_HELD], lost: true },
        }
    }

    fn join(self, other: Blocks) -> Blocks {
        if self == other {
            return self;
        }
        if self.lost || other.lost {
            return Blocks { held: [None; MOST_HELD], lost: true };
        }
        let mut joined = Blocks::default();
        for (from, to) in [(&self, &other), (&other, &self)] {
            for held in from.iter() {
                let both = to.iter().any(|has| (has.site, has.offset) == (held.site, held.offset));
                joined.insert(Held { must: held.must && both, ..held });
            }
        }
        // The order must not depend on which path came first, or equal states would look different.
        joined.held.sort_by_key(|held| held.map_or((u16::MAX, i64::MAX), |held| (held.site, held.offset)));
        joined
    }

    fn map(self, change: impl Fn(Held) -> Option<Held>) -> Blocks {
        let mut blocks = Blocks { lost: self.lost, ..Blocks::default() };
        self.iter().filter_map(change).for_each(|held| blocks.insert(held));
        blocks
    }
}

/// What is in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Value {
    pub(super) known: Known,
    pub(super) blocks: Blocks,
}

impl Value {
    pub(super) const UNKNOWN: Value =
        Value { known: Known::Nothing, blocks: Blocks { held: [None; MOST_HELD], lost: false } };

    pub(super) fn of(known: Known) -> Value {
        Value { known, ..Value::UNKNOWN }
    }

    pub(super) fn block(site: u16) -> Value {
        Value { known: Known::Nothing, blocks: Blocks::one(Held { site, offset: 0, must: true }) }
    }

    pub(super) fn join(self, other: Value) -> Value {
        Value { known: self.known.join(other.known), blocks: self.blocks.join(other.blocks) }
    }

    pub(super) fn plus(self, by: i64) -> Value {
        let moved = |held: Held| {
            let known = held.offset != SOMEWHERE;
            Some(Held { offset: if known { held.offset.wrapping_add(by) } else { SOMEWHERE }, ..held })
        };
        Value { known: self.known.plus(by), blocks: self.blocks.map(moved) }
    }

    /// What was added is not known, or it was rounded: of blocks only is it known that it is inside.
    pub(super) fn moved(self, known: Known) -> Value {
        Value { known, blocks: self.blocks.map(|held| Some(Held { offset: SOMEWHERE, ..held })) }
    }

    /// Without the blocks of a call.
    pub(super) fn without(self, site: u16) -> Value {
        Value { blocks: self.blocks.map(|held| (held.site != site).then_some(held)), ..self }
    }

    /// A call is made again: what is there of its block is of an earlier round of a loop.
    pub(super) fn aged(self, site: u16) -> Value {
        let age = |held: Held| Some(Held { must: held.must && held.site != site, ..held });
        Value { blocks: self.blocks.map(age), ..self }
    }

    pub(super) fn is_unknown(&self) -> bool {
        *self == Value::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_only_one_path_brings_may_be_there() {
        let joined = Value::block(3).join(Value::of(Known::Constant(0)));
        assert_eq!(joined.blocks.iter().collect::<Vec<_>>(), [Held { site: 3, offset: 0, must: false }]);
        assert_eq!(joined.known, Known::Nothing);
    }

    #[test]
    fn joining_is_the_same_from_both_sides() {
        let (left, right) = (Value::block(1).plus(8), Value::block(0).join(Value::block(2)));
        assert_eq!(left.join(right), right.join(left));
        assert_eq!(left.join(right).join(left), left.join(right));
    }

    #[test]
    fn a_place_where_too_many_blocks_meet_is_followed_for_none_and_stays_so() {
        let many = (0..9).fold(Value::UNKNOWN, |all, site| all.join(Value::block(site)));
        assert!(many.blocks.is_empty());
        assert!(many.join(Value::block(1)).blocks.is_empty());
    }
}
