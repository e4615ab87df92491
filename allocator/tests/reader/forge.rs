//! Heaps out of thin air: valid ones, laid out as `mcrx_allocator::abi` describes, decided by a stream of bytes; and damage to them.
//!
//! The tests feed it pseudo-random bytes, the fuzzer its own. It knows the layout by the abi's documentation and offsets, not by any of
//! the reader's code.

use crate::sparse::{PAGE, Sparse};
use mcrx_allocator::abi::{
    ARENA_BASE, CLASS_COUNT, Class, DESCRIPTORS_OFFSET, Descriptor, FIRST_SLICE, FRAMES_OFFSET, Frame,
    Header, Kind, MAGIC, MODULES_OFFSET, Module, PLACED_OFFSET, Placed, REGION_SIZE, SITES_OFFSET,
    SLICE_SIZE, SiteId, SiteRecord, Tag, VERSION, Word,
};
use std::mem::offset_of;

/// Decisions, out of bytes. When they run out it is all zeros.
pub(crate) struct Decisions<'a>(pub(crate) &'a [u8]);

impl Decisions<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let number = u32::from_le_bytes(std::array::from_fn(|_| self.byte()));
        number % limit
    }
}

/// A block as it was forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Forged {
    pub(crate) address: u64,
    pub(crate) requested: u64,
    pub(crate) usable: u64,
    pub(crate) site: u32,
    pub(crate) generation: u32,
    pub(crate) whole: bool,
}

/// One region, and what lives in it.
pub(crate) struct Forgery {
    pub(crate) memory: Sparse,
    pub(crate) base: u64,
    pub(crate) high: u32,
    /// By address; placed blocks among them.
    pub(crate) blocks: Vec<Forged>,
    pub(crate) sites: u32,
}

/// Most spans of a forged region.
const SPANS: u32 = 12;
/// Most slices of a forged span that is no slab.
const SLICES: u32 = 20;

impl Forgery {
    pub(crate) fn new(decisions: &mut Decisions<'_>) -> Forgery {
        let base = ARENA_BASE + u64::from(decisions.below(64)) * REGION_SIZE;
        let mut forgery =
            Forgery { memory: Sparse::default(), base, high: FIRST_SLICE, blocks: Vec::new(), sites: 1 };
        forgery.sites(decisions);
        for _ in 0..decisions.below(SPANS + 1) {
            forgery.span(decisions);
        }
        forgery.placed(decisions);
        forgery.header(decisions);
        forgery.blocks.sort();
        forgery
    }

    fn header(&mut self, decisions: &mut Decisions<'_>) {
        let base = self.base;
        self.memory.map(base, size_of::<Header>() as u64);
        let memory = &mut self.memory;
        memory.write_u64(base + offset_of!(Header, magic) as u64, MAGIC);
        memory.write_u32(base + offset_of!(Header, version) as u64, VERSION);
        memory.write_u32(base + offset_of!(Header, epoch) as u64, decisions.below(3));
        memory.write_u64(base + offset_of!(Header, base) as u64, base);
        memory.write_u64(base + offset_of!(Header, size) as u64, REGION_SIZE);
        memory.write_u32(base + offset_of!(Header, era) as u64, 1 + decisions.below(9));
        let own_place = 1 << ((base - ARENA_BASE) / REGION_SIZE);
        memory.write_u64(base + offset_of!(Header, adopted) as u64, decisions.u64() & !own_place);
        memory.write_u32(base + offset_of!(Header, draining) as u64, decisions.below(2));
        memory.write_u32(base + offset_of!(Header, high) as u64, self.high);
        memory.write_u32(base + offset_of!(Header, heaps) as u64, 1);
    }

