//! What the new image has in the place of an old address.
//!
//! One map for every pointer, whoever holds it:
//!
//! | an old address | is, in the new image |
//! |---|---|
//! | in a block that pairs, has moved or was converted | the same member there |
//! | in another block, or in memory that the program mapped for itself | itself |
//! | the entry of a function | that of the function that has come for it |
//! | in a variable of the program | the same member of the new one |
//! | a text of the program | the same text in the new program |
//! | in a library | the same place in the same file, as the new process has it loaded |
//! | in a stack | nothing |
//!
//! What it does not do: decide where blocks go.

use crate::side::{Side, Spot};
use mcrx_debuginfo::table::{Address, FunctionId, VariableId};
use mcrx_dsl::eval::Making;
use mcrx_dsl::migrate::{Migration, Recipe};
use mcrx_dsl::pairing::Pairing;
use mcrx_tracer::image::Process;
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Where an old address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// Nothing is there, or what is there stays where it is.
    Same,
    /// To an old block that nothing is known to need. It is where it was.
    Left,
    /// To this address.
    At(u64),
    /// To nothing that the new image has.
    Nothing(Lost),
}

/// Why an address leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lost {
    /// A function that the new release does not have.
    Function,
    /// The middle of a function.
    Code,
    /// A variable that the new release does not have.
    Variable,
    /// A member that the new release does not have.
    Member,
    /// A constant of the program that the new release does not have.
    Constant,
    /// A library that the new process has not, or in another version.
    Library,
    /// A stack.
    Stack,
}

/// How the inside of a block lies in what has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// As before.
    Same,
    /// Objects side by side, or one with a flexible array, each made by a recipe.
    Made {
        /// How.
        how: Making,
        /// How many. `None`: one, up to the end of the block.
        count: Option<u64>,
        /// Bytes from one to the next, in the old block and in the new one.
        stride: (u64, u64),
    },
}

/// An old block, or a part of one, and where it has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Its first address.
    pub old: u64,
    /// Its bytes.
    pub len: u64,
    /// Where it begins now.
    pub new: u64,
    /// And its inside.
    pub inside: Inside,
}

/// Old addresses, and what they are now.
pub struct AddressMap<'a> {
    now: Side<'a>,
    new: Side<'a>,
    migration: &'a Migration,
    /// For each function of the old program that pairs, the entry of the other as linked.
    functions: FxHashMap<FunctionId, Option<Address>>,
    /// For each variable of the old program, its place among the pairing's.
    variables: FxHashMap<VariableId, usize>,
    pairing: &'a Pairing<'a>,
    /// Blocks that are not where they were, or not as they were, by address; none overlap.
    blocks: Vec<Moved>,
    /// Which old blocks live on, by their numbers.
    carried: Vec<bool>,
    /// For each module of the old process, what is to be added to its addresses. `None`: the new one does not have it.
    libraries: Vec<Option<u64>>,
    texts: Texts<'a>,
}

