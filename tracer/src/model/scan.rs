//! From an object's bytes to the pointers in it.

use super::{Model, Ty, What};
use crate::image::Memory;

/// What a word is, by the type that it was read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// A pointer to an object of this type.
    Precise(Ty),
    /// A pointer to an object of some type.
    Opaque,
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
fn is_address(word: u64) -> bool {
    (LOWEST..HIGHEST).contains(&word)
}

impl Model<'_> {
    /// Pointers in as many objects of a type as there are bytes for; the last may be cut short. `address` is that of the first byte.
    /// With a `tail`, it is one object and its flexible array.
    ///
    /// `memory`: of the process, for types of which only something elsewhere says how they are to be read.
    pub fn scan(
        &self,
        _memory: &Memory,
        ty: Ty,
        tail: bool,
        address: u64,
        bytes: &[u8],
        each: &mut impl FnMut(Pointer),
    ) {
        let map = self.map(ty);
        let len = wide(bytes.len());
        if map.size == 0 {
            return;
        }
        if tail {
            self.scan_one(ty, 0, address, bytes, DEEPEST, each);
            if let Some(tail) = map.tail
                && !self.map(tail.ty).items.is_empty()
            {
                let mut at = tail.offset;
                while at + tail.stride <= len {
                    self.scan_one(tail.ty, at, address, bytes, DEEPEST, each);
                    at += tail.stride;
                }
            } else if let Some(tail) = map.tail
                && tail.stride == 1
                && let Some(rest) = usize::try_from(tail.offset).ok().and_then(|offset| bytes.get(offset..))
            {
                // A buffer behind a header: anything may have been put into it.
                let shifted =
                    |pointer: Pointer| each(Pointer { offset: pointer.offset + tail.offset, ..pointer });
                scan_conservatively(address + tail.offset, rest, shifted);
            }
            return;
        }
        if map.items.is_empty() {
            return;
        }
        let mut at = 0;
        while at < len {
            self.scan_one(ty, at, address, bytes, DEEPEST, each);
            at += map.size;
        }
    }

    fn scan_one(
        &self,
        ty: Ty,
        base: u64,
        address: u64,
        bytes: &[u8],
        deeper: u32,
        each: &mut dyn FnMut(Pointer),
    ) {
        let mut at = |offset: u64, mask: u64, sort: Sort| {
            let word = word(bytes, offset).map(|word| word & mask);
            if let Some(word) = word.filter(|word| is_address(*word)) {
                each(Pointer { offset, word, sort });
            }
        };
        // Repeats last: `at` has borrowed what they are told to.
        let mut repeats = false;
        for item in &self.map(ty).items {
            let offset = base.saturating_add(item.offset);
            match item.what {
                What::Precise { to, mask } => at(offset, mask, Sort::Precise(to)),
                What::Opaque { mask } => at(offset, mask, Sort::Opaque),
                What::Function => at(offset, u64::MAX, Sort::Function),
                What::Likely { len } => {
                    let end = offset.saturating_add(len);
                    let misaligned = address.wrapping_add(offset) % WORD;
                    let mut word = if misaligned == 0 { offset } else { offset + WORD - misaligned };
                    while word.saturating_add(WORD) <= end.min(wide(bytes.len())) {
                        at(word, u64::MAX, Sort::Likely);
                        word += WORD;
                    }
                }
                What::Repeat { .. } => repeats = true,
            }
        }
        let (true, Some(deeper)) = (repeats, deeper.checked_sub(1)) else { return };
        for item in &self.map(ty).items {
            if let What::Repeat { ty: element, count, stride } = item.what {
                for index in 0..count {
                    let at = base.saturating_add(item.offset).saturating_add(index.saturating_mul(stride));
                    if at >= wide(bytes.len()) {
                        break;
                    }
                    self.scan_one(element, at, address, bytes, deeper, each);
                }
            }
        }
    }
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

fn word(bytes: &[u8], offset: u64) -> Option<u64> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    rest.first_chunk().map(|word| u64::from_le_bytes(*word))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
