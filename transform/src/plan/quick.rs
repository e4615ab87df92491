//! Blocks made anew, or redirected, the quick way: where their type says all there is to do, and nothing is wrong.
//!
//! * In a block that stays, whose pointers all are in the graph and lead to blocks that stay, nothing is looked at but bits.
//! * Where pointers lead is taken from the graph; functions and constants, of which there are few, are remembered.
//! * A block of a type that takes no rule is made by its [`Program`](super::program::Program).
//!
//! Everything else, and everything that fails, is left to [`Object::make`], which says what is wrong: both must come to the same.

use super::kinds::{Kind, Kinds, Read};
use super::objects::{Object, blocks};
use super::pointers::{self, Word};
use super::{Made, Scene};
use crate::fates::Fate;
use crate::map::{AddressMap, Landing};
use mcrx_tracer::blocks::Block;
use mcrx_tracer::graph::{Edge, Node};
use mcrx_tracer::model::is_address;

/// Landings that are remembered.
const REMEMBERED: usize = 256;

/// Makes one block after the other.
pub(super) struct Maker<'m, 'a> {
    scene: &'m Scene<'a>,
    map: &'m AddressMap<'a>,
    kinds: &'m Kinds<'a>,
    made: Made,
    /// Of the block at hand.
    edges: Vec<Edge>,
    words: Vec<Word>,
    found: Vec<Found>,
    new: Vec<u8>,
    /// What is no block: the address, the bytes, and where it leads.
    landings: Vec<(u64, u64, Landing)>,
}

/// A word that leads elsewhere now.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// Where in the block.
    offset: u64,
    /// In the type: of those that may be pointers, the first.
    place: usize,
    word: u64,
    address: u64,
    is_sure: bool,
    /// Nothing can be said of it by the bytes of what it leads to, which its type says, alone.
    bytes: u64,
    to: Option<u64>,
    landing: Landing,
}

impl<'m, 'a> Maker<'m, 'a> {
    pub(super) fn new(scene: &'m Scene<'a>, map: &'m AddressMap<'a>, kinds: &'m Kinds<'a>) -> Maker<'m, 'a> {
        Maker {
            scene,
            map,
            kinds,
            made: Made::default(),
            edges: Vec::new(),
            words: Vec::new(),
            found: Vec::new(),
            new: Vec::new(),
            landings: vec![(0, 0, Landing::Same); REMEMBERED],
        }
    }

    /// Those of one piece that live on.
    pub(super) fn make(mut self, first: u32) -> Made {
        let fates = self.map.fates();
        blocks(&self.scene.now, fates.live(), first, &mut |number, block| {
            let fate = fates.get(number);
            let before = self.made.writes.len();
            self.one(Object { number, block, fate });
            self.made.redirected += u64::from(fate.is_none() && self.made.writes.len() != before);
        });
        self.made.writes.shrink();
        self.made
    }

    fn one(&mut self, object: Object<'_>) {
        let Object { number, block, fate } = object;
        let ty = self.scene.now.trace.marked.ty(number);
        let kind = ty.and_then(|ty| self.kinds.get(ty));
        let kind = kind.filter(|kind| kind.size > 0 && block.len.is_multiple_of(kind.size) && block.len > 0);
        let done = match (fate, kind) {
            (None, kind) => self.stays((number, block), kind),
            (Some(Fate::Made(_, to)), Some(kind)) => self.anew((number, block), kind, *to),
            _ => None,
        };
        if done.is_none() {
            object.make(self.scene, self.map, &mut self.made);
        }
    }

    /// `None`: it takes a closer look.
    fn stays(&mut self, (number, block): (u32, &Block), kind: Option<&Kind<'_>>) -> Option<()> {
        let Some((kind, words)) = kind.and_then(|kind| Some((kind, kind.words.as_ref()?))) else {
            self.words.clear();
            pointers::into(&self.scene.now, Node(number), block.address, &mut self.words);
            let changes = self.words.iter().any(|word| pointers::changes(word, self.map));
            return (!changes).then_some(());
        };
        let graph = &self.scene.now.trace.graph;
        let stays = |edge: Edge| graph.block(edge.to).is_some() && !self.map.is_altered(edge.to.0);
        if kind.is_in_graph && !graph.leads_elsewhere(Node(number)) && graph.edges(Node(number)).all(stays) {
            return Some(());
        }
        let bytes = self.bytes(block)?;
        self.find((number, block), kind.size, words, bytes);
        if self.found.iter().any(|found| found.is_sure && matches!(found.landing, Landing::Nothing(_))) {
            return None;
        }
        for found in &self.found {
            if let Some(to) = found.to {
                self.made.writes.push(block.address.wrapping_add(found.offset), &to.to_le_bytes());
            }
        }
        Some(())
    }