impl<'a> AddressMap<'a> {
    /// One in which all blocks stay.
    pub fn new(
        now: Side<'a>,
        new: Side<'a>,
        pairing: &'a Pairing<'a>,
        migration: &'a Migration,
    ) -> AddressMap<'a> {
        let functions = pairing.functions.iter().map(|pair| {
            let entry = pair.new.and_then(|new| new.code()).map(|(entry, _)| entry);
            (pair.old.id(), entry)
        });
        let variables = pairing.variables.iter().enumerate();
        let variables = variables.filter_map(|(index, pair)| Some((pair.old.as_ref()?.id(), index)));
        let libraries = now.process().modules.iter().map(|old| {
            let same = |new: &&mcrx_tracer::image::Module| match &old.build_id {
                Some(id) => new.build_id.as_ref() == Some(id),
                None => false,
            };
            let new = new.process().modules.iter().find(same)?;
            Some(new.bias.wrapping_sub(old.bias))
        });
        AddressMap {
            now,
            new,
            migration,
            functions: functions.collect(),
            variables: variables.collect(),
            pairing,
            blocks: Vec::new(),
            carried: Vec::new(),
            libraries: libraries.collect(),
            texts: Texts::of(new.process(), new.program.range.clone()),
        }
    }

    /// Sets which blocks live on, by their numbers, and where those are that are not where they were, in any order.
    pub fn set_blocks(&mut self, carried: impl IntoIterator<Item = u32>, mut blocks: Vec<Moved>) {
        blocks.sort_unstable_by_key(|moved| moved.old);
        self.blocks = blocks;
        self.carried.clear();
        self.carried.resize(index(self.now.trace.blocks.numbers()), false);
        for number in carried {
            if let Some(carried) = self.carried.get_mut(index(number)) {
                *carried = true;
            }
        }
    }

    /// What has become of the block, or the part of one, that an old address lies in or just behind, if it is not where it was, or not as
    /// it was.
    fn moved(&self, old: u64) -> Option<&Moved> {
        let before = self.blocks.partition_point(|moved| moved.old <= old);
        self.blocks.get(before.checked_sub(1)?).filter(|moved| old - moved.old <= moved.len)
    }

    /// What the new image has for an old address.
    pub fn get(&self, old: u64) -> Landing {
        self.get_of(old, u64::MAX)
    }

    /// The same for something of so many bytes there: what is smaller than the object that begins there is a member of it.
    pub fn get_of(&self, old: u64, bytes: u64) -> Landing {
        match self.now.spot(old) {
            Spot::Block { number, block, .. } => {
                match self.moved(old).filter(|moved| moved.old >= block.address) {
                    None if self.carried.get(index(number)) == Some(&true) => Landing::Same,
                    None => Landing::Left,
                    Some(moved) => self.inside(moved, old - moved.old, bytes),
                }
            }
            Spot::Function { function, offset } => {
                let Some(entry) = self.functions.get(&function.id()).copied().flatten() else {
                    return Landing::Nothing(Lost::Function);
                };
                match offset {
                    0 => Landing::At(self.new.program.mapped(entry.0)),
                    _ => Landing::Nothing(Lost::Code),
                }
            }
            Spot::Variable { variable, offset } => self.variable(variable.id(), offset, bytes),
            Spot::Program { .. } => match self.texts.find(self.now.process(), old) {
                Some(new) => Landing::At(new),
                None => Landing::Nothing(Lost::Constant),
            },
            Spot::Library { module, .. } => {
                let modules = &self.now.process().modules;
                let index = modules.iter().position(|one| std::ptr::eq(one, module));
                match index.and_then(|index| self.libraries.get(index).copied().flatten()) {
                    Some(shift) => Landing::At(old.wrapping_add(shift)),
                    None => Landing::Nothing(Lost::Library),
                }
            }
            Spot::Stack => Landing::Nothing(Lost::Stack),
            Spot::Other | Spot::Nowhere => Landing::Same,
        }
    }

    fn inside(&self, moved: &Moved, offset: u64, bytes: u64) -> Landing {
        let at = |inside: Option<u64>| match inside {
            Some(inside) => {
                let new = moved.new.wrapping_add(inside);
                if new == moved.old.wrapping_add(offset) { Landing::Same } else { Landing::At(new) }
            }
            None => Landing::Nothing(Lost::Member),
        };
        let Inside::Made { how, count, stride } = moved.inside else { return at(Some(offset)) };
        let Some(recipe) = self.migration.recipe(how) else { return at(None) };
        let Some(count) = count else {
            return at(recipe.place_of(self.migration, (moved.len, offset), bytes));
        };
        let index = offset / stride.0.max(1);
        let first = index.min(count) * stride.1;
        match offset - index * stride.0 {
            // One past the last is a place, too.
            0 if index == count => at(Some(first)),
            within if index < count => at(self.place(recipe, within, bytes).map(|place| first + place)),
            _ => at(None),
        }
    }

    fn place(&self, recipe: &Recipe, within: u64, bytes: u64) -> Option<u64> {
        recipe.place_of(self.migration, (recipe.old_size, within), bytes)
    }

    fn variable(&self, id: VariableId, offset: u64, bytes: u64) -> Landing {
        let nothing = Landing::Nothing(Lost::Variable);
        let Some(index) = self.variables.get(&id).copied() else { return nothing };
        let Some(new) = self.pairing.variables.get(index).and_then(|pair| pair.new.as_ref()) else {
            return nothing;
        };
        let start = self.new.program.mapped(new.address().0);
        let inside = match self.migration.variable(index) {
            _ if offset == 0 && bytes == u64::MAX => Some(0),
            Some(recipe) => self.place(recipe, offset, bytes),
            None => Some(offset),
        };
        inside.map_or(Landing::Nothing(Lost::Member), |inside| Landing::At(start.wrapping_add(inside)))
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Texts of the new program, found by what they say.
struct Texts<'a> {
    process: &'a Process,
    /// Where the new program has what nobody writes to.
    constant: Vec<Range<u64>>,
    found: Mutex<FxHashMap<Vec<u8>, Option<u64>>>,
}

/// The longest text that is looked for.
const LONGEST: u64 = 1 << 16;

impl<'a> Texts<'a> {
    fn of(process: &'a Process, program: Range<u64>) -> Texts<'a> {
        let of_program = process.mappings.iter().filter(|mapping| program.contains(&mapping.range.start));
        let constant = of_program.filter(|mapping| mapping.permissions.read && !mapping.permissions.write);
        Texts {
            process,
            constant: constant.map(|mapping| mapping.range.clone()).collect(),
            found: Mutex::default(),
        }
    }

    /// The text at an address of another process, up to its zero.
    fn find(&self, old: &Process, address: u64) -> Option<u64> {
        let mapping = old.mapping_at(address).filter(|mapping| !mapping.permissions.write)?;
        let len = (mapping.range.end - address).min(LONGEST);
        let segment = old.memory.segment_at(address)?.range();
        let len = len.min(segment.end - address);
        let bytes = old.memory.bytes(address, usize::try_from(len).ok()?)?;
        let end = memchr::memchr(0, bytes)?;
        let text = bytes.get(..=end)?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = found.get(text) {
            return *known;
        }
        let place = self.constant.iter().find_map(|range| self.search(range, text));
        found.insert(text.to_vec(), place);
        place
    }

    /// The linker keeps one copy of texts that are the same, also of one that another ends with.
    fn search(&self, range: &Range<u64>, text: &[u8]) -> Option<u64> {
        let segments = self.process.memory.segments().iter().map(mcrx_tracer::image::Segment::range);
        let within = segments.filter(|segment| segment.start < range.end && range.start < segment.end);
        let parts = within.map(|segment| segment.start.max(range.start)..segment.end.min(range.end));
        let mut ends = None;
        for part in parts {
            let len = usize::try_from(part.end - part.start).ok()?;
            let Some(bytes) = self.process.memory.bytes(part.start, len) else { continue };
            for at in memchr::memmem::find_iter(bytes, text) {
                let address = part.start + u64::try_from(at).unwrap_or(0);
                let is_whole =
                    at.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|byte| *byte == 0);
                if is_whole {
                    return Some(address);
                }
                ends.get_or_insert(address);
            }
        }
        ends
    }
}
