//! Where binaries are mapped.

use super::cfi::Cfi;
use super::locals::Locals;
use crate::dwarf::Dwarf;
use crate::file::Binary;
use crate::table::{Address, Table};
use std::ops::Range;

/// A binary as a process has it mapped.
pub struct Module<'d> {
    binary: &'d Binary,
    bias: u64,
    range: Range<u64>,
    pub(super) cfi: Cfi<'d>,
    pub(super) locals: Option<Locals<'d>>,
}

impl<'d> Module<'d> {
    /// A binary that is mapped at `range`; `bias` is what its addresses are moved by (0 for programs that are not position-independent).
    pub fn new(binary: &'d Binary, bias: u64, range: Range<u64>) -> Module<'d> {
        Module { binary, bias, range, cfi: Cfi::new(binary), locals: None }
    }

    /// The same, with what is needed to find variables.
    #[must_use]
    pub fn described_by(mut self, dwarf: &'d Dwarf<'d>, table: &'d Table) -> Module<'d> {
        self.locals = Some(Locals::new(dwarf, table));
        self
    }

    /// The binary.
    pub fn binary(&self) -> &'d Binary {
        self.binary
    }

    /// What its variables' types are numbers of. `None`: it was given no debug info.
    pub fn table(&self) -> Option<&'d Table> {
        self.locals.as_ref().map(|locals| locals.table)
    }

    /// What its addresses are moved by.
    pub fn bias(&self) -> u64 {
        self.bias
    }

    /// Where it is mapped.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// An address of the process as the binary was linked.
    pub fn linked(&self, address: u64) -> Address {
        Address(address.wrapping_sub(self.bias))
    }

    /// An address of the binary in the process.
    pub fn mapped(&self, address: Address) -> u64 {
        address.0.wrapping_add(self.bias)
    }
}

/// All binaries of a process, found by address.
#[derive(Default)]
pub struct Modules<'d> {
    /// By address.
    modules: Vec<Module<'d>>,
}

impl<'d> Modules<'d> {
    /// Of several that overlap, the one that begins last is taken.
    pub fn new(modules: impl IntoIterator<Item = Module<'d>>) -> Modules<'d> {
        let mut modules: Vec<Module<'d>> = modules.into_iter().collect();
        modules.sort_by_key(|module| module.range.start);
        Modules { modules }
    }

    /// The one that is mapped at an address.
    pub fn at(&self, address: u64) -> Option<&Module<'d>> {
        let before = self.modules.partition_point(|module| module.range.start <= address);
        self.modules.get(before.checked_sub(1)?).filter(|module| module.range.contains(&address))
    }

    /// All of them, by address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Module<'d>> {
        self.modules.iter()
    }
}
