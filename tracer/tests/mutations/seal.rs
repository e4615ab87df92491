//! Snapshot files with their checksums made right, for the tests that mutate them and for the fuzzer.

use twox_hash::XxHash3_64;

/// Of the tail, which is described in `snapshot`.
pub(crate) const TAIL: usize = 64;

/// 8 bytes as a number that fits a length.
pub(crate) fn number(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

/// Writes 8 bytes, where there are as many.
pub(crate) fn put(bytes: &mut [u8], at: usize, number: u64) {
    if let Some(place) = bytes.get_mut(at..at + 8) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

/// Makes all checksums right, and the length, as far as what they are of can be found.
pub(crate) fn seal(bytes: &mut [u8]) {
    let tail = bytes.len() - TAIL;
    let head = XxHash3_64::oneshot(&bytes[..16]);
    put(bytes, 16, head);
    let len = u64::try_from(bytes.len()).unwrap();
    put(bytes, tail, len);
    let table = number(bytes, tail + 8).filter(|at| *at < tail).unwrap_or(tail);
    let frames = number(bytes, tail + 16).unwrap_or(0).min(1000);
    for frame in 0..frames {
        let record = table + 32 * frame;
        let of = |bytes: &[u8]| {
            let start = number(bytes, record + 8)?;
            let frame = bytes.get(start..start.checked_add(number(bytes, record + 16)?)?)?;
            Some(XxHash3_64::oneshot(frame))
        };
        if let Some(sum) = of(bytes).filter(|_| record + 32 <= tail) {
            put(bytes, record + 24, sum);
        }
    }
    let sum = XxHash3_64::oneshot(&bytes[table..tail]);
    put(bytes, tail + 40, sum);
    let sum = XxHash3_64::oneshot(&bytes[tail..tail + 48]);
    put(bytes, tail + 48, sum);
}
