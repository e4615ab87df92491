//! Rules tried on all objects of a traced process: which of them the rules, or what needs no rule, cannot carry over, and why.
//!
//! Each typed object of a type that changes is made anew, by its recipe and in memory of its own, and forgotten. What is found is what no look
//! at types can find: a number that does not fit, a state that no arm of a `match` is for, a question that nobody has answered and that
//! an object which lives depends on.
//!
//! The new release does not run: what its start-up leaves (`to.x`) has no value here, and an object whose rules ask for it counts as
//! undecided. `for each`, `call` and `assert` are not run.
//!
//! What it does not do: pair objects, place new ones, or write anything; the transform does.

use crate::diagnostic::Release;
use crate::eval::{Failure, Lookup, Machine, Making, Mistake, Reason, Unreadable, World};
use crate::migrate::Migration;
use crate::pairing::{Asked, Pairing};
use crate::rules::Rules;
use crate::source::Span;
use mcrx_debuginfo::file::BuildId;
use mcrx_debuginfo::table::{Address, Table, Type, TypeId};
use mcrx_tracer::model::{Fit, Ty};
use mcrx_tracer::trace::Trace;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the new release is taken to lie: where no process can have anything.
const NEW_FILE: u64 = 1 << 50;
/// Where blocks are made that rules ask for.
const NEW_BLOCKS: u64 = 1 << 52;

/// What came of it.
#[derive(Debug, Default)]
pub struct Rehearsal {
    /// Types that change and have objects, by name; variables by theirs.
    pub types: Vec<Tally>,
    /// What stops objects, the most frequent first.
    pub refusals: Vec<Refusal>,
    /// What is wrong with the rules' expressions.
    pub mistakes: Vec<Mistake>,
    /// Live blocks of which no type is known: nothing was tried on them.
    pub untyped: u64,
}

/// How the objects of a type fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Its name.
    pub name: String,
    /// It is no type, but a variable.
    pub is_variable: bool,
    /// How many there are.
    pub objects: u64,
    /// How many of them cannot be carried over.
    pub refused: u64,
    /// How many depend on what the new release's start-up leaves.
    pub undecided: u64,
}

/// Objects that cannot be carried over, for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The type.
    pub name: String,
    /// The member of the new object.
    pub path: String,
    /// Why, of the first of them.
    pub message: String,
    /// Where in a rule file.
    pub span: Option<Span>,
    /// How many there are.
    pub objects: u64,
    /// Where the first of them lies.
    pub address: u64,
}

/// Why nothing was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    /// The process runs something else.
    #[error("the process does not run the old release: none of its programs and libraries has that build-id")]
    OtherProgram,
}

/// Tries rules on a process that runs the old release.
pub fn run(
    trace: &Trace<'_>,
    (old, new): (&Table, &Table),
    rules: &Rules,
) -> Result<Rehearsal, RehearsalError> {
    let mut tables = trace.model.tables();
    let bias = tables.find(|(table, _)| table.build_id() == old.build_id()).map(|(_, bias)| bias);
    let bias = bias.ok_or(RehearsalError::OtherProgram)?;
    let pairing = Pairing::of(old, new, rules);
    let lookups = (Lookup::new(old), Lookup::new(new));
    let (migration, mistakes) = Migration::compile(&pairing, rules, &lookups.0, &lookups.1);
    let is_it = |id: &BuildId| id.as_bytes() == old.build_id();
    let own = trace.process.modules.iter().find(|module| module.build_id.as_ref().is_some_and(is_it));
    let own = own.map_or(0..0, |module| module.range.clone());
    let memory = Memory { trace, bias, own, next: AtomicU64::new(NEW_BLOCKS) };
    let mut stage = Stage {
        memory: &memory,
        old,
        pairing: &pairing,
        migration: &migration,
        making: FxHashMap::default(),
        tallies: BTreeMap::new(),
        refusals: BTreeMap::new(),
    };
    let untyped = stage.objects(trace);
    stage.variables();
    let mut refusals: Vec<Refusal> = stage.refusals.into_values().collect();
    refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.objects));
    Ok(Rehearsal { types: stage.tallies.into_values().collect(), refusals, mistakes, untyped })
}

