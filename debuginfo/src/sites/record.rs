//! The records of an image of sites: their bytes are the format of the cache's files, so a change here is a new version of
//! [`super::image::FORMAT`].
//!
//! Strings are offsets into the pool (0: none), types and functions numbers of the table ([`NONE`]: none). All is little-endian. Of what
//! is one of several, the number is its place in the list of all of them; a number past the end reads as the one that says least.

use super::allocator::{Asked, Handed};
use super::seen::{Confidence, Extent, Landing, Size, Untyped};
use super::site::Verdict;
use super::value::Gpr;
use crate::table::TypeId;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// No type, no function.
pub(super) const NONE: u32 = u32::MAX;

/// No number: a count that is not known before the program runs.
const UNKNOWN: u64 = u64::MAX;

/// A site. What `bytes` and `count` mean goes by `size`, what `number` means by `extent`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct SiteRecord {
    pub(super) address: u64,
    pub(super) call: u64,
    pub(super) offset: i64,
    pub(super) bytes: u64,
    pub(super) count: u64,
    pub(super) number: u64,
    pub(super) function: u32,
    pub(super) callee: u32,
    pub(super) ty: u32,
    pub(super) first_evidence: u32,
    pub(super) evidence_count: u32,
    pub(super) size: u8,
    pub(super) verdict: u8,
    pub(super) why: u8,
    pub(super) extent: u8,
    pub(super) confidence: u8,
    pub(super) reserved: [u8; 7],
}

/// One thing that the binary says of a site's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct EvidenceRecord {
    pub(super) at: u64,
    pub(super) ty: u32,
    pub(super) name: u32,
    pub(super) landing: u8,
    pub(super) reserved: [u8; 7],
}

/// A function that hands out what another one allocated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct WrapperRecord {
    pub(super) more: i64,
    pub(super) offset: i64,
    pub(super) function: u32,
    pub(super) name: u32,
    pub(super) first_code: u32,
    pub(super) code_count: u32,
    pub(super) asked: u8,
    /// Of the bytes, or of the number of elements.
    pub(super) asked_register: u8,
    /// Of the bytes of each.
    pub(super) size_register: u8,
    pub(super) handed: u8,
    pub(super) handed_register: u8,
    pub(super) is_tail: u8,
    pub(super) reserved: [u8; 2],
}

/// A run of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct CodeRecord {
    pub(super) low: u64,
    pub(super) high: u64,
}

/// A source file that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct SourceRecord {
    /// Of the file; all of these are [`UNKNOWN`] where there was none.
    pub(super) state: [u64; 3],
    pub(super) path: u32,
    pub(super) reserved: u32,
}

/// The state of a source file that is not there.
pub(super) const ABSENT: [u64; 3] = [UNKNOWN; 3];

const LANDINGS: [Landing; 8] = [
    // The weakest, so that what is unknown claims the least.
    Landing::Argument,
    Landing::Variable,
    Landing::Member,
    Landing::Global,
    Landing::Returned,
    Landing::Source,
    Landing::Inlined,
    Landing::Resized,
];

const REASONS: [Untyped; 10] = [
    Untyped::Nowhere,
    Untyped::NoDebugInfo,
    Untyped::Bytes,
    Untyped::Disagree,
    Untyped::WrongSize,
    Untyped::PerhapsLarger,
    Untyped::Weak,
    Untyped::Carved,
    Untyped::NotReached,
    Untyped::TooLarge,
];

/// The number of one of a list.
fn place<T: PartialEq>(all: &[T], one: T) -> u8 {
    all.iter().position(|other| *other == one).and_then(|place| u8::try_from(place).ok()).unwrap_or(0)
}

/// The one with a number; the first where there is none.
fn pick<T: Copy>(all: &[T], number: u8, first: T) -> T {
    all.get(usize::from(number)).copied().unwrap_or(first)
}

