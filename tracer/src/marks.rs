//! A bit for each block, of which there may be millions, set by many threads.
//!
//! What it does not do: say what a mark means.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits, all clear at first.
///
/// Relaxed throughout: what is set is all that is told by it.
#[derive(Debug, Default)]
pub struct Marks(Vec<AtomicU64>);

impl Marks {
    /// For numbers up to that one.
    pub fn clear(numbers: u32) -> Marks {
        let words = index(numbers.div_ceil(u64::BITS));
        Marks(std::iter::repeat_with(AtomicU64::default).take(words).collect())
    }

    /// Sets one; says whether it was clear. One that there is none of counts as set.
    #[inline]
    pub fn set(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        let Some(word) = self.0.get(word) else { return false };
        // Most are set already, and reading does not take the line from the other cores.
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Whether one is set.
    #[inline]
    pub fn has(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.0.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// So many numbers in a word.
    pub const WORD: u32 = u64::BITS;

    /// How many words there are.
    pub fn words(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The bits of a word.
    #[inline]
    pub fn word(&self, word: u32) -> u64 {
        self.0.get(index(word)).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Clears a word, and says what its bits were.
    #[inline]
    pub fn take_word(&self, word: u32) -> u64 {
        let Some(word) = self.0.get(index(word)) else { return 0 };
        if word.load(Ordering::Relaxed) == 0 { 0 } else { word.swap(0, Ordering::Relaxed) }
    }

    /// The numbers that are set, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.words()).flat_map(|word| numbers(word, self.word(word)))
    }

    /// How many are set.
    pub fn count(&self) -> u64 {
        (0..self.words()).map(|word| u64::from(self.word(word).count_ones())).sum()
    }
}

/// The numbers of the bits of a word, in order.
#[inline]
pub fn numbers(word: u32, mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let first = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (first < u64::BITS).then_some(word * u64::BITS + first)
    })
}

#[inline]
fn place(number: u32) -> (usize, u64) {
    (index(number / u64::BITS), 1 << (number % u64::BITS))
}

#[inline]
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl PartialEq for Marks {
    fn eq(&self, other: &Marks) -> bool {
        self.words() == other.words() && (0..self.words()).all(|word| self.word(word) == other.word(word))
    }
}

impl Eq for Marks {}

impl Clone for Marks {
    fn clone(&self) -> Marks {
        Marks(self.0.iter().map(|word| word.load(Ordering::Relaxed).into()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_told_in_order_and_once() {
        let marks = Marks::clear(200);
        assert!(marks.set(130) && marks.set(0) && marks.set(63) && marks.set(64) && !marks.set(64));
        assert!(!marks.set(1000) && !marks.has(1000));
        assert_eq!(marks.iter().collect::<Vec<u32>>(), [0, 63, 64, 130]);
        assert_eq!(marks.count(), 4);
        assert_eq!(numbers(1, marks.take_word(1)).collect::<Vec<u32>>(), [64]);
        assert_eq!(marks.iter().collect::<Vec<u32>>(), [0, 63, 130]);
    }
}
