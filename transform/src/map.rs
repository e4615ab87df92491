//! What the new image has in the place of an old address.
//!
//! One map for every pointer, whoever holds it:
//!
//! | an old address | is, in the new image |
//! |---|---|
//! | in a block that pairs, has moved or was converted | the same member there |
//! | in an object that is merged into another | where that has its member now |
//! | in another block, or in memory that the program mapped for itself | itself |
//! | the entry of a function | that of the function that has come for it |
//! | in a variable of the program | the same member of the new one |
//! | a text of the program | the same text in the new program |
//! | in a library | the same place in the same file, as the new process has it loaded |
//! | in a stack | nothing |
//!
//! What it does not do: decide where blocks go.

use crate::fates::{Extent, Fate, Fates, extent};
use crate::side::{Side, Spot};
use mcrx_debuginfo::table::{Address, FunctionId, VariableId};
use mcrx_dsl::eval::Making;
use mcrx_dsl::migrate::{Migration, Recipe};
use mcrx_dsl::pairing::Pairing;
use mcrx_tracer::blocks::Block;
use mcrx_tracer::graph::Edge;
use mcrx_tracer::image::Process;
use mcrx_tracer::marks::Marks;
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
    /// What is split off an object, which nothing in the new image leads to.
    Apart,
    /// An object that is merged into others, of which none that lives on has it.
    Nobodys,
    /// An object that is merged into others, of which several have it.
    Shared,
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

/// What else is made of an old object that is split, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// The old object's address.
    pub old: u64,
    /// How it is made.
    pub how: Making,
    /// Where it begins.
    pub new: u64,
}

/// An old object that is merged into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Into {
    /// Where it begins.
    pub(crate) old: u64,
    /// Bytes of it.
    pub(crate) len: u64,
    pub(crate) owner: Owner,
}