/// What is tried, and what came of it so far.
struct Stage<'s, 't> {
    memory: &'s Memory<'s>,
    old: &'t Table,
    pairing: &'s Pairing<'t>,
    migration: &'s Migration,
    /// How objects of a type are made anew. None: they stay what they are.
    making: FxHashMap<Ty, Vec<Making>>,
    tallies: BTreeMap<(bool, String), Tally>,
    /// By type, member and what is wrong in general.
    refusals: BTreeMap<(String, String, &'static str), Refusal>,
}

impl<'t> Stage<'_, 't> {
    /// All typed objects. Returns how many blocks have no type.
    fn objects(&mut self, trace: &Trace<'_>) -> u64 {
        let mut untyped = 0;
        let blocks = trace.blocks.iter().map(|(number, block)| (number, block.address, block.len));
        let areas = trace.blocks.areas();
        let areas = areas.map(|(number, area)| (number, area.range.start, area.range.end - area.range.start));
        for (number, address, len) in blocks.chain(areas) {
            if let Some(ty) = trace.marked.ty(number) {
                let has_tail = trace.model.fit(ty, len) == Fit::WithTail;
                self.several(trace, ty, address..address + len, (!has_tail).then_some(0));
                continue;
            }
            let mut has_part = false;
            for (offset, island) in trace.marked.islands_of(number) {
                has_part = true;
                let start = address + offset;
                self.several(trace, island.ty, start..start + island.size, Some(island.stride));
            }
            untyped += u64::from(!has_part && !trace.blocks.is_area(number));
        }
        untyped
    }

    /// Objects of one type side by side, so many bytes from one to the next; 0: its size. `None`: there is one, with its flexible array.
    fn several(&mut self, trace: &Trace<'_>, ty: Ty, place: Range<u64>, stride: Option<u64>) {
        if !self.making.contains_key(&ty) {
            let made = trace.model.ty(ty).and_then(|ty| self.of_old(ty));
            let made = made.map_or_else(Vec::new, |ty| self.making(ty));
            self.making.insert(ty, made);
        }
        let made = self.making.get(&ty).cloned().unwrap_or_default();
        let Some(recipe) = made.first().and_then(|how| self.migration.recipe(*how)) else { return };
        let size = recipe.old_size.max(1);
        let Some(stride) = stride else {
            return self.one(&made, place.start, place.end - place.start);
        };
        let mut at = place.start;
        while at.checked_add(size).is_some_and(|end| end <= place.end) {
            self.one(&made, at, size);
            at += stride.max(size);
        }
    }

