//! From an object's bytes to the pointers in it.

use super::reach::Here;
use super::told::{self, Told, chosen};
use super::{InUse, Item, Model, PointerMap, Ty, What};
use crate::image::Memory;
use std::ops::Range;

/// What a word is, by the type that it was read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// A pointer to an object of this type.
    Precise(Ty),
    /// A pointer to so many objects of this type, side by side; one at least.
    Array(Ty, u32),
    /// A pointer to an object of some type.
    Opaque,
    /// A pointer to something that it keeps alive, and that nobody reads by it.
    Retained,
    /// A pointer to code.
    Function,
    /// Perhaps a pointer.
    Likely,
}

/// A word that is a pointer, or may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// Where it is, in bytes from the first one that was scanned.
    pub offset: u64,
    /// Its value, without bits that are used for something else.
    pub word: u64,
    /// How it is to be read.
    pub sort: Sort,
}

/// How deep arrays are nested. Real ones are a few deep; in damaged debug info one may hold itself.
const DEEPEST: u32 = 16;
/// Bytes of a word.
const WORD: u64 = 8;
/// Nothing is mapped below (`vm.mmap_min_addr`): small numbers, and null.
const LOWEST: u64 = 4096;
/// The first address that is the kernel's.
const HIGHEST: u64 = 1 << 47;

/// Whether a word can be an address of a process.
#[inline]
pub fn is_address(word: u64) -> bool {
    (LOWEST..HIGHEST).contains(&word)
}

/// What is scanned: bytes of a process, and the process's memory for what they lead to.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    memory: &'a Memory,
    /// Of the first of them.
    address: u64,
    bytes: &'a [u8],
    /// How many arrays and choices deep may yet be gone.
    deeper: u32,
}

impl<'a> Bytes<'a> {
    fn here(self, base: u64) -> Here<'a> {
        Here { memory: self.memory, address: self.address, bytes: self.bytes, base }
    }

    fn len(self) -> u64 {
        wide(self.bytes.len())
    }

    fn word(self, offset: u64) -> Option<u64> {
        let rest = self.bytes.get(usize::try_from(offset).ok()?..)?;
        rest.first_chunk().map(|word| u64::from_le_bytes(*word))
    }
}