    /// Modules, frames in them, sites made of frames.
    fn sites(&mut self, decisions: &mut Decisions<'_>) {
        let modules = 1 + decisions.below(3);
        for index in 1..modules {
            let at = self.base + MODULES_OFFSET + u64::from(index) * size_of::<Module>() as u64;
            let start = 0x5555_0000_0000 + u64::from(index) * 0x100_0000;
            self.memory.write_u64(at + offset_of!(Module, start) as u64, start);
            self.memory.write_u64(at + offset_of!(Module, end) as u64, start + 0x10_0000);
            self.memory.write_u32(at + offset_of!(Module, build_id_len) as u64, 20);
            self.memory.write_u64(at + offset_of!(Module, build_id) as u64, decisions.u64());
        }
        let (mut frames, sites) = (0, 1 + decisions.below(6));
        for id in 1..sites {
            let depth = 1 + decisions.below(3);
            for index in frames..frames + depth {
                let module = u16::try_from(decisions.below(modules)).expect("few modules");
                let bits = Frame::pack(module, u64::from(decisions.below(0x10_0000)));
                self.memory.write_u64(self.base + FRAMES_OFFSET + 8 * u64::from(index), bits);
            }
            let at = self.base + SITES_OFFSET + u64::from(id) * size_of::<SiteRecord>() as u64;
            self.memory.write_u32(at + offset_of!(SiteRecord, frames) as u64, frames);
            self.memory.write_u32(at + offset_of!(SiteRecord, depth) as u64, depth);
            self.memory
                .write_u64(at + offset_of!(SiteRecord, address) as u64, 0x5555_0000_0000 + u64::from(id));
            frames += depth;
        }
        self.sites = sites;
        self.memory.write_u32(self.base + offset_of!(Header, sites) as u64, sites);
        self.memory.write_u32(self.base + offset_of!(Header, frames) as u64, frames);
        self.memory.write_u32(self.base + offset_of!(Header, modules) as u64, modules);
    }

    fn span(&mut self, decisions: &mut Decisions<'_>) {
        match decisions.below(8) {
            0 => self.plain(Kind::Free, 1 + decisions.below(SLICES)),
            1 => self.plain(Kind::Taken, 1 + decisions.below(SLICES)),
            2 => self.plain(Kind::Guard, 1),
            3 => self.large(decisions),
            _ => self.slab(decisions),
        }
    }

    /// The address of the next span's descriptor, once it is known to have so many slices.
    fn next_descriptor(&mut self, slices: u32) -> u64 {
        let size = size_of::<Descriptor>() as u64;
        let at = self.base + DESCRIPTORS_OFFSET + u64::from(self.high) * size;
        self.memory.map(at, u64::from(slices) * size);
        self.high += slices;
        at
    }

    fn plain(&mut self, kind: Kind, slices: u32) {
        let descriptor = self.next_descriptor(slices);
        let word = Word::new(kind, 0, 0, slices);
        self.memory.write_u64(descriptor + offset_of!(Descriptor, word) as u64, word.0);
    }

    fn large(&mut self, decisions: &mut Decisions<'_>) {
        let slices = 1 + decisions.below(SLICES);
        let address = self.base + u64::from(self.high) * SLICE_SIZE;
        let requested = u64::from(decisions.below(slices * 65_536 + 1));
        let tag = self.tag(0, decisions);
        if tag.is_live() {
            self.note(address, requested, requested.next_multiple_of(PAGE).max(PAGE), tag);
        }
        let descriptor = self.next_descriptor(slices);
        self.memory.write_u64(
            descriptor + offset_of!(Descriptor, word) as u64,
            Word::new(Kind::Large, 0, 3, slices).0,
        );
        self.memory.write_u64(descriptor + offset_of!(Descriptor, tag) as u64, tag.0);
        self.memory.write_u64(descriptor + offset_of!(Descriptor, size) as u64, requested);
    }

