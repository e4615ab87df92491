//! Images of the cache, with checksums that are right again: what is to be reached lies behind the check of them.

use twox_hash::XxHash3_64;

/// Makes the length and the checksum right; see `mcrx_debuginfo::image` for where they are.
pub fn seal(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.truncate(bytes.len() & !7);
    let len = u64::try_from(bytes.len()).expect("a length");
    put(&mut bytes, 24, len);
    let seed =
        bytes.get(8..).and_then(|rest| rest.first_chunk::<8>()).map_or(0, |word| u64::from_le_bytes(*word));
    let sum = XxHash3_64::oneshot_with_seed(seed, bytes.get(24..).unwrap_or(&[]));
    put(&mut bytes, 16, sum);
    bytes
}

fn put(bytes: &mut [u8], at: usize, word: u64) {
    if let Some(place) = bytes.get_mut(at..at + 8) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}