impl Model<'_> {
    /// Pointers in as many objects of a type as there are bytes for; the last may be cut short. `address` is that of the first byte.
    /// With a `tail`, it is one object and its flexible array.
    ///
    /// `memory`: of the process, for types of which only something elsewhere says how they are to be read.
    pub fn scan(
        &self,
        memory: &Memory,
        ty: Ty,
        tail: bool,
        address: u64,
        bytes: &[u8],
        each: &mut impl FnMut(Pointer),
    ) {
        let map = self.map(ty);
        let from = Bytes { memory, address, bytes, deeper: DEEPEST };
        if map.size == 0 {
            return;
        }
        if tail {
            self.scan_items(map, &map.items, 0, from, each);
            self.scan_tail(map, from, each);
            return;
        }
        if map.items.is_empty() {
            return;
        }
        let mut at = 0;
        while at < from.len() {
            self.scan_items(map, &map.items, at, from, each);
            at += map.size;
        }
    }

    /// Addresses, at an object of a type and behind it in its block, where nothing is live. Empty for nearly all types.
    pub fn scratch(&self, memory: &Memory, ty: Ty, address: u64, bytes: &[u8]) -> Vec<Range<u64>> {
        let here = Here { memory, address, bytes, base: 0 };
        self.map(ty).scratch.iter().filter_map(|dead| dead.range(here)).collect()
    }

    fn scan_items(
        &self,
        map: &PointerMap,
        items: &[Item],
        base: u64,
        from: Bytes<'_>,
        each: &mut dyn FnMut(Pointer),
    ) {
        // Those that take other items to read come last: there are few.
        let mut others = false;
        for item in items {
            let offset = base.saturating_add(item.offset);
            match item.what {
                What::Precise { to, mask } => scan_word(offset, mask, Sort::Precise(to), from, each),
                What::Opaque { mask } => scan_word(offset, mask, Sort::Opaque, from, each),
                What::Retained => scan_word(offset, u64::MAX, Sort::Retained, from, each),
                What::Function => scan_word(offset, u64::MAX, Sort::Function, from, each),
                What::Likely { len } => scan_words(offset, len, from, each),
                What::Repeat { .. } | What::Told(_) => others = true,
                What::Scratch => {
                    let live = items.get(1..).unwrap_or(&[]);
                    return Self::sparing(map, base, from, each, |each| {
                        self.scan_items(map, live, base, from, each);
                    });
                }
            }
        }
        if others && let Some(deeper) = from.deeper.checked_sub(1) {
            let from = Bytes { deeper, ..from };
            for item in items {
                let at = base.saturating_add(item.offset);
                match item.what {
                    What::Repeat { ty, count, .. } => self.scan_elements(ty, at, count, from, each),
                    What::Told(place) => {
                        let told = usize::try_from(place).ok().and_then(|place| map.told.get(place));
                        if let Some(told) = told {
                            self.scan_told(map, told, base, at, from, each);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Without what lies in parts of an object that hold nothing live.
    fn sparing(
        map: &PointerMap,
        base: u64,
        from: Bytes<'_>,
        each: &mut dyn FnMut(Pointer),
        scan: impl FnOnce(&mut dyn FnMut(Pointer)),
    ) {
        let here = from.here(base);
        let dead: Vec<Range<u64>> = map.scratch.iter().filter_map(|dead| dead.range(here)).collect();
        scan(&mut |pointer| {
            let address = from.address.wrapping_add(pointer.offset);
            if !dead.iter().any(|dead| dead.contains(&address)) {
                each(pointer);
            }
        });
    }

    /// The flexible array behind an object at the start of some bytes.
    fn scan_tail(&self, map: &PointerMap, from: Bytes<'_>, each: &mut dyn FnMut(Pointer)) {
        let Some(tail) = map.tail else { return };
        let room = from.len().saturating_sub(tail.offset) / tail.stride.max(1);
        Self::sparing(map, 0, from, each, |each| match tail.in_use {
            InUse::All => self.scan_elements(tail.ty, tail.offset, room, from, each),
            InUse::Told(place) => {
                let told = usize::try_from(place).ok().and_then(|place| map.told.get(place));
                if let Some(told) = told {
                    self.scan_told(map, told, 0, tail.offset, from, each);
                }
            }
            InUse::Nothing => {}
        });
    }

    /// So many objects side by side, as far as there are bytes.
    fn scan_elements(&self, ty: Ty, at: u64, count: u64, from: Bytes<'_>, each: &mut dyn FnMut(Pointer)) {
        let map = self.map(ty);
        if map.size == 1 && self.is_number(ty) {
            // A buffer: anything may have been put into it.
            scan_words(at, count, from, each);
            return;
        }
        for index in 0..count {
            let at = at.saturating_add(index.saturating_mul(map.size));
            if at >= from.len() || map.items.is_empty() {
                break;
            }
            self.scan_items(map, &map.items, at, from, each);
        }
    }

    /// What a value tells, of an object at `base`.
    fn scan_told(
        &self,
        map: &PointerMap,
        Told(told): &Told,
        base: u64,
        at: u64,
        from: Bytes<'_>,
        each: &mut dyn FnMut(Pointer),
    ) {
        let here = from.here(base);
        match told {
            told::Sort::Choice { on, arms, otherwise, len } => {
                match chosen(on, arms, otherwise, here, from.word(at)) {
                    Some(items) => self.scan_items(map, items, base, from, each),
                    None => scan_words(at, *len, from, each),
                }
            }
            told::Sort::Inside { ty, extent, room } => match extent.count(here) {
                Some(count) => self.scan_elements(*ty, at, count.min(*room), from, each),
                None => scan_words(at, extent.size.saturating_mul(*room), from, each),
            },
            told::Sort::Behind { to, extent } => {
                let Some(word) = from.word(at).filter(|word| is_address(*word)) else { return };
                let sort = match extent.count(here).map(u32::try_from) {
                    Some(Ok(0)) => Sort::Opaque,
                    Some(Ok(count)) => Sort::Array(*to, count),
                    // More than a process can have, or nobody knows.
                    Some(Err(_)) | None => Sort::Likely,
                };
                each(Pointer { offset: at, word, sort });
            }
        }
    }
}

/// One word, if it can be an address.
#[inline]
fn scan_word(offset: u64, mask: u64, sort: Sort, from: Bytes<'_>, each: &mut dyn FnMut(Pointer)) {
    let word = from.word(offset).map(|word| word & mask);
    if let Some(word) = word.filter(|word| is_address(*word)) {
        each(Pointer { offset, word, sort });
    }
}

/// Every aligned word of a part of some bytes that can be an address.
#[inline]
fn scan_words(at: u64, len: u64, from: Bytes<'_>, each: &mut dyn FnMut(Pointer)) {
    let end = at.saturating_add(len).min(from.len());
    let (Ok(start), Ok(end)) = (usize::try_from(at), usize::try_from(end)) else { return };
    let Some(bytes) = from.bytes.get(start..end) else { return };
    scan_conservatively(from.address.wrapping_add(at), bytes, |pointer| {
        each(Pointer { offset: pointer.offset + at, ..pointer });
    });
}

/// Every aligned word that can be an address. `address` is that of the first byte.
pub(crate) fn scan_conservatively(address: u64, bytes: &[u8], mut each: impl FnMut(Pointer)) {
    let misaligned = address % WORD;
    let first = if misaligned == 0 { 0 } else { WORD - misaligned };
    let Some(aligned) = usize::try_from(first).ok().and_then(|first| bytes.get(first..)) else { return };
    let (words, _) = aligned.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        if is_address(word) {
            each(Pointer { offset: first + wide(index) * WORD, word, sort: Sort::Likely });
        }
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