    /// The same type of the old release's debug info: the process's may have been read from another copy of the file.
    fn of_old(&self, ty: Type<'_>) -> Option<Type<'t>> {
        (ty.table().build_id() == self.old.build_id()).then(|| self.old.ty(ty.id())).flatten()
    }

    fn making(&self, ty: Type<'t>) -> Vec<Making> {
        let Some((id, pair)) = self.pairing.of_old(ty) else { return Vec::new() };
        if pair.is_same || pair.is_drained || pair.old.first() != Some(&ty) {
            return Vec::new();
        }
        let how = (0..pair.made.len()).map(|made| Making { pair: id, made });
        // Members that move within a type whose bytes are kept need no look.
        how.filter(|how| self.migration.recipe(*how).is_some_and(|recipe| !recipe.is_copy())).collect()
    }

    fn one(&mut self, made: &[Making], address: u64, len: u64) {
        let name = made.first().map_or("", |how| self.name(*how)).to_owned();
        let beside: Vec<u64> = made.iter().map(|_| self.memory.fresh(len)).collect();
        let outcome = made.iter().try_for_each(|how| {
            let mut machine = Machine::new(self.memory, self.migration);
            self.migration.object(*how, (address, len), &beside, &mut machine).map(drop)
        });
        self.count(&name, false, address, outcome);
    }

    fn name(&self, how: Making) -> &str {
        let pair = self.pairing.pair(how.pair).map_or("", |pair| pair.name);
        match self.migration.recipe(how) {
            Some(recipe) if pair.is_empty() => &recipe.name,
            _ => pair,
        }
    }

    /// Variables that are carried over and do not stay what they are.
    fn variables(&mut self) {
        for (index, pair) in self.pairing.variables.iter().enumerate() {
            let Some(recipe) = self.migration.variable(index).filter(|recipe| !recipe.is_copy()) else {
                continue;
            };
            let Some(old) = pair.old else { continue };
            let Some(address) = self.memory.loaded(Release::Old, old.address()) else { continue };
            let mut machine = Machine::new(self.memory, self.migration);
            let made = match recipe.make((address, recipe.old_size), &[], &mut machine) {
                Err(failure) if self.is_of_start_up(&failure) => Ok(()),
                made => made.map(drop),
            };
            self.count(old.name(), true, address, made);
        }
    }

    /// Whether it is about a new member: in a variable that both releases have, it is as the new release's start-up leaves it.
    fn is_of_start_up(&self, failure: &Failure) -> bool {
        let Reason::Undecided(text) = &*failure.reason else { return false };
        let mut new =
            self.pairing.questions.iter().filter(|question| matches!(question.asked, Asked::FirstValue));
        failure.span.is_none() && new.any(|question| question.text() == *text)
    }

    fn count(&mut self, name: &str, is_variable: bool, address: u64, outcome: Result<(), Failure>) {
        let fresh = || Tally { name: name.to_owned(), is_variable, objects: 0, refused: 0, undecided: 0 };
        let tally = self.tallies.entry((is_variable, name.to_owned())).or_insert_with(fresh);
        tally.objects += 1;
        let Err(failure) = outcome else { return };
        if is_of_new(&failure) {
            tally.undecided += 1;
            return;
        }
        tally.refused += 1;
        let refusal = self.refusals.entry((name.to_owned(), failure.path.clone(), sort(&failure.reason)));
        let refusal = refusal.or_insert_with(|| Refusal {
            name: name.to_owned(),
            path: failure.path.clone(),
            message: failure.reason.to_string(),
            span: failure.span,
            objects: 0,
            address: failure.object.as_ref().map_or(address, |(_, address)| *address),
        });
        refusal.objects += 1;
    }
}

/// Whether it is about memory that only the new release has.
fn is_of_new(failure: &Failure) -> bool {
    matches!(*failure.reason, Reason::Unreadable(address) if address >= NEW_FILE)
}

/// What is wrong in general: values that do not fit are of one sort, whatever they are.
fn sort(reason: &Reason) -> &'static str {
    match reason {
        Reason::DoesNotFit { .. } | Reason::Inexact(_) => "value",
        Reason::TooLong { .. } | Reason::TooMany(_) | Reason::NoElement { .. } => "length",
        Reason::NoArm(_) | Reason::NoConstant(_) => "choice",
        Reason::Refused(_) | Reason::Impossible(_) => "refused",
        Reason::Undecided(_) => "question",
        Reason::Unreadable(_) | Reason::NullPointer | Reason::Endless(_) => "pointer",
        _ => "other",
    }
}

/// The process's memory as the old release's, and next to nothing as the new one's.
struct Memory<'m> {
    trace: &'m Trace<'m>,
    /// What is added to addresses of the old program's file.
    bias: u64,
    /// Where the old program lies.
    own: Range<u64>,
    next: AtomicU64,
}

impl Memory<'_> {
    fn fresh(&self, bytes: u64) -> u64 {
        let bytes = bytes.clamp(1, 1 << 40).next_multiple_of(16);
        self.next.fetch_add(bytes, Ordering::Relaxed)
    }
}

impl World for Memory<'_> {
    fn read(&self, of: Release, address: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        // The old heap stays where it is, also for the new release.
        if of == Release::New && address >= NEW_FILE {
            return Err(Unreadable);
        }
        self.trace.process.memory.read(address, into).map_err(|_| Unreadable)
    }

    fn loaded(&self, of: Release, linked: Address) -> Option<u64> {
        match of {
            Release::Old => linked.0.checked_add(self.bias),
            Release::New => linked.0.checked_add(NEW_FILE),
        }
    }

    fn linked(&self, of: Release, address: u64) -> Option<Address> {
        match of {
            Release::Old if self.own.contains(&address) => address.checked_sub(self.bias).map(Address),
            Release::New if (NEW_FILE..NEW_BLOCKS).contains(&address) => Some(Address(address - NEW_FILE)),
            _ => None,
        }
    }

    fn counterpart(&self, old: u64) -> Option<u64> {
        // Where objects go is not decided here: that they go somewhere is enough.
        Some(old)
    }

    fn apart(&self, old: u64, _: Making) -> Option<u64> {
        Some(old)
    }

    fn allocate(&self, _: Option<TypeId>, bytes: u64) -> Option<u64> {
        Some(self.fresh(bytes))
    }
}
