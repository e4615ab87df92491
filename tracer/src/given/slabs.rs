//! The objects in a program's own slabs, as facts describe them.
//!
//! Everything here is read from the process: sizes and counts that make no sense give no objects, and what is behind the end of a
//! page's block is none.

use super::Placed;
use crate::blocks::Blocks;
use crate::facts::{Element, Slab};
use crate::image::Memory;
use crate::model::{Compiled, Here, Model, Ty};
use mcrx_debuginfo::table::{Count, Kind, Type};

/// Bytes of a pointer.
const WORD: u64 = 8;

/// All objects, by address.
pub(super) fn find(memory: &Memory, blocks: &Blocks<'_>, model: &Model<'_>) -> Vec<Placed> {
    let mut placed = Vec::new();
    for slab in &model.facts().slabs {
        // A fact about what the program does not have says nothing.
        let element = model.named(&slab.element).and_then(|element| Some((element, model.ty(element)?)));
        let Some((element, ty)) = element else { continue };
        let kinds = slab.kinds.as_ref().and_then(|kinds| model.choice(kinds, Some((ty, 0))));
        let _ = Reader { memory, blocks, model, slab, element, kinds }.classes(&mut placed);
    }
    placed.sort_unstable();
    placed
}

struct Reader<'r, 't> {
    memory: &'r Memory,
    blocks: &'r Blocks<'r>,
    model: &'r Model<'t>,
    slab: &'t Slab,
    /// What elements are where nothing tells them apart.
    element: Ty,
    kinds: Option<Compiled<'t, Element>>,
}

impl<'t> Reader<'_, 't> {
    fn classes(&self, placed: &mut Vec<Placed>) -> Option<()> {
        let found = self.model.reach_global(&self.slab.classes)?;
        let nothing = Here { memory: self.memory, address: 0, bytes: &[], base: 0 };
        let (class, first, count) = match found.ty.kind() {
            Kind::Array { element: Some(element), count: Count::Exactly(count) } => {
                (element.resolved()?, found.reach.address(nothing)?, count)
            }
            Kind::Pointer(Some(class)) => (class.resolved()?, found.reach.value(nothing)?, 1),
            _ => (found.ty, found.reach.address(nothing)?, 1),
        };
        let size = class.size()?;
        for index in 0..count {
            let address = first.checked_add(index.checked_mul(size)?)?;
            let bytes = self.memory.bytes(address, usize::try_from(size).ok()?)?;
            let here = Here { memory: self.memory, address, bytes, base: 0 };
            // One that is not in use does not mean that the next is not.
            let _ = self.class(class, here, placed);
        }
        Some(())
    }

    fn class(&self, class: Type<'t>, here: Here<'_>, placed: &mut Vec<Placed>) -> Option<()> {
        let slab = self.slab;
        let number = |path| self.model.reach(class, 0, path)?.reach.value(here);
        let stride = number(&slab.stride).filter(|stride| *stride > 0)?;
        let per_page = match &slab.per_page {
            Some(path) => number(path)?,
            None => u64::MAX,
        };
        let pages = self.model.reach(class, 0, &slab.pages)?;
        let list = match pages.ty.kind() {
            Kind::Array { .. } => pages.reach.address(here)?,
            _ => pages.reach.value(here)?,
        };
        let Some(count) = &slab.page_count else {
            self.page(list, stride, per_page, placed);
            return Some(());
        };
        let len = number(count)?.checked_mul(WORD)?;
        let list = self.memory.bytes(list, usize::try_from(len).ok()?)?;
        for page in list.as_chunks::<8>().0 {
            self.page(u64::from_le_bytes(*page), stride, per_page, placed);
        }
        Some(())
    }

    /// The elements of a page, those that follow each other and are of one kind together.
    fn page(&self, page: u64, stride: u64, per_page: u64, placed: &mut Vec<Placed>) {
        let count = per_page.min(self.room(page) / stride);
        let mut open: Option<Placed> = None;
        for index in 0..count {
            let address = page + index * stride;
            let next = self.element(address, stride).map(|(ty, is_bytes)| match is_bytes {
                true => Placed { address, ty, stride: 1, count: stride },
                false => Placed { address, ty, stride, count: 1 },
            });
            match (&mut open, next) {
                (Some(open), Some(next)) if (open.ty, open.stride) == (next.ty, next.stride) => {
                    open.count += next.count;
                }
                (_, next) => placed.extend(std::mem::replace(&mut open, next)),
            }
        }
        placed.extend(open);
    }

    /// Bytes from a page's start to the end of its block, or of its mapping where it is no block.
    fn room(&self, page: u64) -> u64 {
        let in_block = self.blocks.at(page).and_then(|(block, offset)| {
            self.blocks.get(block).and_then(|block| block.len.checked_sub(offset))
        });
        let mapped = || self.memory.segment_at(page).map(|segment| segment.range().end - page);
        in_block.or_else(mapped).unwrap_or(0)
    }

    /// What is in an element, and whether that is bytes in which nothing is live. `None`: it is not known.
    fn element(&self, address: u64, stride: u64) -> Option<(Ty, bool)> {
        let model = self.model;
        let fits = |ty: &Ty| (1..=stride).contains(&model.map(*ty).size);
        let Some(kinds) = &self.kinds else { return Some((Some(self.element).filter(fits)?, false)) };
        let bytes = self.memory.bytes(address, usize::try_from(stride).ok()?)?;
        match kinds.of(Here { memory: self.memory, address, bytes, base: 0 })? {
            Element::Live(name) => Some((model.named(name).filter(fits)?, false)),
            Element::Free => Some((model.byte()?, true)),
            Element::Unknown => None,
        }
    }
}
