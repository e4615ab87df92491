//! Hashes of 64 bits, by which entries of different units are found equal.
//!
//! What has equal hashes is taken for the same. With n different things, some two of them have the same hash by chance in n²/2⁶⁵ of all
//! programs: for a million different structures, once in 37 million.

use twox_hash::XxHash3_64;

/// An odd number without pattern (the fraction of the golden ratio).
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// Of a name.
pub(super) fn text(text: &[u8]) -> u64 {
    XxHash3_64::oneshot(text)
}

/// A hash that also depends on a further value, and on the order of values: both halves of a product of 128 bits.
#[inline]
pub(super) fn mix(state: u64, value: u64) -> u64 {
    let product = u128::from(state.rotate_left(29) ^ value ^ 0x5851_F42D_4C95_7F2D) * u128::from(FACTOR);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn small_numbers_in_any_order_have_hashes_of_their_own() {
        let mut seen = HashSet::new();
        for one in 0..300 {
            for other in 0..300 {
                assert!(seen.insert(mix(mix(0, one), other)));
            }
        }
    }
}