impl SiteRecord {
    pub(super) fn with_size(self, size: Size) -> SiteRecord {
        let (size, bytes, count) = match size {
            Size::Unknown => (0, 0, 0),
            Size::Bytes(bytes) => (1, bytes, 0),
            Size::Elements { count, size } => (2, size, count.unwrap_or(UNKNOWN)),
            Size::MultipleOf(bytes) => (3, bytes, 0),
        };
        SiteRecord { size, bytes, count, ..self }
    }

    pub(super) fn size(&self) -> Size {
        match self.size {
            1 => Size::Bytes(self.bytes),
            2 => {
                Size::Elements { count: Some(self.count).filter(|count| *count != UNKNOWN), size: self.bytes }
            }
            3 => Size::MultipleOf(self.bytes),
            _ => Size::Unknown,
        }
    }

    pub(super) fn with_verdict(self, verdict: Verdict) -> SiteRecord {
        match verdict {
            Verdict::Untyped(why) => SiteRecord { verdict: 0, why: place(&REASONS, why), ty: NONE, ..self },
            Verdict::Deeper => SiteRecord { verdict: 1, ty: NONE, ..self },
            Verdict::Typed { ty, extent, confidence } => {
                let (extent, number) = match extent {
                    Extent::AtLeastOne => (0, 0),
                    Extent::Exactly(count) => (1, count),
                    Extent::Array => (2, 0),
                };
                let confidence = u8::from(confidence == Confidence::Certain);
                SiteRecord { verdict: 2, ty: ty.0, extent, number, confidence, ..self }
            }
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self.verdict {
            1 => Verdict::Deeper,
            2 => Verdict::Typed {
                ty: TypeId(self.ty),
                extent: match self.extent {
                    1 => Extent::Exactly(self.number),
                    2 => Extent::Array,
                    _ => Extent::AtLeastOne,
                },
                confidence: if self.confidence == 1 { Confidence::Certain } else { Confidence::Probable },
            },
            _ => Verdict::Untyped(pick(&REASONS, self.why, Untyped::Nowhere)),
        }
    }
}

impl EvidenceRecord {
    pub(super) fn new(landing: Landing, ty: TypeId, at: u64, name: u32) -> EvidenceRecord {
        EvidenceRecord { at, ty: ty.0, name, landing: place(&LANDINGS, landing), reserved: [0; 7] }
    }

    pub(super) fn landing(&self) -> Landing {
        pick(&LANDINGS, self.landing, Landing::Argument)
    }
}

impl WrapperRecord {
    pub(super) fn with_asked(self, asked: Asked) -> WrapperRecord {
        match asked {
            Asked::Unknown => WrapperRecord { asked: 0, ..self },
            Asked::Bytes(register, more) => {
                WrapperRecord { asked: 1, asked_register: register.number(), more, ..self }
            }
            Asked::Elements { count, size } => WrapperRecord {
                asked: 2,
                asked_register: count.number(),
                size_register: size.number(),
                ..self
            },
        }
    }

    pub(super) fn asked(&self) -> Asked {
        let (first, second) = (Gpr::numbered(self.asked_register), Gpr::numbered(self.size_register));
        match (self.asked, first, second) {
            (1, Some(register), _) => Asked::Bytes(register, self.more),
            (2, Some(count), Some(size)) => Asked::Elements { count, size },
            _ => Asked::Unknown,
        }
    }

    pub(super) fn with_handed(self, handed: Handed, is_tail: bool) -> WrapperRecord {
        let is_tail = u8::from(is_tail);
        match handed {
            Handed::Returned(offset) => WrapperRecord { handed: 0, offset, is_tail, ..self },
            Handed::Stored(register) => {
                WrapperRecord { handed: 1, handed_register: register.number(), is_tail, ..self }
            }
        }
    }

    pub(super) fn handed(&self) -> Handed {
        match (self.handed, Gpr::numbered(self.handed_register)) {
            (1, Some(register)) => Handed::Stored(register),
            _ => Handed::Returned(self.offset),
        }
    }

    pub(super) fn is_tail(&self) -> bool {
        self.is_tail != 0
    }
}
