//! The pool of strings: each once, ended by NUL, named by its offset. Offset 0 is the empty string, which stands for none.

use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

/// A string of the table in the making. The default is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct StringId(pub(crate) u32);

/// The pool in the making.
#[derive(Debug)]
pub(crate) struct Pool {
    bytes: Vec<u8>,
    known: HashTable<Known>,
}

/// A string of the pool. Its hash is kept: to find it anew means to read the string anew.
#[derive(Debug, Clone, Copy)]
struct Known {
    offset: u32,
    hash: u32,
}

impl Known {
    /// For the table, which looks at the highest bits and at the lowest.
    fn spread(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool { bytes: vec![0], known: HashTable::new() }
    }

    /// The string's offset. What stands behind a NUL in it is left out.
    ///
    /// Past 4 GiB of different strings, it is the empty one.
    pub(crate) fn intern(&mut self, text: &[u8]) -> StringId {
        let len = memchr::memchr(0, text).unwrap_or(text.len());
        let text = text.get(..len).unwrap_or(&[]);
        if text.is_empty() {
            return StringId(0);
        }
        let Ok(offset) = u32::try_from(self.bytes.len()) else { return StringId(0) };
        let new = Known { offset, hash: hash(text) };
        let bytes = &self.bytes;
        let equal = |known: &Known| known.hash == new.hash && is_at(bytes, known.offset, text);
        if let Some(known) = self.known.find(new.spread(), equal) {
            return StringId(known.offset);
        }
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.known.insert_unique(new.spread(), new, |known| known.spread());
        StringId(offset)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn text(&self, id: StringId) -> &[u8] {
        at(&self.bytes, id.0)
    }
}

fn hash(text: &[u8]) -> u32 {
    let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
    hasher.write(text);
    let [.., a, b, c, d] = hasher.finish().to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Whether this string, which has no NUL in it, is at an offset.
fn is_at(pool: &[u8], offset: u32, text: &[u8]) -> bool {
    let rest = usize::try_from(offset).ok().and_then(|offset| pool.get(offset..)).unwrap_or(&[]);
    rest.get(..text.len()) == Some(text) && rest.get(text.len()) == Some(&0)
}

/// The string at an offset of a pool; empty where there is none.
pub(crate) fn at(pool: &[u8], offset: u32) -> &[u8] {
    let rest = usize::try_from(offset).ok().and_then(|offset| pool.get(offset..)).unwrap_or(&[]);
    let len = memchr::memchr(0, rest).unwrap_or(rest.len());
    rest.get(..len).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_kept_once() {
        let mut pool = Pool::new();
        let first = pool.intern(b"ngx_cycle_s");
        assert_eq!(pool.intern(b"ngx_cycle_s"), first);
        assert_ne!(pool.intern(b"ngx_cycle_t"), first);
        assert_eq!(pool.text(first), b"ngx_cycle_s");
        assert_eq!(pool.intern(b""), StringId(0));
        assert_eq!(pool.intern(b"ngx_cycle_s\0more"), first);
    }

    #[test]
    fn an_offset_out_of_range_is_the_empty_string() {
        assert_eq!(at(b"\0abc", 1), b"abc");
        assert_eq!(at(b"\0abc\0", 9), b"");
    }
}
