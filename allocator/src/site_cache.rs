//! From a return address to a site, for the calls a thread has made before.
//!
//! Direct-mapped, per heap. A key is a return address, or, above a wrapper, a hash of the key below and the next return address.
//! An entry either holds the site, as it stands in a tag, or says how far above the stack pointer the next return address is.

use crate::sync::{AtomicU64, Field};

const ENTRIES: usize = 512;
/// Set in an entry's value if its key is a call inside a wrapper. Site bits leave the low bits free.
const DEEPER: u64 = 1;
const RETURN_AT_SHIFT: u32 = 1;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// The site, as [`Tag::site_bits`](crate::abi::Tag::site_bits).
    Site(u64),
    /// A wrapper: the next return address is this many bytes above the stack pointer.
    Deeper(u64),
}

#[repr(C)]
struct Entry {
    key: AtomicU64,
    value: AtomicU64,
}

/// All zero is an empty cache: no call returns to address 0.
#[repr(C)]
pub(crate) struct SiteCache([Entry; ENTRIES]);

impl SiteCache {
    #[inline(always)]
    fn entry(&self, key: u64) -> &Entry {
        let mixed = key ^ (key >> 9);
        &self.0[usize::try_from(mixed).unwrap_or(0) % ENTRIES]
    }

    /// The site bits of a key, if they are known and the key is no wrapper's.
    #[inline(always)]
    pub(crate) fn site(&self, key: u64) -> Option<u64> {
        let entry = self.entry(key);
        let value = entry.value.get();
        (entry.key.get() == key && value & DEEPER == 0).then_some(value)
    }

    /// All that is known of a key.
    pub(crate) fn find(&self, key: u64) -> Option<Known> {
        let entry = self.entry(key);
        let value = entry.value.get();
        if entry.key.get() != key {
            return None;
        }
        Some(if value & DEEPER == 0 {
            Known::Site(value)
        } else {
            Known::Deeper(value >> RETURN_AT_SHIFT & 0xFFFF_FFFF)
        })
    }

    pub(crate) fn insert(&self, key: u64, known: Known) {
        let entry = self.entry(key);
        entry.key.set(key);
        entry.value.set(match known {
            Known::Site(bits) => bits,
            Known::Deeper(return_at) => return_at << RETURN_AT_SHIFT | DEEPER,
        });
    }

    pub(crate) fn clear(&self) {
        for entry in &self.0 {
            entry.key.set(0);
        }
    }
}
