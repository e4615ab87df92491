//! Pointers into the middle of a block that hold it as a pointer to its start would.
//!
//! Four of them are valgrind's, by its names and as its manual describes them under `--leak-check-heuristics`: they know how C++ and
//! some libraries lay out what they allocate. The first is ours, for programs whose types are known: who has a pointer to a member can
//! say where the object begins.

use crate::graph::{Edge, Kind};
use crate::image::Process;
use crate::mark::{Input, Marked};

/// Why a pointer into the middle of a block may hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Heuristic {
    /// It is read by its type, and points to a member of the typed object that the block begins with: a list that runs through members.
    Typed,
    /// To the characters of a `std::string` that are counted by reference: after length, capacity and count of owners.
    StdString,
    /// To what follows eight bytes that hold the length of the rest.
    Length64,
    /// To the first of the objects that `new[]` made: after their number, which divides the rest.
    NewArray,
    /// To a part of an object that has a table of virtual functions, as the whole has.
    MultipleInheritance,
}

impl Heuristic {
    /// All of them.
    pub const ALL: [Heuristic; 5] = [
        Heuristic::Typed,
        Heuristic::StdString,
        Heuristic::Length64,
        Heuristic::NewArray,
        Heuristic::MultipleInheritance,
    ];
}

/// Bytes of a word.
const WORD: u64 = 8;
/// Words of a table of virtual functions that are looked at.
const TABLE_WORDS: u64 = 20;
/// Functions that there must be among them.
const TABLE_FUNCTIONS: u32 = 2;
/// Below this is no table: nothing is mapped there.
const FIRST_PAGE: u64 = 4096;

pub(super) struct Interior<'a> {
    input: &'a Input<'a>,
    marked: &'a Marked,
    heuristics: &'a [Heuristic],
}

impl<'a> Interior<'a> {
    pub(super) fn new(input: &'a Input<'a>, marked: &'a Marked, heuristics: &'a [Heuristic]) -> Interior<'a> {
        Interior { input, marked, heuristics }
    }

    /// Whether a pointer holds a block for certain.
    pub(super) fn is_as_good_as_start(&self, block: u32, pointer: &Edge) -> bool {
        if pointer.to_offset == 0 {
            return true;
        }
        if pointer.kind == Kind::PastEnd || self.heuristics.is_empty() {
            return false;
        }
        let Some(known) = self.input.blocks.get(block) else { return false };
        let is_typed = || {
            let object = self.marked.object_at(self.input.model, known.len, block, pointer.to_offset);
            object.is_some_and(|object| object.start == 0 && object.index == 0)
        };
        let process = self.input.process;
        let place = Place { process, start: known.address, len: known.requested, offset: pointer.to_offset };
        self.heuristics.iter().any(|heuristic| match heuristic {
            Heuristic::Typed => pointer.kind == Kind::Precise && is_typed(),
            Heuristic::StdString => place.is_string(),
            Heuristic::Length64 => place.is_counted(),
            Heuristic::NewArray => place.is_array(),
            Heuristic::MultipleInheritance => place.is_base(),
        })
    }
}

/// Where a pointer leads: into the middle of a block.
struct Place<'a> {
    process: &'a Process,
    start: u64,
    /// As the program asked for it.
    len: u64,
    offset: u64,
}

impl Place<'_> {
    /// A word of the block.
    fn word(&self, offset: u64) -> Option<u64> {
        self.process.memory.word(self.start.checked_add(offset)?)
    }

    fn is_string(&self) -> bool {
        let words = || Some((self.word(0)?, self.word(WORD)?));
        self.offset == 3 * WORD
            && words().is_some_and(|(length, capacity)| {
                length <= capacity && capacity.checked_add(self.offset + 1) == Some(self.len)
            })
    }

    fn is_counted(&self) -> bool {
        let length = || self.word(0).filter(|length| *length > 0);
        self.offset == WORD && length().is_some_and(|length| self.len.checked_sub(WORD) == Some(length))
    }

    fn is_array(&self) -> bool {
        let count = || self.word(0).filter(|count| *count > 0);
        let rest = self.len.checked_sub(WORD);
        self.offset == WORD && rest.zip(count()).is_some_and(|(rest, count)| rest % count == 0)
    }

    fn is_base(&self) -> bool {
        let has_table = |offset| self.word(offset).is_some_and(|table| is_table(self.process, table));
        self.offset.is_multiple_of(WORD) && has_table(self.offset) && has_table(0)
    }
}