    fn anew(&mut self, (number, block): (u32, &Block), kind: &Kind<'_>, to: u64) -> Option<()> {
        let (program, words, how) = (kind.program.as_ref()?, kind.words.as_ref()?, kind.how.first()?);
        let bytes = self.bytes(block)?;
        self.new.clear();
        self.new.resize(bytes.len() / program.old_size * program.new_size, 0);
        for (old, new) in
            bytes.chunks_exact(program.old_size).zip(self.new.chunks_exact_mut(program.new_size))
        {
            program.run(old, new)?;
        }
        self.find((number, block), kind.size, words, bytes);
        for index in 0..self.found.len() {
            let found = *self.found.get(index)?;
            let (nth, within) = (found.offset / kind.size, found.offset % kind.size);
            let first = words.get(found.place)?.0;
            let place = match within == first {
                true => *program.places.get(found.place)?,
                false => self.scene.migration.recipe(*how)?.value_place(self.scene.migration, within),
            };
            let Some(place) = place else { continue };
            let is_translated = program.translates(within);
            let new = match (found.landing, found.to) {
                (Landing::Same, _) => continue,
                // Something else is to come along.
                (Landing::Left, _) if is_translated => return None,
                (Landing::Left, _) => continue,
                (Landing::Nothing(_), _) if found.is_sure || is_translated => return None,
                (Landing::Nothing(_), _) => continue,
                (Landing::At(_), None) => return None,
                (Landing::At(_), Some(new)) => new,
            };
            // The recipe, which does not know what the pointer says that it leads to, may come to nothing.
            if is_translated
                && found.bytes != u64::MAX
                && matches!(self.landing(found.address, u64::MAX), Landing::Nothing(_))
            {
                return None;
            }
            let start = usize::try_from(nth).ok()? * program.new_size + usize::try_from(place).ok()?;
            let there = self.new.get_mut(start..start + 8)?;
            if *there != found.word.to_le_bytes() {
                return None;
            }
            there.copy_from_slice(&new.to_le_bytes());
        }
        self.made.writes.push(to, &self.new);
        Some(())
    }

    fn bytes(&self, block: &Block) -> Option<&'a [u8]> {
        let now = self.scene.now;
        now.process().memory.bytes(block.address, usize::try_from(block.len).ok()?)
    }

    /// The words of a block, several objects side by side, that do not lead to where they led.
    fn find(&mut self, (number, block): (u32, &Block), size: u64, words: &[(u64, Read)], bytes: &[u8]) {
        self.edges.clear();
        self.edges.extend(self.scene.now.trace.graph.edges(Node(number)));
        self.found.clear();
        let mut next = 0;
        for base in (0..block.len).step_by(usize::try_from(size).unwrap_or(usize::MAX)) {
            for (place, (offset, read)) in words.iter().enumerate() {
                let offset = base + offset;
                match *read {
                    Read::Pointer { mask, bytes: size } => {
                        self.look_at((offset, place), (mask, size), true, bytes, &mut next)
                    }
                    Read::Function => {
                        self.look_at((offset, place), (u64::MAX, u64::MAX), true, bytes, &mut next)
                    }
                    Read::Likely { len } => {
                        // Words are aligned in memory, whatever the block is.
                        let first = offset + block.address.wrapping_add(offset).wrapping_neg() % 8;
                        let end = usize::try_from(offset + len).unwrap_or(usize::MAX).min(bytes.len());
                        let part = usize::try_from(first).ok().and_then(|first| bytes.get(first..end));
                        for (word, at) in part.unwrap_or_default().chunks_exact(8).zip((first..).step_by(8)) {
                            let word = word.try_into().map_or(0, u64::from_le_bytes);
                            if is_address(word) && !self.map.is_nothing_at(word) {
                                self.look_at((at, place), (u64::MAX, u64::MAX), false, bytes, &mut next);
                            }
                        }
                    }
                }
            }
        }
    }

    #[inline]
    fn look_at(
        &mut self,
        (offset, place): (u64, usize),
        (mask, size): (u64, u64),
        is_sure: bool,
        bytes: &[u8],
        next: &mut usize,
    ) {
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        let Some(word) = rest.and_then(|rest| rest.first_chunk()).map(|word| u64::from_le_bytes(*word))
        else {
            return;
        };
        let address = word & mask;
        if !is_address(address) {
            return;
        }
        while self.edges.get(*next).is_some_and(|edge| edge.offset < offset) {
            *next += 1;
        }
        let edge = self.edges.get(*next).filter(|edge| edge.offset == offset);
        let edge = edge.filter(|edge| self.scene.now.trace.graph.block(edge.to).is_some()).copied();
        let landing = match edge {
            Some(edge) => self.map.at_edge(&edge, address, size),
            None if self.map.is_nothing_at(address) => return,
            None => self.landing(address, size),
        };
        let to = match landing {
            Landing::Same => return,
            Landing::At(new) => Some(new.wrapping_add(word.wrapping_sub(address))),
            Landing::Left | Landing::Nothing(_) => None,
        };
        // At the start of an object there is no doubt.
        let size = if edge.is_some_and(|edge| edge.to_offset == 0) { u64::MAX } else { size };
        self.found.push(Found { offset, place, word, address, is_sure, bytes: size, to, landing });
    }

    /// As [`AddressMap::get_of`]: the same few functions are asked for millions of times.
    #[inline]
    fn landing(&mut self, address: u64, bytes: u64) -> Landing {
        let place = usize::try_from((address >> 4) ^ (address >> 12)).unwrap_or(0) % REMEMBERED;
        if let Some((of, size, landing)) = self.landings.get(place)
            && (*of, *size) == (address, bytes)
        {
            return *landing;
        }
        let landing = self.map.get_of(address, bytes);
        if let Some(known) = self.landings.get_mut(place) {
            *known = (address, bytes, landing);
        }
        landing
    }
}
