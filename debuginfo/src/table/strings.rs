//! The pool of strings: each once, ended by NUL, named by its offset. Offset 0 is the empty string, which stands for none.

use super::build::StringId;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

/// The pool in the making.
#[derive(Debug)]
pub(super) struct Pool {
    bytes: Vec<u8>,
    known: HashTable<u32>,
}

impl Pool {
    pub(super) fn new() -> Pool {
        Pool { bytes: vec![0], known: HashTable::new() }
    }

    /// The string's offset. What stands behind a NUL in it is left out.
    ///
    /// Past 4 GiB of different strings, it is the empty one.
    pub(super) fn intern(&mut self, text: &[u8]) -> StringId {
        let len = memchr::memchr(0, text).unwrap_or(text.len());
        let text = text.get(..len).unwrap_or(&[]);
        if text.is_empty() {
            return StringId(0);
        }
        let hash = hash(text);
        let bytes = &self.bytes;
        if let Some(known) = self.known.find(hash, |offset| at(bytes, *offset) == text) {
            return StringId(*known);
        }
        let Ok(offset) = u32::try_from(self.bytes.len()) else { return StringId(0) };
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        let bytes = &self.bytes;
        self.known.insert_unique(hash, offset, |offset| self::hash(at(bytes, *offset)));
        StringId(offset)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn text(&self, id: StringId) -> &[u8] {
        at(&self.bytes, id.0)
    }
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
    hasher.write(text);
    hasher.finish()
}

/// The string at an offset of a pool; empty where there is none.
pub(super) fn at(pool: &[u8], offset: u32) -> &[u8] {
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
