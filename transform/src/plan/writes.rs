//! Bytes that are to be written, in few pieces of memory: there may be millions.

use std::ops::Range;

/// Addresses and bytes.
#[derive(Debug, Default)]
pub struct Writes {
    pieces: Vec<Piece>,
    len: usize,
}

/// Some of them, one after the other.
#[derive(Debug, Default)]
struct Piece {
    /// Where each begins.
    places: Vec<u64>,
    /// Where the bytes of each end.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Writes {
    /// One more.
    pub fn push(&mut self, address: u64, bytes: &[u8]) {
        let end = |piece: &Piece| u32::try_from(piece.bytes.len() + bytes.len()).ok();
        let (piece, end) = match self.pieces.last().and_then(end) {
            Some(end) => (self.pieces.len() - 1, end),
            None => {
                self.pieces.push(Piece::default());
                // More in one piece than four gigabytes there is no write of.
                (self.pieces.len() - 1, u32::try_from(bytes.len()).unwrap_or(u32::MAX))
            }
        };
        let Some(piece) = self.pieces.get_mut(piece) else { return };
        piece.bytes.extend_from_slice(bytes);
        self.len += bytes.len();
        // Words side by side become one write.
        let last = piece.ends.len().checked_sub(1).map(|last| piece.range(last));
        if let (Some(range), Some(first), Some(last)) = (last, piece.places.last(), piece.ends.last_mut())
            && u64::try_from(range.len()).ok().and_then(|len| first.checked_add(len)) == Some(address)
        {
            *last = end;
            return;
        }
        piece.places.push(address);
        piece.ends.push(end);
    }

    /// Those of another, behind these.
    pub fn append(&mut self, mut other: Writes) {
        self.len += other.len;
        self.pieces.append(&mut other.pieces);
    }

    /// Gives back what memory is not needed.
    pub(super) fn shrink(&mut self) {
        for piece in &mut self.pieces {
            piece.places.shrink_to_fit();
            piece.ends.shrink_to_fit();
            piece.bytes.shrink_to_fit();
        }
    }

    /// All, in the order in which they are to be written.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pieces.iter().flat_map(|piece| {
            let places = piece.places.iter().enumerate();
            places.map(|(place, address)| (*address, piece.bytes.get(piece.range(place)).unwrap_or_default()))
        })
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing is written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Piece {
    fn range(&self, place: usize) -> Range<usize> {
        let end = |place: usize| self.ends.get(place).and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        place.checked_sub(1).map_or(0, end)..end(place)
    }
}
