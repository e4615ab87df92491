//! How objects of each old type fare: found out once for a type, for there may be millions of a few types.
//!
//! What it does not do: look at objects.

use super::Scene;
use super::objects::{Change, change};
use super::pointers::bytes_of;
use super::program::Program;
use mcrx_dsl::eval::Making;
use mcrx_tracer::model::{Model, PointerMap, Ty, What};
use mcrx_tracer::trace::Trace;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

/// Numbers that one thread looks at at a time.
const CHUNK: u32 = 1 << 16;

/// A word of a type, or some that may be pointers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// A pointer.
    Pointer {
        /// The bits that are the address.
        mask: u64,
        /// Bytes of what it leads to, as [`bytes_of`] has it.
        bytes: u64,
    },
    /// To code.
    Function,
    /// Bytes any aligned word of which may be one.
    Likely {
        /// How many.
        len: u64,
    },
}

/// How objects of a type fare.
#[derive(Debug)]
pub(super) struct Kind<'a> {
    /// Bytes of one.
    pub(super) size: u64,
    /// They stay as they are, but for pointers.
    pub(super) is_kept: bool,
    /// They become parts of others.
    is_merged: bool,
    /// What is made of one, if rules and releases say so.
    pub(super) how: Vec<Making>,
    /// Where pointers are in one, if that is the same in all; by offset.
    pub(super) words: Option<Vec<(u64, Read)>>,
    /// All pointers are in the graph, or lead to what it calls elsewhere.
    pub(super) is_in_graph: bool,
    /// There may be pointers to code.
    pub(super) has_functions: bool,
    /// For each pointer of `words`, if something is made of one: whether something is made from it.
    takes: Vec<(u64, bool)>,
    /// How one is made, if that needs no rule.
    pub(super) program: Option<Program<'a>>,
}

/// Those of all types that there are blocks of.
#[derive(Debug, Default)]
pub(super) struct Kinds<'a> {
    /// By type.
    places: Vec<u32>,
    kinds: Vec<Kind<'a>>,
    /// Nobody has asked for them.
    are_unknown: bool,
}

const NONE: u32 = u32::MAX;

