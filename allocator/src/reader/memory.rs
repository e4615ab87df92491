//! How the reader gets at memory: through whatever its user can read, a live process, a snapshot, or a table in a test.

use super::Address;

/// Memory that is not this program's own.
///
/// The reader asks for whole tables in pieces of up to a megabyte, so an implementation that makes one system call per
/// [`read`](Memory::read) is quick enough; slabs, which keep their tags apart, come by [`read_many`](Memory::read_many).
pub trait Memory {
    /// Fills `buffer` with the bytes from `address` on: all of it, or an error.
    ///
    /// # Errors
    /// Some of the bytes are not there, or may not be read.
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable>;

    /// Fills many buffers. Worth writing anew where one call can do it (`process_vm_readv(2)`). After an error the buffers hold
    /// anything.
    ///
    /// # Errors
    /// Some of the bytes are not there, or may not be read; the error is about the first such piece.
    fn read_many(&self, pieces: &mut [Piece<'_>]) -> Result<(), Unreadable> {
        pieces.iter_mut().try_for_each(|piece| self.read(piece.address, piece.buffer))
    }
}

impl<M: Memory + ?Sized> Memory for &M {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        (**self).read(address, buffer)
    }

    fn read_many(&self, pieces: &mut [Piece<'_>]) -> Result<(), Unreadable> {
        (**self).read_many(pieces)
    }
}

/// One of the buffers of [`Memory::read_many`].
#[derive(Debug)]
pub struct Piece<'a> {
    /// Where its bytes are.
    pub address: Address,
    /// Where they go.
    pub buffer: &'a mut [u8],
}

/// Bytes that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes at {address} cannot be read: {why}")]
pub struct Unreadable {
    /// The first byte asked for.
    pub address: Address,
    /// Bytes asked for.
    pub len: usize,
    /// What stands in the way.
    pub why: Why,
}

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Some of them are not mapped, or inaccessible.
    #[error("not mapped")]
    NotMapped,
    /// The process has ended.
    #[error("the process has ended")]
    Gone,
    /// The kernel does not let this process look at that one.
    #[error("not permitted")]
    NotPermitted,
    /// Any other answer of the kernel, an `errno(3)` number.
    #[error("errno {0}")]
    Other(i32),
}
