//! What a binary's debug info says, as one queryable value.
//!
//! A [`Table`] holds types, variables, functions and units in flat arrays of fixed records that point at each other by index. It is
//! one run of bytes (see [`crate::image`]), the same in memory after a cold load as in a file of the cache, so that a cached table is
//! mapped and used without being parsed.
//!
//! [`Builder`] makes tables, [`Table`] and the views that it hands out ([`Type`], [`Variable`], [`Function`], [`Unit`]) read them.
//! Every accessor is total: an index out of range, which only a damaged image can hold, reads as an unknown thing, never as a panic.
//!
//! It knows nothing of DWARF: `load` translates.

mod build;
mod function;
pub(crate) mod image;
mod layout;
mod names;
mod record;
#[cfg(test)]
mod tests;
mod types;
mod unit;
mod variable;

pub use crate::image::strings::StringId;
pub use build::{Builder, FunctionEntry, MemberEntry, Placement, TypeEntry, UnitEntry, VariableEntry};
pub use function::{Function, FunctionId, Parameter};
pub use image::Table;
pub use layout::{Gap, Layout, Place};
pub use record::{Encoding, TypeFlags};
pub use types::{Count, Enumerator, Kind, Member, Tag, Type, TypeId};
pub use unit::{Unit, UnitId};
pub use variable::{Storage, Variable, VariableId};

/// Where something is in a binary, as linked: the address that its symbols and its debug info name, before a loader moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:#x}", self.0)
    }
}

/// Where in a source file something is declared. Line 0: not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Declared<'t> {
    /// The path as the compiler wrote it, joined to its folder.
    pub file: &'t str,
    /// Counted from 1.
    pub line: u32,
}