    fn slab(&mut self, decisions: &mut Decisions<'_>) {
        let count = u32::try_from(CLASS_COUNT).expect("few classes");
        let class = Class(u8::try_from(1 + decisions.below(count - 1)).expect("few classes"));
        let shape = class.slab_shape(self.high);
        let start = self.base + u64::from(self.high) * SLICE_SIZE;
        // Small slabs mostly, so that many heaps can be tried in little time.
        let capacity =
            if decisions.below(8) == 0 { shape.limit } else { decisions.below(shape.limit.min(40) + 1) };
        let mut tags = Vec::new();
        for number in 0..capacity {
            let address = start + u64::from(shape.first + number * shape.block_size);
            let requested = u64::from(decisions.below(shape.block_size + 1));
            let tag = self.tag(requested, decisions);
            if tag.is_live() {
                self.note(address, requested, shape.block_size.into(), tag);
            }
            tags.extend(tag.0.to_le_bytes());
        }
        self.memory.write(start + u64::from(shape.tags), &tags);
        let descriptor = self.next_descriptor(class.slab_slices());
        let mut put = |offset: usize, value: u32| self.memory.write_u32(descriptor + offset as u64, value);
        put(offset_of!(Descriptor, first), shape.first);
        put(offset_of!(Descriptor, block_size), shape.block_size);
        put(offset_of!(Descriptor, tags), shape.tags);
        put(offset_of!(Descriptor, capacity), capacity);
        self.memory.write_u64(descriptor + offset_of!(Descriptor, reciprocal) as u64, shape.reciprocal);
        let word = Word::new(Kind::Slab, class.0, 3, class.slab_slices());
        self.memory.write_u64(descriptor + offset_of!(Descriptor, word) as u64, word.0);
    }

    fn placed(&mut self, decisions: &mut Decisions<'_>) {
        let count = decisions.below(4);
        for index in 0..count {
            let at = self.base + PLACED_OFFSET + u64::from(index) * size_of::<Placed>() as u64;
            let room = 16 * (1 + u64::from(decisions.below(100)));
            let address = 0x6000_0000_0000 + u64::from(index) * 0x1000;
            let requested = u64::from(decisions.below(100)) % (room + 1);
            let tag = self.tag(0, decisions);
            if tag.is_live() {
                self.note(address, requested, room, tag);
            }
            self.memory.write_u64(at + offset_of!(Placed, address) as u64, address);
            self.memory.write_u64(at + offset_of!(Placed, size) as u64, requested);
            self.memory.write_u64(at + offset_of!(Placed, room) as u64, room);
            self.memory.write_u64(at + offset_of!(Placed, tag) as u64, tag.0);
        }
        self.memory.write_u32(self.base + offset_of!(Header, placed) as u64, count);
    }

    /// A tag, live or not. Free ones have rubbish where live ones have the size.
    fn tag(&self, size: u64, decisions: &mut Decisions<'_>) -> Tag {
        let fresh = Tag::fresh(decisions.u64() & 0xFF_FFFF, decisions.below(100), decisions.below(2) == 0);
        let live = fresh.taken(size, Tag::site_bits(SiteId(decisions.below(self.sites))));
        match decisions.below(5) {
            0 => fresh,
            1 => live.freed(decisions.below(100)),
            2 => live.whole(),
            _ => live,
        }
    }

    fn note(&mut self, address: u64, requested: u64, usable: u64, tag: Tag) {
        let whole = tag.state() == mcrx_allocator::abi::State::LiveWhole;
        let (site, generation) = (tag.site().0, tag.generation());
        self.blocks.push(Forged { address, requested, usable, site, generation, whole });
    }

    /// Changes the heap at a few places, where it is likely to matter.
    pub(crate) fn damage(&mut self, decisions: &mut Decisions<'_>) {
        for _ in 0..1 + decisions.below(3) {
            let pages = self.memory.pages();
            if pages.is_empty() {
                return;
            }
            let page = pages[usize::try_from(decisions.u64() % pages.len() as u64).expect("an index")];
            // Where a record begins is where its first fields are: half of the time there.
            let offset = match decisions.below(2) {
                0 => u64::from(decisions.below(32)) * 128 + u64::from(decisions.below(16)) * 8,
                _ => u64::from(decisions.below(512)) * 8,
            };
            let at = page + offset % PAGE;
            let old = self.memory.u64(at).unwrap_or(0);
            let new = match decisions.below(8) {
                0 => 0,
                1 => u64::MAX,
                2 => decisions.u64(),
                3 => old.wrapping_add(1),
                4 => old.wrapping_sub(1),
                5 => old ^ (0xFF << (8 * decisions.below(8))),
                6 => {
                    self.memory.unmap(page / PAGE);
                    continue;
                }
                _ => old ^ (1 << decisions.below(64)),
            };
            self.memory.write_u64(at, new);
        }
    }
}
