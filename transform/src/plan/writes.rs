//! Bytes that are to be written, one after the other in one piece of memory: there may be millions.

use std::ops::Range;

/// Addresses and bytes.
#[derive(Debug, Default)]
pub struct Writes {
    places: Vec<(u64, Range<usize>)>,
    bytes: Vec<u8>,
}

impl Writes {
    /// One more.
    pub fn push(&mut self, address: u64, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        // Words side by side become one write.
        if let Some((first, range)) = self.places.last_mut()
            && u64::try_from(range.len()).ok().and_then(|len| first.checked_add(len)) == Some(address)
        {
            range.end += bytes.len();
            return;
        }
        self.places.push((address, start..start + bytes.len()));
    }

    /// Those of another, behind these.
    pub fn append(&mut self, other: &Writes) {
        other.iter().for_each(|(address, bytes)| self.push(address, bytes));
    }

    /// All, in the order in which they are to be written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &[u8])> {
        self.places
            .iter()
            .map(|(address, range)| (*address, self.bytes.get(range.clone()).unwrap_or_default()))
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Nothing is written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