/// Whether there are pointers to code, and nulls, and nothing else up to the second function.
fn is_table(process: &Process, address: u64) -> bool {
    if address < FIRST_PAGE || !address.is_multiple_of(WORD) {
        return false;
    }
    let mut functions = 0;
    for place in 0..TABLE_WORDS {
        let word = address.checked_add(place * WORD).and_then(|place| process.memory.word(place));
        match word {
            Some(0) => {}
            Some(word) if process.mapping_at(word).is_some_and(|mapping| mapping.permissions.execute) => {
                functions += 1;
                if functions == TABLE_FUNCTIONS {
                    return true;
                }
            }
            Some(_) | None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Fake;

    const BLOCK: u64 = 0x10_0000;
    const TABLE: u64 = 0x20_0000;
    const DATA: u64 = 0x30_0000;
    const CODE: u64 = 0x40_0000;

    /// Which of the four take a pointer to hold a block of these words.
    fn held_by(words: &[u64], len: u64, offset: u64) -> Vec<&'static str> {
        let mut process = Fake::new()
            .words(BLOCK, words)
            .words(TABLE, &[0, CODE, CODE + 8])
            .words(DATA, &[CODE, 7, CODE])
            .words(CODE, &[0; 2])
            .process();
        for mapping in process.mappings.iter_mut().filter(|mapping| mapping.range.start == CODE) {
            mapping.permissions.execute = true;
        }
        let place = Place { process: &process, start: BLOCK, len, offset };
        let all = [
            ("string", place.is_string()),
            ("counted", place.is_counted()),
            ("array", place.is_array()),
            ("base", place.is_base()),
        ];
        all.into_iter().filter_map(|(name, holds)| holds.then_some(name)).collect()
    }

    #[test]
    fn characters_after_length_capacity_and_owners_are_a_string() {
        assert_eq!(held_by(&[3, 7, 0, 0x6362_6100], 32, 24), ["string"]);
        assert!(held_by(&[3, 7, 0, 0], 31, 24).is_empty(), "its capacity is another");
        assert!(held_by(&[8, 7, 0, 0], 32, 24).is_empty(), "it is longer than there is room for");
        assert!(held_by(&[3, 7, 0, 0], 32, 16).is_empty(), "its characters are elsewhere");
        assert!(held_by(&[3, u64::MAX, 0, 0], 32, 24).is_empty(), "its capacity is no number of bytes");
    }

    #[test]
    fn what_follows_its_own_length_is_counted() {
        assert_eq!(held_by(&[24, 0, 0, 0], 32, 8), ["counted", "array"]);
        assert!(held_by(&[25, 0, 0, 0], 32, 8).is_empty());
        assert!(held_by(&[24, 0, 0, 0], 32, 16).is_empty());
    }

    #[test]
    fn what_follows_a_number_that_divides_the_rest_is_an_array() {
        assert_eq!(held_by(&[3, 0, 0, 0], 32, 8), ["array"]);
        assert!(held_by(&[5, 0, 0, 0], 32, 8).is_empty());
        assert!(held_by(&[0, 0, 0, 0], 32, 8).is_empty());
    }

    #[test]
    fn a_part_with_a_table_of_functions_is_a_base_of_a_whole_with_one() {
        assert_eq!(held_by(&[TABLE, 0, TABLE, 0], 32, 16), ["base"]);
        assert!(held_by(&[TABLE, 0, DATA, 0], 32, 16).is_empty(), "there is a number in the table");
        assert!(held_by(&[0, 0, TABLE, 0], 32, 16).is_empty(), "the whole has none");
        assert!(
            held_by(&[TABLE, 0, TABLE + 16, 0], 32, 16).is_empty(),
            "there is one function, then no memory"
        );
    }
}
