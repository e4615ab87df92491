//! Where a variable is, or what it is.

use super::memory::Memory;
use super::register::{Kept, Register};
use super::unavailable::Unavailable;
use crate::dwarf::DieRef;

/// Where a variable is at a pc, in one or more pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location<'a> {
    /// In the order of the variable's bytes; at least one.
    pub pieces: Vec<Piece<'a>>,
}

/// A part of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// How many bits of the variable it is. `None`: all that is left.
    pub bits: Option<u64>,
    /// How many bits of `place` come before it, from the least significant one.
    pub bit_offset: u64,
    /// Where it is.
    pub place: Place<'a>,
}

/// Where a part of a variable is, or what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In memory.
    Memory(u64),
    /// In a register of the frame.
    Register {
        /// Which.
        register: Register,
        /// What is in it.
        value: u64,
        /// Where that is kept while the frames below run.
        kept: Kept,
    },
    /// Nowhere, but the compiler says how to compute it.
    Value(u64),
    /// Nowhere, but the compiler says what it is.
    Bytes(&'a [u8]),
    /// Nowhere: a pointer that was left out, though what it points at is described.
    Pointer {
        /// What it points at; a variable, mostly of the same frame. `None`: the debug info is damaged.
        target: Option<DieRef>,
        /// Bytes into that.
        offset: i64,
    },
    /// The compiler left it out.
    Missing,
    /// It is described, but cannot be had here.
    Unavailable(Unavailable),
}

impl Location<'_> {
    /// The address of the whole of it, if it lies in memory.
    pub fn address(&self) -> Option<u64> {
        match self.pieces.as_slice() {
            [Piece { bits: None, bit_offset: 0, place: Place::Memory(address) }] => Some(*address),
            _ => None,
        }
    }

    /// The first `size` bytes of the variable. Memory is taken for all of them at once: it is for variables, whose sizes are known.
    pub fn read(&self, memory: &dyn Memory, size: usize) -> Result<Vec<u8>, Unavailable> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| Unavailable::Size)?;
        bytes.resize(size, 0);
        if let Some(address) = self.address() {
            return if memory.read(address, &mut bytes) {
                Ok(bytes)
            } else {
                Err(Unavailable::Memory(address))
            };
        }
        let all = bits_of(size);
        let mut done = 0;
        for piece in &self.pieces {
            let bits = piece.bits.unwrap_or(u64::MAX).min(all - done);
            if bits > 0 {
                piece.read(memory, &mut bytes, done, bits)?;
            }
            done += bits;
        }
        // What no piece covers is nowhere.
        if done < all { Err(Unavailable::InPart) } else { Ok(bytes) }
    }
}

impl Piece<'_> {
    /// Writes `bits` bits to `bytes`, from bit `at` on.
    fn read(&self, memory: &dyn Memory, bytes: &mut [u8], at: u64, bits: u64) -> Result<(), Unavailable> {
        let end = self.bit_offset.checked_add(bits).ok_or(Unavailable::Size)?;
        let len = usize::try_from(end.div_ceil(8)).map_err(|_| Unavailable::Size)?;
        let in_memory;
        let number;
        let source: &[u8] = match self.place {
            Place::Memory(address) => {
                // The offset is the file's word: no more than what is wanted is read for it.
                let skipped = self.bit_offset / 8;
                let (address, rest) = (address.wrapping_add(skipped), self.bit_offset % 8);
                let len = usize::try_from((rest + bits).div_ceil(8)).map_err(|_| Unavailable::Size)?;
                let mut read = vec![0; len];
                if !memory.read(address, &mut read) {
                    return Err(Unavailable::Memory(address));
                }
                in_memory = read;
                return copy_bits(&in_memory, rest, bytes, at, bits);
            }
            Place::Register { value, .. } | Place::Value(value) => {
                number = value.to_le_bytes();
                &number
            }
            Place::Bytes(given) => given,
            Place::Pointer { .. } => return Err(Unavailable::Implicit),
            Place::Missing => return Err(Unavailable::InPart),
            Place::Unavailable(why) => return Err(why),
        };
        if len > source.len() {
            return Err(Unavailable::Size);
        }
        copy_bits(source, self.bit_offset, bytes, at, bits)
    }
}

fn bits_of(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX).saturating_mul(8)
}

/// Copies bits, counted from the least significant one of the first byte.
fn copy_bits(source: &[u8], from: u64, target: &mut [u8], at: u64, bits: u64) -> Result<(), Unavailable> {
    let index = |bit: u64| usize::try_from(bit / 8).map_err(|_| Unavailable::Size);
    if (from | at | bits).is_multiple_of(8) {
        let (from, at, len) = (index(from)?, index(at)?, index(bits)?);
        let source = source.get(from..).and_then(|rest| rest.get(..len)).ok_or(Unavailable::Size)?;
        let target = target.get_mut(at..).and_then(|rest| rest.get_mut(..len)).ok_or(Unavailable::Size)?;
        target.copy_from_slice(source);
        return Ok(());
    }
    for bit in 0..bits {
        let byte = source.get(index(from + bit)?).ok_or(Unavailable::Size)?;
        let value = byte >> ((from + bit) % 8) & 1;
        let slot = target.get_mut(index(at + bit)?).ok_or(Unavailable::Size)?;
        *slot |= value << ((at + bit) % 8);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: u64, _: &mut [u8]) -> bool {
        false
    }

    fn location<'a>(pieces: impl IntoIterator<Item = (u64, u64, Place<'a>)>) -> Location<'a> {
        let piece = |(bits, bit_offset, place)| Piece { bits: Some(bits), bit_offset, place };
        Location { pieces: pieces.into_iter().map(piece).collect() }
    }

    #[test]
    fn pieces_are_put_together_bit_by_bit() {
        let low = Place::Value(0xABCD);
        let split =
            location([(16, 0, low), (32, 0, Place::Bytes(&[1, 2, 3, 4])), (16, 8, Place::Value(0x99_8877))]);
        assert_eq!(split.read(&nothing, 8), Ok(vec![0xCD, 0xAB, 1, 2, 3, 4, 0x88, 0x99]));
        let odd = location([(3, 0, Place::Value(0b101)), (5, 1, Place::Value(0b10_0010))]);
        assert_eq!(odd.read(&nothing, 1), Ok(vec![0b1000_1101]));
    }

    #[test]
    fn a_part_that_is_missing_makes_the_whole_unavailable() {
        let half = location([(32, 0, Place::Value(7)), (32, 0, Place::Missing)]);
        assert_eq!(half.read(&nothing, 8), Err(Unavailable::InPart));
        assert_eq!(half.read(&nothing, 4), Ok(vec![7, 0, 0, 0]));
        let short = location([(32, 0, Place::Value(7))]);
        assert_eq!(short.read(&nothing, 8), Err(Unavailable::InPart));
    }

    #[test]
    fn extents_that_a_damaged_file_claims_read_nothing_beyond() {
        let wide = location([(u64::MAX, u64::MAX - 3, Place::Value(7))]);
        assert_eq!(wide.read(&nothing, 8), Err(Unavailable::Size));
        let far = location([(u64::MAX, 1 << 60, Place::Memory(16))]);
        assert_eq!(far.read(&nothing, 8), Err(Unavailable::Memory(16 + (1 << 57))));
        let bytes = location([(64, 0, Place::Bytes(&[1]))]);
        assert_eq!(bytes.read(&nothing, 8), Err(Unavailable::Size));
    }
}
