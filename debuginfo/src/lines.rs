//! From code back to source: files and lines, and the functions that were inlined at an address.
//!
//! A [`Lines`] is made once for a binary. The ranges of its units are read then; a unit's line table and its functions when an address in
//! it is first asked for (by the crate addr2line). To be used from one thread at a time.
//!
//! What it does not do: functions without debug info (see [`crate::file::Binary::symbols`]), demangling, variables (see
//! [`crate::frames`]).

use crate::dwarf::{Dwarf, Role, Slice};
use crate::table::Address;
use addr2line::{Context, LookupContinuation as _, LookupResult, SplitDwarfLoad};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::sync::Arc;

/// The source of one binary's code.
pub struct Lines<'a> {
    context: Context<Slice<'a>>,
    /// The sections of split units, by what their skeletons know them by.
    split: FxHashMap<u64, Arc<gimli::Dwarf<Slice<'a>>>>,
}

/// A function at an address: the one that the code is of, or one that was inlined into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFrame<'l> {
    /// As the linker knows it: of C++ and Rust mangled. `None`: the debug info gives none.
    pub function: Option<Cow<'l, str>>,
    /// The place of the address; in functions around an inlined one, of the call.
    pub place: Place<'l>,
}

/// A place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Place<'l> {
    /// The path as the compiler wrote it, joined to its folder. `None`: not said.
    pub file: Option<&'l str>,
    /// Counted from 1. 0: not said.
    pub line: u32,
    /// In bytes, counted from 1. 0: not said.
    pub column: u32,
}

/// Why there are no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    /// Of a unit, its line table, or its functions.
    #[error("the debug info is damaged: {0}")]
    Damaged(gimli::Error),
}

impl From<gimli::Error> for LinesError {
    fn from(error: gimli::Error) -> LinesError {
        LinesError::Damaged(error)
    }
}

impl<'a> Lines<'a> {
    /// Reads which code the units are about.
    pub fn new(dwarf: &Dwarf<'a>) -> Result<Lines<'a>, LinesError> {
        let mut split = FxHashMap::default();
        for id in dwarf.unit_ids() {
            if let Role::Split { .. } = dwarf.role(id)
                && let Ok(unit) = dwarf.unit(id)
                && let Some(dwo_id) = unit.unit.dwo_id
            {
                split.insert(dwo_id.0, unit.dwarf);
            }
        }
        Ok(Lines { context: Context::from_arc_dwarf(Arc::clone(dwarf.main()))?, split })
    }

    /// Where the code at an address comes from. `None`: no unit says.
    pub fn place(&self, Address(address): Address) -> Result<Option<Place<'_>>, LinesError> {
        Ok(self.context.find_location(address)?.map(|location| place(&location)))
    }

    /// The functions at an address: first the one that was inlined last, last the one that the code is of. Empty: no unit says.
    pub fn frames(&self, Address(address): Address) -> Result<Vec<SourceFrame<'_>>, LinesError> {
        let mut lookup = self.context.find_frames(address);
        let mut found = loop {
            lookup = match lookup {
                LookupResult::Output(found) => break found?,
                LookupResult::Load { load, continuation } => continuation.resume(self.sections(&load)),
            };
        };
        let mut frames = Vec::new();
        while let Some(frame) = found.next()? {
            let function = frame.function.map(|function| String::from_utf8_lossy(function.name.slice()));
            frames.push(SourceFrame {
                function,
                place: frame.location.as_ref().map(place).unwrap_or_default(),
            });
        }
        Ok(frames)
    }

    fn sections(&self, wanted: &SplitDwarfLoad<Slice<'a>>) -> Option<Arc<gimli::Dwarf<Slice<'a>>>> {
        self.split.get(&wanted.dwo_id.0).map(Arc::clone)
    }
}

fn place<'l>(location: &addr2line::Location<'l>) -> Place<'l> {
    let (line, column) = (location.line.unwrap_or(0), location.column.unwrap_or(0));
    Place { file: location.file, line, column }
}