/// What an old object is merged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An old object, and how that is made: into which of its parts ([`Recipe::merged`]).
    One { old: u64, how: Making, part: usize },
    /// Several have it.
    Several,
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
    /// Which old blocks live on, and which of them are not where they were, or not as they were.
    fates: Fates,
    /// What both start-ups have made, and parts of blocks that are not as they were, by address; none overlap.
    pieces: Vec<Moved>,
    /// The numbers of blocks with such.
    in_pieces: Marks,
    /// By old address.
    beside: Vec<Beside>,
    /// By old address; none overlap.
    merged: Vec<Into>,
    /// Addresses at which there is anything at all, with one past the last of each.
    mapped: Vec<Range<u64>>,
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
            fates: Fates::default(),
            pieces: Vec::new(),
            in_pieces: Marks::default(),
            beside: Vec::new(),
            merged: Vec::new(),
            mapped: mapped(now),
            libraries: libraries.collect(),
            texts: Texts::of(new.process(), new.program.range.clone()),
        }
    }

    /// Sets what becomes of old blocks, where parts of them and those that pair are, what else was made of them, in any order; and by address what
    /// is merged.
    pub(crate) fn set_blocks(
        &mut self,
        fates: Fates,
        mut pieces: Vec<Moved>,
        mut beside: Vec<Beside>,
        merged: Vec<Into>,
    ) {
        self.merged = merged;
        pieces.sort_unstable_by_key(|moved| moved.old);
        self.in_pieces = Marks::clear(self.now.trace.blocks.numbers());
        for (number, _) in pieces.iter().filter_map(|moved| self.now.trace.blocks.at(moved.old)) {
            self.in_pieces.set(number);
        }
        self.pieces = pieces;
        beside.sort_unstable_by_key(|beside| beside.old);
        self.beside = beside;
        self.fates = fates;
    }

    /// What becomes of old blocks.
    pub(crate) fn fates(&self) -> &Fates {
        &self.fates
    }

    /// The same, when nothing else is wanted any more.
    pub(crate) fn take_fates(&mut self) -> Fates {
        std::mem::take(&mut self.fates)
    }

    /// What has become of the block, or the part of one, that an old address lies in or just behind, if it is not where it was, or not as
    /// it was.
    fn moved(&self, (number, block): (u32, &Block), old: u64) -> Option<Moved> {
        if self.in_pieces.has(number) {
            let before = self.pieces.partition_point(|moved| moved.old <= old);
            let piece = before.checked_sub(1).and_then(|before| self.pieces.get(before));
            let piece = piece.filter(|moved| moved.old >= block.address && old - moved.old <= moved.len);
            if piece.is_some() {
                return piece.copied();
            }
        }
        let (how, new) = self.fates.get(number)?.main()?;
        let Extent { count, .. } = extent(self.now.trace, self.migration, (number, block), how)?;
        let recipe = self.migration.recipe(how)?;
        let stride = (recipe.old_size, recipe.new_size);
        Some(Moved { old: block.address, len: block.len, new, inside: Inside::Made { how, count, stride } })
    }

    /// Whether pointers to a block's inside are others now.
    #[inline]
    pub(crate) fn is_altered(&self, number: u32) -> bool {
        self.fates.is_altered(number) || self.in_pieces.has(number)
    }

    /// Whether there is nothing at an address, and just before it.
    #[inline]
    pub(crate) fn is_nothing_at(&self, old: u64) -> bool {
        // Most words that only look like addresses are small numbers.
        if old < self.mapped.first().map_or(0, |first| first.start) {
            return true;
        }
        let before = self.mapped.partition_point(|range| range.start <= old);
        let range = before.checked_sub(1).and_then(|before| self.mapped.get(before));
        range.is_none_or(|range| old >= range.end)
    }

    /// As [`get_of`](AddressMap::get_of), of a pointer to a block that the old process's graph has.
    #[inline]
    pub(crate) fn at_edge(&self, edge: &Edge, old: u64, bytes: u64) -> Landing {
        let number = edge.to.0;
        if !self.is_altered(number) {
            return if self.fates.live().has(number) { Landing::Same } else { Landing::Left };
        }
        if edge.to_offset == 0
            && let Some((how, new)) = self.fates.get(number).and_then(Fate::main)
            && self.migration.recipe(how).is_some_and(|recipe| recipe.old_size <= bytes)
            && !self.in_pieces.has(number)
        {
            return if new == old { Landing::Same } else { Landing::At(new) };
        }
        self.get_of(old, bytes)
    }

    /// What the new image has for an old address.
    pub fn get(&self, old: u64) -> Landing {
        self.get_of(old, u64::MAX)
    }

    /// The same for something of so many bytes there: what is smaller than the object that begins there is a member of it.
    pub fn get_of(&self, old: u64, bytes: u64) -> Landing {
        if self.is_nothing_at(old) {
            return Landing::Same;
        }
        match self.now.spot(old) {
            Spot::Block { number, .. } if matches!(self.fates.get(number), Some(Fate::Merged)) => {
                self.merged(old, bytes, DEEPEST)
            }
            Spot::Block { number, block, .. } => match self.moved((number, &block), old) {
                None if self.fates.live().has(number) => Landing::Same,
                None => Landing::Left,
                Some(moved) => self.inside(&moved, old - moved.old, bytes),
            },
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
            let place = recipe.place_of(self.migration, (moved.len, offset), bytes);
            return place.map_or_else(|| self.beside(moved, offset, bytes), |place| at(Some(place)));
        };
        let index = offset / stride.0.max(1);
        let first = index.min(count) * stride.1;
        match offset - index * stride.0 {
            // One past the last is a place, too.
            0 if index == count => at(Some(first)),
            within if count == 1 && index == 0 && self.place(recipe, within, bytes).is_none() => {
                self.beside(moved, offset, bytes)
            }
            within if index < count => at(self.place(recipe, within, bytes).map(|place| first + place)),
            _ => at(None),
        }
    }

    /// A member that has gone into what was split off.
    fn beside(&self, moved: &Moved, offset: u64, bytes: u64) -> Landing {
        let first = self.beside.partition_point(|beside| beside.old < moved.old);
        let those = self.beside.iter().skip(first).take_while(|beside| beside.old == moved.old);
        let mut places = those.filter_map(|beside| {
            let recipe = self.migration.recipe(beside.how)?;
            Some(beside.new + recipe.place_of(self.migration, (moved.len, offset), bytes)?)
        });
        places.next().map_or(Landing::Nothing(Lost::Member), Landing::At)
    }

    /// Where something is that is split off the old object which begins at an address.
    pub(crate) fn apart(&self, old: u64, how: Making) -> Landing {
        let first = self.beside.partition_point(|beside| beside.old < old);
        let mut those = self.beside.iter().skip(first).take_while(|beside| beside.old == old);
        if let Some(beside) = those.find(|beside| beside.how == how) {
            return Landing::At(beside.new);
        }
        match self.get(old) {
            Landing::Left => Landing::Left,
            Landing::Nothing(why) => Landing::Nothing(why),
            Landing::Same | Landing::At(_) => Landing::Nothing(Lost::Apart),
        }
    }

    /// Whether something in a range has become a part of another object.
    pub(crate) fn is_merged(&self, old: Range<u64>) -> bool {
        let before = self.merged.partition_point(|into| into.old < old.start);
        self.merged.get(before).is_some_and(|into| into.old < old.end)
    }

    /// What is merged into another object is where the members are now that have its values.
    fn merged(&self, old: u64, bytes: u64, deeper: u32) -> Landing {
        let before = self.merged.partition_point(|into| into.old <= old);
        let into = before.checked_sub(1).and_then(|before| self.merged.get(before));
        let (into, owner, how, part) = match into.filter(|into| old - into.old < into.len) {
            Some(Into { owner: Owner::Several, .. }) => return Landing::Nothing(Lost::Shared),
            Some(into @ Into { owner: Owner::One { old, how, part }, .. }) => (into, *old, *how, *part),
            None => return Landing::Nothing(Lost::Nobodys),
        };
        let Some((recipe, merged)) =
            self.migration.recipe(how).and_then(|recipe| Some((recipe, recipe.merged.get(part)?)))
        else {
            return Landing::Nothing(Lost::Nobodys);
        };
        // Others may be held by value in what is merged itself.
        let is_merged = |number| matches!(self.fates.get(number), Some(Fate::Merged));
        let landing = match (self.now.spot(owner), deeper.checked_sub(1)) {
            (Spot::Block { number, .. }, None) if is_merged(number) => Landing::Nothing(Lost::Nobodys),
            (Spot::Block { number, .. }, Some(deeper)) if is_merged(number) => {
                self.merged(owner, recipe.old_size, deeper)
            }
            _ => self.get_of(owner, recipe.old_size),
        };
        let new = match landing {
            Landing::Same => owner,
            Landing::At(new) => new,
            Landing::Left | Landing::Nothing(_) => return Landing::Nothing(Lost::Nobodys),
        };
        match merged.place_of(self.migration, old - into.old, bytes) {
            Some(place) => Landing::At(new.wrapping_add(place)),
            None => Landing::Nothing(Lost::Member),
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

/// Where a process has anything, with one past the end of each: that is still the block that ends there. None overlap.
fn mapped(side: Side<'_>) -> Vec<Range<u64>> {
    let process = side.process();
    let mappings = process.mappings.iter().map(|mapping| mapping.range.clone());
    let modules = process.modules.iter().map(|module| module.range.clone());
    let segments = process.memory.segments().iter().map(mcrx_tracer::image::Segment::range);
    let areas = side.trace.blocks.areas().map(|(_, area)| area.range.clone());
    let mut all: Vec<Range<u64>> = mappings.chain(modules).chain(segments).chain(areas).collect();
    all.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in all {
        let end = range.end.saturating_add(1);
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(end),
            _ => joined.push(range.start..end),
        }
    }
    joined
}

/// Texts of the new program, found by what they say.
struct Texts<'a> {
    process: &'a Process,
    /// Where the new program has what nobody writes to.
    constant: Vec<Range<u64>>,
    found: Mutex<FxHashMap<Vec<u8>, Option<u64>>>,
}

/// How deep what is merged holds what others are merged into. C's types end; what leads to what in memory need not.
const DEEPEST: u32 = 16;

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
