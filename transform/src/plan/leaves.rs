//! The smallest parts of an object that are carried over or not, each as a whole.

use mcrx_debuginfo::table::{Count, Encoding, Kind, Tag, Type};
use mcrx_dsl::pairing::is_lock;
use std::ops::Range;

/// A part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Its bytes.
    pub(super) bytes: Range<u64>,
    /// Of a bit-field: the first of its bits, counted from the first byte's lowest, and how many they are.
    pub(super) bits: Option<(u32, u32)>,
}

/// How deep structures are gone through. Real ones are a few levels deep; damaged debug info has circles.
const DEEPEST: u32 = 32;

/// Says each part of an object of a type that begins at `start` and ends before `end`: numbers, pointers, texts as a whole (characters of two
/// texts make no third), unions as a whole. Locks, and what waits for them, are none: the new process's own are right, whoever
/// waits there.
pub(super) fn leaves(ty: Type<'_>, start: u64, end: u64, each: &mut dyn FnMut(Leaf)) {
    walk(ty, start, end, DEEPEST, each);
}

fn walk(ty: Type<'_>, start: u64, end: u64, deeper: u32, each: &mut dyn FnMut(Leaf)) {
    if is_lock(Some(ty)) {
        return;
    }
    let (Some(ty), Some(deeper)) = (ty.resolved(), deeper.checked_sub(1)) else { return };
    let size = ty.size().unwrap_or(0);
    let whole = |size: u64, each: &mut dyn FnMut(Leaf)| {
        let stop = start.saturating_add(size).min(end);
        if start < stop {
            each(Leaf { bytes: start..stop, bits: None });
        }
    };
    match ty.kind() {
        Kind::Array { element: Some(element), count } => {
            let Some(stride) = element.size().filter(|size| *size > 0) else { return };
            let room = end.saturating_sub(start) / stride;
            let count = match count {
                Count::Exactly(count) if count > 0 => count.min(room),
                _ => room,
            };
            if is_character(element) {
                return whole(count * stride, each);
            }
            for index in 0..count {
                let at = start + index * stride;
                walk(element, at, at + stride, deeper, each);
            }
        }
        Kind::Aggregate if ty.tag() == Tag::Union => whole(size, each),
        Kind::Aggregate => {
            for member in ty.members() {
                let Some(below) = member.ty() else { continue };
                if let Some(bits) = member.bit_size() {
                    let first = member.bit_offset();
                    let last = first + u64::from(bits);
                    let bytes = start + first / 8..(start + last.div_ceil(8)).min(end);
                    let first = u32::try_from(first % 8).unwrap_or(0);
                    each(Leaf { bytes, bits: Some((first, bits)) });
                    continue;
                }
                let at = start.saturating_add(member.offset());
                // A flexible array goes to the end.
                let stop = below
                    .size()
                    .filter(|size| *size > 0)
                    .map_or(end, |size| at.saturating_add(size).min(end));
                if at < stop {
                    walk(below, at, stop, deeper, each);
                }
            }
        }
        _ => whole(size, each),
    }
}

fn is_character(ty: Type<'_>) -> bool {
    let Some(ty) = ty.resolved() else { return false };
    let is_one = |encoding| matches!(encoding, Encoding::SignedChar | Encoding::UnsignedChar);
    matches!(ty.kind(), Kind::Base(encoding) if is_one(encoding)) && ty.size() == Some(1)
}

impl Leaf {
    /// Whether two objects differ in it.
    pub(super) fn differs(&self, one: &[u8], other: &[u8]) -> bool {
        let parts = (self.part(one), self.part(other));
        let (Some(one), Some(other)) = parts else { return parts.0 != parts.1 };
        one.iter().zip(other).enumerate().any(|(at, (one, other))| (one ^ other) & self.mask(at) != 0)
    }

    /// Its bytes of an object, if the object has them.
    pub(super) fn part<'b>(&self, object: &'b [u8]) -> Option<&'b [u8]> {
        object.get(usize::try_from(self.bytes.start).ok()?..usize::try_from(self.bytes.end).ok()?)
    }

    /// The same, to be changed.
    pub(super) fn part_mut<'b>(&self, object: &'b mut [u8]) -> Option<&'b mut [u8]> {
        object.get_mut(usize::try_from(self.bytes.start).ok()?..usize::try_from(self.bytes.end).ok()?)
    }

    /// What is to be written: its own bits, and around them those that are there.
    pub(super) fn over(&self, there: &[u8], own: &[u8]) -> Vec<u8> {
        let both = there.iter().zip(own).enumerate();
        let merged = both.map(|(at, (there, own))| {
            let mask = self.mask(at);
            (there & !mask) | (own & mask)
        });
        merged.collect()
    }

    /// Which bits of its byte with this number are its own.
    fn mask(&self, byte: usize) -> u8 {
        let Some((first, count)) = self.bits else { return 0xFF };
        let start = u32::try_from(byte).unwrap_or(u32::MAX).saturating_mul(8);
        let own = (0..8).filter(|bit| (first..first + count).contains(&start.saturating_add(*bit)));
        own.fold(0, |mask, bit| mask | 1 << bit)
    }
}
