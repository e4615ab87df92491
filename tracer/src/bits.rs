//! One bit for each of many things, set by many threads.

use std::sync::atomic::{AtomicU64, Ordering};

const WIDTH: usize = 64;

/// Bits, all clear at first.
#[derive(Debug, Default)]
pub(crate) struct Bits(Vec<AtomicU64>);

impl Bits {
    pub(crate) fn clear(len: u32) -> Bits {
        let words = usize::try_from(len).unwrap_or(usize::MAX).div_ceil(WIDTH);
        Bits(std::iter::repeat_with(AtomicU64::default).take(words).collect())
    }

    /// Sets one; says whether it was clear. One that there is none of counts as set.
    ///
    /// Relaxed: what is set is all that is told by it.
    #[inline]
    pub(crate) fn set(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        let Some(word) = self.0.get(word) else { return false };
        // Most are set already, and reading does not take the line from the other cores.
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Whether one is set.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.0.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }
}

impl Clone for Bits {
    fn clone(&self) -> Bits {
        Bits(self.0.iter().map(|word| word.load(Ordering::Relaxed).into()).collect())
    }
}

impl PartialEq for Bits {
    fn eq(&self, other: &Bits) -> bool {
        let words =
            |bits: &Bits| -> Vec<u64> { bits.0.iter().map(|word| word.load(Ordering::Relaxed)).collect() };
        words(self) == words(other)
    }
}

impl Eq for Bits {}

#[inline]
fn place(number: u32) -> (usize, u64) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    (number / WIDTH, 1 << (number % WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_set_once_and_its_neighbours_stay() {
        let bits = Bits::clear(130);
        assert!(bits.set(64) && !bits.set(64) && bits.set(129));
        let set: Vec<u32> = (0..130).filter(|number| bits.get(*number)).collect();
        assert_eq!(set, [64, 129]);
        assert!(!bits.set(1000) && !bits.get(1000));
    }
}