impl<'a> Kinds<'a> {
    pub(super) fn of(scene: &Scene<'a>) -> Kinds<'a> {
        let mut kinds = Kinds::default();
        for ty in types(scene.now.trace) {
            let place = index(ty);
            if kinds.places.len() <= place {
                kinds.places.resize(place + 1, NONE);
            }
            if let Some(place) = kinds.places.get_mut(place) {
                *place = u32::try_from(kinds.kinds.len()).unwrap_or(NONE);
            }
            kinds.kinds.push(Kind::of(scene, ty));
        }
        kinds
    }

    /// None: each block is looked at by itself, word by word in memory. The quick way has to come to the same.
    pub(super) fn unknown(_: &Scene<'a>) -> Kinds<'a> {
        Kinds { are_unknown: true, ..Kinds::default() }
    }

    /// Whether each block is to be looked at by itself.
    pub(super) fn are_unknown(&self) -> bool {
        self.are_unknown
    }

    /// That of a type.
    #[inline]
    pub(super) fn get(&self, ty: Ty) -> Option<&Kind<'a>> {
        self.kinds.get(usize::try_from(*self.places.get(index(ty))?).ok()?)
    }
}

fn index(ty: Ty) -> usize {
    usize::try_from(ty.0).unwrap_or(usize::MAX)
}

/// All types of blocks as a whole.
fn types(trace: &Trace<'_>) -> Vec<Ty> {
    let numbers = trace.blocks.numbers();
    let chunks = (0..numbers.div_ceil(CHUNK)).into_par_iter().map(|chunk| {
        let first = chunk * CHUNK;
        let (mut all, mut last) = (FxHashSet::default(), None);
        for number in first..first.saturating_add(CHUNK).min(numbers) {
            let ty = trace.marked.ty(number);
            if ty != last {
                all.extend(ty);
                last = ty;
            }
        }
        all
    });
    let all: FxHashSet<Ty> = chunks.collect::<Vec<_>>().into_iter().flatten().collect();
    let mut all: Vec<Ty> = all.into_iter().collect();
    all.sort_unstable();
    all
}

impl<'a> Kind<'a> {
    fn of(scene: &Scene<'a>, ty: Ty) -> Kind<'a> {
        let model = scene.now.trace.model;
        let map = model.map(ty);
        let change = change(scene, ty);
        let (is_kept, is_merged) = (matches!(change, Change::None), matches!(change, Change::Merged));
        let how = if let Change::Made(how) = change { how } else { Vec::new() };
        let words = words(model, map);
        let is_in_graph = words
            .as_ref()
            .is_some_and(|words| words.iter().all(|(_, read)| !matches!(read, Read::Likely { .. })));
        let takes = words.iter().flatten().filter(|_| !how.is_empty());
        let takes = takes.map(|(offset, _)| (*offset, scene.any_takes(&how, *offset))).collect();
        let program = match (&how[..], &words) {
            ([how], Some(words)) => Program::of(scene.migration, *how, words)
                .filter(|program| u64::try_from(program.old_size) == Ok(map.size)),
            _ => None,
        };
        Kind {
            size: map.size,
            is_kept,
            is_merged,
            how,
            words,
            is_in_graph,
            has_functions: !leads_to_data(model, ty),
            takes,
            program,
        }
    }

    /// Whether something is made from what lies there in an object.
    #[inline]
    pub(super) fn takes(&self, scene: &Scene<'_>, offset: u64) -> bool {
        if self.how.is_empty() {
            return !self.is_merged;
        }
        match self.takes.iter().find(|(known, _)| *known == offset) {
            Some((_, takes)) => *takes,
            None => scene.any_takes(&self.how, offset),
        }
    }
}

/// Where pointers are in all objects of a type, by offset.
fn words(model: &Model<'_>, map: &PointerMap) -> Option<Vec<(u64, Read)>> {
    let is_plain = map.tail.is_none() && map.scratch.is_empty() && map.size > 0;
    let words: Option<Vec<(u64, Read)>> = map
        .items
        .iter()
        .filter(|_| is_plain)
        .map(|item| {
            let read = match item.what {
                What::Precise { to, mask } => Read::Pointer { mask, bytes: bytes_of(model, to) },
                What::Opaque { mask } => Read::Pointer { mask, bytes: u64::MAX },
                What::Retained => Read::Pointer { mask: u64::MAX, bytes: u64::MAX },
                What::Function => Read::Function,
                What::Likely { len } => Read::Likely { len },
                What::Repeat { .. } | What::Told(_) | What::Scratch => return None,
            };
            Some((item.offset, read))
        })
        .collect();
    // One after the other: no word is two things.
    let words = words.filter(|_| is_plain)?;
    let end = |(offset, read): &(u64, Read)| match read {
        Read::Likely { len } => offset + len,
        Read::Pointer { .. } | Read::Function => offset + 8,
    };
    let is_apart = |pair: &[(u64, Read)]| matches!(pair, [one, other] if end(one) <= other.0);
    let is_inside = words.last().is_none_or(|last| end(last) <= map.size);
    (is_inside && words.windows(2).all(is_apart)).then_some(words)
}

/// Whether all pointers of a type are known without looking at a process, and none leads to code: those the graph has all.
fn leads_to_data(model: &Model<'_>, ty: Ty) -> bool {
    let map = model.map(ty);
    let items = map.items.iter().all(|item| match item.what {
        What::Precise { .. } | What::Opaque { .. } | What::Retained | What::Likely { .. } => true,
        What::Repeat { ty, .. } => leads_to_data(model, ty),
        What::Function | What::Told(_) | What::Scratch => false,
    });
    items && map.tail.is_none_or(|tail| leads_to_data(model, tail.ty))
}
