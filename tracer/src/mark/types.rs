//! The type of each block, in four bytes.

use crate::model::Ty;
use crate::prefetch::prefetch;

/// For each number the type of all of that block, if it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Types(Vec<u32>);

/// No type.
const NONE: u32 = u32::MAX;

impl Types {
    pub(super) fn unknown(numbers: u32) -> Types {
        Types(vec![NONE; usize::try_from(numbers).unwrap_or(0)])
    }

    /// The type of a block.
    #[inline]
    pub fn get(&self, number: u32) -> Option<Ty> {
        let ty = *self.0.get(usize::try_from(number).ok()?)?;
        (ty != NONE).then_some(Ty(ty))
    }

    /// Has it brought into the cache.
    #[inline]
    pub(crate) fn foresee(&self, number: u32) {
        if let Some(place) = usize::try_from(number).ok().and_then(|number| self.0.get(number)) {
            prefetch(place);
        }
    }

    pub(super) fn set(&mut self, number: u32, ty: Option<Ty>) {
        if let Some(place) = usize::try_from(number).ok().and_then(|number| self.0.get_mut(number)) {
            *place = ty.map_or(NONE, |ty| ty.0);
        }
    }

    /// For each number, from 0.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<Ty>> {
        self.0.iter().map(|ty| (*ty != NONE).then_some(Ty(*ty)))
    }

    /// Pieces of so many numbers, each with the first, to be filled side by side.
    pub(super) fn pieces(
        &mut self,
        len: usize,
    ) -> impl rayon::iter::IndexedParallelIterator<Item = Piece<'_>> {
        use rayon::prelude::*;
        let piece =
            move |(place, types)| Piece { first: u32::try_from(place * len).unwrap_or(u32::MAX), types };
        self.0.par_chunks_mut(len).enumerate().map(piece)
    }
}

/// Types of consecutive numbers.
pub(super) struct Piece<'t> {
    pub(super) first: u32,
    types: &'t mut [u32],
}

impl Piece<'_> {
    /// One past the last number.
    pub(super) fn end(&self) -> u32 {
        self.first.saturating_add(u32::try_from(self.types.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn set(&mut self, number: u32, ty: Ty) {
        let place = usize::try_from(number.wrapping_sub(self.first)).ok();
        if let Some(place) = place.and_then(|place| self.types.get_mut(place)) {
            *place = ty.0;
        }
    }
}
