//! The build-id: what ties a program, its debug info and its mappings together.

use std::fmt;

/// What the linker wrote of a file's identity (ld(1), `--build-id`): mostly 20 bytes, a hash of its contents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildId {
    bytes: [u8; BuildId::MAX],
    len: u8,
}

impl BuildId {
    /// No linker writes longer ones by itself.
    pub const MAX: usize = 64;

    /// None: no bytes, or more than [`BuildId::MAX`].
    pub fn new(id: &[u8]) -> Option<BuildId> {
        let len = u8::try_from(id.len()).ok().filter(|len| *len > 0)?;
        let mut bytes = [0; BuildId::MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(BuildId { bytes, len })
    }

    /// At least one.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BuildId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_id_has_1_to_64_bytes_and_is_shown_as_hex() {
        assert_eq!(BuildId::new(&[0xAB, 0x01, 0xFF]).map(|id| id.to_string()).as_deref(), Some("ab01ff"));
        assert!(BuildId::new(&[0; 64]).is_some());
        assert_eq!(BuildId::new(&[]), None);
        assert_eq!(BuildId::new(&[0; 65]), None);
    }
}
