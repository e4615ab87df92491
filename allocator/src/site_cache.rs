//! From a return address to a site, for the calls a thread has made before.
//!
//! Direct-mapped, per heap. A key is a return address, or, above a wrapper, a hash of the key below and the next return address.
//! An entry either holds the site, as it stands in a tag, or says how far above the stack pointer the next return address is; the
//! latter are filed under the key with its top bit set (no address has it), so that the fast path passes over them.

use crate::sync::{AtomicU64, Field};

const ENTRIES: usize = 512;
const DEEPER: u64 = 1 << 63;

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
        // Code is dense: the low bits of return addresses are as good as random.
        &self.0[usize::try_from(key).unwrap_or(0) % ENTRIES]
    }

    /// The site bits of a key, if they are known and the key is no wrapper's. Keys have a clear top bit.
    #[inline(always)]
    pub(crate) fn site(&self, key: u64) -> Option<u64> {
        let entry = self.entry(key);
        (entry.key.get() == key).then(|| entry.value.get())
    }

    /// All that is known of a key.
    pub(crate) fn find(&self, key: u64) -> Option<Known> {
        let entry = self.entry(key);
        match entry.key.get() {
            found if found == key => Some(Known::Site(entry.value.get())),
            found if found == key | DEEPER => Some(Known::Deeper(entry.value.get())),
            _ => None,
        }
    }

    pub(crate) fn insert(&self, key: u64, known: Known) {
        let entry = self.entry(key);
        let (key, value) = match known {
            Known::Site(bits) => (key, bits),
            Known::Deeper(above) => (key | DEEPER, above),
        };
        entry.key.set(key);
        entry.value.set(value);
    }

    pub(crate) fn clear(&self) {
        for entry in &self.0 {
            entry.key.set(0);
        }
    }
}
