//! What evaluation sees of the two programs.
//!
//! Addresses are those of the running process. Old and new program may use the same addresses for different things (each has its own
//! image, before they are put together), so an address is one only together with its [`Release`].
//!
//! What it does not do: know where memory comes from. A snapshot, a live process and a test's fake each supply a [`World`].

use super::Making;
use crate::diagnostic::Release;
use mcrx_debuginfo::table::{Address, TypeId};

/// Memory that is not there, or was not captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// Two programs' memory at one instant. Many evaluations may run at once over one.
pub trait World {
    /// Copies memory. All of it, or nothing.
    fn read(&self, of: Release, address: u64, into: &mut [u8]) -> Result<(), Unreadable>;

    /// Where something that the program's file places at `linked` lies in its process.
    fn loaded(&self, of: Release, linked: Address) -> Option<u64>;

    /// Where the program's file places what lies at an address. `None`: it is not the program's own code or variable.
    fn linked(&self, of: Release, address: u64) -> Option<Address>;

    /// What the new program is to use in the place of an old address: where an object, or a part of it, has gone; the function or variable
    /// that has come for another. `None`: nothing has.
    fn counterpart(&self, old: u64) -> Option<u64>;

    /// The same of a pointer to something of so many bytes: where an object begins a smaller one may, that is a member of it. Numbers count as of
    /// none.
    fn counterpart_of(&self, old: u64, _bytes: u64) -> Option<u64> {
        self.counterpart(old)
    }

    /// Where something is that is split off the old object which begins at an address. `None`: nothing is.
    fn apart(&self, old: u64, how: Making) -> Option<u64>;

    /// A rule takes an old object whole: where it begins, and how many bytes of it.
    fn taken(&self, _old: (u64, u64)) {}

    /// Puts right the pointers of a new object that was made of such an old one, by what is known of each of them. `place`: where what lies at an
    /// offset of the old one lies in the new one. A recipe knows a pointer's value alone: not what facts say of it, nor whether it leads to
    /// an object or to the member that it begins with.
    fn redirect(&self, _old: (u64, u64), _place: &dyn Fn(u64) -> Option<u64>, _new: &mut [u8]) {}

    /// A new block for this many bytes, all zero, of elements of a type of the new release. `None`: there is no room.
    fn allocate(&self, element: Option<TypeId>, bytes: u64) -> Option<u64>;
}
